/*
 * Rest: what is left of a witness, and of its playout buffer, at which nothing happens.
 *
 * A witness that follows a steady path is, some time later, in the same state but for the time:
 * frames have come one after another, hellos, reports and standbys have been asked for at their
 * intervals and answered a round trip later. So it need not be stepped. It is *taken* at a quiet
 * instant, when nothing that it asked waits for an answer, and *restored* at any later quiet
 * instant, bit by bit as if it had been stepped all the time: counters, nonces, smoothed figures
 * and timers included. That holds while the network and all its servers do what they did; whoever
 * changes them restores first. A simulator of a million listeners lives on this.
 *
 * A server that cannot be reached may be *dark*: what it is asked is lost, and may wait to be given
 * up. Only the serving one must answer.
 */
#ifndef TRANSCODER_TIMELINE_WITNESS_REST_H
#define TRANSCODER_TIMELINE_WITNESS_REST_H

#include "transcoder/timeline/witness.h"

/* The world around a witness, by server slot. */
struct witness_ways {
    uint8_t dark;                             /* bit s: nothing reaches server s, or comes back */
    struct duration rtt[WITNESS_SERVERS_MAX]; /* there and back, exactly */
    struct duration standby_lease;            /* that each standby asked for is granted */
};

#define WITNESS_REST_WAITING_MAX 10

struct witness_rest_server {
    uint32_t tag; /* the caller's: which server this is … */
    bool dark;    /* … and that it does not answer */
    uint8_t slot, role, rank;
    uint8_t refusal : 7;
    uint8_t stand_later : 1;
    uint8_t waiting_count; /* questions to a dark one that are not given up yet */
    uint16_t loss_per_mille;
    uint32_t epoch_asked, frames;
    uint32_t hellos_sent, hellos_answered, hellos_missed;
    uint32_t rtt_min_us, rtt_us;
    struct instant hello_at, cookie_at, heard, media_at, framed_at;
    struct instant not_before; /* of one that has refused; of any other when the record was taken */
    uint64_t mergeable_from;
    struct path_pending waiting[WITNESS_REST_WAITING_MAX];
};

struct witness_rest {
    struct instant at; /* when it was taken */
    struct rng rng;
    struct schedule schedule;
    struct lapses lapses;
    struct budget hedges, moves;
    uint64_t counter, follow_counter;
    struct instant report_at, standby_at, standby_until;
    struct instant follow_at, miss_since, debt_at, probed_at, reseated_at, dwell_until;
    struct instant gained[WITNESS_GAINS_MAX];
    int64_t debt_us;
    uint32_t epoch, epoch_high, notice, lease_ms, told;
    uint32_t hedges_started, extensions, cancels, commits, refusals, budget_denied, forged, stale,
        gains_denied;
    uint32_t nacked, repaired;
    struct instant anchor; /* of the playout buffer; its figures follow */
    uint64_t end, mergeable_from, serving_from;
    uint32_t lost, lost_before, lost_run_max, duplicates, differing, late, early, splices;
    uint16_t burst_x16;
    uint8_t serving, served, told_by;
    bool cold, last_exact;
    uint8_t server_count;
    struct witness_rest_server servers[];
};

/* True while an answer is awaited of a server that answers. It cannot be settled then, and this is
 * quickly seen. */
bool witness_awaits(const struct witness *w);

/* True if it can be taken now: it follows, nothing waits for an answer, nothing is missing, and
 * `ways` are as it has learnt them. */
bool witness_is_settled(const struct witness *w, const struct witness_ways *ways,
                        struct instant now);

/* Until when a settled one stays so: while the warm one is dark another may take its part, one that
 * was given up answers once it is asked, and one that has refused is asked again. */
struct instant witness_settled_until(const struct witness *w, const struct witness_ways *ways,
                                     struct instant now);

/* True if some backup has refused and is not to be asked again yet. */
bool witness_rest_is_put_off(const struct witness_rest *r);

/* True if the warm one has refused to stand by: nothing is lodged there. */
bool witness_rest_is_refused(const struct witness_rest *r);

/* [bytes] of storage that witness_rest_take() fills. */
size_t witness_rest_size(const struct witness *w);

/* Takes a settled witness; of its servers `tag` and `dark` are left to the caller. */
void witness_rest_take(struct witness_rest *r, const struct witness *w, struct instant now);

/* All its instants by so much later, as of one that does the same at another time. */
void witness_rest_shift(struct witness_rest *r, struct duration by);

/* The newest instant not after `now` at which nothing waits for an answer; not before `r->at`. */
struct instant witness_rest_quiet(const struct witness_rest *r, const struct witness_ways *ways,
                                  struct instant now);

/* The witness as it is at the quiet instant `at`, before whatever is due at it. `w` and its playout
 * buffer were initialised as at the beginning of the session, with whatever addresses; those of the
 * servers, and their cookies, are the caller's to fill in. `len` is that of every payload. */
void witness_rest_restore(struct witness *w, const struct witness_rest *r,
                          const struct witness_ways *ways, size_t len, struct instant at);

/* A server other than the serving and the warm one goes dark at this instant, or ceases to be:
 * what was asked before it has its answer, or not. Everything else rests on. */
void witness_rest_turn(struct witness_rest *r, const struct witness_ways *before, uint8_t slot,
                       struct instant now);

/* ---- what a caller must know of the other ends ---- */

/* Frames that have arrived by then (before it): one past the last. */
uint64_t witness_rest_arrived(const struct witness_rest *r, struct instant at);

/* When the newest report, and the newest standby, was asked for before `at`; "never" if none was
 * since the witness was taken. */
struct instant witness_rest_reported(const struct witness_rest *r, struct instant at);
struct instant witness_rest_stood_by(const struct witness_rest *r, const struct witness_ways *ways,
                                     struct instant at);

/* The server that serves, and the warm one; WITNESS_SERVER_NONE for none. */
const struct witness_rest_server *witness_rest_server(const struct witness_rest *r,
                                                      enum witness_role role);

/* Frames expected at the output by then. */
uint64_t witness_rest_expected(const struct witness_rest *r, struct duration frame,
                               struct instant at);

#endif
