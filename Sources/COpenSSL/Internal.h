// Owns what the files of this module share: the types behind the opaque names.
#ifndef MERIDIAN_COPENSSL_INTERNAL_H
#define MERIDIAN_COPENSSL_INTERNAL_H

#include "COpenSSL.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct mt_context {
    SSL_CTX *ssl;
    // Of servers; RFC 7301 §3.1.
    uint8_t *protocols;
    unsigned protocols_count;
};

struct mt_pair {
    X509 *certificate;
    STACK_OF(X509) *chain;
    EVP_PKEY *key;
};

struct mt_session {
    SSL *ssl;
    const mt_questions *questions;
    mt_buffers buffers;
    // Whether the handshake is over.
    bool is_open;
    // Bytes of the handshake that came; afterwards messages that are no application data.
    uint32_t handshake_count;
    uint32_t message_count;
    // Application data, both ways.
    uint64_t data_count;
    const char *objection;
};

// The session that a callback of OpenSSL's is about.
static inline mt_session *mt_session_of(const SSL *ssl) { return (mt_session *)SSL_get_app_data(ssl); }

// A BIO between the session and its owner's buffers. NULL: no memory. (Buffers.c)
BIO *mt_buffers_bio(mt_session *session);
// Has the messages of a session counted. (Limits.c)
void mt_limits_watch(mt_session *session);
// Whether `count` more bytes of a handshake are too many. (Limits.c)
bool mt_limits_exceeded(mt_session *session, size_t count);
// Tells the owner of a ticket that came with a resumption by TLS 1.2, of which OpenSSL does not. (Resumption.c)
void mt_resumption_keep_renewed(mt_session *session);
// Gives tickets their keys. (Tickets.c)
bool mt_tickets_enable(SSL_CTX *ssl);
// Appends a name and its NUL, unless it has one inside. The bytes used. (Names.c)
size_t mt_append_name(char *text, size_t used, size_t capacity, const char *prefix, const void *bytes, size_t count);
// The names that a certificate is for, ended by NULs: DNS names, with addresses if asked for, or else the common name.
size_t mt_names(X509 *certificate, bool addresses, char *text, size_t capacity);

#endif
