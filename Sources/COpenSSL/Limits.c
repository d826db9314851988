// Owns what a peer may make a session do for nothing: long handshakes, messages without data, renegotiation.
#include "Internal.h"

// A handshake with a long chain of certificates is some 20 KiB; OpenSSL alone would take 128 KiB of hello and 100 KiB of
// certificates.
enum { HANDSHAKE_LIMIT = 128 << 10 };
// Messages after the handshake: some, and one more for each MiB of data. Keys last for 2^24 records (RFC 8446 §5.5).
enum { MESSAGE_LIMIT = 32, MESSAGE_SHIFT = 20 };

bool mt_limits_exceeded(mt_session *session, size_t count) {
    session->handshake_count += (uint32_t)count;
    if (session->handshake_count <= HANDSHAKE_LIMIT) return false;
    session->objection = "a handshake of too many bytes";
    return true;
}

// OpenSSL calls it with every record's header, too, so it is short.
static void watch(
    int written, int version, int type, const void *bytes, size_t count, SSL *ssl, void *argument) {
    (void)version, (void)ssl;
    mt_session *session = argument;
    if (!session->is_open) return;
    if (type == SSL3_RT_HANDSHAKE && !written) {
        // Changed keys and tickets (RFC 8446 §4.6).
        session->message_count++;
        if (session->message_count > MESSAGE_LIMIT + (session->data_count >> MESSAGE_SHIFT))
            session->objection = "too many changes of keys";
    } else if (type == SSL3_RT_ALERT && written && count > 1 && ((const uint8_t *)bytes)[1] == SSL_AD_NO_RENEGOTIATION) {
        // OpenSSL would refuse as often as it is asked.
        session->objection = "it asked for a renegotiation";
    }
}

void mt_limits_watch(mt_session *session) {
    SSL_set_msg_callback(session->ssl, watch);
    SSL_set_msg_callback_arg(session->ssl, session);
}

const char *mt_session_objection(mt_session *session) { return session->objection; }
