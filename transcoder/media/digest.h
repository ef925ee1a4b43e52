/*
 * A source's digest: BLAKE2b-128 over its bytes, as `b2sum -l 128 FILE` prints it.
 *
 * The catalogue name in a ticket says which recording, the digest that it is the same one here. It
 * is computed when the catalogue arrives, not when a listener does: hashing takes a second a
 * gigabyte and a remote file must be fetched whole. Call it in a thread of its own.
 */
#ifndef TRANSCODER_MEDIA_DIGEST_H
#define TRANSCODER_MEDIA_DIGEST_H

#include "transcoder/media/source.h"

/* Tells a changed local file without hashing it again. */
struct media_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t changed_ns; /* [ns] modification time; wall clock, compared for equality only */
    uint64_t bytes;     /* [bytes] */
};

struct media_digest {
    struct source_digest digest;
    struct media_source_facts facts; /* duration included */
    struct media_stamp stamp;        /* zero for a remote source */
};

/* Asked after each piece; false stops the work. `bytes_total` is 0 if a server does not say. */
typedef bool media_digest_progress(void *context, uint64_t bytes_done, uint64_t bytes_total);

/* Probes the source as media_source_open does for its class, then hashes all its bytes. `progress`
 * may be NULL. Errors as media_source_open, and ERR_TIMEOUT if progress said stop. */
enum err media_digest_compute(struct media_digest *out, const char *location,
                              const struct media_source_options *options,
                              media_digest_progress *progress, void *context,
                              struct media_why *why);

/* False if a local file is gone or is not the one that was hashed: hash again before serving from
 * it. Always true for a remote one, which only its size could betray. One stat(2). */
bool media_digest_is_current(const struct media_digest *digest, const char *location);

#endif
