// Owns contexts: the settings that sessions share.
#include "Internal.h"

#include <string.h>

static int hear_name(SSL *ssl, int *alert, void *argument) {
    (void)argument;
    mt_session *session = mt_session_of(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (session->questions->name(session->buffers.owner, name ? name : "", name ? strlen(name) : 0))
        return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    session->objection = "a name that no certificate is for";
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

mt_context *mt_context_new(bool server) {
    mt_context *context = calloc(1, sizeof *context);
    SSL_CTX *ssl = context ? SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()) : NULL;
    if (!ssl) {
        free(context);
        return NULL;
    }
    context->ssl = ssl;
    if (server) SSL_CTX_set_tlsext_servername_callback(ssl, hear_name);
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    // The own order of ciphers, but who prefers ChaCha20 has no AES in its processor.
    SSL_CTX_set_options(
        ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_max_early_data(ssl, 0);
    // A write may come from any memory; the chain is what the file holds. No RELEASE_BUFFERS: it costs each record two
    // large allocations, and sessions that idle are parked.
    SSL_CTX_set_mode(
        ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    return context;
}

void mt_context_free(mt_context *context) {
    SSL_CTX_free(context->ssl);
    free(context->protocols);
    free(context);
}

bool mt_context_use(mt_context *context, const mt_pair *pair) {
    ERR_clear_error();
    return SSL_CTX_use_cert_and_key(context->ssl, pair->certificate, pair->key, pair->chain, 1) == 1;
}

bool mt_context_trust(mt_context *context, const char *path) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context->ssl, path) != 1) return false;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names) SSL_CTX_set_client_CA_list(context->ssl, names);
    return names != NULL;
}

bool mt_context_trust_system(mt_context *context) {
    ERR_clear_error();
    return SSL_CTX_set_default_verify_paths(context->ssl) == 1;
}

bool mt_context_revocations(mt_context *context, const char *path) {
    ERR_clear_error();
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1) return false;
    // The peer's own certificate: few have lists for the authorities between.
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
}

bool mt_context_versions(mt_context *context, int least, int greatest) {
    ERR_clear_error();
    return SSL_CTX_set_min_proto_version(context->ssl, SSL3_VERSION + least) == 1 &&
           SSL_CTX_set_max_proto_version(context->ssl, SSL3_VERSION + greatest) == 1;
}

bool mt_context_ciphers(mt_context *context, const char *list) {
    ERR_clear_error();
    return SSL_CTX_set_cipher_list(context->ssl, list) == 1;
}

bool mt_context_suites(mt_context *context, const char *list) {
    ERR_clear_error();
    return SSL_CTX_set_ciphersuites(context->ssl, list) == 1;
}

bool mt_context_groups(mt_context *context, const char *list) {
    ERR_clear_error();
    return SSL_CTX_set1_groups_list(context->ssl, list) == 1;
}

// RFC 7301 §3.2: a client with which no protocol is shared is refused.
static int choose_protocol(
    SSL *ssl, const unsigned char **chosen, unsigned char *count, const unsigned char *offered, unsigned offered_count,
    void *argument) {
    (void)ssl;
    const mt_context *context = argument;
    int result = SSL_select_next_proto(
        (unsigned char **)chosen, count, context->protocols, context->protocols_count, offered, offered_count);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool mt_context_protocols(mt_context *context, const uint8_t *list, size_t count) {
    ERR_clear_error();
    if (SSL_CTX_set_alpn_protos(context->ssl, list, (unsigned)count) != 0) return false;
    free(context->protocols);
    context->protocols = malloc(count);
    if (!context->protocols) return false;
    memcpy(context->protocols, list, count);
    context->protocols_count = (unsigned)count;
    SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, context);
    return true;
}

void mt_context_verify_peer(mt_context *context, bool required) {
    SSL_CTX_set_verify(
        context->ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
}

bool mt_context_tickets(mt_context *context, const uint8_t *zone, size_t count, long lifetime) {
    ERR_clear_error();
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    // RFC 8446 §4.6.1 allows more; one spares the handshake the others.
    SSL_CTX_set_num_tickets(context->ssl, 1);
    SSL_CTX_set_timeout(context->ssl, lifetime);
    return SSL_CTX_set_session_id_context(context->ssl, zone, (unsigned)count) == 1 &&
           mt_tickets_enable(context->ssl);
}
