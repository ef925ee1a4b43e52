/*
 * A playlist that names several sites, folded into one that names none: the reverse of
 * multivariant.h.
 *
 * A sidecar gives a player one URL of its own machine. What stands behind that at each site follows
 * from the path alone: the part of a URL that differs between sites is a site's *base*, the rest is
 * the path here. So relative URIs in media playlists stand as they are, at whichever site these
 * were fetched.
 *
 * Sites are the pathways of Content Steering (RFC 8216bis section 4.4.6.6), whose variants are each
 * other's copies by STABLE-VARIANT-ID, or by their order; without pathways they are the URLs that
 * the caller was given. A pathway whose URIs end in other words than the first one's is no copy,
 * and is left out.
 */
#ifndef TRANSCODER_HLS_FOLD_H
#define TRANSCODER_HLS_FOLD_H

#include "peerd/base/err.h"
#include "transcoder/hls/sites.h"
#include "transcoder/hls/uri.h"

#define FOLD_IN_MAX       1048576 /* [characters] of a multivariant playlist: multivariant.h */
#define FOLD_VARIANTS_MAX 256     /* of all pathways together */

/* What a playlist was fetched from, and its copies. */
struct fold_from {
    const char *const *urls; /* absolute */
    size_t count;            /* at most SITES_MAX */
    size_t at;               /* which of them it was */
};

struct fold {
    struct sites sites;             /* where to begin first */
    char steering[URI_LEN_MAX + 1]; /* whom to ask; empty: nobody */
    bool media;                     /* it is a media playlist: `path` is all that there is of it */
    char path[URI_LEN_MAX + 1];     /* of that one, here: begins with a slash */
    uint32_t left_out;              /* pathways that are no copies */
    char why[128];                  /* an error, as a sentence without a full stop */
};

/* Writes the playlist for players, terminated, and its length; nothing of a media playlist. Errors:
 * BAD_FIELD for what is no playlist, UNSUPPORTED for one without a URL that sites have in common,
 * OVERSIZED. */
enum err fold_read(struct fold *out, char *text, size_t size, size_t *len,
                   const struct fold_from *from, const char *playlist, size_t playlist_len);

/* The same for a media playlist of `site` at `path` here: URIs that stand for themselves become
 * paths here if they lie under the base of that site. ERR_OVERSIZED: it does not fit. */
enum err fold_media(char *text, size_t size, size_t *len, const struct site *site, const char *path,
                    const char *playlist, size_t playlist_len);

#endif
