/*
 * A multivariant playlist of several clusters, made from that of one of them.
 *
 * An origin has a playlist of its own (RFC 8216bis section 4.4.6) whose URIs are relative to where
 * it lies; its copies at other clusters are alike. What a player needs to be moved between them is
 * added: each variant and each rendition once for each pathway, with that cluster's URI, under one
 * STABLE-VARIANT-ID or STABLE-RENDITION-ID, so that a player knows it again; groups of renditions
 * are named apart by pathway; one EXT-X-CONTENT-STEERING says whom to ask. The first pathway stands
 * first, which is where a player begins that does not steer. All else is copied as it stands.
 *
 * Ids follow from the URI as the origin wrote it (or are the origin's own), and from nothing of the
 * cluster that answers: whichever cluster's peerd is asked, a player finds the same names.
 *
 * URIs that lie elsewhere (another host, a path from the root) cannot be moved by steering, and a
 * playlist that steers already is somebody else's: both are refused by name.
 */
#ifndef TRANSCODER_HLS_MULTIVARIANT_H
#define TRANSCODER_HLS_MULTIVARIANT_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"

#include <stddef.h>
#include <stdint.h>

#define MULTIVARIANT_PATHWAYS_MAX 16      /* as steering.h has */
#define MULTIVARIANT_IN_MAX       65536   /* [characters] of an origin's playlist */
#define MULTIVARIANT_OUT_MAX      1048576 /* [characters] enough for 16 times that */

struct multivariant_pathway {
    struct name id;
    const char *base; /* absolute URI that ends in "/": what the origin's URIs are relative to */
};

struct multivariant {
    const struct multivariant_pathway *pathways; /* where to begin first; at least 1 */
    size_t pathway_count;
    const char *steering_uri; /* absolute */
};

struct multivariant_fault {
    uint32_t line; /* of the origin's playlist, from 1; 0: of none */
    char why[128]; /* one sentence, without a full stop */
};

/* Writes the playlist, terminated, and its length. Errors, with a fault: BAD_FIELD for what is no
 * playlist, UNSUPPORTED for one that is not multivariant, steers already or has a URI that lies
 * elsewhere, OVERSIZED for one that is too long or does not fit. `out` is garbage then. */
enum err multivariant_write(char *out, size_t out_size, size_t *len, const struct multivariant *m,
                            const char *origin, size_t origin_len,
                            struct multivariant_fault *fault);

/* [kbit/s] The least that a variant of it needs: BANDWIDTH is the peak, so the average where the
 * origin says it. 0: it says neither. */
uint32_t multivariant_poorest_kbps(const char *origin, size_t origin_len);

#endif
