// The thinnest shims over Linux calls whose macros, flags or unions Swift cannot import.
// System headers stay in CLinux.c: they want _GNU_SOURCE, which Swift's Glibc module does not define.
#ifndef MERIDIAN_CLINUX_H
#define MERIDIAN_CLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "Storage.h"

typedef struct {
    uint64_t data;
    // `ended`: FIN, hang-up or error; reading tells which.
    bool readable, writable, ended;
} ml_readiness;

// Unless said otherwise: 0 or more, or a negative errno.
int ml_epoll_make(void);
// Edge-triggered, for reading and writing.
int ml_epoll_add_stream(int epoll, int fd, uint64_t data);
// Level-triggered, for reading.
int ml_epoll_add_reader(int epoll, int fd, uint64_t data);
void ml_epoll_remove(int epoll, int fd);
int ml_epoll_wait(int epoll, ml_readiness *out, int limit, int milliseconds);
long long ml_now(void);
long long ml_wall_seconds(void);
long long ml_wall_milliseconds(void);
int ml_set_option(int fd, int level, int name, int value);
int ml_reset_on_close(int fd);
// Bytes in the send queue that the peer has not acknowledged (SIOCOUTQ, tcp(7)); a negative errno.
int ml_unacknowledged(int fd);
// Resets a TCP connection at once (tcp(7), connect to AF_UNSPEC), whoever else uses the descriptor.
int ml_disconnect(int fd);
// The kernel ends this process when the one that started it ends.
void ml_die_with_parent(void);
void ml_name_thread(const char *name);
int ml_accept(int fd);
// A listening socket begins no more connections: the kernel drops each SYN, as if it were lost.
int ml_stop_handshakes(int fd);
int ml_socket(int family);
int ml_eventfd(void);
// `more`: the bytes may stay with the kernel until the next ones, or FIN, follow.
long ml_send(int fd, const void *bytes, size_t count, bool more);
// A pipe for at least some of `size` bytes, which never blocks. From then on SIGPIPE does not end the process.
int ml_pipe(int *read_end, int *write_end, int size);
// Moves at most `count` bytes between a pipe and a socket without blocking on either. The number of bytes, 0 at the
// end, or a negative errno.
long ml_splice(int from, int to, size_t count);
// Resolves a host for TCP. Each of the at most `limit` results takes 32 bytes: a length, then a sockaddr. The number of
// results, or a negative errno.
int ml_resolve(const char *host, uint16_t port, uint8_t *results, int limit);

#endif
