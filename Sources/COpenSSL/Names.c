// Owns the names in a certificate, as a list of texts that end with a NUL.
#include "Internal.h"

#include <stdio.h>
#include <string.h>

size_t mt_append_name(char *text, size_t used, size_t capacity, const char *prefix, const void *bytes, size_t count) {
    size_t front = strlen(prefix);
    // A NUL inside would hide what follows (CVE-2009-2408).
    if (count == 0 || memchr(bytes, 0, count) || used + front + count + 1 > capacity) return used;
    memcpy(text + used, prefix, front);
    memcpy(text + used + front, bytes, count);
    text[used + front + count] = 0;
    return used + front + count + 1;
}

static size_t append_address(char *text, size_t used, size_t capacity, const ASN1_OCTET_STRING *address) {
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int count = ASN1_STRING_length(address);
    char words[48];
    int length = 0;
    if (count == 4) {
        length = snprintf(words, sizeof words, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    } else if (count == 16) {
        for (int index = 0; index < 16; index += 2)
            length += snprintf(
                words + length, sizeof words - (size_t)length, "%s%x", index ? ":" : "",
                bytes[index] << 8 | bytes[index + 1]);
    }
    return length > 0 ? mt_append_name(text, used, capacity, "", words, (size_t)length) : used;
}

size_t mt_names(X509 *certificate, bool addresses, char *text, size_t capacity) {
    size_t used = 0;
    bool has_names = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        if (name->type == GEN_DNS) {
            has_names = true;
            used = mt_append_name(
                text, used, capacity, "", ASN1_STRING_get0_data(name->d.dNSName),
                (size_t)ASN1_STRING_length(name->d.dNSName));
        } else if (addresses && name->type == GEN_IPADD) {
            used = append_address(text, used, capacity, name->d.iPAddress);
        }
    }
    GENERAL_NAMES_free(names);
    // RFC 6125 §6.4.4: the common name counts only where there is no DNS name.
    if (has_names) return used;
    X509_NAME *subject = X509_get_subject_name(certificate);
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (place < 0) return used;
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
    return mt_append_name(
        text, used, capacity, "", ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
}
