/*
 * Canary: our path to a location is bad, so a few of its sessions go first, to one peer.
 *
 *               our path is to blame           they fare better: eight times as many
 *      (none) ------------------------> WATCHING <--------------------------------+
 *        ^                               |  |  |                                  |
 *        |      they do not, nobody      |  |  +----------------------------------+
 *        |      tells, or none went      |  |
 *        |                               |  +---- nobody is left who could go ---> RESTING
 *        |                               v                                         |    |
 *        +--- CANARY_DWELL later --- GIVEN_UP                                      |    |
 *        +--- clients there fare as usual, or none is left ------------------------+    |
 *                                  WATCHING <--- CANARY_AGAIN later, who came since ----+
 *
 * The peer is the one whose clients there fare best, by what it tells, and by enough to be worth
 * the way (half of what counts as a fall). Once those who were asked serve from there, or stay,
 * what it tells from CANARY_WATCH later on decides. It is about all its clients there, the
 * newcomers among them: if these fared as badly as here its rating would fall by their share of the
 * difference. Up to half of that is taken for chance; beyond it they fare no better. Nobody goes
 * who came less than CANARY_STAY ago, nobody to where its ticket does not lead, and whoever does
 * not go lapses (leaving.h). Who fares no better stays where it is: its way back is the peer's to
 * plan. While we drain there are no canaries: all leave anyhow.
 *
 * Allocated when the first one begins. `canary` of the policy says how many; none by default.
 */
#ifndef PEERD_CORE_CANARY_H
#define PEERD_CORE_CANARY_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define CANARY_MAX       16                /* sessions of a wave that are looked after */
#define CANARY_LOCATIONS 8                 /* at a time; others have to wait for their next word */
#define CANARY_GROWTH    8                 /* a wave is so many times the one before */
#define CANARY_STEP      duration_ms(100)  /* [ms] they are looked at so often */
#define CANARY_WATCH     duration_ms(1500) /* [ms] from their coming to the first word */
#define CANARY_JUDGE     duration_s(2) /* [s] … and from then on, for words to be taken together */
#define CANARY_FRESH     duration_s(3)  /* [s] an older word is none */
#define CANARY_AGAIN     duration_s(5)  /* [s] who came meanwhile follows, too */
#define CANARY_DWELL     duration_s(60) /* [s] until it is tried again */
#define CANARY_STAY      duration_s(10) /* [s] everybody stays at least so long where it is */

struct core;

enum canary_state {
    CANARY_STATE_NONE = 0,
    CANARY_STATE_WATCHING,
    CANARY_STATE_RESTING,
    CANARY_STATE_GIVEN_UP
};

struct canary {
    enum canary_state state;
    struct prefix location;
    uint16_t peer;                          /* its number */
    uint32_t wave;                          /* [sessions] as many go at once */
    uint32_t sent;                          /* … of them have been asked to */
    struct session_id sessions[CANARY_MAX]; /* the first of these */
    struct instant settled;                 /* each has gone or stays; "never" before */
    uint32_t before_centi;                  /* [R/100] of the peer's clients before the wave … */
    uint32_t before_clients;                /* … of so many */
    struct instant heard_at;                /* its newest word; what came since … */
    uint32_t reports;                       /* … stands on so many, some counted twice … */
    uint64_t reports_centi;                 /* … and this is the sum of their ratings */
    struct instant next_at;                 /* to be looked at */
};

struct canaries {
    struct canary list[CANARY_LOCATIONS];
};

/* Our path to that location has been found bad. */
void canary_begin(struct core *core, const struct prefix *location);

/* A drain begins: what was asked for is part of it now. */
void canary_stop_all(struct core *core);

void canary_step(struct core *core);
struct instant canary_deadline(const struct core *core);
void canary_check_invariants(const struct core *core);

#endif
