// Owns the reading of one HTTP/1.1 response, in whatever pieces it comes.
#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pattern.h"

void response_reset(struct response *response) {
    response->state = RESPONSE_HEAD;
    response->status = 0;
    response->chunked = response->has_length = false;
    response->remaining = response->body = 0;
    response->text_length = 0;
}

static const char *field_value(const char *line, const char *end, const char *name) {
    size_t length = strlen(name);
    if ((size_t)(end - line) <= length || line[length] != ':' || strncasecmp(line, name, length) != 0) return NULL;
    line += length + 1;
    while (line < end && (*line == ' ' || *line == '\t')) line++;
    return line;
}

static bool read_field(struct response *response, const char *line, const char *end) {
    const char *value = field_value(line, end, "content-length");
    if (value) {
        if (response->has_length) return false;
        response->has_length = true;
        char *rest;
        response->remaining = strtoull(value, &rest, 10);
        return rest != value && rest == end;
    }
    value = field_value(line, end, "transfer-encoding");
    if (value) {
        if (response->chunked) return false;
        response->chunked = true;
        return end - value == 7 && strncasecmp(value, "chunked", 7) == 0;
    }
    return true;
}

// Reads the head in `text`, whose length includes the empty line.
static void read_head(struct response *response) {
    const char *line = response->text, *end = response->text + response->text_length - 2;
    response->state = RESPONSE_MALFORMED;
    if (response->text_length < 17 || memcmp(line, "HTTP/1.1 ", 9) != 0) return;
    response->status = atoi(line + 9);
    for (const char *next = memmem(line, (size_t)(end - line), "\r\n", 2); next;) {
        line = next + 2;
        if (line >= end) break;
        next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next || !read_field(response, line, next)) return;
    }
    bool bodiless = response->status < 200 || response->status == 204 || response->status == 304;
    if (response->chunked && response->has_length) return;
    if (bodiless) {
        response->state = RESPONSE_DONE;
    } else if (response->chunked) {
        response->state = RESPONSE_CHUNK_SIZE;
    } else if (response->has_length) {
        // Without a length the body would end with the connection, which no case here asks for.
        response->state = response->remaining == 0 ? RESPONSE_DONE : RESPONSE_BODY;
    }
    response->text_length = 0;
}

static size_t feed_head(struct response *response, const char *bytes, size_t count) {
    size_t room = RESPONSE_HEAD_LIMIT - response->text_length, before = response->text_length;
    size_t taken = count < room ? count : room;
    memcpy(response->text + before, bytes, taken);
    size_t from = before < 3 ? 0 : before - 3;
    const char *end = memmem(response->text + from, before + taken - from, "\r\n\r\n", 4);
    if (!end) {
        response->text_length += taken;
        if (response->text_length == RESPONSE_HEAD_LIMIT) response->state = RESPONSE_MALFORMED;
        return taken;
    }
    response->text_length = (size_t)(end - response->text) + 4;
    taken = response->text_length - before;
    response->text[response->text_length] = 0;
    read_head(response);
    return taken;
}

static size_t feed_data(struct response *response, const char *bytes, size_t count, enum response_state next) {
    if (count > response->remaining) count = response->remaining;
    if (count > PATTERN_SPAN) count = PATTERN_SPAN;
    if (!pattern_matches(bytes, count, response->body)) {
        response->state = RESPONSE_WRONG_CONTENT;
        return 0;
    }
    response->body += count;
    response->remaining -= count;
    if (response->remaining == 0) response->state = next;
    return count;
}

// Reads one line of the chunked framing; lines are at most 64 bytes here.
static size_t feed_line(struct response *response, const char *bytes) {
    if (response->text_length == 64) {
        response->state = RESPONSE_MALFORMED;
        return 0;
    }
    response->text[response->text_length++] = *bytes;
    size_t length = response->text_length;
    if (*bytes != '\n') return 1;
    bool empty = length == 2 && response->text[0] == '\r';
    response->text[length] = 0;
    response->text_length = 0;
    if (response->state == RESPONSE_CHUNK_END) {
        response->state = empty ? RESPONSE_CHUNK_SIZE : RESPONSE_MALFORMED;
    } else if (response->state == RESPONSE_TRAILER) {
        if (empty) response->state = RESPONSE_DONE;
    } else {
        char *rest;
        response->remaining = strtoull(response->text, &rest, 16);
        if (rest == response->text || (*rest != '\r' && *rest != ';'))
            response->state = RESPONSE_MALFORMED;
        else
            response->state = response->remaining == 0 ? RESPONSE_TRAILER : RESPONSE_CHUNK_DATA;
    }
    return 1;
}

size_t response_feed(struct response *response, const char *bytes, size_t count) {
    size_t used = 0;
    while (used < count && response->state < RESPONSE_DONE) {
        switch (response->state) {
        case RESPONSE_HEAD:
            used += feed_head(response, bytes + used, count - used);
            break;
        case RESPONSE_BODY:
            used += feed_data(response, bytes + used, count - used, RESPONSE_DONE);
            break;
        case RESPONSE_CHUNK_DATA:
            used += feed_data(response, bytes + used, count - used, RESPONSE_CHUNK_END);
            break;
        default:
            used += feed_line(response, bytes + used);
        }
    }
    return used;
}
