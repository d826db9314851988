// Owns the bytes of every body that the benchmarks send, so that each receiver can check each byte.
#ifndef MERIDIAN_BENCHMARK_PATTERN_H
#define MERIDIAN_BENCHMARK_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Sixty-one printable characters: a prime, so that a body shifted by any usual buffer size does not look right.
#define PATTERN_PERIOD 61
// The most bytes that one call of pattern_at gives.
#define PATTERN_SPAN (64 * 1024)

extern char pattern_bytes[PATTERN_SPAN + PATTERN_PERIOD];

// To be called once, before the others.
void pattern_prepare(void);

// The pattern from `offset` on; PATTERN_SPAN bytes may be read.
static inline const char *pattern_at(uint64_t offset) { return pattern_bytes + offset % PATTERN_PERIOD; }

// Whether `count` <= PATTERN_SPAN bytes are the pattern's from `offset` on.
static inline bool pattern_matches(const char *bytes, size_t count, uint64_t offset) {
    return memcmp(bytes, pattern_at(offset), count) == 0;
}

#endif
