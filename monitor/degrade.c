#include "monitor/degrade.h"

#include "monitor/experience.h"

#include <assert.h>
#include <stdio.h>

/* ---- the sum --------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static uint32_t bits(uint64_t set) {
    return (uint32_t)__builtin_popcountll(set);
}

/* How much lower one lies; 0 if it is higher. */
static uint32_t below(uint32_t now, uint32_t before) {
    return now < before ? before - now : 0;
}

/* [1/1000 steps] that one report is worse than usual, beyond what always scatters. */
static int32_t step_of(const struct degrade *d, const struct degrade_wish *wish, uint32_t r_centi) {
    int32_t half = (int32_t)wish->drop_centi / 2, spread = (int32_t)level_spread(&d->usual);
    int32_t slack = spread * 3 / 4 > half ? spread * 3 / 4 : half;
    int32_t step = ((int32_t)level_mean(&d->usual) - (int32_t)r_centi - slack) * 1000 / slack;
    return step > DEGRADE_STEP_MAX    ? DEGRADE_STEP_MAX
           : step < -DEGRADE_STEP_MIN ? -DEGRADE_STEP_MIN
                                      : step;
}

static void add_to_sum(struct degrade *d, int32_t step, uint32_t client, struct instant now) {
    uint64_t bit = (uint64_t)1 << (client * 2654435769U >> 26);
    if (d->fall == 0 && step > 0) {
        d->fall_from = now;
        d->seen = d->bad = 0;
    }
    d->fall += step;
    if (d->fall < 0)
        d->fall = 0;
    if (d->fall < DEGRADE_FULL / 4) {
        d->risen_at = now;
        if (d->ways.own.weight > 0)
            d->ways = (struct ways){.own = {.weight = 0}};
    }
    if (d->fall > DEGRADE_FULL) /* full is full: it drains as soon as reports are good */
        d->fall = DEGRADE_FULL;
    d->seen |= bit;
    if (step > 0) {
        d->bad |= bit;
        d->bad_at = now;
    }
}

static bool is_down(const struct degrade *d, const struct degrade_wish *wish) {
    return below(level_mean(&d->recent), level_mean(&d->usual)) >= wish->drop_centi * 7 / 10;
}

