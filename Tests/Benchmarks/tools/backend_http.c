// Owns what the backend says: small, chunked and upload answers, and the echo of WebSocket frames.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend.h"
#include "pattern.h"

// RFC 6455 section 1.3: the generator always sends this key, whose accept value is known.
static const char sample_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char upgrade_answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char plain_head[] = "HTTP/1.1 200 OK\r\nServer: backend\r\nContent-Type: text/plain\r\n";

static char small_answer[512], chunked_answer[8192];
static size_t small_length, chunked_length;

void http_prepare(void) {
    int length = snprintf(small_answer, sizeof small_answer, "%sContent-Length: %d\r\n\r\n%.*s", plain_head, SMALL_BODY,
                          SMALL_BODY, pattern_at(0));
    small_length = (size_t)length;
    char *end = chunked_answer + sprintf(chunked_answer, "%sTransfer-Encoding: chunked\r\n\r\n", plain_head);
    for (uint64_t chunk = 0; chunk < CHUNK_COUNT; chunk++)
        end += sprintf(end, "%x\r\n%.*s\r\n", CHUNK_BYTES, CHUNK_BYTES, pattern_at(chunk * CHUNK_BYTES));
    end += sprintf(end, "0\r\n\r\n");
    chunked_length = (size_t)(end - chunked_answer);
}

static void refuse(struct client *client) {
    client_send(client, refusal, sizeof refusal - 1);
    client_close(client);
}

// The value of a header field in a head that ends with an empty line; NULL if it is not there.
static const char *field(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = memmem(head, (size_t)(end - head), "\r\n", 2); line && line + 2 + length < end;) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            while (*line == ' ') line++;
            return line;
        }
        line = memmem(line, (size_t)(end - line), "\r\n", 2);
    }
    return NULL;
}

static bool target_ends(const char *head, const char *end, const char *suffix) {
    const char *target = memchr(head, ' ', (size_t)(end - head));
    if (!target++) return false;
    const char *space = memchr(target, ' ', (size_t)(end - target));
    size_t length = strlen(suffix);
    return space && (size_t)(space - target) >= length && memcmp(space - length, suffix, length) == 0;
}

static void answer(struct client *client, const char *head, const char *end) {
    if (memcmp(head, "POST ", 5) == 0) {
        const char *length = field(head, end, "content-length");
        if (!length) return refuse(client);
        client->remaining = strtoull(length, NULL, 10);
        client->received = 0;
        client->is_right = client->remaining > 0;
        client->role = ROLE_UPLOAD;
    } else if (target_ends(head, end, "/chunked")) {
        client_send(client, chunked_answer, chunked_length);
    } else if (target_ends(head, end, "/websocket")) {
        const char *key = field(head, end, "sec-websocket-key");
        if (!key || strncmp(key, sample_key, sizeof sample_key - 1) != 0) return refuse(client);
        client->role = ROLE_WEBSOCKET;
        client_send(client, upgrade_answer, sizeof upgrade_answer - 1);
    } else {
        client_send(client, small_answer, small_length);
    }
}

size_t http_take(struct client *client, const char *bytes, size_t count) {
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) {
        if (count >= HEAD_LIMIT) refuse(client);
        return 0;
    }
    end += 4;
    answer(client, bytes, end);
    return (size_t)(end - bytes);
}

size_t upload_take(struct client *client, const char *bytes, size_t count) {
    if (count > client->remaining) count = client->remaining;
    if (count > PATTERN_SPAN) count = PATTERN_SPAN;
    client->is_right = client->is_right && pattern_matches(bytes, count, client->received);
    client->received += count;
    client->remaining -= count;
    if (client->remaining == 0) {
        if (!client->is_right) {
            refuse(client);
        } else {
            client->role = ROLE_HTTP;
            client_send(client, small_answer, small_length);
        }
    }
    return count;
}

size_t websocket_take(struct client *client, char *bytes, size_t count) {
    if (count < 2) return 0;
    unsigned char *frame = (unsigned char *)bytes;
    size_t head = 2, length = frame[1] & 0x7f;
    if (length == 126) {
        if (count < 4) return 0;
        head = 4;
        length = (size_t)frame[2] << 8 | frame[3];
    }
    // Only masked text frames of up to 64 KiB are ever sent here.
    if (frame[0] != 0x81 || !(frame[1] & 0x80) || length == 127 || head + 4 + length > FRAME_LIMIT) {
        client_close(client);
        return 0;
    }
    if (count < head + 4 + length) return 0;
    const unsigned char *mask = frame + head;
    unsigned char *payload = frame + head + 4;
    for (size_t index = 0; index < length; index++) payload[index] ^= mask[index % 4];
    // The answer's head, without the mask, goes right before the payload.
    char *out = bytes + 4;
    memmove(out, bytes, head);
    out[1] &= 0x7f;
    client_send(client, out, head + length);
    return head + 4 + length;
}
