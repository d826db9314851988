// Owns the failover benchmark's load: requests by the clock, whatever became of the last ones, each on record.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "pattern.h"
#include "records.h"
#include "response.h"

#define REQUEST_LIMIT 512
#define UPLOAD_BYTES 64
#define BODY_BYTES 128
// Kept connections; more are opened while requests wait for their answers.
#define KEPT_CONNECTIONS 64
#define CONNECTION_LIMIT 16384

// Why a request has no answer. Those with a status other than 200 fail by their status.
enum failure {
    FAILURE_NONE,
    FAILURE_CONNECT,
    // The connection ended before a byte of the answer.
    FAILURE_CLOSED,
    // It ended, or went wrong, in the middle of the answer.
    FAILURE_BROKEN,
    FAILURE_TIMEOUT,
    // There were too many connections already.
    FAILURE_CROWDED,
};

struct connection {
    int descriptor;
    bool is_connecting, is_busy;
    struct sent request;
    // In the list of idle connections, or in that of requests by their time limits.
    struct connection *before, *after;
    struct response response;
    char text[REQUEST_LIMIT];
    size_t length;
};

struct list {
    struct connection *first, *last;
};

struct load {
    struct sockaddr_in target;
    unsigned source, rate, post_every;
    uint64_t timeout;
    struct records records;
    struct list idle, busy;
    unsigned connections, kept;
    int poll;
};

static void stop(const char *reason) {
    fprintf(stderr, "steady-load: %s: %s\n", reason, strerror(errno));
    exit(2);
}

static void append(struct list *list, struct connection *connection) {
    connection->before = list->last;
    connection->after = NULL;
    *(list->last ? &list->last->after : &list->first) = connection;
    list->last = connection;
}

static void take_out(struct list *list, struct connection *connection) {
    *(connection->before ? &connection->before->after : &list->first) = connection->after;
    *(connection->after ? &connection->after->before : &list->last) = connection->before;
}

static void write_down(struct load *load, const struct sent *request) {
    struct sent *record = records_next(&load->records);
    if (!record) stop("more requests than the file has room for");
    *record = *request;
    records_commit(&load->records);
}

static void drop(struct load *load, struct connection *connection) {
    close(connection->descriptor);
    free(connection);
    load->connections--;
}

// Writes down how the connection's request ended; whether the connection is still there.
static bool finish(struct load *load, struct connection *connection, enum failure failure, bool is_kept) {
    connection->request.ended_at = now_nanoseconds();
    connection->request.status = (uint16_t)connection->response.status;
    connection->request.failure = (uint8_t)failure;
    write_down(load, &connection->request);
    take_out(&load->busy, connection);
    if (failure != FAILURE_NONE || !is_kept || load->kept >= KEPT_CONNECTIONS) {
        drop(load, connection);
        return false;
    }
    connection->is_busy = false;
    append(&load->idle, connection);
    load->kept++;
    return true;
}

static void send_request(struct load *load, struct connection *connection) {
    ssize_t sent = send(connection->descriptor, connection->text, connection->length, MSG_NOSIGNAL | MSG_DONTWAIT);
    // A connection without room for one request is one whose peer is gone.
    if (sent != (ssize_t)connection->length) finish(load, connection, FAILURE_CLOSED, false);
}

static struct connection *open_connection(struct load *load) {
    if (load->connections >= CONNECTION_LIMIT) return NULL;
    struct connection *connection = malloc(sizeof *connection);
    if (!connection) stop("out of memory");
    connection->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->descriptor < 0) {
        free(connection);
        return NULL;
    }
    load->connections++;
    connection->is_connecting = true;
    connection->is_busy = false;
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    epoll_ctl(load->poll, EPOLL_CTL_ADD, connection->descriptor, &event);
    return connection;
}

// Sends request `number` on the connection that has been idle longest, or on a new one.
static void begin(struct load *load, uint32_t number, uint64_t scheduled_at) {
    bool is_post = load->post_every > 0 && number % load->post_every == 0;
    struct sent request = {
        .scheduled_at = scheduled_at,
        .begun_at = now_nanoseconds(),
        .number = number,
        .method = is_post ? METHOD_POST : METHOD_GET,
    };
    struct connection *connection = load->idle.first;
    if (connection) {
        take_out(&load->idle, connection);
        load->kept--;
    } else {
        connection = open_connection(load);
    }
    if (!connection) {
        request.ended_at = request.begun_at;
        request.failure = FAILURE_CROWDED;
        return write_down(load, &request);
    }
    connection->is_busy = true;
    connection->request = request;
    response_reset(&connection->response);
    int length = snprintf(connection->text, REQUEST_LIMIT,
                          "%s /item/%u HTTP/1.1\r\nHost: shop.example.com\r\nX-Request-Id: %u-%u\r\n",
                          is_post ? "POST" : "GET", number, load->source, number);
    char *rest = connection->text + length;
    size_t room = REQUEST_LIMIT - (size_t)length;
    const char *form = is_post ? "Content-Length: %d\r\n\r\n%.*s" : "\r\n";
    length += snprintf(rest, room, form, UPLOAD_BYTES, UPLOAD_BYTES, pattern_at(0));
    connection->length = (size_t)length;
    append(&load->busy, connection);
    if (!connection->is_connecting) return send_request(load, connection);
    struct sockaddr *target = (struct sockaddr *)&load->target;
    if (connect(connection->descriptor, target, sizeof load->target) < 0 && errno != EINPROGRESS)
        finish(load, connection, FAILURE_CONNECT, false);
}

