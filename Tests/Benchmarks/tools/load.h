// Owns the words of the load generator: what it is asked for, one connection, and what it counts.
#ifndef MERIDIAN_BENCHMARK_LOAD_H
#define MERIDIAN_BENCHMARK_LOAD_H

#include <netinet/in.h>

#include "histogram.h"
#include "response.h"

enum mode {
    // Requests one after the other on kept connections.
    MODE_HTTP,
    // A connection for each request.
    MODE_CLOSE,
    // Bytes that come back, without HTTP.
    MODE_ECHO,
    // Frames that come back, after an upgrade.
    MODE_WEBSOCKET,
    // One request a connection, which then stays open until standard input ends.
    MODE_IDLE,
};

enum phase {
    PHASE_CLOSED,
    PHASE_CONNECTING,
    // The upgrade to WebSocket.
    PHASE_OPENING,
    PHASE_EXCHANGE,
    // The answer said that the server closes; its end is awaited.
    PHASE_ENDING,
    PHASE_IDLE,
};

enum failure {
    FAIL_CONNECT,
    FAIL_CLOSED,
    FAIL_FRAMING,
    FAIL_STATUS,
    FAIL_LENGTH,
    FAIL_CONTENT,
    FAIL_UNFINISHED,
    FAILURES
};

struct text {
    const char *bytes;
    size_t length;
};

struct connection {
    int descriptor;
    enum phase phase;
    bool waits_to_send;
    // What is sent now: `head`, then `body` bytes of the pattern.
    struct text head;
    uint64_t body, sent, received;
    uint64_t began;
    struct response response;
};

struct load {
    enum mode mode;
    struct sockaddr_in target;
    unsigned connections, opening_limit;
    double seconds;
    struct text *requests;
    size_t request_count;
    // Bytes of the pattern that follow each request's head, or are echoed.
    uint64_t body;
    int status;
    uint64_t length;
    // A frame's head and its masked payload; what comes back is `answer` and then `body` bytes of the pattern.
    struct text frame, answer;

    int poll;
    struct connection *all;
    unsigned opened, active;
    uint64_t next_request, completed, errors[FAILURES], bytes;
    uint64_t began, deadline, ended;
    bool holding;
    struct histogram latencies;
};

uint64_t now_nanoseconds(void);

// Opens a connection and begins its first exchange; a failure is counted.
void connection_open(struct load *load, struct connection *connection);

// Carries on after readiness was reported.
void connection_event(struct load *load, struct connection *connection, unsigned events);

// Counts a failure and closes the connection.
void connection_fail(struct load *load, struct connection *connection, enum failure failure);

uint64_t load_errors(const struct load *load);

#endif
