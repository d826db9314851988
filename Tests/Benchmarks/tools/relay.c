// Owns the bare relay: one loop that passes bytes on and looks at none of them. What it costs is what the kernel takes of
// any proxy that is built like this.
//
//     relay PORT BACKEND-PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536
#define READS_IN_A_ROW 4

// One of the two ends of a relayed connection. Edge-triggered, as Meridian's epoll loop.
struct end {
    int descriptor;
    struct end *other;
    bool is_connecting;
    bool is_gone;
    // What `other` sent and this end's kernel has not taken yet; `other` is not read from meanwhile.
    char *waiting;
    size_t waiting_begin, waiting_count;
    struct end *next_gone;
};

static int poll_descriptor;
static struct sockaddr_in backend;
static char bytes[READ_BYTES];
// Freed after the events of a turn, which may still name them.
static struct end *gone;

static void stop(const char *reason) {
    fprintf(stderr, "relay: %s: %s\n", reason, strerror(errno));
    exit(2);
}

static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void close_both(struct end *end) {
    if (end->is_gone) return;
    for (int index = 0; index < 2; index++, end = end->other) {
        end->is_gone = true;
        close(end->descriptor);
        end->next_gone = gone;
        gone = end;
    }
}

// False when the end's kernel has no room for all.
static bool pass_on(struct end *end, const char *from, size_t count) {
    ssize_t sent = send(end->descriptor, from, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)count) return true;
    if (sent < 0 && errno != EAGAIN) {
        close_both(end);
        return false;
    }
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    end->waiting = malloc(count - taken);
    if (!end->waiting) stop("malloc");
    memcpy(end->waiting, from + taken, count - taken);
    end->waiting_begin = 0;
    end->waiting_count = count - taken;
    return false;
}

static void relay(struct end *end) {
    for (int reads = 0; reads < READS_IN_A_ROW; reads++) {
        if (end->is_gone || end->other->is_connecting || end->other->waiting) return;
        ssize_t count = recv(end->descriptor, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) return close_both(end);
        if (!pass_on(end->other, bytes, (size_t)count)) return;
        // Less than there was room for: the kernel has no more, or an edge will tell.
        if ((size_t)count < sizeof bytes) return;
    }
    // The others' turn; this one comes again by being armed again.
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    epoll_ctl(poll_descriptor, EPOLL_CTL_MOD, end->descriptor, &event);
}

static void writable(struct end *end) {
    if (end->is_connecting) {
        end->is_connecting = false;
        return relay(end->other);
    }
    if (!end->waiting) return;
    ssize_t sent = send(end->descriptor, end->waiting + end->waiting_begin, end->waiting_count,
        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        if (errno != EAGAIN) close_both(end);
        return;
    }
    end->waiting_begin += (size_t)sent;
    end->waiting_count -= (size_t)sent;
    if (end->waiting_count > 0) return;
    free(end->waiting);
    end->waiting = NULL;
    relay(end->other);
}

static void watch(struct end *end) {
    int on = 1;
    setsockopt(end->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, end->descriptor, &event) < 0) stop("epoll_ctl");
}

static void take(int listener) {
    int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) return;
    struct end *client = calloc(1, sizeof *client), *server = calloc(1, sizeof *server);
    if (!client || !server) stop("calloc");
    client->descriptor = accepted;
    server->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->descriptor < 0) stop("socket");
    client->other = server;
    server->other = client;
    server->is_connecting = true;
    if (connect(server->descriptor, (struct sockaddr *)&backend, sizeof backend) < 0 && errno != EINPROGRESS)
        stop("connect");
    watch(client);
    watch(server);
}

int main(int count, char **arguments) {
    if (count != 3) return fprintf(stderr, "usage: relay PORT BACKEND-PORT\n"), 2;
    struct sockaddr_in own = loopback(arguments[1]);
    backend = loopback(arguments[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) stop("listen");
    poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poll_descriptor < 0 || epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, listener, &event) < 0) stop("epoll");
    for (;;) {
        struct epoll_event events[512];
        int ready = epoll_wait(poll_descriptor, events, 512, -1);
        for (int index = 0; index < ready; index++) {
            struct end *end = events[index].data.ptr;
            if (!end) {
                take(listener);
                continue;
            }
            if (!end->is_gone && events[index].events & EPOLLOUT) writable(end);
            if (!end->is_gone && events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) relay(end);
        }
        while (gone) {
            struct end *next = gone->next_gone;
            free(gone->waiting);
            free(gone);
            gone = next;
        }
    }
}
