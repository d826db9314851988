// See CLinux.h.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int ml_epoll_make(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int add(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = { .events = events, .data.u64 = data };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int ml_epoll_add_stream(int epoll, int fd, uint64_t data) {
    return add(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, data);
}

int ml_epoll_add_reader(int epoll, int fd, uint64_t data) { return add(epoll, fd, EPOLLIN, data); }

void ml_epoll_remove(int epoll, int fd) { epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int ml_epoll_wait(int epoll, ml_readiness *out, int limit, int milliseconds) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll, events, limit < 512 ? limit : 512, milliseconds);
    for (int index = 0; index < count; index++) {
        uint32_t flags = events[index].events;
        out[index].data = events[index].data.u64;
        out[index].ended = (flags & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        out[index].readable = out[index].ended || (flags & EPOLLIN) != 0;
        out[index].writable = (flags & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    }
    return count < 0 ? -errno : count;
}

long long ml_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (long long)time.tv_sec * 1000000000LL + time.tv_nsec;
}

long long ml_wall_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (long long)time.tv_sec;
}

int ml_set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int ml_reset_on_close(int fd) {
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) < 0 ? -errno : 0;
}

int ml_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) < 0 ? -errno : count;
}

int ml_disconnect(int fd) {
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    return connect(fd, &nobody, sizeof nobody) < 0 ? -errno : 0;
}

void ml_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int ml_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int ml_stop_handshakes(int fd) {
    // The flags are byte 13 of a TCP header: SYN without ACK asks for a connection.
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = { .len = sizeof program / sizeof program[0], .filter = program };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

int ml_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int ml_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

long ml_send(int fd, const void *bytes, size_t count, bool more) {
    return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
}

// A splice to a connection that broke raises SIGPIPE, and no flag prevents it.
static void ignore_broken_pipes(void) {
    struct sigaction now;
    if (!sigaction(SIGPIPE, NULL, &now) && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

int ml_pipe(int *read_end, int *write_end, int size) {
    ignore_broken_pipes();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return -errno;
    // Only what a user may have: a smaller one does, too.
    fcntl(ends[1], F_SETPIPE_SZ, size);
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

long ml_splice(int from, int to, size_t count) {
    long moved = splice(from, NULL, to, NULL, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    return moved < 0 ? -errno : moved;
}

int ml_resolve(const char *host, uint16_t port, uint8_t *results, int limit) {
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) return code == EAI_SYSTEM ? -errno : (code == EAI_AGAIN ? -EAGAIN : -EADDRNOTAVAIL);
    int count = 0;
    for (struct addrinfo *each = found; each && count < limit; each = each->ai_next) {
        if (each->ai_addrlen > 31) continue;
        results[count * 32] = (uint8_t)each->ai_addrlen;
        memcpy(results + count * 32 + 1, each->ai_addr, each->ai_addrlen);
        count++;
    }
    freeaddrinfo(found);
    return count;
}

long long ml_wall_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void ml_die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGTERM); }
