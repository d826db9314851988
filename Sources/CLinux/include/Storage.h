// The calls of a log on a disk: files at offsets, space, locks, folders, and the checksum of what is written.
#ifndef MERIDIAN_STORAGE_H
#define MERIDIAN_STORAGE_H

#include <stddef.h>
#include <stdint.h>

// CRC32C (Castagnoli; RFC 3720 appendix B.4) of `count` bytes from `from` on. `checksum` is that of the bytes before them,
// 0 at the beginning. With SSE 4.2 where the processor has it, else by table.
uint32_t ml_crc32c(uint32_t checksum, const uint8_t *bytes, size_t from, size_t count);
// The same, always by table: so that tests can compare the two.
uint32_t ml_crc32c_by_table(uint32_t checksum, const uint8_t *bytes, size_t from, size_t count);

// Unless said otherwise: 0 or more, or a negative errno.
// One pwrite(2) or pread(2); may do less than asked.
long ml_file_write(int fd, const uint8_t *bytes, size_t from, size_t count, long long offset);
long ml_file_read(int fd, uint8_t *bytes, size_t from, size_t count, long long offset);
// Reserves `size` bytes, which read as zeros, so that writing them later cannot find the disk full.
int ml_file_allocate(int fd, long long size);
long long ml_file_size(int fd);
// Locks the file for this open description; -EWOULDBLOCK when another holds it.
int ml_file_lock(int fd);
void ml_file_unlock(int fd);
// The names in a folder but `.` and `..`, each with its NUL, and the bytes they take. -ERANGE when they need more than `room`.
long ml_folder_names(const char *path, uint8_t *names, size_t room);

#endif
