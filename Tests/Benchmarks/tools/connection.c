// Owns one connection of the load generator: its exchanges and the checks of what comes back.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "pattern.h"

// After so many failures a run is worth nothing.
#define ERROR_LIMIT 1000

static char scratch[PATTERN_SPAN];

// RFC 6455 section 1.3: the accept value of the key that the generator sends.
static const char accept_value[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

uint64_t now_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t load_errors(const struct load *load) {
    uint64_t sum = 0;
    for (int failure = 0; failure < FAILURES; failure++) sum += load->errors[failure];
    return sum;
}

static bool is_over(const struct load *load) {
    return now_nanoseconds() >= load->deadline || load_errors(load) > ERROR_LIMIT;
}

static void close_connection(struct load *load, struct connection *connection) {
    if (connection->phase == PHASE_CLOSED) return;
    close(connection->descriptor);
    connection->phase = PHASE_CLOSED;
    load->active--;
}

void connection_fail(struct load *load, struct connection *connection, enum failure failure) {
    load->errors[failure]++;
    close_connection(load, connection);
    if (load->mode != MODE_IDLE && !is_over(load)) connection_open(load, connection);
}

static void watch(struct load *load, struct connection *connection, bool sends) {
    if (connection->waits_to_send == sends) return;
    connection->waits_to_send = sends;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (sends ? EPOLLOUT : 0u), .data.ptr = connection};
    epoll_ctl(load->poll, EPOLL_CTL_MOD, connection->descriptor, &event);
}

static void send_more(struct load *load, struct connection *connection) {
    uint64_t total = connection->head.length + connection->body;
    while (connection->sent < total) {
        struct iovec parts[2];
        int count = 0;
        uint64_t offset = 0;
        if (connection->sent < connection->head.length) {
            parts[count].iov_base = (void *)(connection->head.bytes + connection->sent);
            parts[count++].iov_len = connection->head.length - connection->sent;
        } else {
            offset = connection->sent - connection->head.length;
        }
        if (offset < connection->body) {
            uint64_t left = connection->body - offset;
            parts[count].iov_base = (void *)pattern_at(offset);
            parts[count++].iov_len = left < PATTERN_SPAN ? left : PATTERN_SPAN;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t written = sendmsg(connection->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            if (errno == EAGAIN) return watch(load, connection, true);
            // The answer to an upload may be there before the upload is done; receiving tells.
            if (errno == EPIPE || errno == ECONNRESET) return watch(load, connection, false);
            return connection_fail(load, connection, FAIL_CLOSED);
        }
        connection->sent += (uint64_t)written;
    }
    watch(load, connection, false);
}

// Begins what comes next on an open connection.
static void begin(struct load *load, struct connection *connection, bool opens) {
    connection->sent = connection->received = 0;
    connection->body = 0;
    response_reset(&connection->response);
    if (load->mode == MODE_WEBSOCKET && opens) {
        connection->phase = PHASE_OPENING;
        connection->head = load->requests[0];
    } else {
        connection->phase = PHASE_EXCHANGE;
        connection->head = (struct text){"", 0};
        if (load->mode == MODE_WEBSOCKET) connection->head = load->frame;
        if (load->mode != MODE_WEBSOCKET) connection->body = load->body;
        if (load->mode == MODE_HTTP || load->mode == MODE_CLOSE || load->mode == MODE_IDLE)
            connection->head = load->requests[load->next_request++ % load->request_count];
    }
    // A connection for each request is part of that request's time.
    if (!(opens && load->mode == MODE_CLOSE)) connection->began = now_nanoseconds();
    send_more(load, connection);
}

void connection_open(struct load *load, struct connection *connection) {
    connection->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->descriptor < 0) {
        load->errors[FAIL_CONNECT]++;
        return;
    }
    load->active++;
    connection->began = now_nanoseconds();
    connection->phase = PHASE_CONNECTING;
    connection->waits_to_send = true;
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct sockaddr *address = (struct sockaddr *)&load->target;
    if (connect(connection->descriptor, address, sizeof load->target) < 0 && errno != EINPROGRESS)
        return connection_fail(load, connection, FAIL_CONNECT);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP, .data.ptr = connection};
    epoll_ctl(load->poll, EPOLL_CTL_ADD, connection->descriptor, &event);
}

