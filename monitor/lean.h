/*
 * Lean: does one client hear another cluster better than us?
 *
 * A client that loses frames of ours asks its backups for a sign of life ten times a second and
 * tells what became of it (monitor/ways.h adds that up by location). Losses come in runs; each run
 * of ours, and each answer that is missing, is an event that fell upon one of two paths. What is
 * weighed, after Wald (Annals of Mathematical Statistics 16, 1945), is upon which: how much
 * likelier that is if the way there loses a quarter of what ours does to this very client than if
 * it loses as much, given how many frames and questions passed meanwhile. The logarithms of that
 * add up to its *leaning*, in thousandths: above zero it hears the other one better, below zero it
 * is as bad, or worse. What is older by LEAN_HALF counts half, and more than LEAN_MOST is not
 * known.
 *
 * Answers that are missing together, more often than each for itself would be, count as half so
 * many (LEAN_CLUMP): a path that loses in runs is not worse for it, and of a bad access they are
 * missing all the time.
 *
 * The loss that made it ask says nothing, for without it nobody would have looked: of ours only
 * counts what goes missing while it asks, as it tells with its answers. So two paths that lose
 * alike, however seldom and in whatever runs, are no likelier to lean one way than the other.
 *
 * Where others who surely hear that cluster better miss next to nothing of the way to it, a quarter
 * is far more than somebody loses there who shares our bad path with them. Whoever misses answers
 * as his own access would have it is none of them (lean_is_apart()); where that way is lossy, too,
 * it cannot be told.
 *
 * Of many clients each may have a bad access of its own, or a bad path of ours in common with
 * others: it is not known who. lean_joined() of all of them, added up, is the logarithm of how much
 * likelier it is that one in four hears the other better than that none does. Where all share one
 * bad path that is seen sooner by who reckons with all of them (lean_either()). If none did it
 * would come to LEAN_SURE once in 400 times at most, however often one looks (Ville 1939).
 */
#ifndef MONITOR_LEAN_H
#define MONITOR_LEAN_H

#include "monitor/level.h"

#include <stdbool.h>

#define LEAN_WAYS_MAX 4             /* clusters that a client tells of; further ones are not kept */
#define LEAN_HALF     duration_s(8) /* [s] half-life of a leaning */
#define LEAN_RUNS     32            /* runs by which their length is known; older ones count half */
#define LEAN_CLUMP    2             /* answers that are missing together are one event, at most */
#define LEAN_FRESH    duration_s(3) /* [s] without a word nothing is known of a way */
#define LEAN_OTHERS   100           /* answers of others, less tell nothing … */
#define LEAN_CLEAN    5             /* [1/1000] … nor do they where more of them are missing */
#define LEAN_WORD     16            /* [packets] of one word … */
#define LEAN_DUE      200           /* [frames] … and of ours */
#define LEAN_MOST     4000          /* [1/1000] either way */
#define LEAN_SOME     500           /* [1/1000] one client's: it can be chosen */
#define LEAN_LIKELY   693           /* [1/1000] of all joined: ln 2 … */
#define LEAN_ALONE    2996          /* [1/1000] ln 20: one client without others … */
#define LEAN_SURE     5991          /* [1/1000] … and ln 400 */

struct lean_way {
    uint16_t cluster; /* the owner's number for it; 0: the place is free */
    int16_t leaning;  /* [1/1000] at `at` */
    uint16_t due;     /* frames of ours lately … */
    uint16_t missing; /* … of which were missing … */
    uint16_t runs;    /* … in so many runs */
    uint16_t asked;   /* packets lately … */
    uint16_t lost;    /* … of which were not answered … */
    uint16_t words;   /* … as told in so many words … */
    uint16_t lossy;   /* … of which so many tell of any */
    struct instant at;
};

/* All zero: nothing heard. */
struct lean {
    struct lean_way ways[LEAN_WAYS_MAX];
};

/* Its word of another cluster: packets asked, and not answered, and of our frames that were due in
 * the same time those that are missing, in so many runs. Without any due it says nothing. */
struct lean_word {
    uint32_t asked, lost;
    uint32_t due, missing, runs;
};
void lean_told(struct lean *l, uint16_t cluster, const struct lean_word *word, struct instant now);

/* [1/1000] towards that cluster. False: it has told nothing of it lately. */
bool lean_towards(const struct lean *l, uint16_t cluster, struct instant now, int32_t *leaning);

/* True if it hears any of them better: by LEAN_SOME. */
bool lean_is_away(const struct lean *l, struct instant now);

/* [1/1000 runs] So many of ours would be missing, of so many frames, by all that it told lately. */
uint32_t lean_usual_milli(const struct lean *l, uint32_t due);

/* How a way is heard by several clients together. */
struct lean_heard {
    uint32_t asked;
    uint32_t lost_milli; /* [1/1000 events] answers that are missing; together as half so many */
};

/* Adds what it has told lately. */
void lean_add(struct lean_heard *sum, const struct lean *l, uint16_t cluster, struct instant now);

/* True: those others miss next to nothing of that way, this one more than chance would have of
 * that, and what it misses is not far likelier so than if it loses as much of it as of ours (not by
 * half of what it would be if it missed nothing, in logarithms). False: it may hear it as they do,
 * or nothing can be told. */
bool lean_is_apart(const struct lean *l, uint16_t cluster, const struct lean_heard *others,
                   struct instant now);

/* [1/1000] What one leaning is worth among many. */
int32_t lean_joined(int32_t leaning);

/* [1/1000] Of all of them either one in four hears the other better, which `joined` says, or all
 * do, which is the sum of their leanings: that one of these is so, each as likely beforehand. */
int64_t lean_either(int64_t joined, int64_t sum);

#endif
