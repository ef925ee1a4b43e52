/*
 * An agreement with one peer: offered, accepted, renewed and ended between two providers who do not
 * trust each other further than their leases go.
 *
 * Both run this machine, and say what they would do and what they hold for the other
 * (peerd/wire/agreement.h). What follows from the two offers each reckons by itself
 * (agreement_terms.h). Slots that we hold for the other are taken from what all agreements share
 * (struct agreement_room) before a word is said of them; what the other holds for us we rely on
 * only when it has said so, and only for a lease from the instant at which we sent what it
 * accepted. So:
 *
 *   1 Nobody relies on slots that are not held: the holder's lease begins when the message comes,
 *     the other's when it was sent, which is earlier, and is shorter by a 64th for clocks that do
 *     not run alike. The one exception is a holder that was restarted and has forgotten; it ends
 *     with the first word of the new run, and with the lease at the latest.
 *   2 What is held is let go when the other has said that it heard of less, or when its lease has
 *     ended, whichever is first: the most is held of what it may have heard last.
 *   3 Who says "end" relies on nothing from then on, whatever may still be under way to it.
 *   4 What is held never exceeds what there is to hold.
 *   5 Who takes back what it held again and again (AGREEMENT_FALLS) is damped: for a while, which
 *     doubles, nothing that it says is relied upon, until it has stayed or our own policy changes.
 *     A restart of its is no such fall: it has forgotten, and says so.
 *
 * Messages may be lost, doubled and reordered. Those of a run that are not newer than the newest
 * are dropped. A run that we do not know yet is believed only if it has heard something that we
 * said after we came to know the run before, or else what is left of an old run on the way could
 * pass for a new one.
 */
#ifndef PEERD_CORE_AGREEMENT_H
#define PEERD_CORE_AGREEMENT_H

#include "peerd/base/rng.h"
#include "peerd/base/time.h"
#include "peerd/base/trace.h"
#include "peerd/core/agreement_terms.h"

#define AGREEMENT_SAID_MAX  16 /* messages of ours that the other may have heard last */
#define AGREEMENT_SOON      duration_ms(100) /* what changes within this is said at once */
#define AGREEMENT_RETRY     duration_s(1)    /* until it answers; doubles … */
#define AGREEMENT_RETRY_MAX duration_s(60)   /* … up to this */
#define AGREEMENT_AGAIN     duration_s(60)   /* after a refusal; doubles … */
#define AGREEMENT_AGAIN_MAX duration_s(900)  /* … up to this */
#define AGREEMENT_FALLS     3               /* the other takes back all that it held so often … */
#define AGREEMENT_FALL_AGE  duration_s(900) /* … each sooner than this after the last: damped */
#define AGREEMENT_DRIFT     64              /* clocks differ by less than a 64th */

enum agreement_state {
    AGREEMENT_STATE_IDLE,     /* not wished; nothing is held */
    AGREEMENT_STATE_OFFERING, /* nothing of the other's that fits has been heard */
    AGREEMENT_STATE_HOLDING,  /* slots are held for it; it has not said so of its own */
    AGREEMENT_STATE_AGREED,   /* both hold what the terms say */
    AGREEMENT_STATE_REFUSED,  /* it does not fit, or the other has ended it */
    AGREEMENT_STATE_ENDING    /* not wished any more; the other has not said that it heard */
};

/* What all agreements of a cluster have in common. */
struct agreement_room {
    uint32_t slots; /* [sessions] that may be held */
    uint32_t held;  /* [sessions] by all agreements together */
};

/* Each counts what the other did wrong, and is therefore shown. */
#define AGREEMENT_COUNTERS(X)                                                                      \
    X(foreign, "messages dropped: under another cluster's name")                                   \
    X(stale, "messages dropped: not newer than the newest")                                        \
    X(unconfirmed, "messages of a run that has not shown to be alive")                             \
    X(impossible, "messages dropped: they answer what was never said")                             \
    X(overstated, "messages that promise more than the terms")                                     \
    X(fallen, "times that it took back all that it held for us")                                   \
    X(refused, "offers that do not fit")                                                           \
    X(denied, "sessions that it may not bring: service, class or client")                          \
    X(overdrawn, "sessions beyond what is held for it, ended")                                     \
    X(turned_away, "times that workers refused a session beyond what is held for it; one that "    \
                   "asks again counts again")

struct agreement_counters {
#define AGREEMENT_COUNTER_FIELD(field, text) uint64_t field;
    AGREEMENT_COUNTERS(AGREEMENT_COUNTER_FIELD)
#undef AGREEMENT_COUNTER_FIELD
};

