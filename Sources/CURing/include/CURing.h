// The thinnest shims over liburing 2.3: each prepares one submission, and hides the macros that Swift cannot import.
// liburing's own headers stay out: they define _GNU_SOURCE, which Swift's Glibc module does not.
#ifndef MERIDIAN_CURING_H
#define MERIDIAN_CURING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mu_ring mu_ring;
typedef struct mu_buffers mu_buffers;

enum { MU_MORE = 1, MU_BUFFER = 2 };

typedef struct {
    uint64_t data;
    int32_t result;
    // MU_MORE: the operation goes on; MU_BUFFER: `buffer` is the index of a provided buffer.
    uint16_t flags;
    uint16_t buffer;
} mu_completion;

// Makes a ring of the calling thread (SINGLE_ISSUER, DEFER_TASKRUN). 0, or a negative errno.
int mu_setup(mu_ring **out, unsigned submissions, unsigned completions);
void mu_end(mu_ring *ring);

// Each queues one operation; false when the kernel takes no more.
bool mu_receive(mu_ring *ring, int fd, int group, bool multishot, unsigned length, uint64_t data);
// `waits`: completes once all bytes are with the kernel; otherwise within the submission, with those that there was
// room for or with -EAGAIN. `more`: the bytes may stay with the kernel until the next ones, or FIN, follow.
bool mu_send(mu_ring *ring, int fd, const void *bytes, size_t count, bool waits, bool more, uint64_t data);
bool mu_accept(mu_ring *ring, int fd, uint64_t data);
bool mu_connect(mu_ring *ring, int fd, const void *address, unsigned length, uint64_t data);
bool mu_poll(mu_ring *ring, int fd, unsigned mask, uint64_t data);
bool mu_read(mu_ring *ring, int fd, void *bytes, unsigned count, uint64_t data);
// Cancels the one operation that was submitted with `target` as its data.
bool mu_cancel(mu_ring *ring, uint64_t target, uint64_t data);
// Cancels every operation on the descriptor.
bool mu_cancel_descriptor(mu_ring *ring, int fd, uint64_t data);

// Whether `gather` below is heeded (Linux 6.12).
bool mu_can_gather(const mu_ring *ring);
// Submits everything and waits for `count` completions, at most `nanoseconds` (< 0: no limit). With `gather` > 0: after
// that many microseconds one that came while it waited is enough. Negative: an errno.
int mu_submit_and_wait(mu_ring *ring, unsigned count, unsigned gather, long long nanoseconds);
// Takes up to `limit` completions off the ring. The number taken.
unsigned mu_take(mu_ring *ring, mu_completion *completions, unsigned limit);

// Registers a ring of `count` (a power of two) provided buffers as `group`. 0, or a negative errno.
int mu_register_buffers(mu_ring *ring, unsigned group, unsigned count, mu_buffers **out);
void mu_release_buffers(mu_buffers *buffers);
// Notes a buffer for the kernel, as the one at `place` (0, 1, ...) since the last call that published.
void mu_add_buffer(mu_buffers *buffers, void *bytes, unsigned size, unsigned index, unsigned place);
void mu_publish_buffers(mu_buffers *buffers, unsigned count);

#endif
