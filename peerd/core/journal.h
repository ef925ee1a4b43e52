/*
 * The journal: what has happened that an operator may want to be told, numbered, in bounded memory.
 *
 * The caller owns it and lends it to the core, as the trace; without one nothing is entered. Lines
 * of the trace are for a log and say everything; an entry says which kind of thing it is, whom it
 * concerns and why, so that a program can follow. Entries are numbered from 1; the oldest goes when
 * it is full, and who follows by number sees that some are missing. What may come ten thousand
 * times in a second, refusals and redirects, is summed up: the first of a kind at once, the others
 * after JOURNAL_SUM_EVERY in one entry with their count.
 */
#ifndef PEERD_CORE_JOURNAL_H
#define PEERD_CORE_JOURNAL_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/core/move.h"

#define JOURNAL_MAX          2048 /* entries */
#define JOURNAL_TEXT_LEN_MAX 223  /* [bytes] of evidence; longer ones are cut */
#define JOURNAL_SUM_EVERY    duration_s(1)

enum journal_kind {
    JOURNAL_VERDICT,  /* of `about`: `what` is the verdict */
    JOURNAL_MOVE,     /* of `session`, `from` to `about`: `what` is "over", "cancelled", or
                         "settled" where the cause has turned out to be another one */
    JOURNAL_DRAIN,    /* `what`: begun, resumed, undrained, waits, drained, overdue; to `about` */
    JOURNAL_POLICY,   /* `what`: taken, refused */
    JOURNAL_REFUSAL,  /* `what`: open, session; `count` of them for the reason in `error` */
    JOURNAL_REDIRECT, /* `count` new sessions begin at peers, the newest at `about`: `what` is why
                       */
    JOURNAL_LOAD,     /* a node makes frames late, or in time again: `what` is late, in_time */
    JOURNAL_ORIGIN,   /* a stream of ours: `what`: ill, well */
    JOURNAL_LOCATION  /* clients somewhere have fallen, or are well again: `what` as `degraded` */
};

struct journal_entry {
    uint64_t number; /* from 1 */
    struct instant at;
    enum journal_kind kind;
    const char *what;          /* a word, static */
    struct name about;         /* cluster; empty: none */
    struct name from;          /* cluster a session moves from; empty: none */
    struct session_id session; /* of a move */
    enum move_cause cause;     /* likewise */
    enum err error;            /* of refusals */
    uint32_t count;            /* of refusals or redirects summed up; else 1 */
    char text[JOURNAL_TEXT_LEN_MAX + 1];
};

struct journal_sum {
    uint32_t count;       /* not entered yet */
    struct instant since; /* when one was entered last; only with `begun` */
    bool begun;
};

enum journal_refused {
    JOURNAL_REFUSED_OPEN,
    JOURNAL_REFUSED_SESSION,
    JOURNAL_REFUSED_KINDS
};

#define JOURNAL_REDIRECTS 4 /* reasons, by number */

struct journal_redirects {
    struct journal_sum sum;
    const char *word;  /* the reason's, static */
    struct name about; /* where the newest began */
};

struct journal {
    uint64_t count; /* entered since the start */
    struct journal_sum sums[JOURNAL_REFUSED_KINDS][ERR_COUNT];
    struct journal_redirects redirects[JOURNAL_REDIRECTS];
    uint32_t summing;                          /* sums with something not entered yet */
    struct journal_entry entries[JOURNAL_MAX]; /* by number modulo the size */
};

void journal_init(struct journal *j);

/* Enters it, number and a terminated text apart, which are filled in; `text` may be NULL. `j` may
 * be NULL: then nothing is entered. */
void journal_enter(struct journal *j, const struct journal_entry *entry, const char *text);

/* That move is over, or was cancelled. */
void journal_moved(struct journal *j, const struct move *m, const char *evidence,
                   struct instant now);

/* One more refusal for that reason. */
void journal_refused(struct journal *j, enum journal_refused what, enum err error,
                     struct instant now);

/* One more new session begins at that cluster, for the reason of that number, in a static word. */
void journal_redirected(struct journal *j, uint32_t reason, const char *word, const struct name *to,
                        struct instant now);

/* Enters what has been summed up for long enough. Called whenever time has passed: an entry comes
 * as late as the next such call. */
void journal_settle(struct journal *j, struct instant now);

/* The number of the oldest entry still held; count + 1 if there is none. */
uint64_t journal_first(const struct journal *j);

/* The entry of that number; NULL if there is none, or none any more. */
const struct journal_entry *journal_find(const struct journal *j, uint64_t number);

/* The newest entry on a move of that session away from a cluster; NULL if none is kept. */
const struct journal_entry *journal_departure(const struct journal *j,
                                              const struct session_id *session,
                                              const struct name *from);

const char *journal_kind_name(enum journal_kind kind);
void journal_check_invariants(const struct journal *j);

#endif
