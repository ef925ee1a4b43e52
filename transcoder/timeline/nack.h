/*
 * Nack: which lost frames of the serving path a client asks for once more, and when.
 *
 * A frame that is missing while a later one has come was lost or overtaken. It is given a moment to
 * turn up (twice the jitter, or until a second sender should have brought it), then asked for (RFC
 * 4585, Generic NACK), and again a round trip and some jitter later: three times at most, and only
 * while the answer can still be in time for its playout instant. Where there is no time to wait for
 * an answer the last question goes out before it is overdue. So plain loss is mended within the
 * buffer. Where a path loses everything there is no later frame, and nothing here happens: that is
 * what hedges are for.
 *
 * Holes are kept as runs of frames in a row; what of a run has come meanwhile is seen in the
 * playout buffer when it is asked for. All memory of a run is gone once the answer to its last
 * question is due, so that a witness which has heard everything is what it was before.
 */
#ifndef TRANSCODER_TIMELINE_NACK_H
#define TRANSCODER_TIMELINE_NACK_H

#include "transcoder/timeline/playout.h"

#define NACK_RUNS_MAX   4  /* holes at a time; a further one takes the oldest's place */
#define NACK_FRAMES_MAX 64 /* frames of a run that are asked for: the last ones */
#define NACK_ASKS_MAX   3

struct nack_run {
    uint64_t from;        /* first frame */
    struct instant again; /* when it is asked for next, or forgotten */
    uint8_t count;        /* frames */
    uint8_t asked;        /* times */
};

struct nack {
    struct nack_run runs[NACK_RUNS_MAX]; /* oldest first; zero beyond `count` */
    uint8_t count;
};

/* What is known of the path. */
struct nack_path {
    struct duration rtt;     /* smoothed */
    struct duration rtt_min; /* smallest, what comes sooner cannot be; zero if unknown */
    struct duration jitter;  /* RFC 3550 */
    struct instant other;    /* until then another way may still bring it; past or now: none does */
    struct duration spread;  /* in which a backfill is sent: so much later its frames may come */
};

struct nack_question {
    uint64_t from;
    uint64_t missing; /* bit i: from + i; never 0 */
};

/* Frames from … to − 1 have not come, and frame `to` has. */
void nack_missed(struct nack *n, uint64_t from, uint64_t to, const struct nack_path *path,
                 struct instant now);

/* The next question that is due. Call until false. */
bool nack_take(struct nack *n, const struct playout *playout, const struct nack_path *path,
               struct instant now, struct nack_question *out);

/* When there is something to ask or to forget; "never" if nothing is missing. */
struct instant nack_deadline(const struct nack *n);

/* Another server serves: what this one has lost is no longer asked of it. */
void nack_forget(struct nack *n);

void nack_check_invariants(const struct nack *n);

#endif
