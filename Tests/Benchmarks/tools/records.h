// Owns the files that the tools of the failover benchmark leave behind: fixed records in mapped memory, read by Python.
#ifndef MERIDIAN_BENCHMARK_RECORDS_H
#define MERIDIAN_BENCHMARK_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// Far above what a run of minutes at some hundred requests a second needs; the file is sparse.
#define RECORDS_LIMIT (1u << 20)

enum method { METHOD_GET, METHOD_POST };

// One head that a backend has read: "<QQIBBxx" in Python's struct notation.
struct stamp {
    uint64_t read_at;
    uint64_t epoch;
    uint32_t number;
    uint8_t source, method;
    uint8_t reserved[2];
};

// One request of the generator: "<QQQIHBB".
struct sent {
    // When it was to begin, did begin, and ended, in nanoseconds of CLOCK_MONOTONIC; an end of 0: never.
    uint64_t scheduled_at, begun_at, ended_at;
    uint32_t number;
    uint16_t status;
    uint8_t method, failure;
};

// A file of records after a count of eight bytes.
struct records {
    volatile uint64_t *count;
    char *first;
    size_t size;
};

static inline uint64_t now_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Makes the file; false when it cannot be made.
static inline bool records_open(struct records *records, const char *path, size_t size) {
    size_t bytes = sizeof(uint64_t) + size * RECORDS_LIMIT;
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)bytes) < 0) return false;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory == MAP_FAILED) return false;
    *records = (struct records){(uint64_t *)memory, memory + sizeof(uint64_t), size};
    return true;
}

// Where the next record goes; NULL when the file is full. It counts once it is committed.
static inline void *records_next(struct records *records) {
    if (*records->count >= RECORDS_LIMIT) return NULL;
    return records->first + *records->count * records->size;
}

static inline void records_commit(struct records *records) { ++*records->count; }

#endif
