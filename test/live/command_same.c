/*
 * same: do two recordings hold the same media? One may have begun later than the other, by whole
 * frames, and end at any time; where both are, every byte must agree.
 */
#include "test/live/commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)256 << 20)

struct recording {
    char *bytes; /* owned */
    size_t len;
};

static bool load(struct recording *r, const char *path) {
    FILE *f = fopen(path, "rbe");
    *r = (struct recording){0};
    if (f == NULL || fseek(f, 0, SEEK_END) != 0)
        goto out;
    long len = ftell(f);
    if (len < 0 || (size_t)len > BYTES_MAX)
        goto out;
    rewind(f);
    r->bytes = malloc((size_t)len + 1);
    if (r->bytes != NULL)
        r->len = fread(r->bytes, 1, (size_t)len, f);
out:
    if (f != NULL)
        fclose(f);
    return r->bytes != NULL;
}

/* Where `b` begins in `a`, in whole frames: the only place at which several frames agree. */
static bool align(const struct recording *a, const struct recording *b, size_t frame, size_t *out) {
    size_t probe = 10 * frame;
    if (b->len < probe)
        return false;
    for (size_t at = 0; at + probe <= a->len; at += frame)
        if (memcmp(a->bytes + at, b->bytes, probe) == 0) {
            *out = at;
            return true;
        }
    return false;
}

static int compare(const struct recording *a, const struct recording *b, size_t frame,
                   size_t least_frames) {
    size_t at = 0;
    const struct recording *first = a, *second = b;
    if (!align(first, second, frame, &at)) {
        first = b;
        second = a;
        if (!align(first, second, frame, &at)) {
            puts("they have no beginning in common");
            return COMMAND_UNMET;
        }
    }
    size_t len = first->len - at < second->len ? first->len - at : second->len;
    for (size_t i = 0; i < len; i++)
        if (first->bytes[at + i] != second->bytes[i]) {
            printf("they differ at byte %zu of %zu (frame %zu)\n", i, len, i / frame);
            return COMMAND_UNMET;
        }
    printf("%zu frames are the same, byte for byte (one begins %zu frames later)\n", len / frame,
           at / frame);
    return len / frame >= least_frames ? COMMAND_DONE : COMMAND_UNMET;
}

int command_same(int argc, char **argv) {
    struct recording a = {0}, b = {0};
    if (argc != 5 || strcmp(argv[1], "--help") == 0) {
        FILE *out = argc > 1 && strcmp(argv[1], "--help") == 0 ? stdout : stderr;
        fputs("usage: live-run same A B FRAME_BYTES LEAST_FRAMES\n\n"
              "Aligns two recordings of raw payloads, one of which may have begun later, and\n"
              "compares them where both are. Exit status: 0 the same for at least LEAST_FRAMES\n"
              "frames, 1 not, 3 a file cannot be read.\n",
              out);
        return out == stdout ? COMMAND_DONE : COMMAND_USAGE;
    }
    size_t frame = strtoul(argv[3], NULL, 10), least = strtoul(argv[4], NULL, 10);
    int status = COMMAND_CANNOT;
    if (frame == 0)
        fputs("live-run same: FRAME_BYTES: expected a number\n", stderr);
    else if (load(&a, argv[1]) && load(&b, argv[2]))
        status = compare(&a, &b, frame, least);
    else
        fputs("live-run same: a recording cannot be read\n", stderr);
    free(a.bytes);
    free(b.bytes);
    return status;
}
