#include "transcoder/media/digest.h"

#include "transcoder/media/input.h"

#include <libavutil/error.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PIECE_BYTES 65536 /* [bytes] hashed between two looks at progress */

static bool stamp_file(struct media_stamp *out, const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    *out = (struct media_stamp){.device = st.st_dev,
                                .inode = st.st_ino,
                                .changed_ns =
                                    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                                .bytes = (uint64_t)st.st_size};
    return true;
}

static bool stamps_equal(const struct media_stamp *a, const struct media_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->changed_ns == b->changed_ns &&
           a->bytes == b->bytes;
}

bool media_digest_is_current(const struct media_digest *digest, const char *location) {
    if (digest->facts.remote)
        return true;
    struct media_stamp now;
    return stamp_file(&now, location) && stamps_equal(&now, &digest->stamp);
}

static enum err hash_input(struct media_input *in, struct source_digest *out,
                           media_digest_progress *progress, void *context, struct media_why *why) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof out->bytes);
    uint8_t *piece = malloc(PIECE_BYTES);
    if (piece == NULL)
        return ERR_NO_MEMORY;
    uint64_t done = 0, total = in->bytes > 0 ? (uint64_t)in->bytes : 0;
    enum err e = ERR_OK;
    for (;;) {
        media_input_arm(in);
        int got = avio_read(in->io, piece, PIECE_BYTES);
        if (got == AVERROR_EOF || got == 0)
            break;
        if (got < 0) {
            e = media_input_error(in, got, "hashing", why);
            break;
        }
        crypto_generichash_update(&state, piece, (unsigned long long)got);
        done += (uint64_t)got;
        if (progress != NULL && !progress(context, done, total)) {
            media_whyf(why, "hashing was stopped");
            e = ERR_TIMEOUT;
            break;
        }
    }
    if (e == ERR_OK && total > 0 && done != total) {
        media_whyf(why, "breaks off at byte %llu of %llu", (unsigned long long)done,
                   (unsigned long long)total);
        e = ERR_SOURCE_FAILED;
    }
    crypto_generichash_final(&state, out->bytes, sizeof out->bytes);
    free(piece);
    return e;
}

/* The rate does not matter for a probe. */
static enum err probe(struct media_source_facts *out, const char *location,
                      const struct media_source_options *options, struct media_why *why) {
    struct media_source *s;
    enum err e = media_source_open(&s, location, options, 8000, 1, why);
    if (e == ERR_OK)
        *out = *media_source_facts(s);
    media_source_close(s);
    return e;
}

enum err media_digest_compute(struct media_digest *out, const char *location,
                              const struct media_source_options *options,
                              media_digest_progress *progress, void *context,
                              struct media_why *why) {
    *out = (struct media_digest){0};
    enum err e = probe(&out->facts, location, options, why);
    if (e != ERR_OK)
        return e;
    if (!out->facts.remote && !stamp_file(&out->stamp, location))
        return ERR_SOURCE_FAILED;
    struct duration limit =
        options->timeout.us > 0 ? options->timeout : duration_ms(MEDIA_SOURCE_TIMEOUT_MS);
    struct media_input *in;
    e = media_input_open(&in, location, limit, why);
    if (e == ERR_OK)
        e = hash_input(in, &out->digest, progress, context, why);
    media_input_close(in);
    if (e == ERR_OK && !media_digest_is_current(out, location)) {
        media_whyf(why, "changed while it was hashed");
        e = ERR_SOURCE_FAILED;
    }
    return e;
}
