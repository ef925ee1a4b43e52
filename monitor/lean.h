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
 * The loss that made it ask says nothing, for without it nobody would have looked: of ours only
 * counts what goes missing while it asks. So two paths that lose alike, however seldom and in
 * whatever runs, are no likelier to lean one way than the other.
 *
 * Of many clients each may have a bad access of its own, or a bad path of ours in common with
 * others: it is not known who. lean_joined() of all of them, added up, is the logarithm of how much
 * likelier it is that one in four hears the other better than that none does. If none did it would
 * come to LEAN_SURE once in forty times at most, however often one looks (Ville 1939).
 */
#ifndef MONITOR_LEAN_H
#define MONITOR_LEAN_H

#include "monitor/level.h"

#include <stdbool.h>

#define LEAN_WAYS_MAX 4             /* clusters that a client tells of; further ones are not kept */
#define LEAN_HALF     duration_s(8) /* [s] half-life of a leaning … */
#define LEAN_OWN_HALF duration_s(1) /* [s] … and of what is lost of ours */
#define LEAN_ASKS     duration_s(1) /* [s] after a word it still asks */
#define LEAN_FRESH    duration_s(3) /* [s] without a word nothing is known of a way */
#define LEAN_WORD     16            /* [packets] of one word */
#define LEAN_MOST     4000          /* [1/1000] either way */
#define LEAN_SOME     500           /* [1/1000] one client's: it can be chosen */
#define LEAN_LIKELY   693           /* [1/1000] of all joined: ln 2 … */
#define LEAN_ALONE    2996          /* [1/1000] ln 20: one client without others … */
#define LEAN_SURE     3689          /* [1/1000] … and ln 40 */

struct lean_way {
    uint16_t cluster; /* the owner's number for it; 0: the place is free */
    int16_t leaning;  /* [1/1000] at `at` */
    uint16_t frames;  /* of ours that were due since then … */
    uint16_t lost;    /* … and are missing */
    struct instant at;
};

/* All zero: nothing heard. */
struct lean {
    struct level own; /* [1/100 %] of our frames that are lost */
    uint32_t run_x16; /* [1/16 frames] that go missing in a row */
    struct lean_way ways[LEAN_WAYS_MAX];
};

/* A report of the client: so many frames expected of us, so many missing, in runs of `run_x16`
 * [1/16 frames] on average; 0: unknown. */
void lean_own(struct lean *l, uint32_t expected, uint32_t lost, uint32_t run_x16,
              struct instant now);

/* Its word of another cluster: packets asked, and not answered. */
void lean_told(struct lean *l, uint16_t cluster, uint32_t asked, uint32_t lost, struct instant now);

/* [1/1000] towards that cluster. False: it has told nothing of it lately. */
bool lean_towards(const struct lean *l, uint16_t cluster, struct instant now, int32_t *leaning);

/* True if it hears any of them better: by LEAN_SOME. */
bool lean_is_away(const struct lean *l, struct instant now);

/* [1/1000] What one leaning is worth among many. */
int32_t lean_joined(int32_t leaning);

#endif