struct agreement_setup {
    struct name self, peer;
    struct name region;          /* ours */
    uint64_t run;                /* random, not 0 */
    uint64_t seed;               /* of jitter */
    struct agreement_room *room; /* borrowed, outlives the agreement */
    struct trace *trace;         /* borrowed; NULL: nothing is traced */
};

/* A message of ours that may be the newest that the other has heard. */
struct agreement_said {
    uint64_t seq;
    struct instant at;
    uint64_t version; /* of our offer */
    uint32_t lease_ms;
    uint32_t slots; /* that it says to be held; of those before it, too, where they fell out */
};

struct agreement {
    struct name self, peer;
    enum agreement_state state;
    enum agreement_why why; /* REFUSED: the reason */
    bool ended_by_peer;     /* REFUSED: it was the other's */
    struct rng rng;
    struct agreement_room *room;
    struct trace *trace;
    struct agreement_counters counters;

    struct agreement_offer mine;
    uint64_t version;       /* of it */
    uint32_t lease_ms_wish; /* by policy … */
    uint32_t lease_ms;      /* … and as it was when the newest message was heard */
    uint64_t run;
    uint64_t next_seq;
    uint64_t void_before; /* an answer to what is older counts for nothing: it was ended */
    struct agreement_said said[AGREEMENT_SAID_MAX]; /* oldest first */
    uint32_t said_count;

    uint64_t peer_run;     /* confirmed; 0: none */
    uint64_t peer_seq;     /* newest of it */
    uint64_t run_seq;      /* what we said from here on was said after it was confirmed */
    uint64_t stranger_run; /* heard, not confirmed; 0: none */
    uint64_t stranger_seq;
    uint64_t told_seq; /* newest of ours that it has heard */
    uint64_t news_seq; /* the other should have heard this or a later one */
    bool offered;      /* the next one means something */
    struct agreement_offer theirs;

    struct agreement_terms terms;
    uint32_t held;               /* [sessions] here for the other */
    struct instant lease_until;  /* it may rely on what we said until then; "never": on nothing */
    uint32_t relied;             /* [sessions] there for us … */
    struct instant relied_until; /* … until then; "never" unless agreed */
    struct instant fell_at; /* it has taken that back then, the last time; "never": it has not */
    uint32_t falls;         /* … so often in a row */
    struct instant damped_until; /* nothing it says is relied upon until then; "never": it is not
                                    damped */

    struct instant say_at;   /* "never": nothing to say */
    struct instant said_at;  /* newest message; "never": none */
    struct instant again_at; /* REFUSED: tries anew; else "never" */
    struct duration retry;
    struct duration again;
};

enum agreement_event_kind {
    AGREEMENT_WISHED, /* policy: whether, and what we give and ask */
    AGREEMENT_HEARD,  /* a message came from whoever has the peer's key */
    AGREEMENT_PASSED, /* time */
    AGREEMENT_EXPIRED /* likewise, and nothing is said of it in this step */
};

struct agreement_event {
    enum agreement_event_kind kind;
    struct instant now;
    bool wished;                         /* WISHED: and if not, `offer` and `lease` mean nothing */
    const struct agreement_offer *offer; /* copied */
    struct duration lease;
    const struct agreement_message *message; /* HEARD; copied */
    bool asked;                              /* HEARD: it waits for an answer */
};

/* What is to be said: at most one message a step. */
struct agreement_outbox {
    bool say;
    bool asks; /* it asks for an answer; false: it is the answer to the event */
    struct agreement_message message;
};

void agreement_init(struct agreement *a, const struct agreement_setup *setup);

/* The peer is no more in our policy: what is held for it is given back. */
void agreement_free(struct agreement *a);

void agreement_step(struct agreement *a, const struct agreement_event *event,
                    struct agreement_outbox *outbox);

/* When the first of its leases is over: what we hold for the other, or what we rely on. */
struct instant agreement_ends(const struct agreement *a);

/* When it wants to be stepped at the latest. */
struct instant agreement_deadline(const struct agreement *a);

void agreement_check_invariants(const struct agreement *a);

/* Are its sessions of that service and class in the terms, while slots are held for it? */
bool agreement_takes(const struct agreement *a, const struct name *service, uint8_t class);

/* May the other bring one more session of that service, class and client, having `used` already?
 * ERR_OK, ERR_DENIED (not in the terms) or ERR_NO_CREDIT (more than is held); refusals are
 * counted. */
enum err agreement_admits(struct agreement *a, const struct name *service, uint8_t class,
                          const struct addr *client, uint32_t used);

/* May a session of ours be moved there, as far as the terms go? */
bool agreement_offers(const struct agreement *a, const struct name *service, uint8_t class,
                      const struct addr *client);

const char *agreement_state_word(enum agreement_state state);

#endif
