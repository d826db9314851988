// Owns a backend that remembers when it read each request's head: in a mapped file, which outlives a kill.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pattern.h"
#include "records.h"

#define HEAD_LIMIT 8192
#define BODY_BYTES 128
#define CLIENT_LIMIT 8192

struct client {
    int descriptor;
    // Bytes of a request's body that are still to come.
    uint64_t body;
    // When the answer is due; 0: nothing is owed. Those who wait are in a list, the earliest first.
    uint64_t due;
    struct client *before, *after;
    size_t input_length;
    char input[HEAD_LIMIT];
};

static struct records stamps;
static uint64_t delay_nanoseconds;
static struct client *first_waiting, *last_waiting;
static char answer[512];
static size_t answer_length;

static void stop(const char *reason) {
    fprintf(stderr, "stamping-backend: %s: %s\n", reason, strerror(errno));
    exit(2);
}

static void wait_for_due(struct client *client) {
    client->before = last_waiting;
    client->after = NULL;
    *(last_waiting ? &last_waiting->after : &first_waiting) = client;
    last_waiting = client;
}

static void leave_list(struct client *client) {
    *(client->before ? &client->before->after : &first_waiting) = client->after;
    *(client->after ? &client->after->before : &last_waiting) = client->before;
    client->due = 0;
}

static void end(struct client *client, unsigned *clients) {
    if (client->due) leave_list(client);
    close(client->descriptor);
    free(client);
    --*clients;
}

// The value of a field; NULL if the head has none of this name. `name` ends with a colon.
static const char *field(const char *head, const char *name) {
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) != 0) continue;
        line += strlen(name);
        return line + strspn(line, " ");
    }
    return NULL;
}

static bool send_answer(struct client *client) {
    // A socket without room for 300 bytes has a peer that does not read: it is not waited for.
    return send(client->descriptor, answer, answer_length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)answer_length;
}

// Remembers one request by its `X-Request-Id`, which the generator writes as `source-number`.
static void remember(const char *head, uint64_t read_at) {
    const char *id = field(head, "x-request-id:"), *epoch = field(head, "meridian-epoch:");
    char *rest = NULL;
    unsigned long source = id ? strtoul(id, &rest, 10) : 0;
    if (!id || *rest != '-') return;
    struct stamp *stamp = records_next(&stamps);
    if (!stamp) stop("more requests than the file has room for");
    *stamp = (struct stamp){
        .read_at = read_at,
        .epoch = epoch ? strtoull(epoch, NULL, 10) : 0,
        .number = (uint32_t)strtoul(rest + 1, NULL, 10),
        .source = (uint8_t)source,
        .method = strncmp(head, "POST ", 5) == 0 ? METHOD_POST : METHOD_GET,
    };
    records_commit(&stamps);
}

// Takes a head that ends with a zero; false when the connection is to be closed.
static bool take_head(struct client *client, const char *head) {
    uint64_t now = now_nanoseconds();
    const char *length = field(head, "content-length:");
    client->body = length ? strtoull(length, NULL, 10) : 0;
    if (strncmp(head, "GET /healthz ", 13) == 0) return send_answer(client);
    remember(head, now);
    if (delay_nanoseconds == 0) return send_answer(client);
    client->due = now + delay_nanoseconds;
    wait_for_due(client);
    return true;
}

static bool receive(struct client *client) {
    char *free_room = client->input + client->input_length;
    size_t room = HEAD_LIMIT - 1 - client->input_length;
    ssize_t count = recv(client->descriptor, free_room, room, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    client->input_length += (size_t)count;
    for (;;) {
        size_t body = client->body < client->input_length ? client->body : client->input_length;
        client->body -= body;
        client->input_length -= body;
        memmove(client->input, client->input + body, client->input_length);
        client->input[client->input_length] = 0;
        char *head_end = memmem(client->input, client->input_length, "\r\n\r\n", 4);
        // A proxy sends one request after the other: what is still owed comes first.
        if (!head_end || client->body > 0 || client->due) return client->input_length < HEAD_LIMIT - 1;
        char kept = head_end[4];
        head_end[4] = 0;
        if (!take_head(client, client->input)) return false;
        head_end[4] = kept;
        size_t used = (size_t)(head_end + 4 - client->input);
        client->input_length -= used;
        memmove(client->input, client->input + used, client->input_length);
    }
}

static void accept_all(int poll, int listener, unsigned *clients) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = *clients < CLIENT_LIMIT ? malloc(sizeof *client) : NULL;
        if (!client) {
            close(descriptor);
            continue;
        }
        memset(client, 0, offsetof(struct client, input));
        ++*clients;
        client->descriptor = descriptor;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static void answer_those_due(unsigned *clients) {
    uint64_t now = now_nanoseconds();
    while (first_waiting && first_waiting->due <= now) {
        struct client *client = first_waiting;
        leave_list(client);
        if (!send_answer(client)) end(client, clients);
    }
}

// Milliseconds until an answer is due, rounded up; -1: none is.
static int patience(void) {
    if (!first_waiting) return -1;
    uint64_t now = now_nanoseconds();
    return first_waiting->due <= now ? 0 : (int)((first_waiting->due - now + 999999) / 1000000);
}

static int listen_on(const char *host) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) stop("not an address");
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) stop("socket");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) stop("bind");
    if (listen(listener, 4096) < 0) stop("listen");
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

// stamping-backend HOST DELAY-MS FILE
int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: stamping-backend HOST DELAY-MS FILE\n");
        return 2;
    }
    pattern_prepare();
    delay_nanoseconds = (uint64_t)(atof(arguments[2]) * 1e6);
    if (!records_open(&stamps, arguments[3], sizeof(struct stamp))) stop(arguments[3]);
    answer_length = (size_t)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%.*s",
                                     BODY_BYTES, BODY_BYTES, pattern_at(0));
    int poll = epoll_create1(EPOLL_CLOEXEC), listener = listen_on(arguments[1]);
    unsigned clients = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, patience());
        if (ready < 0 && errno != EINTR) stop("epoll_wait");
        for (int index = 0; index < ready; index++) {
            struct client *client = events[index].data.ptr;
            if (!client)
                accept_all(poll, listener, &clients);
            else if (!receive(client))
                end(client, &clients);
        }
        answer_those_due(&clients);
    }
}
