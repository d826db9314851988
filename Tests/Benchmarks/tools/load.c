// Owns the load generator: closed loops on one thread, every status, length and byte checked, one line of JSON out.
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pattern.h"

// What is in flight at the deadline may take so long to come back.
#define DRAIN_NANOSECONDS 10000000000u
// The most of a frame's payload: one head of four bytes serves all.
#define FRAME_LIMIT 60000

static const char usage[] =
    "usage: load --mode http|close|echo|websocket|idle --target ADDRESS:PORT [--connections N] [--seconds S]\n"
    "            [--requests FILE] [--body BYTES] [--status N] [--length BYTES]\n";

static void stop(const char *reason) {
    fprintf(stderr, "load: %s\n", reason);
    exit(2);
}

// Reads request heads, one after the other, each ended by its empty line.
static void read_requests(struct load *load, const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) stop("cannot open the file of requests");
    static char bytes[1 << 20];
    size_t length = fread(bytes, 1, sizeof bytes, file), from = 0;
    fclose(file);
    const char *end;
    while ((end = memmem(bytes + from, length - from, "\r\n\r\n", 4))) {
        size_t next = (size_t)(end - bytes) + 4;
        load->requests = realloc(load->requests, (load->request_count + 1) * sizeof *load->requests);
        if (!load->requests) stop("out of memory");
        load->requests[load->request_count++] = (struct text){bytes + from, next - from};
        from = next;
    }
    if (load->request_count == 0 || from != length) stop("the file of requests has no whole request, or a part of one");
}

static void read_target(struct load *load, char *text) {
    char *colon = strrchr(text, ':');
    if (!colon) stop("the target needs a port");
    *colon = 0;
    load->target.sin_family = AF_INET;
    load->target.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, text, &load->target.sin_addr) != 1) stop("the target is no IPv4 address");
}

static void read_mode(struct load *load, const char *text) {
    static const char *const names[] = {"http", "close", "echo", "websocket", "idle"};
    for (int mode = MODE_HTTP; mode <= MODE_IDLE; mode++) {
        if (strcmp(text, names[mode]) != 0) continue;
        load->mode = (enum mode)mode;
        return;
    }
    stop("unknown mode");
}

static void read_arguments(struct load *load, int count, char **arguments) {
    static const struct option options[] = {
        {"mode", required_argument, 0, 'm'},     {"target", required_argument, 0, 't'},
        {"connections", required_argument, 0, 'c'}, {"seconds", required_argument, 0, 's'},
        {"requests", required_argument, 0, 'r'}, {"body", required_argument, 0, 'b'},
        {"status", required_argument, 0, 'x'},   {"length", required_argument, 0, 'l'},
        {0, 0, 0, 0},
    };
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'm': read_mode(load, optarg); break;
        case 't': read_target(load, optarg); break;
        case 'c': load->connections = (unsigned)strtoul(optarg, NULL, 10); break;
        case 's': load->seconds = strtod(optarg, NULL); break;
        case 'r': read_requests(load, optarg); break;
        case 'b': load->body = strtoull(optarg, NULL, 10); break;
        case 'x': load->status = atoi(optarg); break;
        case 'l': load->length = strtoull(optarg, NULL, 10); break;
        default: fputs(usage, stderr); exit(2);
        }
    }
    bool valid = load->target.sin_family == AF_INET && load->connections > 0 && load->connections <= 19000;
    if (!valid || (load->mode != MODE_ECHO && load->request_count == 0)) {
        fputs(usage, stderr);
        exit(2);
    }
}

// RFC 6455 section 5.2: a final text frame; from the client masked, from the server not.
static void make_frame(struct load *load) {
    if (load->body < 1 || load->body > FRAME_LIMIT) stop("a frame has 1 to 60000 bytes");
    static char frame[8 + FRAME_LIMIT], answer[4];
    static const char mask[4] = {0x37, 0x7a, 0x21, 0x3d};
    size_t head = 2;
    frame[0] = answer[0] = (char)0x81;
    answer[1] = (char)load->body;
    if (load->body > 125) {
        head = 4;
        answer[1] = 126;
        answer[2] = frame[2] = (char)(load->body >> 8);
        answer[3] = frame[3] = (char)load->body;
    }
    frame[1] = (char)(answer[1] | 0x80);
    memcpy(frame + head, mask, 4);
    for (uint64_t index = 0; index < load->body; index++)
        frame[head + 4 + index] = pattern_at(index)[0] ^ mask[index % 4];
    load->frame = (struct text){frame, head + 4 + load->body};
    load->answer = (struct text){answer, head};
}

// Opens as many as may be under way at a time; idle connections come one after the other.
static void open_more(struct load *load) {
    while (load->opened < load->connections) {
        uint64_t settled = load->completed + load_errors(load);
        if (load->mode == MODE_IDLE && load->opened >= settled + load->opening_limit) return;
        connection_open(load, &load->all[load->opened++]);
    }
}

static bool is_finished(const struct load *load, uint64_t now) {
    // Idle connections stay until standard input ends.
    if (load->holding) return false;
    return load->active == 0 || now > load->deadline + DRAIN_NANOSECONDS;
}

// Tells that all idle connections are open, once.
static void begin_holding(struct load *load) {
    if (load->mode != MODE_IDLE || load->holding) return;
    if (load->completed + load_errors(load) < load->connections) return;
    load->holding = true;
    printf("holding %u\n", load->active);
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) stop("standard input must be a pipe");
}

static void run(struct load *load) {
    load->began = now_nanoseconds();
    load->deadline = load->began + (uint64_t)(load->seconds * 1e9);
    bool released = false;
    open_more(load);
    while (!released && !is_finished(load, now_nanoseconds())) {
        struct epoll_event events[512];
        int count = epoll_wait(load->poll, events, 512, 100);
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            if (connection)
                connection_event(load, connection, events[index].events);
            else
                released = true;
        }
        open_more(load);
        begin_holding(load);
    }
    if (load->holding) return;
    for (unsigned index = 0; index < load->connections; index++) {
        // A connection that has its answer and waits for the end of the stream lacks that end too.
        if (load->all[index].phase != PHASE_CLOSED) load->errors[FAIL_UNFINISHED]++;
    }
}

static void report(struct load *load) {
    static const char *const names[FAILURES] = {
        "connect", "closed", "framing", "status", "length", "content", "unfinished",
    };
    double seconds = load->ended > load->began ? (double)(load->ended - load->began) / 1e9 : 0;
    printf("{\"completed\": %lu, \"seconds\": %.6f, \"bytes\": %lu, \"active\": %u", load->completed, seconds,
           load->bytes, load->active);
    static const double shares[] = {50, 90, 99, 99.9};
    for (size_t index = 0; index < 4; index++)
        printf(", \"p%g\": %.3f", shares[index], histogram_percentile(&load->latencies, shares[index] / 100));
    printf(", \"errors\": {");
    for (int failure = 0; failure < FAILURES; failure++)
        printf("%s\"%s\": %lu", failure ? ", " : "", names[failure], load->errors[failure]);
    printf("}}\n");
}

int main(int count, char **arguments) {
    static struct load load = {
        .mode = MODE_HTTP, .connections = 64, .opening_limit = 64, .seconds = 3, .status = 200, .length = 128};
    pattern_prepare();
    read_arguments(&load, count, arguments);
    if (load.mode == MODE_WEBSOCKET) make_frame(&load);
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    load.all = calloc(load.connections, sizeof *load.all);
    if (load.poll < 0 || !load.all) stop("out of memory or descriptors");
    run(&load);
    report(&load);
    return 0;
}
