// Owns a certificate with its chain and its key, as they come from files.
#include "Internal.h"

#include <openssl/pem.h>
#include <string.h>

// A key with a password would otherwise ask for it on the terminal.
static int no_password(char *buffer, int size, int writing, void *data) {
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

mt_pair *mt_pair_new(void) { return calloc(1, sizeof(mt_pair)); }

void mt_pair_free(mt_pair *pair) {
    X509_free(pair->certificate);
    sk_X509_pop_free(pair->chain, X509_free);
    EVP_PKEY_free(pair->key);
    free(pair);
}

bool mt_pair_read_chain(mt_pair *pair, const char *path) {
    ERR_clear_error();
    BIO *file = BIO_new_file(path, "r");
    if (!file) return false;
    pair->certificate = PEM_read_bio_X509_AUX(file, NULL, no_password, NULL);
    pair->chain = sk_X509_new_null();
    bool is_good = pair->certificate && pair->chain;
    while (is_good) {
        X509 *next = PEM_read_bio_X509(file, NULL, no_password, NULL);
        if (!next) {
            // The end of the file looks like a PEM that has not begun.
            unsigned long code = ERR_peek_last_error();
            is_good = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
            if (is_good) ERR_clear_error();
            break;
        }
        if (!sk_X509_push(pair->chain, next)) {
            X509_free(next);
            is_good = false;
        }
    }
    BIO_free(file);
    return is_good;
}

bool mt_pair_read_key(mt_pair *pair, const char *path) {
    ERR_clear_error();
    BIO *file = BIO_new_file(path, "r");
    if (!file) return false;
    pair->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
    BIO_free(file);
    return pair->key != NULL;
}

bool mt_pair_fits(const mt_pair *pair) {
    if (!pair->certificate || !pair->key) return false;
    bool fits = X509_check_private_key(pair->certificate, pair->key) == 1;
    ERR_clear_error();
    return fits;
}

int mt_pair_kind(const mt_pair *pair) {
    switch (EVP_PKEY_get_base_id(X509_get0_pubkey(pair->certificate))) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return MT_KEY_RSA;
    case EVP_PKEY_EC:
        return MT_KEY_ECDSA;
    case EVP_PKEY_ED25519:
        return MT_KEY_ED25519;
    case EVP_PKEY_ED448:
        return MT_KEY_ED448;
    default:
        return MT_KEY_OTHER;
    }
}

int mt_pair_bits(const mt_pair *pair) { return EVP_PKEY_get_bits(X509_get0_pubkey(pair->certificate)); }

static int64_t seconds(const ASN1_TIME *time) {
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, rest = 0;
    bool is_good = epoch && ASN1_TIME_diff(&days, &rest, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    return is_good ? days * INT64_C(86400) + rest : 0;
}

int64_t mt_pair_not_before(const mt_pair *pair) { return seconds(X509_get0_notBefore(pair->certificate)); }

int64_t mt_pair_not_after(const mt_pair *pair) { return seconds(X509_get0_notAfter(pair->certificate)); }

int mt_pair_chain_count(const mt_pair *pair) { return sk_X509_num(pair->chain); }

int mt_pair_chain_break(const mt_pair *pair) {
    X509 *last = pair->certificate;
    for (int index = 0; index < sk_X509_num(pair->chain); index++) {
        X509 *issuer = sk_X509_value(pair->chain, index);
        if (X509_check_issued(issuer, last) != X509_V_OK) return index + 1;
        last = issuer;
    }
    return 0;
}

bool mt_pair_self_signed(const mt_pair *pair) { return X509_self_signed(pair->certificate, 0) == 1; }

size_t mt_pair_names(const mt_pair *pair, char *text, size_t capacity) {
    return mt_names(pair->certificate, true, text, capacity);
}

bool mt_pair_fingerprint(const mt_pair *pair, uint8_t *digest) {
    return X509_digest(pair->certificate, EVP_sha256(), digest, NULL) == 1;
}
