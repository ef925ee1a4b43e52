/*
 * Origins: what clusters tell one another of streams that another program serves there.
 *
 * Which they are and where stands in the signed description (wire/description). Which of them are
 * ill is told in each beat of a cluster that has any, since a description is fetched every few
 * seconds only. BEAT_BLOCK_ORIGINS, 6 bytes, network byte order: a check over the list 4, a bit for
 * each origin of it 2, the first the lowest; 1 means ill. Bits mean something only beside the list
 * that has the same check: whoever holds another one fetches the description again.
 */
#ifndef PEERD_WIRE_ORIGINS_H
#define PEERD_WIRE_ORIGINS_H

#include "peerd/base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORIGINS_MAX       16  /* of one cluster: one bit each */
#define ORIGINS_BLOCK_LEN 6   /* [bytes] */
#define ORIGIN_URL_MAX    255 /* [bytes] */

struct description_origin {
    struct name name;
    char url[ORIGIN_URL_MAX + 1]; /* of its multivariant playlist (base/url: a file's) */
    bool live;                    /* else all of it is there already */
    bool healthy;                 /* by its own cluster's word */
};

struct origins_word {
    uint32_t check; /* of the list that the bits are about */
    uint16_t ill;   /* bit n: the n-th of them */
};

/* Names, URLs and kinds, in their order; who is healthy does not count. */
uint32_t origins_check(const struct description_origin *origins, size_t count);

/* What a cluster with these says; at most ORIGINS_MAX. */
struct origins_word origins_word_of(const struct description_origin *origins, size_t count);

void origins_write(uint8_t out[ORIGINS_BLOCK_LEN], const struct origins_word *word);

/* False, and nothing is touched, if that is none. */
bool origins_read(struct origins_word *out, const void *bytes, size_t len);

#endif
