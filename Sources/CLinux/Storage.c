// See Storage.h.
#define _GNU_SOURCE
#include "Storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// The reflected polynomial, and its table for one byte: filled by the first call of each thread that needs it, always
// with the same values, so that it does not matter who comes first.
static uint32_t table[256];
static int table_filled;

static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82F63B78u : value >> 1;
        __atomic_store_n(&table[byte], value, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&table_filled, 1, __ATOMIC_RELEASE);
}

uint32_t ml_crc32c_by_table(uint32_t checksum, const uint8_t *bytes, size_t from, size_t count) {
    if (!__atomic_load_n(&table_filled, __ATOMIC_ACQUIRE)) fill_table();
    uint32_t value = ~checksum;
    for (size_t index = from; index < from + count; index++) {
        value = __atomic_load_n(&table[(value ^ bytes[index]) & 0xFF], __ATOMIC_RELAXED) ^ value >> 8;
    }
    return ~value;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(
    uint32_t checksum, const uint8_t *bytes, size_t count) {
    uint64_t value = (uint32_t)~checksum;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        value = _mm_crc32_u64(value, word);
        bytes += 8;
        count -= 8;
    }
    uint32_t rest = (uint32_t)value;
    while (count > 0) {
        rest = _mm_crc32_u8(rest, *bytes++);
        count--;
    }
    return ~rest;
}

uint32_t ml_crc32c(uint32_t checksum, const uint8_t *bytes, size_t from, size_t count) {
    if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction(checksum, bytes + from, count);
    return ml_crc32c_by_table(checksum, bytes, from, count);
}
#else
uint32_t ml_crc32c(uint32_t checksum, const uint8_t *bytes, size_t from, size_t count) {
    return ml_crc32c_by_table(checksum, bytes, from, count);
}
#endif

long ml_file_write(int fd, const uint8_t *bytes, size_t from, size_t count, long long offset) {
    ssize_t written = pwrite(fd, bytes + from, count, offset);
    return written < 0 ? -errno : written;
}

long ml_file_read(int fd, uint8_t *bytes, size_t from, size_t count, long long offset) {
    ssize_t read = pread(fd, bytes + from, count, offset);
    return read < 0 ? -errno : read;
}

int ml_file_allocate(int fd, long long size) {
    if (fallocate(fd, 0, 0, size) == 0) return 0;
    if (errno != EOPNOTSUPP) return -errno;
    // The file system cannot reserve: posix_fallocate(3) writes into every block instead.
    return -posix_fallocate(fd, 0, size);
}

long long ml_file_size(int fd) {
    struct stat status;
    return fstat(fd, &status) < 0 ? -errno : status.st_size;
}

int ml_file_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0; }

void ml_file_unlock(int fd) { flock(fd, LOCK_UN); }

long ml_folder_names(const char *path, uint8_t *names, size_t room) {
    DIR *folder = opendir(path);
    if (!folder) return -errno;
    size_t used = 0;
    long result = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (!entry) {
            result = errno ? -errno : (long)used;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        size_t length = strlen(entry->d_name) + 1;
        if (length > room - used) {
            result = -ERANGE;
            break;
        }
        memcpy(names + used, entry->d_name, length);
        used += length;
    }
    closedir(folder);
    return result;
}