static void complete(struct load *load, struct connection *connection) {
    uint64_t now = now_nanoseconds();
    load->completed++;
    load->ended = now;
    histogram_add(&load->latencies, now - connection->began);
    if (load->mode == MODE_IDLE) {
        connection->phase = PHASE_IDLE;
    } else if (load->mode == MODE_CLOSE) {
        connection->phase = PHASE_ENDING;
    } else if (is_over(load)) {
        close_connection(load, connection);
    } else {
        begin(load, connection, false);
    }
}

static void check_response(struct load *load, struct connection *connection, size_t left) {
    struct response *response = &connection->response;
    int status = connection->phase == PHASE_OPENING ? 101 : load->status;
    uint64_t length = connection->phase == PHASE_OPENING ? 0 : load->length;
    if (response->state == RESPONSE_MALFORMED || left > 0) return connection_fail(load, connection, FAIL_FRAMING);
    if (response->state == RESPONSE_WRONG_CONTENT) {
        // Another status has another body: its own count says more.
        return connection_fail(load, connection, response->status == status ? FAIL_CONTENT : FAIL_STATUS);
    }
    if (response->status != status) return connection_fail(load, connection, FAIL_STATUS);
    if (response->body != length) return connection_fail(load, connection, FAIL_LENGTH);
    if (connection->phase == PHASE_OPENING) {
        if (!strstr(response->text, accept_value)) return connection_fail(load, connection, FAIL_CONTENT);
        return begin(load, connection, false);
    }
    complete(load, connection);
}

// Checks bytes that come back as they are: a frame's head, then the pattern.
static void check_echo(struct load *load, struct connection *connection, const char *bytes, size_t count) {
    uint64_t total = load->answer.length + load->body;
    size_t used = 0;
    while (used < count && connection->received < load->answer.length) {
        if (bytes[used++] != load->answer.bytes[connection->received++])
            return connection_fail(load, connection, FAIL_CONTENT);
    }
    if (connection->received + (count - used) > total) return connection_fail(load, connection, FAIL_LENGTH);
    if (!pattern_matches(bytes + used, count - used, connection->received - load->answer.length))
        return connection_fail(load, connection, FAIL_CONTENT);
    connection->received += count - used;
    if (connection->received == total) complete(load, connection);
}

static void receive(struct load *load, struct connection *connection) {
    ssize_t count = recv(connection->descriptor, scratch, sizeof scratch, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        if (connection->phase != PHASE_ENDING || count < 0) return connection_fail(load, connection, FAIL_CLOSED);
        close_connection(load, connection);
        if (!is_over(load)) connection_open(load, connection);
        return;
    }
    load->bytes += (uint64_t)count;
    bool is_http = load->mode != MODE_ECHO && load->mode != MODE_WEBSOCKET;
    if (connection->phase == PHASE_OPENING || (connection->phase == PHASE_EXCHANGE && is_http)) {
        size_t used = response_feed(&connection->response, scratch, (size_t)count);
        if (connection->response.state >= RESPONSE_DONE) check_response(load, connection, (size_t)count - used);
    } else if (connection->phase == PHASE_EXCHANGE) {
        check_echo(load, connection, scratch, (size_t)count);
    } else {
        connection_fail(load, connection, FAIL_FRAMING);
    }
}

void connection_event(struct load *load, struct connection *connection, unsigned events) {
    if (connection->phase == PHASE_CLOSED) return;
    if (connection->phase == PHASE_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return connection_fail(load, connection, FAIL_CONNECT);
        if (events & EPOLLOUT) begin(load, connection, true);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) return receive(load, connection);
    if (events & EPOLLOUT) send_more(load, connection);
}
