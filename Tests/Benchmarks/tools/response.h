// Owns the reading of one HTTP/1.1 response: status, framing and, byte for byte, the body.
#ifndef MERIDIAN_BENCHMARK_RESPONSE_H
#define MERIDIAN_BENCHMARK_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Far above what any proxy adds to the backends' heads.
#define RESPONSE_HEAD_LIMIT 2048

enum response_state {
    RESPONSE_HEAD,
    RESPONSE_BODY,
    RESPONSE_CHUNK_SIZE,
    RESPONSE_CHUNK_DATA,
    RESPONSE_CHUNK_END,
    RESPONSE_TRAILER,
    RESPONSE_DONE,
    // The framing is wrong, or the head too long.
    RESPONSE_MALFORMED,
    // The body is not the pattern.
    RESPONSE_WRONG_CONTENT,
};

struct response {
    enum response_state state;
    int status;
    bool chunked, has_length;
    // Bytes of the body, or of the chunk, that are still to come.
    uint64_t remaining;
    // Bytes of the body that came.
    uint64_t body;
    size_t text_length;
    // The head, ended by a zero; then the current chunk size or trailer line.
    char text[RESPONSE_HEAD_LIMIT + 1];
};

// Makes `response` ready for the next response.
void response_reset(struct response *response);

// Reads up to `count` bytes; the bytes used, fewer only when the response is done or wrong.
size_t response_feed(struct response *response, const char *bytes, size_t count);

#endif
