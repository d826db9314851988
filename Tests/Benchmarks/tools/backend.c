// Owns the backend for what a file server does not do: chunked answers, uploads, WebSocket and TCP echo.
#define _GNU_SOURCE
#include "backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pattern.h"

// One read; with what was left of the input before it, a frame and one more read fit.
#define READ_BYTES PATTERN_SPAN
#define CLIENT_LIMIT 19000

static int poll_descriptor;
static char scratch[FRAME_LIMIT + READ_BYTES];

static void stop(const char *reason) {
    fprintf(stderr, "backend: %s: %s\n", reason, strerror(errno));
    exit(2);
}

void client_close(struct client *client) { client->is_closed = true; }

static void watch(struct client *client) {
    // No reading while output waits: an echo must not grow without end.
    struct epoll_event event = {.events = client->waits_to_send ? EPOLLOUT : EPOLLIN, .data.ptr = client};
    epoll_ctl(poll_descriptor, EPOLL_CTL_MOD, client->descriptor, &event);
}

void client_send(struct client *client, const char *bytes, size_t count) {
    size_t sent = 0;
    while (!client->waits_to_send && sent < count) {
        ssize_t written = send(client->descriptor, bytes + sent, count - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            if (errno != EAGAIN) return client_close(client);
            client->waits_to_send = true;
            watch(client);
            break;
        }
        sent += (size_t)written;
    }
    if (sent == count) return;
    char *output = realloc(client->output, client->output_length + count - sent);
    if (!output) return client_close(client);
    memcpy(output + client->output_length, bytes + sent, count - sent);
    client->output = output;
    client->output_length += count - sent;
}

// Sends what waited; then reading goes on.
static void flush(struct client *client) {
    char *output = client->output;
    size_t length = client->output_length;
    client->output = NULL;
    client->output_length = 0;
    client->waits_to_send = false;
    client_send(client, output, length);
    free(output);
    if (!client->waits_to_send && !client->is_closed) watch(client);
}

static size_t take(struct client *client, char *bytes, size_t count) {
    switch (client->role) {
    case ROLE_HTTP: return http_take(client, bytes, count);
    case ROLE_UPLOAD: return upload_take(client, bytes, count);
    case ROLE_WEBSOCKET: return websocket_take(client, bytes, count);
    default: client_send(client, bytes, count); return count;
    }
}

static void receive(struct client *client) {
    size_t kept = client->input_length;
    if (kept > 0) memcpy(scratch, client->input, kept);
    ssize_t count = recv(client->descriptor, scratch + kept, READ_BYTES, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return client_close(client);
    free(client->input);
    client->input = NULL;
    client->input_length = 0;
    size_t length = kept + (size_t)count, used = 0;
    while (used < length && !client->is_closed) {
        size_t step = take(client, scratch + used, length - used);
        if (step == 0) break;
        used += step;
    }
    if (used == length || client->is_closed) return;
    client->input = malloc(length - used);
    if (!client->input || length - used > FRAME_LIMIT) return client_close(client);
    client->input_length = length - used;
    memcpy(client->input, scratch + used, length - used);
}

static void handle(struct client *client, unsigned events, unsigned *clients) {
    if (client->waits_to_send)
        flush(client);
    else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(client);
    if (!client->is_closed) return;
    close(client->descriptor);
    free(client->input);
    free(client->output);
    free(client);
    --*clients;
}

static void accept_all(int listener, enum role role, unsigned *clients) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = *clients < CLIENT_LIMIT ? calloc(1, sizeof *client) : NULL;
        if (!client) {
            close(descriptor);
            continue;
        }
        ++*clients;
        client->descriptor = descriptor;
        client->role = role;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, descriptor, &event);
    }
}

// Listens on every address of the loopback device and on no other device; the port.
static unsigned listen_on_loopback(int *listener) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    *listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*listener < 0) stop("socket");
    if (setsockopt(*listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) < 0) stop("cannot bind to the loopback device");
    if (bind(*listener, (struct sockaddr *)&address, sizeof address) < 0) stop("bind");
    if (listen(*listener, 4096) < 0) stop("listen");
    socklen_t size = sizeof address;
    getsockname(*listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

int main(void) {
    pattern_prepare();
    http_prepare();
    poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (poll_descriptor < 0) stop("epoll");
    int listeners[2];
    unsigned http = listen_on_loopback(&listeners[0]), echo = listen_on_loopback(&listeners[1]), clients = 0;
    for (int index = 0; index < 2; index++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[index]};
        epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, listeners[index], &event);
    }
    printf("{\"http\": %u, \"echo\": %u}\n", http, echo);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[512];
        int count = epoll_wait(poll_descriptor, events, 512, -1);
        if (count < 0 && errno != EINTR) stop("epoll_wait");
        for (int index = 0; index < count; index++) {
            int *listener = events[index].data.ptr;
            if (listener == &listeners[0])
                accept_all(*listener, ROLE_HTTP, &clients);
            else if (listener == &listeners[1])
                accept_all(*listener, ROLE_ECHO, &clients);
            else
                handle(events[index].data.ptr, events[index].events, &clients);
        }
    }
}
