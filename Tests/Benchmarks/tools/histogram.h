// Owns latencies: counted in buckets of at most 1/128 of their value, read back as percentiles.
#ifndef MERIDIAN_BENCHMARK_HISTOGRAM_H
#define MERIDIAN_BENCHMARK_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 128
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 58)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t largest;
};

static inline void histogram_add(struct histogram *histogram, uint64_t nanoseconds) {
    unsigned shift = 0;
    if (nanoseconds >= 2 * HISTOGRAM_STEPS) shift = 56 - (unsigned)__builtin_clzll(nanoseconds);
    histogram->counts[shift * HISTOGRAM_STEPS + (nanoseconds >> shift)]++;
    histogram->total++;
    if (nanoseconds > histogram->largest) histogram->largest = nanoseconds;
}

// Microseconds that `share` (0-1) of the values do not exceed; 0 when there are none.
static inline double histogram_percentile(const struct histogram *histogram, double share) {
    uint64_t rank = (uint64_t)(share * (double)histogram->total + 0.5), seen = 0;
    if (rank == 0) rank = 1;
    for (unsigned index = 0; index < HISTOGRAM_BUCKETS; index++) {
        seen += histogram->counts[index];
        if (seen < rank) continue;
        unsigned shift = index < 2 * HISTOGRAM_STEPS ? 0 : index / HISTOGRAM_STEPS - 1;
        uint64_t top = ((uint64_t)(index - shift * HISTOGRAM_STEPS) << shift) + ((uint64_t)1 << shift) - 1;
        return (double)(top < histogram->largest ? top : histogram->largest) / 1000;
    }
    return (double)histogram->largest / 1000;
}

#endif
