/*
 * Ailing: sessions that lose frames of ours, each with how its client hears other clusters.
 *
 * The first word or report with two lost frames and more makes a session one of them, and every
 * further one keeps it for AILING_FOR; one that is served here no more is none. Whose client hears
 * another cluster better (monitor/lean.h) may gain by going there; one that loses as much on the
 * way there stays, whatever others of its location fare like. So who goes, and how many there are
 * of them in all networks together, is asked here (canary.h).
 *
 * Nothing ticks: who has not been heard of for so long is dropped when another is. At most
 * AILING_MAX; of more those go who were heard of longest ago. A record lives with its session.
 */
#ifndef PEERD_CORE_AILING_H
#define PEERD_CORE_AILING_H

#include "monitor/lean.h"
#include "peerd/base/addr.h"
#include "peerd/core/list.h"

#include <stdint.h>

#define AILING_MAX   8192             /* sessions: 2 MB */
#define AILING_LOST  2                /* [frames] of one report, at least … */
#define AILING_ONE   100              /* … and one of so many */
#define AILING_FOR   duration_s(10)   /* [s] without losing as much */
#define AILING_WORDS duration_s(1)    /* [s] after a word others come */
#define AILING_NOW   duration_ms(600) /* [ms] a word is of now: half a second, and its way */
#define AILING_HALF  duration_s(2)    /* [s] half-life of what it has lately */

struct core;
struct node_trip;
struct peering;
struct session;

struct ail {
    struct link link; /* on the core's list, lost longest ago first */
    struct session *session;
    struct instant lost_at; /* it has told last that it loses … */
    struct instant told_at; /* … and at all … */
    struct instant word_at; /* … and while it asks others … */
    struct lean_word word;  /* … what it told then of our frames */
    struct level rating;    /* [R/100] of its reports lately */
    bool leant;             /* it has heard somebody else better since it loses */
    struct lean lean;
};

struct ailing {
    struct list list;
};

void ailing_init(struct ailing *a);

/* A report of a session that is served here, rated [R/100]: frames expected since the one before,
 * and missing. Without memory nothing is known of it. */
struct ailing_report {
    uint32_t expected, lost;
    uint32_t rating_centi;
};
void ailing_heard(struct core *core, struct session *s, const struct ailing_report *r);

/* What its client has told of a peer. */
void ailing_way_heard(struct core *core, const struct node_trip *t, const struct peering *of);

/* It is served here no more. */
void ailing_forget(struct core *core, struct session *s);

/* How its client hears that peer, [1/1000]; 0 if it has told nothing. */
int32_t ailing_leaning(const struct core *core, const struct session *s, uint16_t peer);

/* It loses frames, and its client hears somebody else better. */
bool ailing_is_away(const struct core *core, const struct session *s);

/* What all of a location together say of a peer: how many tell of it, and what that is worth
 * (monitor/lean.h). */
struct ailing_view {
    uint32_t tell;
    int64_t joined; /* [1/1000] if one in four hears it better … */
    int64_t either; /* [1/1000] … or all of them do */
};
struct ailing_view ailing_view(const struct core *core, const struct prefix *location,
                               uint16_t peer);

/* Of a location (bits 0: of all there are), those who lose frames of ours and not of others: what
 * they have. */
struct ailing_fares {
    uint32_t sessions;
    uint32_t centi;         /* [R/100] mean; 0: nobody */
    struct instant lost_at; /* the newest word of a loss … */
    struct instant told_at; /* … and of anything */
    uint32_t runs;          /* of our frames missing, by each one's newest word … */
    uint32_t usual_milli;   /* [1/1000 runs] … where all its words would have so many */
};
struct ailing_fares ailing_fares(const struct core *core, const struct prefix *location);

/* Within that location, or any if it has no bits. */
bool ailing_is_within(const struct prefix *location, const struct addr *client);

/* One after the other; NULL at the end. Begin with NULL. */
struct ail *ailing_next(const struct core *core, const struct ail *after);

void ailing_check_invariants(const struct core *core);

#endif
