// See COpenSSL.h: one function a step, and the macros of OpenSSL behind functions.
#include "COpenSSL.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

// The opaque types are OpenSSL's own; the names only keep its headers out of ours.
static SSL_CTX *context_of(mt_context *context) { return (SSL_CTX *)context; }
static SSL *ssl_of(mt_session *session) { return (SSL *)session; }

// A key with a password would otherwise ask for it on the terminal.
static int no_password(char *buffer, int size, int writing, void *data) {
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

mt_context *mt_context_new(bool server) {
    SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // A certificate has to be verified anew at every connection, so nothing is resumed.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    // Idle sessions hold no buffers; a write may come from any memory.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    return (mt_context *)context;
}

void mt_context_free(mt_context *context) { SSL_CTX_free(context_of(context)); }

bool mt_context_use_chain(mt_context *context, const char *path) {
    ERR_clear_error();
    return SSL_CTX_use_certificate_chain_file(context_of(context), path) == 1;
}

bool mt_context_use_key(mt_context *context, const char *path) {
    ERR_clear_error();
    return SSL_CTX_use_PrivateKey_file(context_of(context), path, SSL_FILETYPE_PEM) == 1;
}

bool mt_context_trust(mt_context *context, const char *path) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context_of(context), path) != 1) return false;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names) SSL_CTX_set_client_CA_list(context_of(context), names);
    return names != NULL;
}

bool mt_context_trust_system(mt_context *context) {
    ERR_clear_error();
    return SSL_CTX_set_default_verify_paths(context_of(context)) == 1;
}

bool mt_context_key_fits(mt_context *context) {
    ERR_clear_error();
    return SSL_CTX_check_private_key(context_of(context)) == 1;
}

void mt_context_verify_peer(mt_context *context) {
    SSL_CTX_set_verify(context_of(context), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

long mt_context_validity(mt_context *context) {
    X509 *certificate = SSL_CTX_get0_certificate(context_of(context));
    if (!certificate) return 0;
    int days = 0, seconds = 0;
    // From now to its beginning, then from its end to now.
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notBefore(certificate)) && (days > 0 || seconds > 0))
        return days * 86400L + seconds;
    if (ASN1_TIME_diff(&days, &seconds, X509_get0_notAfter(certificate), NULL) && (days > 0 || seconds > 0))
        return -(days * 86400L + seconds);
    return 0;
}

mt_session *mt_session_new(mt_context *context) {
    ERR_clear_error();
    SSL *ssl = SSL_new(context_of(context));
    BIO *input = BIO_new(BIO_s_mem()), *output = BIO_new(BIO_s_mem());
    if (!ssl || !input || !output) {
        SSL_free(ssl);
        BIO_free(input);
        BIO_free(output);
        return NULL;
    }
    SSL_set_bio(ssl, input, output);
    if (SSL_is_server(ssl)) SSL_set_accept_state(ssl);
    else SSL_set_connect_state(ssl);
    return (mt_session *)ssl;
}

void mt_session_free(mt_session *session) { SSL_free(ssl_of(session)); }

bool mt_session_expect(mt_session *session, const char *host) {
    ERR_clear_error();
    SSL *ssl = ssl_of(session);
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1) return true;
    ERR_clear_error();
    // RFC 6125 §6.4.3: a wildcard stands for one whole label.
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

// The result of a call that gave `result`; more than 0 is a number of bytes.
static int outcome(SSL *ssl, int result) {
    if (result > 0) return result;
    switch (SSL_get_error(ssl, result)) {
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
    int result = outcome(ssl_of(session), SSL_do_handshake(ssl_of(session)));
    if (result > 0) return MT_DONE;
    return result == MT_ENDED ? MT_FAILED : result;
}

bool mt_session_feed(mt_session *session, const void *bytes, int count) {
    if (count <= 0) return true;
    ERR_clear_error();
    return BIO_write(SSL_get_rbio(ssl_of(session)), bytes, count) == count;
}

size_t mt_session_pending(mt_session *session) { return BIO_ctrl_pending(SSL_get_wbio(ssl_of(session))); }

int mt_session_take(mt_session *session, void *bytes, int count) {
    int taken = BIO_read(SSL_get_wbio(ssl_of(session)), bytes, count);
    return taken > 0 ? taken : 0;
}

int mt_session_read(mt_session *session, void *bytes, int count) {
    ERR_clear_error();
    return outcome(ssl_of(session), SSL_read(ssl_of(session), bytes, count));
}

int mt_session_write(mt_session *session, const void *bytes, int count) {
    ERR_clear_error();
    return outcome(ssl_of(session), SSL_write(ssl_of(session), bytes, count));
}

void mt_session_shutdown(mt_session *session) {
    // A handshake that is not over has nothing to end.
    if (SSL_in_init(ssl_of(session))) return;
    SSL_shutdown(ssl_of(session));
    ERR_clear_error();
}

// Appends a name and its NUL, unless it has one inside (CVE-2009-2408) or there is no room.
static size_t append_name(char *text, size_t used, size_t capacity, const ASN1_STRING *name) {
    size_t count = (size_t)ASN1_STRING_length(name);
    const unsigned char *bytes = ASN1_STRING_get0_data(name);
    if (count == 0 || memchr(bytes, 0, count) || used + count + 1 > capacity) return used;
    memcpy(text + used, bytes, count);
    text[used + count] = 0;
    return used + count + 1;
}

size_t mt_session_peer_names(mt_session *session, char *text, size_t capacity) {
    X509 *certificate = SSL_get0_peer_certificate(ssl_of(session));
    if (!certificate) return 0;
    size_t used = 0;
    bool has_names = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        if (name->type != GEN_DNS) continue;
        has_names = true;
        used = append_name(text, used, capacity, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    // RFC 6125 §6.4.4: the common name counts only where there is no DNS name.
    if (has_names) return used;
    X509_NAME *subject = X509_get_subject_name(certificate);
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (place < 0) return 0;
    return append_name(text, 0, capacity, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
}

size_t mt_session_protocol(mt_session *session, uint8_t *name) {
    const unsigned char *bytes = NULL;
    unsigned count = 0;
    SSL_get0_alpn_selected(ssl_of(session), &bytes, &count);
    if (count > 255) return 0;
    if (count > 0) memcpy(name, bytes, count);
    return count;
}

const char *mt_session_version(mt_session *session) { return SSL_get_version(ssl_of(session)); }

const char *mt_session_refusal(mt_session *session) {
    long result = SSL_get_verify_result(ssl_of(session));
    return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

void mt_explain(char *text, size_t capacity) {
    if (capacity == 0) return;
    text[0] = 0;
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    // A system error has its errno in place of a reason.
    if (!reason && code && ERR_SYSTEM_ERROR(code)) reason = strerror(ERR_GET_REASON(code));
    if (reason) {
        strncpy(text, reason, capacity - 1);
        text[capacity - 1] = 0;
    } else if (code) {
        ERR_error_string_n(code, text, capacity);
    }
    ERR_clear_error();
}
