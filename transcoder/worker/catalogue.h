/*
 * The catalogue: what may be played here, in which profiles, and what each file's content is.
 *
 * Sources and profiles come from peerd's answer (the cluster's policy); nothing in a ticket names a
 * path. The supervisor adds to each source the digest of its content and to each profile the
 * determinism id of this machine, and hands the whole to its workers. A source whose content has
 * not been read yet has error `not_yet`; one that cannot be read says why.
 */
#ifndef TRANSCODER_WORKER_CATALOGUE_H
#define TRANSCODER_WORKER_CATALOGUE_H

#include "peerd/wire/node.h"
#include "transcoder/hls/rendition.h"
#include "transcoder/media/profile.h"

struct catalogue_source {
    struct node_source_spec spec;
    struct source_digest digest; /* of the content; all zero while `error` is set */
    uint64_t duration_ms;        /* [ms] of one pass; 0 without end or unknown */
    enum err error;              /* ERR_OK: it may be served */
};

struct catalogue_profile {
    struct media_profile profile;
    struct determinism_id determinism; /* of this machine */
};

struct catalogue {
    struct catalogue_source *sources; /* owned */
    size_t source_count;
    struct catalogue_profile profiles[NODE_PROFILES_MAX];
    size_t profile_count;
    struct rendition renditions[NODE_PROFILES_MAX]; /* of streams, for the front */
    size_t rendition_count;
};

void catalogue_init(struct catalogue *c);
void catalogue_free(struct catalogue *c);

/* Takes over what `from` holds and leaves it empty. */
void catalogue_move(struct catalogue *c, struct catalogue *from);

/* Builds the catalogue that an answer describes. Sources keep digest and error from `old` where
 * name, location and class are the same; new ones begin as `not_yet`. A profile or
 * rendition that cannot be made here is left out; `why` (may be NULL) then names the last such.
 * False if memory is short, `c` untouched. */
bool catalogue_from_spec(struct catalogue *c, const struct node_catalogue *spec,
                         const struct catalogue *old, struct media_why *why);

/* Add one; false if memory is short or it is full. A source of the same name is replaced. */
bool catalogue_put_source(struct catalogue *c, const struct catalogue_source *source);
bool catalogue_put_profile(struct catalogue *c, const struct catalogue_profile *profile);

/* NULL if there is none. */
struct catalogue_source *catalogue_source_find(const struct catalogue *c, const struct name *name);
const struct catalogue_profile *catalogue_profile_find(const struct catalogue *c,
                                                       const struct name *name);

/* May a session with this ticket be made here? ERR_UNKNOWN_SOURCE, ERR_UNKNOWN_PROFILE, ERR_NOT_YET
 * (try again soon), ERR_SOURCE_DIFFERS (other content or class than the ticket's), or the source's
 * own error. On ERR_OK both are filled, borrowed from the catalogue. */
enum err catalogue_admit(const struct catalogue *c, const struct ticket *ticket,
                         const struct catalogue_source **source,
                         const struct catalogue_profile **profile);

#endif
