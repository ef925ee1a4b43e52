/*
 * Echo: what a beat proves, without clock, disk or handshake.
 *
 * A beat proves its sender alive only if it echoes something we sent in this run, and only as of
 * the instant at which we sent what it echoes: beats held back on the way and released later
 * prove nothing new. Incarnations: each run of a process has a random boot id. A boot id not seen
 * before is a *candidate*; it becomes *confirmed* only when a beat under it echoes something that
 * we sent after first seeing it. We echo only the confirmed incarnation and answer the candidate
 * in fields of its own, so that a replayed beat of an old run can never displace the living one.
 * Either answer is an echo to whom it names: we sent it, it came back. Only the confirmed one
 * comes with a holding time, so only from that a round trip is computed. Within a boot a sequence
 * number is accepted once (a 64-wide window allows reordering).
 *
 *            first beat                   it echoes what we sent since
 *   (none) ------------> candidate ------------------------------------> confirmed
 *                         ^  |  ^                                         |     |
 *          another unknown|  |  | another unknown boot: beside            |     | the candidate
 *          boot that has  +--+  +-----------------------------------------+     | is confirmed
 *          echoed no less: takes the slot                                       v
 *                                                                            retired: refused
 *
 * One candidate slot is enough, even against somebody who replays beats of many old runs while a
 * true restart is under way. Candidates are ranked by the newest of our sends that they have
 * echoed, and one of a lower rank never takes the slot. A run that is over can have echoed only
 * what we sent before it ended; the living one outranks it with its first beat after hearing us,
 * which it does whatever stands in our slot, and cannot be thrown out again. Confirmation empties
 * the slot, and a boot entering it again must echo something sent since: beats of a dead run,
 * withheld and released late, cannot satisfy that. What replay costs is one more beat interval.
 *
 * Both sides starting at once need two beats each: candidates of one another after the first,
 * confirmed by the answers to the second. Two living processes under one key (a mistake of the
 * operator) retire one another in turn; the one confirmed last holds.
 */
#ifndef PEERD_WIRE_ECHO_H
#define PEERD_WIRE_ECHO_H

#include "peerd/wire/beat.h"

/* Sends remembered; an echo of an older one proves nothing. At 20 ms that is 5 s, longer than any
 * proof is useful. */
#define ECHO_SENT_MAX 256

enum echo_result {
    ECHO_LIFE,        /* authentic, new, and echoes us: life is proven as of `life_at` */
    ECHO_UNCONFIRMED, /* authentic and new, but proves no life: evidence for a one-way partition */
    ECHO_CANDIDATE,   /* a boot id that is not confirmed yet: as little proof as UNCONFIRMED */
    ECHO_REPLAYED     /* seen before, too old to tell, or a boot that has been superseded: drop */
};

struct echo_incarnation {
    uint64_t boot;             /* 0 for none */
    uint64_t seq_max;          /* highest accepted */
    uint64_t window;           /* bit i: seq_max - i has been accepted */
    struct instant heard;      /* arrival of seq_max */
    uint64_t our_seq_at_first; /* our last seq sent when this boot took the slot */
    uint64_t echoed;           /* newest of our seqs that it has echoed, 0 for none: its rank */
};

struct echo {
    uint64_t boot;                         /* ours, given at init, never 0 */
    uint64_t seq;                          /* last sent */
    struct instant sent_at[ECHO_SENT_MAX]; /* by seq modulo the size */
    struct echo_incarnation confirmed;
    struct echo_incarnation candidate;
    uint64_t retired_boot;  /* the boot confirmed before this one: refused from now on */
    struct instant life_at; /* newest proven instant of life; earliest possible if none */
};

struct echo_proof {
    enum echo_result result;
    bool new_boot;          /* this beat confirmed a new incarnation */
    bool newest;            /* highest seq of its boot so far: what it says is the latest word */
    struct instant life_at; /* with ECHO_LIFE: our clock when what it echoes was sent */
    bool rtt_known;         /* false if only the candidate fields echoed us, or the age is wrong */
    struct duration rtt;    /* if known: round trip without the other's holding time */
};

/* `boot` is fresh random from the caller, not 0, and this object's alone: an echo that begins
 * anew under a boot used before would number its beats into replays, and would take what was
 * recorded then for answers to what it sends now. */
void echo_init(struct echo *e, uint64_t boot);

/* Fills boot, seq, send_us and the echo fields of a beat about to be sent now. Each datagram gets
 * its own seq, also one that repeats or answers; `now` never runs backwards. */
void echo_fill(struct echo *e, struct beat *beat, struct instant now);

/* Takes an opened beat. ECHO_REPLAYED leaves the state untouched, and so does a candidate that is
 * outranked; the counters are the caller's. A beat whose boot equals our own is reflected and
 * counts as ECHO_REPLAYED. Judge silence by `life_at` of the machine, which never goes back: a
 * late beat may prove an instant older than what is known already. */
struct echo_proof echo_beat_received(struct echo *e, const struct beat *beat, struct instant now);

void echo_check_invariants(const struct echo *e);

#endif
