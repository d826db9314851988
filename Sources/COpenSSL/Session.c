// Owns sessions: one function a step of a connection.
#include "Internal.h"

static int choose_certificates(SSL *ssl, void *argument) {
    (void)ssl;
    mt_session *session = argument;
    return session->questions->certificates(session->buffers.owner);
}

mt_session *mt_session_new(mt_context *context, const mt_questions *questions) {
    ERR_clear_error();
    mt_session *session = calloc(1, sizeof *session);
    SSL *ssl = session ? SSL_new(context->ssl) : NULL;
    BIO *bio = ssl ? mt_buffers_bio(session) : NULL;
    if (!bio) {
        SSL_free(ssl);
        free(session);
        return NULL;
    }
    session->ssl = ssl;
    session->questions = questions;
    SSL_set_app_data(ssl, session);
    SSL_set_bio(ssl, bio, bio);
    mt_limits_watch(session);
    if (SSL_is_server(ssl)) {
        SSL_set_accept_state(ssl);
        SSL_set_cert_cb(ssl, choose_certificates, session);
    } else {
        SSL_set_connect_state(ssl);
    }
    return session;
}

void mt_session_free(mt_session *session) {
    // A connection that was cut is still good to be resumed, which OpenSSL would deny it.
    SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session->ssl);
    free(session);
}

mt_buffers *mt_session_buffers(mt_session *session) { return &session->buffers; }

bool mt_session_expect(mt_session *session, const char *host) {
    ERR_clear_error();
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1) return true;
    ERR_clear_error();
    // RFC 6125 §6.4.3: a wildcard stands for one whole label.
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1 && SSL_set_tlsext_host_name(session->ssl, host) == 1;
}

void mt_session_clear(mt_session *session) { SSL_certs_clear(session->ssl); }

bool mt_session_use(mt_session *session, const mt_pair *pair) {
    return SSL_use_cert_and_key(session->ssl, pair->certificate, pair->key, pair->chain, 1) == 1;
}

// The result of a call that gave `result`; more than 0 is a number of bytes.
static int outcome(mt_session *session, int result) {
    if (session->objection) return MT_FAILED;
    if (result > 0) return result;
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return MT_WAITS;
    case SSL_ERROR_ZERO_RETURN:
        return MT_ENDED;
    default:
        return MT_FAILED;
    }
}

int mt_session_handshake(mt_session *session) {
    ERR_clear_error();
    int result = outcome(session, SSL_do_handshake(session->ssl));
    if (result > 0) {
        session->is_open = true;
        mt_resumption_keep_renewed(session);
        return MT_DONE;
    }
    return result == MT_ENDED ? MT_FAILED : result;
}

int mt_session_read(mt_session *session, void *bytes, int count) {
    ERR_clear_error();
    int result = SSL_read(session->ssl, bytes, count);
    if (result > 0) session->data_count += (uint64_t)result;
    return outcome(session, result);
}

int mt_session_write(mt_session *session, const void *bytes, int count) {
    ERR_clear_error();
    int result = SSL_write(session->ssl, bytes, count);
    if (result > 0) session->data_count += (uint64_t)result;
    return outcome(session, result);
}

int mt_session_decrypted(mt_session *session) { return SSL_pending(session->ssl); }

void mt_session_shutdown(mt_session *session) {
    // A handshake that is not over has nothing to end.
    if (SSL_in_init(session->ssl)) return;
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

bool mt_session_park(mt_session *session) { return SSL_free_buffers(session->ssl) == 1; }
