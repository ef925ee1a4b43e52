/*
 * An input: the bytes behind one location of the catalogue, a local file or an HTTP server's.
 *
 * Internal to this folder (it shows FFmpeg's types). A location comes from the operator's catalogue
 * only, never from a ticket or a client. `http://…` and `https://…` are remote and may use the
 * protocols http, https, tcp and tls, nothing else; any other `scheme://` is refused; all the rest
 * is a file path, opened by ourselves, so that no other protocol can hide in a name. Only regular
 * files are taken: a FIFO or a device could block the event loop.
 *
 * A remote input is read under a deadline: FFmpeg asks interrupted() while it waits. A paced reader
 * lets a server wait for long, and servers hang up on that, so a lost connection is resumed at its
 * position by another range request. Redirects are not followed: the operator has named the server
 * that may be asked, and it must not make us ask others. What is said of a failure leaves userinfo
 * and query of the URL out, since logs are no place for secrets.
 */
#ifndef TRANSCODER_MEDIA_INPUT_H
#define TRANSCODER_MEDIA_INPUT_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "transcoder/media/media.h"

#include <libavformat/avio.h>
#include <stdatomic.h>
#include <stdbool.h>

struct media_input {
    AVIOContext *io;       /* what demuxers read from */
    int64_t bytes;         /* [bytes] size of the whole; -1 if a server does not say */
    bool remote;           /* reads may wait for a network */
    bool seekable;         /* false: a server without range requests */
    int fd;                /* local only, else -1 */
    int64_t at;            /* [bytes] local read position */
    int64_t deadline_us;   /* [µs] CLOCK_MONOTONIC; remote reads fail after it */
    struct duration limit; /* how long one operation may take */
    atomic_bool abort;     /* set by another thread to cut an operation short */
};

/* True if reading the location may wait for a network; needs no I/O. */
bool media_input_is_remote(const char *location);

/* On success the caller owns *out. ERR_UNSUPPORTED: not a kind of location that is read here.
 * ERR_SOURCE_FAILED: it cannot be opened, or is not a regular file. ERR_TIMEOUT, ERR_NO_MEMORY. */
enum err media_input_open(struct media_input **out, const char *location, struct duration limit,
                          struct media_why *why);

/* Accepts NULL. */
void media_input_close(struct media_input *in);

/* Gives the operation that begins now its full time. */
void media_input_arm(struct media_input *in);

/* True once the deadline has passed or another thread has asked to stop. */
bool media_input_expired(const struct media_input *in);

/* What an AVERROR means for the caller: ERR_TIMEOUT, ERR_NO_MEMORY or ERR_SOURCE_FAILED. The reason
 * is written behind `doing` into `why`. */
enum err media_input_error(const struct media_input *in, int averror, const char *doing,
                           struct media_why *why);

#endif
