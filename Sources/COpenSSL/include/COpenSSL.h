// The thinnest shims over OpenSSL 3: contexts, and sessions over memory buffers; macros do not import into Swift.
// OpenSSL's own headers stay out of this one: importing them costs every build seconds.
#ifndef MERIDIAN_COPENSSL_H
#define MERIDIAN_COPENSSL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mt_context mt_context;
typedef struct mt_session mt_session;

// What a call to a session came to.
enum {
    // Done; for reads and writes the number of bytes is greater than 0 instead.
    MT_DONE = 0,
    // It needs more from the peer first.
    MT_WAITS = -1,
    // The peer said that it will send nothing more (close_notify).
    MT_ENDED = -2,
    // The session is broken; mt_explain tells why.
    MT_FAILED = -3,
};

// A context for servers or clients: TLS 1.2 or later, no renegotiation, no compression, no resumption. NULL: no memory.
mt_context *mt_context_new(bool server);
void mt_context_free(mt_context *context);
// Each is false when OpenSSL refuses; mt_explain tells why.
bool mt_context_use_chain(mt_context *context, const char *path);
bool mt_context_use_key(mt_context *context, const char *path);
bool mt_context_trust(mt_context *context, const char *path);
bool mt_context_trust_system(mt_context *context);
// Whether the key belongs to the certificate.
bool mt_context_key_fits(mt_context *context);
// Asks for the peer's certificate and verifies it; a peer without one is refused.
void mt_context_verify_peer(mt_context *context);
// The time in seconds until the context's own certificate is valid (> 0), or since it has expired (< 0); 0: it is valid.
long mt_context_validity(mt_context *context);

// NULL: no memory.
mt_session *mt_session_new(mt_context *context);
void mt_session_free(mt_session *session);
// A client's: names the host in the handshake (unless it is an IP address), and verifies the certificate against it.
bool mt_session_expect(mt_session *session, const char *host);
// Goes on with the handshake. MT_DONE, MT_WAITS or MT_FAILED.
int mt_session_handshake(mt_session *session);
// Takes what came from the peer. False: no memory.
bool mt_session_feed(mt_session *session, const void *bytes, int count);
// What has to go to the peer, and then how many of its bytes went.
size_t mt_session_pending(mt_session *session);
int mt_session_take(mt_session *session, void *bytes, int count);
int mt_session_read(mt_session *session, void *bytes, int count);
int mt_session_write(mt_session *session, const void *bytes, int count);
// Says to the peer that nothing more will be sent.
void mt_session_shutdown(mt_session *session);
// The peer's certificate: its DNS names, or else its common name, each ended by a NUL. The number of bytes written.
size_t mt_session_peer_names(mt_session *session, char *text, size_t capacity);
// The protocol that both sides agreed on (RFC 7301), at most 255 bytes without a NUL. Its length; 0: none.
size_t mt_session_protocol(mt_session *session, uint8_t *name);
// Such as "TLSv1.3"; lives as long as the process.
const char *mt_session_version(mt_session *session);
// Why the peer's certificate was refused; empty when it was not. Lives as long as the process.
const char *mt_session_refusal(mt_session *session);

// The last error of this thread in words, and forgets it and all before. Empty when there is none.
void mt_explain(char *text, size_t capacity);

#endif