static void receive(struct load *load, struct connection *connection) {
    static char bytes[PATTERN_SPAN];
    for (;;) {
        ssize_t count = recv(connection->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) return;
        struct response *response = &connection->response;
        if (!connection->is_busy) {
            take_out(&load->idle, connection);
            load->kept--;
            return drop(load, connection);
        }
        if (count <= 0) {
            bool has_begun = response->text_length > 0 || response->state != RESPONSE_HEAD;
            finish(load, connection, has_begun ? FAILURE_BROKEN : FAILURE_CLOSED, false);
            return;
        }
        size_t used = response_feed(response, bytes, (size_t)count);
        if (response->state < RESPONSE_DONE) continue;
        // A proxy's own errors have other bodies: their status says what is wrong.
        bool is_error = response->state != RESPONSE_MALFORMED && response->status != 200;
        bool is_right = response->state == RESPONSE_DONE && response->body == BODY_BYTES && used == (size_t)count;
        if (!finish(load, connection, is_error || is_right ? FAILURE_NONE : FAILURE_BROKEN, is_right)) return;
    }
}

static void handle(struct load *load, struct connection *connection, unsigned events) {
    if (connection->is_connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0 || events & EPOLLERR) {
            finish(load, connection, FAILURE_CONNECT, false);
            return;
        }
        if (!(events & EPOLLOUT)) return;
        connection->is_connecting = false;
        return send_request(load, connection);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(load, connection);
}

static void end_late_requests(struct load *load) {
    uint64_t now = now_nanoseconds();
    // All have the same limit, so the list is in the order of their ends.
    while (load->busy.first && now - load->busy.first->request.begun_at > load->timeout)
        finish(load, load->busy.first, FAILURE_TIMEOUT, false);
}

static int signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Sends until SIGTERM, then waits for what is unanswered.
static void run(struct load *load) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int signal_descriptor = signals();
    epoll_ctl(load->poll, EPOLL_CTL_ADD, signal_descriptor, &event);
    uint64_t began = now_nanoseconds(), interval = 1000000000u / load->rate;
    uint32_t next = 0;
    bool is_stopping = false;
    while (!is_stopping || load->busy.first) {
        // With requests two milliseconds apart, a millisecond's resolution is enough; the records tell what came of it.
        struct epoll_event events[256];
        int count = epoll_wait(load->poll, events, 256, is_stopping ? 50 : 1);
        for (int index = 0; index < count; index++) {
            if (events[index].data.ptr)
                handle(load, events[index].data.ptr, events[index].events);
            else
                is_stopping = epoll_ctl(load->poll, EPOLL_CTL_DEL, signal_descriptor, NULL) == 0;
        }
        uint64_t now = now_nanoseconds();
        for (; !is_stopping && began + next * interval <= now; next++) begin(load, next, began + next * interval);
        end_late_requests(load);
    }
}

// steady-load HOST PORT SOURCE RATE POST-EVERY TIMEOUT-S FILE
int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: steady-load HOST PORT SOURCE RATE POST-EVERY TIMEOUT-S FILE\n");
        return 2;
    }
    pattern_prepare();
    struct load load = {
        .target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[2]))},
        .source = (unsigned)atoi(arguments[3]),
        .rate = (unsigned)atoi(arguments[4]),
        .post_every = (unsigned)atoi(arguments[5]),
        .timeout = (uint64_t)(atof(arguments[6]) * 1e9),
        .poll = epoll_create1(EPOLL_CLOEXEC),
    };
    if (inet_pton(AF_INET, arguments[1], &load.target.sin_addr) != 1 || load.rate == 0) stop("not an address or rate");
    if (!records_open(&load.records, arguments[7], sizeof(struct sent))) stop(arguments[7]);
    run(&load);
    return 0;
}
