// Owns sealing and opening tickets with the keys that a session's owner has (RFC 5077 §4).
#include "Internal.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

static bool authenticate(EVP_MAC_CTX *context, mt_ticket_key *key) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->authentication, sizeof key->authentication),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(context, parameters) == 1;
}

// 1: done; 2: done, and the ticket should be replaced; 0: no key, so the ticket is none; -1: an error.
static int prepare(
    SSL *ssl, unsigned char *name, unsigned char *vector, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
    mt_session *session = mt_session_of(ssl);
    if (!session) return 0;
    mt_ticket_key key;
    int result = session->questions->ticket_key(session->buffers.owner, sealing ? NULL : name, &key);
    if (result == 0) return 0;
    bool is_good;
    if (sealing) {
        memcpy(name, key.name, sizeof key.name);
        is_good = RAND_bytes(vector, 16) == 1 &&
                  EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, vector, NULL) == 1;
    } else {
        is_good = EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, vector, NULL) == 1;
    }
    is_good = is_good && authenticate(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    if (!is_good) return -1;
    // RFC 8446 §C.4: a ticket is best used once, so whoever resumes by TLS 1.3 gets another.
    return !sealing && SSL_version(ssl) >= TLS1_3_VERSION ? 2 : result;
}

bool mt_tickets_enable(SSL_CTX *ssl) { return SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, prepare) == 1; }
