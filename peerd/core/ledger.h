/*
 * The ledger: the record of moves, newest last, in bounded memory.
 *
 * Both ends keep it, each of what it sees, and tell the other (counterpart.h): who was left knows
 * when it asked the client to go, when the worker had taken that on and when the session had gone;
 * who took it over knows since when it hedged and when it was committed, and, from the client's
 * next signed report, what the move was like for it. move_figures sums all of them up, those that
 * are not held any more included.
 *
 * It is the memory of this run only: what a restart finds at its nodes was moved before and is not
 * entered again. Entries are numbered from 1; the oldest goes when it is full. Those of a session
 * are found by their number: each names the one before it in the same bucket.
 *
 * What was called off is entered too, with the state in which it was and why. A listener on a bad
 * way hedges, and takes it back, many times a minute: such entries in a row are one, with their
 * count and the newest of them.
 *
 * A client may be on its way as its move is called off: where it went to says so (counterpart.h),
 * and then that entry is of a move that took place. Figures count it as both: it was called off,
 * and it left.
 *
 * Why a session came may not be known yet when it is here (causes.h). Its entry is open until then,
 * with the client's word as its cause, and figures count it when it is settled. The order of
 * entries is the order in which they are settled at the latest.
 */
#ifndef PEERD_CORE_LEDGER_H
#define PEERD_CORE_LEDGER_H

#include "monitor/verdict.h"
#include "peerd/core/move.h"
#include "peerd/core/move_figures.h"

#define LEDGER_MAX     1024 /* entries */
#define LEDGER_BUCKETS 2048 /* of session ids, which are random: hardly two in one */

/* The phases of a move at the end that was left. */
struct ledger_left {
    bool told;
    uint16_t prepare_ms; /* [ms] from the order to when it was taken on; 65535 unknown … */
    uint16_t overlap_ms; /* [ms] … and from there until it had gone, likewise */
};

struct ledger_entry {
    uint64_t number;                         /* from 1 */
    uint64_t before;                         /* number of the one before in its bucket; 0 none */
    struct move move;                        /* as it was when it was over, its cause as told */
    enum move_cause cause;                   /* as it turned out */
    struct instant open_until;               /* it is settled then; "never": it has been */
    uint32_t times;                          /* called off in a row; 1 of all that are over */
    char evidence[VERDICT_TEXT_LEN_MAX + 1]; /* what we believed of `from` at that time */
    struct message_moved told;               /* by its client; epoch 0: nothing yet */
    struct ledger_left left;                 /* arriving: as where it was says */
    bool late;                               /* leaving: it had been called off, and went */
};

struct ledger {
    uint64_t count;                          /* entered since the start */
    uint64_t settled;                        /* no entry up to that number is open */
    uint64_t newest[LEDGER_BUCKETS];         /* number; 0 none */
    struct move_figures figures;             /* of all since the start */
    struct ledger_entry entries[LEDGER_MAX]; /* by number modulo the size */
};

void ledger_init(struct ledger *l);

/* A move that is over or was called off. Its cause may turn out to be another one until
 * `open_until`; "never" for one that is known. */
void ledger_enter(struct ledger *l, const struct move *move, const char *evidence,
                  struct instant open_until);

/* Why an open one came, and from what we know that: evidence may be NULL, then it stays. */
void ledger_settle(struct ledger *l, uint64_t number, enum move_cause cause, const char *evidence);

/* The oldest open entry that is numbered above `after`; NULL for none. */
const struct ledger_entry *ledger_next_open(struct ledger *l, uint64_t after);

/* What a client says of a move of its own. It counts once, and only for an arrival that is entered
 * under that epoch; false otherwise. */
bool ledger_told(struct ledger *l, const struct session_id *session,
                 const struct message_moved *told);

/* Where a session went to (`to`, which may be another than it was asked to go to) says that it
 * serves it under that epoch, and what its client has told (epoch 0: nothing): completes the newest
 * departure of it under an earlier one. False if there is none. Figures count it at the other end.
 */
bool ledger_heard_arrival(struct ledger *l, const struct session_id *session, const struct name *to,
                          uint32_t epoch, const struct message_moved *told);

/* … and where it came from says under which epoch it had been there, and how long that took:
 * likewise of the newest arrival from there under a later one. */
bool ledger_heard_departure(struct ledger *l, const struct session_id *session,
                            const struct name *from, uint32_t epoch, uint16_t prepare_ms,
                            uint16_t overlap_ms);

/* The newest departure of it, from under that epoch and for that cause, if it was called off; NULL
 * if it was not. */
const struct ledger_entry *ledger_called_off(const struct ledger *l,
                                             const struct session_id *session, uint32_t epoch,
                                             enum move_cause cause);

/* … and it took place all the same: `move` is over. */
void ledger_went(struct ledger *l, uint64_t number, const struct move *move, const char *evidence);

/* The entry of that number; NULL if there is none, or none any more. */
const struct ledger_entry *ledger_find(const struct ledger *l, uint64_t number);

/* True if this session has arrived here under that epoch, or a newer one, at `since` or later. */
bool ledger_has_arrival(const struct ledger *l, const struct session_id *session, uint32_t epoch,
                        struct instant since);

/* The newest entry of a session that has gone from here, wherever to; NULL if none is kept. */
const struct ledger_entry *ledger_departure(const struct ledger *l,
                                            const struct session_id *session);

/* The number of the oldest entry still held; count + 1 if there is none. */
uint64_t ledger_first(const struct ledger *l);
void ledger_check_invariants(const struct ledger *l);

#endif
