// See CURing.h: one function a submission, and the macros of liburing behind functions.
#define _GNU_SOURCE
#include "CURing.h"

#include <liburing.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct mu_ring {
    struct io_uring ring;
    bool is_registered; // by io_uring_register_ring_fd
};

// As in Linux 6.12's <linux/io_uring.h>: liburing 2.3 knows neither the feature nor the field, which was padding.
#define MU_FEATURE_MINIMUM_WAIT (1U << 15)
struct mu_wait {
    uint64_t signals;
    uint32_t signals_size;
    uint32_t minimum_microseconds;
    uint64_t limit;
};

struct mu_buffers {
    struct io_uring_buf_ring *ring;
    unsigned count;
};

// A free submission entry; submits what is queued when the queue is full. NULL only when the kernel takes nothing.
static struct io_uring_sqe *mu_sqe(mu_ring *ring) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);
    if (__builtin_expect(sqe == NULL, 0)) {
        io_uring_submit(&ring->ring);
        sqe = io_uring_get_sqe(&ring->ring);
    }
    return sqe;
}

bool mu_receive(mu_ring *ring, int fd, int group, bool multishot, unsigned length, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    if (multishot) io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    else io_uring_prep_recv(sqe, fd, NULL, length, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (uint16_t)group;
    sqe->user_data = data;
    return true;
}

bool mu_send(mu_ring *ring, int fd, const void *bytes, size_t count, bool waits, bool more, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    int flags = MSG_NOSIGNAL | (waits ? MSG_WAITALL : MSG_DONTWAIT) | (more ? MSG_MORE : 0);
    io_uring_prep_send(sqe, fd, bytes, count, flags);
    sqe->user_data = data;
    return true;
}

bool mu_accept(mu_ring *ring, int fd, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    sqe->user_data = data;
    return true;
}

bool mu_connect(mu_ring *ring, int fd, const void *address, unsigned length, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_connect(sqe, fd, address, length);
    sqe->user_data = data;
    return true;
}

bool mu_poll(mu_ring *ring, int fd, unsigned mask, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_poll_add(sqe, fd, mask);
    sqe->user_data = data;
    return true;
}

bool mu_read(mu_ring *ring, int fd, void *bytes, unsigned count, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_read(sqe, fd, bytes, count, 0);
    sqe->user_data = data;
    return true;
}

// Cancels the one operation that was submitted with `target` as its user data.
bool mu_cancel(mu_ring *ring, uint64_t target, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->user_data = data;
    return true;
}

// Cancels every operation on the descriptor.
bool mu_cancel_descriptor(mu_ring *ring, int fd, uint64_t data) {
    struct io_uring_sqe *sqe = mu_sqe(ring);
    if (!sqe) return false;
    io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
    sqe->user_data = data;
    return true;
}

int mu_setup(mu_ring **out, unsigned submissions, unsigned completions) {
    mu_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return -ENOMEM;
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL
        | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = completions;
    int result = io_uring_queue_init_params(submissions, &ring->ring, &parameters);
    if (result < 0) {
        free(ring);
        return result;
    }
    ring->is_registered = io_uring_register_ring_fd(&ring->ring) == 1; // saves a descriptor look-up a system call
    *out = ring;
    return 0;
}

void mu_end(mu_ring *ring) {
    io_uring_queue_exit(&ring->ring);
    free(ring);
}

bool mu_can_gather(const mu_ring *ring) {
    return (ring->ring.features & MU_FEATURE_MINIMUM_WAIT) && (ring->ring.features & IORING_FEAT_EXT_ARG);
}

// Makes the queued submissions visible to the kernel. Their number.
static unsigned mu_flush(struct io_uring_sq *queue) {
    if (queue->sqe_head != queue->sqe_tail) {
        queue->sqe_head = queue->sqe_tail;
        __atomic_store_n(queue->ktail, queue->sqe_tail, __ATOMIC_RELEASE);
    }
    return queue->sqe_tail - __atomic_load_n(queue->khead, __ATOMIC_RELAXED);
}

int mu_submit_and_wait(mu_ring *ring, unsigned count, unsigned gather, long long nanoseconds) {
    struct __kernel_timespec limit = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
    if (gather > 0) {
        struct mu_wait wait = {
            .minimum_microseconds = gather, .limit = nanoseconds < 0 ? 0 : (uint64_t)(uintptr_t)&limit,
        };
        unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
            | (ring->is_registered ? IORING_ENTER_REGISTERED_RING : 0);
        return io_uring_enter2(ring->ring.enter_ring_fd, mu_flush(&ring->ring.sq), count, flags,
            (sigset_t *)&wait, sizeof wait);
    }
    if (nanoseconds < 0) return io_uring_submit_and_wait(&ring->ring, count);
    struct io_uring_cqe *first = NULL;
    return io_uring_submit_and_wait_timeout(&ring->ring, &first, count, &limit, NULL);
}

unsigned mu_take(mu_ring *ring, mu_completion *completions, unsigned limit) {
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&ring->ring, head, cqe) {
        if (count == limit) break;
        completions[count].data = cqe->user_data;
        completions[count].result = cqe->res;
        completions[count].flags = ((cqe->flags & IORING_CQE_F_MORE) ? MU_MORE : 0)
            | ((cqe->flags & IORING_CQE_F_BUFFER) ? MU_BUFFER : 0);
        completions[count].buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        count++;
    }
    io_uring_cq_advance(&ring->ring, count);
    return count;
}

int mu_register_buffers(mu_ring *ring, unsigned group, unsigned count, mu_buffers **out) {
    mu_buffers *buffers = calloc(1, sizeof *buffers);
    if (!buffers) return -ENOMEM;
    size_t size = count * sizeof(struct io_uring_buf);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED) {
        free(buffers);
        return -ENOMEM;
    }
    struct io_uring_buf_reg registration;
    memset(&registration, 0, sizeof registration);
    registration.ring_addr = (uint64_t)(uintptr_t)memory;
    registration.ring_entries = count;
    registration.bgid = (uint16_t)group;
    int result = io_uring_register_buf_ring(&ring->ring, &registration, 0);
    if (result < 0) {
        munmap(memory, size);
        free(buffers);
        return result;
    }
    buffers->ring = memory;
    buffers->count = count;
    io_uring_buf_ring_init(buffers->ring);
    *out = buffers;
    return 0;
}

void mu_release_buffers(mu_buffers *buffers) {
    munmap(buffers->ring, buffers->count * sizeof(struct io_uring_buf));
    free(buffers);
}

void mu_add_buffer(mu_buffers *buffers, void *bytes, unsigned size, unsigned index, unsigned place) {
    io_uring_buf_ring_add(buffers->ring, bytes, size, (unsigned short)index, (int)buffers->count - 1, (int)place);
}

void mu_publish_buffers(mu_buffers *buffers, unsigned count) { io_uring_buf_ring_advance(buffers->ring, (int)count); }
