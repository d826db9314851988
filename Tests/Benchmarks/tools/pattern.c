// Owns the table of the pattern.
#include "pattern.h"

char pattern_bytes[PATTERN_SPAN + PATTERN_PERIOD];

void pattern_prepare(void) {
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy";
    for (size_t index = 0; index < sizeof pattern_bytes; index++)
        pattern_bytes[index] = alphabet[index % PATTERN_PERIOD];
}
