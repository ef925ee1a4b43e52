#include "transcoder/worker/chunks.h"

#include "peerd/wire/node.h"
#include "transcoder/media/whole.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum err chunks_index(struct incoming *out, const char *location, struct media_why *why) {
    struct media_bytes text;
    enum err e =
        media_whole(&text, location, INCOMING_TEXT_MAX, duration_ms(CHUNKS_TIMEOUT_MS), why);
    if (e != ERR_OK)
        return e;
    e = incoming_read(out, (const char *)text.data, text.len);
    if (e != ERR_OK)
        media_whyf(why, "%.120s is no index of what comes in", location);
    media_bytes_free(&text);
    return e;
}

static bool is_meant(const struct incoming_chunk *c, const struct media_bytes *bytes) {
    uint8_t hash[INCOMING_HASH_BYTES];
    crypto_generichash(hash, sizeof(hash), bytes->data, bytes->len, NULL, 0);
    return bytes->len == c->bytes && memcmp(hash, c->hash, sizeof(hash)) == 0;
}

/* -1: no room. */
static int into_memory(const struct media_bytes *bytes) {
    int fd = memfd_create("chunk", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && done < bytes->len;) {
        ssize_t n = write(fd, bytes->data + done, bytes->len - done);
        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fd;
}

enum err chunks_get(int *fd, const char *index_location, const struct incoming_chunk *chunk,
                    struct media_why *why) {
    char location[NODE_LOCATION_LEN_MAX + 1];
    const char *slash = strrchr(index_location, '/');
    const int folder = slash != NULL ? (int)(slash - index_location) + 1 : 0;
    struct media_bytes bytes;
    int n =
        snprintf(location, sizeof(location), "%.*s%u.mp4", folder, index_location, chunk->number);
    if (n < 0 || (size_t)n >= sizeof(location)) {
        media_whyf(why, "the path of chunk %u is too long", chunk->number);
        return ERR_OVERSIZED;
    }
    enum err e = media_whole(&bytes, location, chunk->bytes, duration_ms(CHUNKS_TIMEOUT_MS), why);
    if (e != ERR_OK)
        return e;
    e = is_meant(chunk, &bytes) ? ERR_OK : ERR_SOURCE_DIFFERS;
    if (e != ERR_OK)
        media_whyf(why, "chunk %u has other bytes than its index tells of", chunk->number);
    else if ((*fd = into_memory(&bytes)) < 0)
        e = ERR_NO_MEMORY;
    media_bytes_free(&bytes);
    return e;
}
