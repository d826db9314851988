// Owns the way between OpenSSL's records and the memory of a session's owner: no memory of its own in between.
#include "Internal.h"

#include <pthread.h>
#include <string.h>

// What came from the peer; a session that is over its limits gets no more of it.
static int read_input(BIO *bio, char *bytes, int wanted) {
    mt_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wanted <= 0 || session->objection) return -1;
    size_t count = session->buffers.input_count;
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (count > (size_t)wanted) count = (size_t)wanted;
    if (!session->is_open && mt_limits_exceeded(session, count)) return -1;
    memcpy(bytes, session->buffers.input, count);
    session->buffers.input += count;
    session->buffers.input_count -= count;
    return (int)count;
}

static int write_output(BIO *bio, const char *bytes, int count) {
    mt_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int left = count;
    while (left > 0) {
        if (session->buffers.output_free == 0)
            session->questions->room(session->buffers.owner, (size_t)left);
        size_t part = session->buffers.output_free;
        if (part == 0) return -1;
        if (part > (size_t)left) part = (size_t)left;
        memcpy(session->buffers.output, bytes, part);
        session->buffers.output += part;
        session->buffers.output_free -= part;
        bytes += part;
        left -= (int)part;
    }
    return count;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_PENDING:
        return (long)((mt_session *)BIO_get_data(bio))->buffers.input_count;
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
        return 1;
    default:
        return 0;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "buffers of a loop");
    if (!made) return;
    BIO_meth_set_read(made, read_input);
    BIO_meth_set_write(made, write_output);
    BIO_meth_set_ctrl(made, control);
    method = made;
}

BIO *mt_buffers_bio(mt_session *session) {
    pthread_once(&once, make_method);
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    return bio;
}
