// Owns what a session knows of its peer.
#include "Internal.h"

#include <openssl/bn.h>
#include <string.h>

static X509 *certificate_of(mt_session *session) { return SSL_get0_peer_certificate(session->ssl); }

size_t mt_session_peer_names(mt_session *session, char *text, size_t capacity) {
    X509 *certificate = certificate_of(session);
    return certificate ? mt_names(certificate, false, text, capacity) : 0;
}

size_t mt_session_peer_alternatives(mt_session *session, char *text, size_t capacity) {
    X509 *certificate = certificate_of(session);
    if (!certificate) return 0;
    size_t used = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        const char *prefix;
        switch (name->type) {
        case GEN_DNS:
            prefix = "DNS:";
            break;
        case GEN_URI:
            prefix = "URI:";
            break;
        case GEN_EMAIL:
            prefix = "email:";
            break;
        default:
            continue;
        }
        used = mt_append_name(
            text, used, capacity, prefix, ASN1_STRING_get0_data(name->d.ia5),
            (size_t)ASN1_STRING_length(name->d.ia5));
    }
    GENERAL_NAMES_free(names);
    return used;
}

bool mt_session_peer_subject(mt_session *session, char *text, size_t capacity) {
    X509 *certificate = certificate_of(session);
    BIO *words = certificate && capacity > 0 ? BIO_new(BIO_s_mem()) : NULL;
    if (!words) return false;
    // RFC 2253 §2.4 escapes what is special; bytes beyond ASCII come as \XX.
    bool is_good = X509_NAME_print_ex(words, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0;
    char *bytes = NULL;
    long count = BIO_get_mem_data(words, &bytes);
    is_good = is_good && count >= 0 && (size_t)count < capacity && !memchr(bytes, 0, (size_t)count);
    if (is_good) {
        memcpy(text, bytes, (size_t)count);
        text[count] = 0;
    }
    BIO_free(words);
    ERR_clear_error();
    return is_good;
}

bool mt_session_peer_serial(mt_session *session, char *text, size_t capacity) {
    X509 *certificate = certificate_of(session);
    BIGNUM *number = certificate ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL) : NULL;
    char *digits = number ? BN_bn2hex(number) : NULL;
    bool fits = digits && strlen(digits) < capacity;
    if (fits) strcpy(text, digits);
    OPENSSL_free(digits);
    BN_free(number);
    ERR_clear_error();
    return fits;
}

bool mt_session_peer_fingerprint(mt_session *session, uint8_t *digest) {
    X509 *certificate = certificate_of(session);
    return certificate && X509_digest(certificate, EVP_sha256(), digest, NULL) == 1;
}

size_t mt_session_protocol(mt_session *session, uint8_t *name) {
    const unsigned char *bytes = NULL;
    unsigned count = 0;
    SSL_get0_alpn_selected(session->ssl, &bytes, &count);
    if (count > 255) return 0;
    if (count > 0) memcpy(name, bytes, count);
    return count;
}

const char *mt_session_version(mt_session *session) { return SSL_get_version(session->ssl); }

const char *mt_session_cipher(mt_session *session) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);
    return cipher ? SSL_CIPHER_standard_name(cipher) : "";
}

const char *mt_session_server_name(mt_session *session) {
    return SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
}

bool mt_session_resumed(mt_session *session) { return SSL_session_reused(session->ssl) == 1; }

const char *mt_session_refusal(mt_session *session) {
    long result = SSL_get_verify_result(session->ssl);
    return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}
