// Owns OpenSSL's last error in words, random bytes and digests.
#include "Internal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

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

bool mt_random(void *bytes, size_t count) { return count <= 4096 && RAND_bytes(bytes, (int)count) == 1; }

bool mt_digest(const void *bytes, size_t count, uint8_t *digest) {
    return EVP_Digest(bytes, count, digest, NULL, EVP_sha256(), NULL) == 1;
}