/* Bad reports have come for longer than one burst could make them. */
static bool is_full(const struct degrade *d, const struct degrade_wish *wish) {
    struct duration spans = instant_since(d->bad_at, d->risen_at);
    return d->fall == DEGRADE_FULL && bits(d->bad) >= wish->clients_min &&
           bits(d->bad) * DEGRADE_SHARE >= bits(d->seen) &&
           !duration_less(spans, duration_add(wish->interval, DEGRADE_BURST)) && is_down(d, wish);
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool is_settled(enum degrade_state state) {
    return state >= DEGRADE_STATE_PATH;
}

static void set_state(struct degrade *d, enum degrade_state state, struct instant now) {
    switch (d->state) {
    case DEGRADE_STATE_LEARNING:
        assert(state == DEGRADE_STATE_STEADY);
        break;
    case DEGRADE_STATE_STEADY:
        assert(state == DEGRADE_STATE_FALLING);
        break;
    case DEGRADE_STATE_FALLING:
        assert(state == DEGRADE_STATE_STEADY || is_settled(state));
        break;
    case DEGRADE_STATE_PATH:
    case DEGRADE_STATE_ACCESS:
    case DEGRADE_STATE_UNKNOWN:
        assert(state == DEGRADE_STATE_STEADY || is_settled(state));
        break;
    }
    if (state == DEGRADE_STATE_STEADY)
        d->fall = 0;
    d->state = state;
    d->since = now;
    d->otherwise_from = INSTANT_NEVER;
    d->good_from = INSTANT_NEVER;
}

void degrade_init(struct degrade *d, struct instant now) {
    *d = (struct degrade){.state = DEGRADE_STATE_LEARNING,
                          .since = now,
                          .first_at = now,
                          .good_from = INSTANT_NEVER,
                          .otherwise_from = INSTANT_NEVER};
}

/* What is bad now must not become what is usual, unless it stays so for long. */
static bool learns(const struct degrade *d, struct instant now) {
    if (is_settled(d->state))
        return !instant_before(now, instant_add(d->since, DEGRADE_LEARN_AGAIN));
    return d->state != DEGRADE_STATE_FALLING && d->fall < DEGRADE_FULL / 4;
}

/* What was learnt so far is of a path that a third of all clients find bad: it begins anew. */
static bool is_learnt_from_bad(struct degrade *d, struct instant now) {
    uint32_t reports = d->ailing + level_figures(&d->usual);
    if (d->ailing * DEGRADE_SHARE < reports)
        return false;
    d->usual = (struct level){.weight = 0};
    d->first_at = now;
    d->ailing = 0;
    return true;
}

static void heard(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                  uint32_t client, uint32_t r_centi, bool ails) {
    level_add(&d->recent, DEGRADE_RECENT_HALF, r_centi, now);
    level_add(&d->lately, DEGRADE_LATELY_HALF, r_centi, now);
    if (d->state != DEGRADE_STATE_LEARNING) {
        int32_t step = step_of(d, wish, r_centi);
        add_to_sum(d, step, client, now);
        bool good = below(level_mean(&d->recent), level_mean(&d->usual)) < wish->drop_centi / 2;
        if (!good)
            d->good_from = INSTANT_NEVER;
        else if (instant_is_never(d->good_from))
            d->good_from = now;
    }
    if (learns(d, now) && !ails)
        level_add(&d->usual, DEGRADE_USUAL_HALF, r_centi, now);
    if (d->state != DEGRADE_STATE_LEARNING)
        return;
    d->ailing += ails;
    if (d->ailing + level_figures(&d->usual) >= DEGRADE_LEARN &&
        !instant_before(now, instant_add(d->first_at, DEGRADE_LEARN_FOR)) &&
        !is_learnt_from_bad(d, now) && level_figures(&d->usual) >= DEGRADE_LEARN)
        set_state(d, DEGRADE_STATE_STEADY, now);
}

void degrade_heard(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                   uint32_t client, uint32_t r_centi) {
    heard(d, wish, now, client, r_centi, false);
}

void degrade_heard_ailing(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                          uint32_t client, uint32_t r_centi) {
    heard(d, wish, now, client, r_centi, true);
}

void degrade_lost(struct degrade *d, uint32_t expected, uint32_t lost, struct instant now) {
    if (d->fall >= DEGRADE_FULL / 4)
        ways_own(&d->ways, expected, lost, now);
}

/* What was asked before clients fell, or as they did, is of better times. */
void degrade_way_heard(struct degrade *d, const struct degrade_wish *wish, uint16_t cluster,
                       uint32_t asked, uint32_t lost, struct instant now) {
    if (d->fall >= DEGRADE_FULL / 4 &&
        instant_reached(now, instant_add(d->risen_at, wish->interval)))
        ways_told(&d->ways, cluster, asked, lost, now);
}

/* ---- whose fault ----------------------------------------------------------------------------- */

struct finding {
    enum degrade_cause cause;
    uint32_t errors; /* [1/100 standard errors] that the evidence is away from the other cause */
    size_t peer;
    struct ways_view way;
};

/* [R²/10000] of a mean of so many ratings. */
static uint64_t variance_of_mean(uint32_t spread, uint32_t reports) {
    uint64_t wide = larger(spread, DEGRADE_SPREAD_MIN);
    return wide * wide / (reports == 0 ? 1 : reports);
}

/* Half of our own fall is the border between fallen and not. [1/100 standard errors] */
static uint32_t errors_from(uint32_t fallen, uint32_t border, uint64_t variance) {
    uint32_t error = larger(level_root(variance), 1);
    return (fallen > border ? fallen - border : border - fallen) * 100 / error;
}

/* What our own clients hear of others. */
static struct finding find_by_ways(const struct degrade *d, struct instant now) {
    struct ways_view way = ways_find(&d->ways, now);
    return (struct finding){.cause = way.finding == WAYS_PATH     ? DEGRADE_CAUSE_PATH
                                     : way.finding == WAYS_ACCESS ? DEGRADE_CAUSE_ACCESS
                                                                  : DEGRADE_CAUSE_UNKNOWN,
                            .errors = way.errors,
                            .peer = DEGRADE_PEERS_MAX,
                            .way = way};
}

/* Weighs what peers told since `after`; nobody: the cause is unknown. */
static struct finding weigh_words(const struct degrade *d, const struct degrade_wish *wish,
                                  struct instant after, const struct degrade_peer *peers,
                                  size_t count) {
    struct finding found = {.cause = DEGRADE_CAUSE_UNKNOWN, .peer = DEGRADE_PEERS_MAX};
    uint32_t own = below(level_mean(&d->recent), level_mean(&d->usual)), border = own / 2;
    uint64_t own_variance =
        variance_of_mean(level_spread(&d->recent), level_figures(&d->recent)) / 4;
    uint64_t reports = 0, fallen = 0, variance = 0;
    uint32_t well_errors = 0, reports_most = 0;
    size_t well = DEGRADE_PEERS_MAX, most = DEGRADE_PEERS_MAX;
    for (size_t i = 0; i < count && i < DEGRADE_PEERS_MAX; i++) {
        const struct degrade_peer *p = &peers[i];
        if (p->reports < wish->reports_min || instant_before(p->heard_at, after))
            continue;
        uint32_t down = below(p->recent_centi, p->usual_centi);
        /* A few that all happened to be good must not make it sure: they scatter as ours do. */
        uint32_t spread = larger(p->spread_centi, level_spread(&d->recent));
        uint64_t its = variance_of_mean(spread, p->reports);
        uint32_t errors = errors_from(down, border, its + own_variance);
        if (down < border && errors > well_errors && p->recent_centi > level_mean(&d->recent)) {
            well = i;
            well_errors = errors;
        }
        if (p->reports > reports_most) {
            most = i;
            reports_most = p->reports;
        }
        reports += p->reports;
        fallen += (uint64_t)p->reports * down;
        variance += (uint64_t)p->reports * p->reports * its;
    }
    if (reports == 0)
        return found;
    uint32_t down = (uint32_t)(fallen / reports);
    uint32_t errors = errors_from(down, border, variance / (reports * reports) + own_variance);
    if (well_errors >= DEGRADE_SURE || (down < border && well < DEGRADE_PEERS_MAX))
        return (struct finding){.cause = DEGRADE_CAUSE_PATH,
                                .errors = larger(well_errors, down < border ? errors : 0),
                                .peer = well};
    return (struct finding){
        .cause = DEGRADE_CAUSE_ACCESS, .errors = down < border ? 0 : errors, .peer = most};
}

static struct finding find_cause(const struct degrade *d, const struct degrade_wish *wish,
                                 struct instant now, struct instant after,
                                 const struct degrade_peer *peers, size_t count) {
    struct finding found = weigh_words(d, wish, after, peers, count);
    return found.cause == DEGRADE_CAUSE_UNKNOWN ? find_by_ways(d, now) : found;
}

/* Too little for as much as that: nobody can tell. */
static void doubt(struct finding *f) {
    if (f->way.finding != WAYS_NOTHING && f->errors < DEGRADE_LIKELY)
        *f = (struct finding){.cause = DEGRADE_CAUSE_UNKNOWN, .peer = DEGRADE_PEERS_MAX};
}

/* The normal distribution's. */
static uint32_t sure_permille(uint32_t errors) {
    static const struct {
        uint32_t errors, permille;
    } table[] = {{309, 999}, {258, 995}, {233, 990}, {196, 975}, {164, 950},
                 {128, 900}, {100, 841}, {67, 750},  {25, 600}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (errors >= table[i].errors)
            return table[i].permille;
    return 500;
}

static bool tell(const struct degrade *d, enum degrade_change change, const struct finding *found,
                 const struct degrade_wish *wish, const struct degrade_peer *peers,
                 struct degrade_event *out) {
    *out = (struct degrade_event){
        .change = change,
        .cause = found->cause,
        .onset = instant_sub(d->fall_from, duration_scale(wish->interval, 1, 2)),
        .usual_centi = level_mean(&d->usual),
        .recent_centi = level_mean(&d->recent),
        .clients_bad = bits(d->bad),
        .clients = bits(d->seen),
        .sure_permille = found->cause == DEGRADE_CAUSE_UNKNOWN ? 0 : sure_permille(found->errors),
        .peer = found->peer,
        .way = found->way,
    };
    if (found->peer < DEGRADE_PEERS_MAX)
        out->word = peers[found->peer];
    return true;
}

static enum degrade_state state_of(enum degrade_cause cause) {
    switch (cause) {
    case DEGRADE_CAUSE_PATH:
        return DEGRADE_STATE_PATH;
    case DEGRADE_CAUSE_ACCESS:
        return DEGRADE_STATE_ACCESS;
    case DEGRADE_CAUSE_UNKNOWN:
        break;
    }
    return DEGRADE_STATE_UNKNOWN;
}

static enum degrade_cause cause_of(enum degrade_state state) {
    return state == DEGRADE_STATE_PATH     ? DEGRADE_CAUSE_PATH
           : state == DEGRADE_STATE_ACCESS ? DEGRADE_CAUSE_ACCESS
                                           : DEGRADE_CAUSE_UNKNOWN;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool seek_cause(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                       const struct degrade_peer *peers, size_t count, struct degrade_event *out) {
    if (d->fall < DEGRADE_FULL / 2) {
        set_state(d, DEGRADE_STATE_STEADY, now);
        return false;
    }
    if (!is_down(d, wish))
        return false;
    /* Before, a peer's recent figures were still of better times. */
    struct instant after = instant_add(d->risen_at, wish->interval);
    struct finding found = find_cause(d, wish, now, after, peers, count);
    bool sure = found.cause != DEGRADE_CAUSE_UNKNOWN && found.errors >= DEGRADE_SURE;
    if (!sure && instant_before(now, instant_add(d->since, DEGRADE_WAIT)))
        return false;
    doubt(&found);
    set_state(d, state_of(found.cause), now);
    return tell(d, DEGRADE_CHANGE_BEGAN, &found, wish, peers, out);
}

/* A cause that was named may be another, or the matter may be over. */
static bool follow(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                   const struct degrade_peer *peers, size_t count, struct degrade_event *out) {
    if (!instant_is_never(d->good_from) &&
        instant_reached(now, instant_add(d->good_from, wish->hold))) {
        const struct finding ended = {.cause = cause_of(d->state), .peer = DEGRADE_PEERS_MAX};
        set_state(d, DEGRADE_STATE_STEADY, now);
        return tell(d, DEGRADE_CHANGE_ENDED, &ended, wish, peers, out);
    }
    struct instant after = instant_sub(now, duration_scale(wish->interval, 2, 1));
    struct finding found = find_cause(d, wish, now, after, peers, count);
    if (!instant_is_never(d->good_from) || found.cause == DEGRADE_CAUSE_UNKNOWN ||
        found.errors < DEGRADE_SURE || found.cause == cause_of(d->state)) {
        d->otherwise_from = INSTANT_NEVER;
        return false;
    }
    if (instant_is_never(d->otherwise_from) || d->otherwise != found.cause) {
        d->otherwise = found.cause;
        d->otherwise_from = now;
    }
    if (!instant_reached(now, instant_add(d->otherwise_from, DEGRADE_REVISE)))
        return false;
    set_state(d, state_of(found.cause), now);
    return tell(d, DEGRADE_CHANGE_CAUSE, &found, wish, peers, out);
}

bool degrade_judge(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                   const struct degrade_peer *peers, size_t count, struct degrade_event *out) {
    switch (d->state) {
    case DEGRADE_STATE_LEARNING:
        return false;
    case DEGRADE_STATE_STEADY:
        if (!is_full(d, wish))
            return false;
        set_state(d, DEGRADE_STATE_FALLING, now);
        return seek_cause(d, wish, now, peers, count, out);
    case DEGRADE_STATE_FALLING:
        return seek_cause(d, wish, now, peers, count, out);
    case DEGRADE_STATE_PATH:
    case DEGRADE_STATE_ACCESS:
    case DEGRADE_STATE_UNKNOWN:
        return follow(d, wish, now, peers, count, out);
    }
    return false;
}

bool degrade_is_awake(const struct degrade *d) {
    return d->state >= DEGRADE_STATE_FALLING ||
           (d->state == DEGRADE_STATE_STEADY && d->fall == DEGRADE_FULL);
}

bool degrade_is_bad(const struct degrade *d) {
    return is_settled(d->state);
}

struct level degrade_lately(const struct degrade *d, struct instant now) {
    bool well = d->state == DEGRADE_STATE_STEADY && d->fall == 0;
    struct level told = well ? d->lately : d->recent;
    level_fade(&told, well ? DEGRADE_LATELY_HALF : DEGRADE_RECENT_HALF, now);
    return told;
}

/* ---- words ----------------------------------------------------------------------------------- */

const char *degrade_cause_name(enum degrade_cause cause) {
    switch (cause) {
    case DEGRADE_CAUSE_PATH:
        return "path";
    case DEGRADE_CAUSE_ACCESS:
        return "access";
    case DEGRADE_CAUSE_UNKNOWN:
        break;
    }
    return "unknown";
}

static const char *because(enum degrade_cause cause) {
    switch (cause) {
    case DEGRADE_CAUSE_PATH:
        return "our path to it is bad";
    case DEGRADE_CAUSE_ACCESS:
        return "its own access is bad, moving would not help";
    case DEGRADE_CAUSE_UNKNOWN:
        break;
    }
    return "no peer can tell whose fault it is";
}

const char *degrade_event_to_text(const struct degrade_event *e, const char *location,
                                  const char *peer, char out[DEGRADE_TEXT_LEN_MAX + 1]) {
    char word[128] = "", sure[32] = "";
    if (e->change == DEGRADE_CHANGE_ENDED) {
        snprintf(out, DEGRADE_TEXT_LEN_MAX + 1, "%.47s fares as usual again: R %u, usual %u",
                 location, (e->recent_centi + 50) / 100, (e->usual_centi + 50) / 100);
        return out;
    }
    if (e->peer < DEGRADE_PEERS_MAX)
        snprintf(word, sizeof(word), "; with %.47s %u -> %u", peer,
                 (e->word.usual_centi + 50) / 100, (e->word.recent_centi + 50) / 100);
    else if (e->way.finding != WAYS_NOTHING)
        snprintf(word, sizeof(word), "; they lose %u %% of us and %u %% of %u packets of %.47s",
                 (e->way.lost_ours + 50) / 100, (e->way.lost + 50) / 100, e->way.packets, peer);
    if (word[0] != '\0')
        snprintf(sure, sizeof(sure), " (sure %u.%u %%)", e->sure_permille / 10,
                 e->sure_permille % 10);
    uint32_t before = experience_mos_milli(e->usual_centi) / 100;
    uint32_t now = experience_mos_milli(e->recent_centi) / 100;
    snprintf(out, DEGRADE_TEXT_LEN_MAX + 1,
             "%.47s fares worse: R %u -> %u (MOS %u.%u -> %u.%u) at %u of %u clients%s: %s%s",
             location, (e->usual_centi + 50) / 100, (e->recent_centi + 50) / 100, before / 10,
             before % 10, now / 10, now % 10, e->clients_bad, e->clients, word, because(e->cause),
             sure);
    return out;
}

void degrade_check_invariants(const struct degrade *d) {
    assert(d->fall >= 0 && d->fall <= DEGRADE_FULL);
    assert((d->bad & ~d->seen) == 0);
    assert(d->usual.weight >= 0 && d->recent.weight >= 0);
    assert(d->state != DEGRADE_STATE_STEADY || level_figures(&d->usual) > 0 ||
           d->usual.weight == 0);
}
