// Owns what a client keeps of a connection to resume it by another.
#include "Internal.h"

#include <time.h>

static int keep(SSL *ssl, SSL_SESSION *resumption) {
    mt_session *session = mt_session_of(ssl);
    if (!session || !SSL_SESSION_is_resumable(resumption)) return 0;
    return session->questions->resumable(session->buffers.owner, (mt_resumption *)resumption);
}

void mt_resumption_keep_renewed(mt_session *session) {
    if (SSL_is_server(session->ssl) || !SSL_session_reused(session->ssl)) return;
    if (SSL_version(session->ssl) >= TLS1_3_VERSION) return;
    SSL_SESSION *renewed = SSL_get1_session(session->ssl);
    if (renewed && !keep(session->ssl, renewed)) SSL_SESSION_free(renewed);
}

void mt_context_resumes(mt_context *context) {
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, keep);
}

bool mt_session_resume(mt_session *session, mt_resumption *resumption) {
    // A copy: OpenSSL forbids a session's second use, but connections that begin at once have no other to use.
    SSL_SESSION *copy = SSL_SESSION_dup((SSL_SESSION *)resumption);
    bool is_good = copy && SSL_set_session(session->ssl, copy) == 1;
    SSL_SESSION_free(copy);
    ERR_clear_error();
    return is_good;
}

void mt_resumption_free(mt_resumption *resumption) { SSL_SESSION_free((SSL_SESSION *)resumption); }

bool mt_resumption_is_good(const mt_resumption *resumption) {
    const SSL_SESSION *session = (const SSL_SESSION *)resumption;
    return SSL_SESSION_is_resumable(session) &&
           time(NULL) < SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session);
}
