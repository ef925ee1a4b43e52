/*
 * A fetch: one body for one player, from whichever of several sites gives it.
 *
 *              no byte within the site's patience: the next is asked, too (a hedge)
 *              refused, failed: the next is asked at once
 *     ASKING <-----------------------------------------------------------------+
 *        | first byte: the others are called off                               | whole: from
 *        v                                                                     | the beginning
 *     FLOWING --- breaks off, or stands still ---> ASKING the rest (a range) --+
 *        | all is there            ^                    | first byte of the rest
 *        v                         +--------------------+
 *      DONE         nobody is left, or nobody is heard for too long: FAILED
 *
 * What a player has been given cannot be taken back, so the rest must be of the same bytes. A copy
 * with the same strong ETag is asked for the rest alone (Range with If-Range, RFC 9110
 * section 13.1.5). Whoever has another ETag, or none, sends the whole, and what comes before the
 * rest must be what was given: a hash of it is kept. A copy of another length, or of other bytes,
 * is no copy; where there is no other the fetch fails in the midst, the player sees that, and asks
 * again.
 *
 * A *whole* fetch (a playlist) gives out nothing before it is complete, so any site may begin anew.
 *
 * Pure: the caller asks, calls off and tells what comes. It takes the bits of `ask` and `cancel`
 * after each event, in the same turn or the next, and looks at `state`.
 */
#ifndef TRANSCODER_HLS_FETCH_H
#define TRANSCODER_HLS_FETCH_H

#include "transcoder/hls/range.h"
#include "transcoder/hls/sites.h"

#define FETCH_ETAG_MAX    127  /* [characters] a longer one counts as none */
#define FETCH_STALL_MS    500  /* [ms] without a byte in mid-body: the rest is asked of the next */
#define FETCH_AGAIN_MS    400  /* [ms] after all have said that it is not ready yet */
#define FETCH_LATE_MS     100  /* [ms] that time is told too late: then it was we who stood still */
#define FETCH_LOOK_MS     50   /* [ms] for what came meanwhile to be read */
#define FETCH_PATIENCE_MS 8000 /* [ms] without a byte from anybody: given up */

enum fetch_state {
    FETCH_ASKING,
    FETCH_FLOWING,
    FETCH_DONE,
    FETCH_FAILED
};

/* The head of an answer, as far as it matters here. */
struct fetch_head {
    unsigned status;
    bool again;                    /* a refusal that is not for long: Retry-After */
    struct range range;            /* which part comes: of 200 all; the end may be RANGE_UNKNOWN */
    uint64_t total;                /* [bytes] of the whole, or RANGE_UNKNOWN */
    char etag[FETCH_ETAG_MAX + 1]; /* a strong one; empty for none */
};

enum fetch_try_state {
    FETCH_TRY_NONE,
    FETCH_TRY_ASKED,    /* no byte yet */
    FETCH_TRY_CHECKING, /* bytes that were given already */
    FETCH_TRY_SERVING
};

struct fetch_try {
    enum fetch_try_state state;
    struct instant since; /* asked */
    uint64_t at;          /* [bytes] of the body: the next one that it sends */
    uint64_t hash;        /* of what it has sent again */
    bool gave;            /* a byte that was passed on */
    bool resuming;        /* asked in mid-body */
};

struct fetch {
    struct sites *sites;
    enum fetch_state state;
    bool whole;
    struct fetch_try tries[SITES_MAX];
    uint32_t asked;         /* bits: sites that are not to be asked before others */
    uint32_t again;         /* bits: of these, those that said to come back */
    uint32_t ask, cancel;   /* bits, for the caller */
    uint32_t first;         /* who was asked first, or served before: the choice moves from there */
    uint32_t serving;       /* whose bytes were passed on last; SITES_NONE before */
    struct fetch_head head; /* of the first that served: what the player was told */
    uint64_t given;         /* [bytes] passed on, from head.range.from */
    uint64_t hash;          /* of these */
    bool broke;             /* in mid-body, and nobody has gone on yet */
    bool looked;            /* what came while we stood still was to be read first */
    bool paused;            /* the player does not take more: silence is not the site's */
    struct instant next_at; /* when the next is asked */
    struct instant heard_at;
    unsigned refused;         /* status of the most telling refusal; 0 for none */
    uint32_t hedges, resumes; /* asked for */
    char why[128];            /* FAILED: a sentence without a full stop */
};

/* Begins, and asks the first. */
void fetch_begin(struct fetch *f, struct sites *sites, bool whole, struct instant now);

/* What to ask of a site. False: the body as the player asked for it (with his own range). True: of
 * the body in mid-way; `part` is valid if `tag` is not empty, else no range is named. */
bool fetch_rest(const struct fetch *f, struct range *part, const char **tag);

/* The head of a body, status 200 or 206; the first byte follows. */
void fetch_head_came(struct fetch *f, uint32_t site, const struct fetch_head *head,
                     struct instant now);

/* What of these bytes is passed on: `*len` behind `*skip`, which lie at `*at` of what is passed on
 * in all (0: from the beginning, also a second time if the fetch is a whole one). */
void fetch_bytes_came(struct fetch *f, uint32_t site, const uint8_t *bytes, size_t count,
                      struct instant now, size_t *skip, size_t *len, uint64_t *at);

/* It is over: with the last byte (`failed` NULL, head NULL or that of an answer without a body or
 * of a refusal), or because of an error. */
void fetch_ended(struct fetch *f, uint32_t site, const struct fetch_head *head, const char *failed,
                 struct instant now);

/* The player takes no more for now, or goes on. */
void fetch_paused(struct fetch *f, bool paused, struct instant now);

/* When fetch_due is wanted; never, perhaps. */
struct instant fetch_deadline(const struct fetch *f);
void fetch_due(struct fetch *f, struct instant now);

/* [bytes] That the player is told will come; RANGE_UNKNOWN. Valid once a byte has come. */
uint64_t fetch_length(const struct fetch *f);

#endif
