// Owns what Swift sees of OpenSSL 3: contexts, certificates, and sessions between buffers of their owner's; macros do not
// import into Swift. OpenSSL's own headers stay out of this one: importing them costs every build seconds.
#ifndef MERIDIAN_COPENSSL_H
#define MERIDIAN_COPENSSL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mt_context mt_context;
typedef struct mt_session mt_session;
typedef struct mt_pair mt_pair;
typedef struct mt_resumption mt_resumption;

// What a call to a session came to.
enum {
    // Done; for reads and writes the number of bytes is greater than 0 instead.
    MT_DONE = 0,
    // It needs more from the peer first.
    MT_WAITS = -1,
    // The peer said that it will send nothing more (close_notify).
    MT_ENDED = -2,
    // The session is broken; mt_session_objection and mt_explain tell why.
    MT_FAILED = -3,
};

// The last error of this thread in words, and forgets it and all before. Empty when there is none.
void mt_explain(char *text, size_t capacity);
// Random bytes. False: the system has none.
bool mt_random(void *bytes, size_t count);
// The SHA-256 of some bytes, 32 bytes. False: no memory.
bool mt_digest(const void *bytes, size_t count, uint8_t *digest);

// MARK: Certificates with their keys (Pairs.c)

// An empty pair. NULL: no memory.
mt_pair *mt_pair_new(void);
void mt_pair_free(mt_pair *pair);
// Each is false when the file holds no such thing; mt_explain tells why.
bool mt_pair_read_chain(mt_pair *pair, const char *path);
bool mt_pair_read_key(mt_pair *pair, const char *path);
// Whether the key belongs to the certificate.
bool mt_pair_fits(const mt_pair *pair);
// The kind of the certificate's key.
enum { MT_KEY_OTHER, MT_KEY_RSA, MT_KEY_ECDSA, MT_KEY_ED25519, MT_KEY_ED448 };
int mt_pair_kind(const mt_pair *pair);
int mt_pair_bits(const mt_pair *pair);
// Seconds since 1970 from which and until which the certificate is valid.
int64_t mt_pair_not_before(const mt_pair *pair);
int64_t mt_pair_not_after(const mt_pair *pair);
// Certificates behind the own one, and the first that has not issued the one before it; 0: each has.
int mt_pair_chain_count(const mt_pair *pair);
int mt_pair_chain_break(const mt_pair *pair);
// Whether the certificate is its own authority.
bool mt_pair_self_signed(const mt_pair *pair);
// The DNS names and addresses that it is for, or else its common name, each ended by a NUL. The bytes needed.
size_t mt_pair_names(const mt_pair *pair, char *text, size_t capacity);
// The SHA-256 of the certificate, 32 bytes.
bool mt_pair_fingerprint(const mt_pair *pair, uint8_t *digest);

// MARK: Contexts (Context.c)

// A context for servers or clients: no renegotiation, no compression, no early data, no resumption. NULL: no memory.
mt_context *mt_context_new(bool server);
void mt_context_free(mt_context *context);
// Each is false when OpenSSL refuses; mt_explain tells why.
bool mt_context_use(mt_context *context, const mt_pair *pair);
bool mt_context_trust(mt_context *context, const char *path);
bool mt_context_trust_system(mt_context *context);
bool mt_context_revocations(mt_context *context, const char *path);
// The versions as minor numbers: 3 is TLS 1.2, 4 is TLS 1.3.
bool mt_context_versions(mt_context *context, int least, int greatest);
bool mt_context_ciphers(mt_context *context, const char *list);
bool mt_context_suites(mt_context *context, const char *list);
bool mt_context_groups(mt_context *context, const char *list);
// What both sides may speak, as in RFC 7301 §3.1: each name behind its length, the best first.
bool mt_context_protocols(mt_context *context, const uint8_t *list, size_t count);
// Asks for the peer's certificate and verifies it; a peer without one is refused, if it is required.
void mt_context_verify_peer(mt_context *context, bool required);
// Gives tickets that the owners of sessions have the keys for; they are taken only where `zone` (at most 32 bytes) is the
// same.
bool mt_context_tickets(mt_context *context, const uint8_t *zone, size_t count, long lifetime);
// A client's: its sessions' owners are told of what can be resumed.
void mt_context_resumes(mt_context *context);

// MARK: Sessions (Session.c, Buffers.c)

