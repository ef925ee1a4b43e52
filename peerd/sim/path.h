/*
 * A path: what happens to packets on their way from one place to another.
 *
 * The simulator and the emulator under the live runner ask the very same functions, so that a link
 * means the same to both. One `struct way` is one direction between two ends, shared by everybody
 * who sends there, as a wire is (a `struct path` is a client's opinion of its server). In this
 * order a packet meets: an outage; the queue before a rate; loss, independent or in bursts; delay
 * and jitter; then perhaps reordering, a second copy, or a recording of it that comes again much
 * later.
 *
 * Jitter is a chain of its own: it stays as it is with the probability of its correlation, else it
 * is drawn anew, so that it is uniform whatever the correlation is, and the correlation of packets
 * k steps apart is its k-th power. Packets stay in order, so one of large jitter holds those behind
 * it; were each of a thousand packets a second drawn for itself, all would come as late as the
 * latest, with hardly any jitter left. Hence packets closer together than half the jitter share it:
 * with packets further apart the figures are exact, with any density the mean stays within a tenth
 * of the jitter. (An autoregressive chain would be smoother, but needs a map to become uniform.)
 *
 * A packet that overtakes takes between a half and three quarters of its delay. A duplicate follows
 * within a millisecond or the jitter. What is dropped is neither duplicated nor replayed.
 *
 * Pure: instants and the generator come in as arguments. Only outages need floating-point numbers.
 */
#ifndef PEERD_SIM_PATH_H
#define PEERD_SIM_PATH_H

#include "peerd/base/rng.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The chain of Gilbert (1960) and Elliott (1963): a good and a bad state, one step a packet; named
 * as by tc-netem(8), which calls them p, r, 1-h and 1-k. */
struct path_bursts {
    uint32_t enter_ppm;     /* p: good to bad, a packet; 0: never */
    uint32_t leave_ppm;     /* r: bad to good; its inverse is the mean length of a burst */
    uint32_t loss_bad_ppm;  /* 1-h: loss in the bad state */
    uint32_t loss_good_ppm; /* 1-k: loss in the good one */
};

/* Times in which nothing passes: they begin as a Poisson process does, their lengths are of a
 * Pareto distribution, as those of routing failures are. */
struct path_outages {
    struct duration every;   /* mean time from the end of one to the next; zero: there are none */
    struct duration least;   /* shortest */
    struct duration longest; /* longer ones are cut to this */
    uint32_t shape_permille; /* of the Pareto distribution; 1000 to 2000 is a heavy tail */
};

/* All of one direction. */
struct path_quality {
    struct duration delay;           /* of every packet */
    struct duration jitter;          /* on top: uniform from nothing up to this */
    uint32_t jitter_correlation_ppm; /* of a packet's jitter with that of the one before */
    uint32_t loss_ppm;               /* each packet for itself */
    struct path_bursts bursts;
    struct path_outages outages;
    uint64_t rate_bps;         /* [bit/s] of everybody together, IP headers included; 0: no limit */
    struct duration queue;     /* what would wait longer than this for the rate is dropped */
    uint32_t reorder_ppm;      /* of packets: overtake those before */
    uint32_t duplicate_ppm;    /* of packets: come twice */
    uint32_t replay_ppm;       /* of packets: recorded, and sent again … */
    struct duration replay_in; /* … within this time */
};

/* Copies of a packet that arrive: itself, a duplicate, a replay. */
#define WAY_COPIES_MAX 3

enum way_copy {
    WAY_COPY_ORIGINAL,
    WAY_COPY_DUPLICATE,
    WAY_COPY_REPLAY
};

/* Why a packet does not arrive. */
enum way_drop {
    WAY_DROP_NONE,
    WAY_DROP_OUTAGE,
    WAY_DROP_QUEUE, /* it would have waited too long for the rate */
    WAY_DROP_BURST, /* by the chain of bursts, in either state */
    WAY_DROP_LOSS   /* by itself */
};

/* What becomes of one packet. */
struct way_fate {
    enum way_drop drop;
    uint32_t count; /* of arrivals: 0 if it was dropped, else the original comes first */
    struct {
        struct instant at;
        enum way_copy copy;
    } arrivals[WAY_COPIES_MAX];
};

/* One direction as it is now. Its owner only stores it; what it held in the air is with the
 * owner as well, so there is nothing to give back. */
struct way {
    struct path_quality quality;
    struct instant arrived;      /* latest arrival of an original: the next ones wait for it */
    struct duration jitter;      /* of the latest packets */
    struct instant jitter_until; /* … and of all that follow before this */
    struct instant free_at;      /* the rate has passed on all before */
    uint64_t free_rest;          /* [bit·µs/s] and this much of a microsecond more */
    struct instant outage_from;  /* the next outage, or the present one */
    struct instant outage_until; /* … its end */
    bool bad;                    /* state of the chain */
};

/* Makes a path that nobody has sent on; its first outage is at least one drawn pause after `now`.
 */
void way_init(struct way *w, const struct path_quality *quality, struct instant now);

/* Changes the quality from `now` on. What was sent stays as it was told; later packets still do not
 * overtake it, and wait behind what fills the queue at the new rate. */
void way_set_quality(struct way *w, const struct path_quality *quality, struct instant now);

/* The chain of bursts, and the outages, of ways that are one wire for a part of their length:
 * whoever has it lends it to each way while a packet is sent there. */
struct way_mile {
    bool bursts, outages; /* which of both it has; the rest is each way's own */
    bool begun;           /* some way has had it */
    bool bad;
    struct instant outage_from, outage_until;
};

/* The way goes on where the others are; to be given back after each packet. All of them must have
 * the same bursts and outages in their quality. */
void way_take_mile(struct way *w, const struct way_mile *mile);
void way_give_mile(const struct way *w, struct way_mile *mile);

/* Sends a packet of `bytes`, headers included, into `out`; `now` never goes back. True if it
 * arrives. Draws from `rng` only what the quality needs: nothing if it is delay and rate alone. */
bool way_send(struct way *w, struct rng *rng, struct instant now, uint32_t bytes,
              struct way_fate *out);

/* True while an outage lasts. */
bool way_is_out(struct way *w, struct rng *rng, struct instant now);

/* True if it is delay and nothing else: such a path needs no state. */
bool path_quality_is_delay(const struct path_quality *q);

/* [ppm] of packets lost in the long run, without outages and full queues. */
uint32_t path_quality_loss(const struct path_quality *q);

const char *way_drop_name(enum way_drop drop);

#endif
