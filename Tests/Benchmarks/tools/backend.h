// Owns the words of the backend: one connection and what it is in the middle of.
#ifndef MERIDIAN_BENCHMARK_BACKEND_H
#define MERIDIAN_BENCHMARK_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMALL_BODY 128
#define CHUNK_COUNT 8
#define CHUNK_BYTES 512
#define HEAD_LIMIT 8192
// The most of a frame, head included.
#define FRAME_LIMIT 65536

enum role { ROLE_HTTP, ROLE_UPLOAD, ROLE_ECHO, ROLE_WEBSOCKET };

struct client {
    int descriptor;
    enum role role;
    bool waits_to_send, is_closed;
    // Of an upload: bytes to come, bytes that came, and whether all were the pattern's.
    uint64_t remaining, received;
    bool is_right;
    // Input that is not yet whole, and output that did not fit; allocated only while there is some.
    char *input, *output;
    size_t input_length, output_length;
};

// Sends bytes, and keeps what does not fit.
void client_send(struct client *client, const char *bytes, size_t count);

void client_close(struct client *client);

// Takes bytes that came; the bytes used. The rest is given again with what follows it.
size_t http_take(struct client *client, const char *bytes, size_t count);
size_t upload_take(struct client *client, const char *bytes, size_t count);
size_t websocket_take(struct client *client, char *bytes, size_t count);

// Makes the answers, which are always the same.
void http_prepare(void);

#endif