// A key of tickets.
typedef struct {
    uint8_t name[16];
    uint8_t cipher[32];
    uint8_t authentication[32];
} mt_ticket_key;

// What a session asks its owner, from inside the calls of a session.
typedef struct {
    // Room for `count` more bytes of output: sets `output` and `output_free`.
    void (*room)(void *owner, size_t count);
    // The name that a client asks for, not ended by a NUL; empty: none. False: it is refused.
    bool (*name)(void *owner, const char *name, size_t count);
    // Time to call mt_session_use for the certificates of that name.
    bool (*certificates)(void *owner);
    // The key of this name, or the one for new tickets (NULL). 0: none, 1: it, 2: it, but it is not the newest.
    int (*ticket_key)(void *owner, const uint8_t *name, mt_ticket_key *key);
    // A connection that can be resumed. True: the owner frees it.
    bool (*resumable)(void *owner, mt_resumption *resumption);
} mt_questions;

// What a session reads from and writes to: its owner's memory.
typedef struct {
    void *owner;
    // What came from the peer and is not read, for the length of a call.
    const uint8_t *input;
    size_t input_count;
    // Where the next byte for the peer goes, and the room there.
    uint8_t *output;
    size_t output_free;
} mt_buffers;

// `questions` is not copied. NULL: no memory.
mt_session *mt_session_new(mt_context *context, const mt_questions *questions);
void mt_session_free(mt_session *session);
// Lives as long as the session.
mt_buffers *mt_session_buffers(mt_session *session);
// A client's: names the host in the handshake (unless it is an IP address), and verifies the certificate against it.
bool mt_session_expect(mt_session *session, const char *host);
// Adds a certificate to those that the server may show; all before are dropped by the first after `clear`.
bool mt_session_use(mt_session *session, const mt_pair *pair);
void mt_session_clear(mt_session *session);
// Goes on with the handshake. MT_DONE, MT_WAITS or MT_FAILED.
int mt_session_handshake(mt_session *session);
int mt_session_read(mt_session *session, void *bytes, int count);
int mt_session_write(mt_session *session, const void *bytes, int count);
// Bytes that are decrypted already.
int mt_session_decrypted(mt_session *session);
// Says to the peer that nothing more will be sent.
void mt_session_shutdown(mt_session *session);
// Lets go of the memory for records, which comes back with the next one. False: a part of a record is in it.
bool mt_session_park(mt_session *session);
// Why our own limits have ended it; NULL: they have not. Lives as long as the process.
const char *mt_session_objection(mt_session *session);

// MARK: What a client can resume (Resumption.c)

bool mt_session_resume(mt_session *session, mt_resumption *resumption);
void mt_resumption_free(mt_resumption *resumption);
// Whether it has not expired by the system's clock.
bool mt_resumption_is_good(const mt_resumption *resumption);

// MARK: What is known of the peer (Peer.c)

// The peer's certificate: its DNS names, or else its common name, each ended by a NUL. The number of bytes written.
size_t mt_session_peer_names(mt_session *session, char *text, size_t capacity);
// All names in the peer's certificate with their kinds, such as `DNS:a.example`, each ended by a NUL. The same.
size_t mt_session_peer_alternatives(mt_session *session, char *text, size_t capacity);
// The subject of the peer's certificate as in RFC 2253; false: there is none, or no room.
bool mt_session_peer_subject(mt_session *session, char *text, size_t capacity);
// The serial number in hexadecimal digits; false: there is none, or no room.
bool mt_session_peer_serial(mt_session *session, char *text, size_t capacity);
// The SHA-256 of the certificate, 32 bytes; false: there is none.
bool mt_session_peer_fingerprint(mt_session *session, uint8_t *digest);
// The protocol that both sides agreed on (RFC 7301), at most 255 bytes without a NUL. Its length; 0: none.
size_t mt_session_protocol(mt_session *session, uint8_t *name);
// Such as "TLSv1.3"; lives as long as the process.
const char *mt_session_version(mt_session *session);
// Such as "TLS_AES_128_GCM_SHA256"; empty before the handshake. Lives as long as the process.
const char *mt_session_cipher(mt_session *session);
// The host that the client named; NULL: none. Lives as long as the session.
const char *mt_session_server_name(mt_session *session);
bool mt_session_resumed(mt_session *session);
// Why the peer's certificate was refused; empty when it was not. Lives as long as the process.
const char *mt_session_refusal(mt_session *session);

#endif
