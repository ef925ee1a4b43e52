#include "peerd/core/audiences.h"

#include "peerd/core/audiences_inner.h"
#include "peerd/core/state.h"
#include "peerd/wire/audience.h"
#include "topo/location.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *audience_state_name(enum audience_state state) {
    static const char *const names[] = {"none", "first", "all", "back", "given_up"};
    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

struct audiences *audiences_made(struct core *core) {
    if (core->audiences == NULL) {
        core->audiences = calloc(1, sizeof(*core->audiences));
        if (core->audiences != NULL)
            core->audiences->next_at = INSTANT_NEVER;
    }
    return core->audiences;
}

/* ---- what is wished -------------------------------------------------------------------------- */

static struct duration asks_every(const struct audience_row *row) {
    return row->live ? AUDIENCES_LIVE : AUDIENCES_CALM;
}

static struct degrade_wish wish_for(const struct core *core, const struct audience_row *row) {
    struct degrade_wish wish = fares_wish(&core->policy.performance);
    wish.interval = asks_every(row);
    return wish;
}

/* [R/100] that is worth the way. */
static uint32_t gain_wanted(const struct core *core) {
    return fares_wish(&core->policy.performance).drop_centi / 2;
}

/* All have been told of it by then, and have asked again. */
static struct duration settles_in(const struct audience_row *row) {
    return duration_scale(asks_every(row), 2, 1);
}

/* ---- states ---------------------------------------------------------------------------------- */

static struct duration doubled(const struct audience_row *row, struct duration d) {
    return duration_scale(d, 1U << row->doublings, 1);
}

__attribute__((format(printf, 3, 4))) static void
tell(struct core *core, const struct audience_row *row, const char *format, ...) {
    char text[TRACE_LINE_LEN_MAX + 1], what[128], location[LOCATION_TEXT_LEN_MAX + 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(text, sizeof(text), "players of %s at %s from %s %s", row->origin.text,
             row->cluster.text, location_to_text(&row->location, location), what);
    core_trace(core, "%s", text);
    journal_enter(core->journal,
                  &(struct journal_entry){.at = core->now,
                                          .kind = JOURNAL_LOCATION,
                                          .what = audience_state_name(row->state)},
                  text);
}

static bool is_legal(enum audience_state from, enum audience_state to) {
    switch (from) {
    case AUDIENCE_STATE_NONE:
        return to == AUDIENCE_STATE_FIRST;
    case AUDIENCE_STATE_FIRST:
        return to != AUDIENCE_STATE_BACK && to != from;
    case AUDIENCE_STATE_ALL:
        return to == AUDIENCE_STATE_BACK || to == AUDIENCE_STATE_NONE;
    case AUDIENCE_STATE_BACK:
        return to == AUDIENCE_STATE_ALL || to == AUDIENCE_STATE_NONE;
    case AUDIENCE_STATE_GIVEN_UP:
        return to == AUDIENCE_STATE_FIRST || to == AUDIENCE_STATE_NONE;
    }
    return false;
}

static void set_state(struct core *core, struct audience_row *row, enum audience_state state) {
    assert(is_legal(row->state, state));
    row->state = state;
    row->since = core->now;
    row->until = INSTANT_NEVER;
    switch (state) {
    case AUDIENCE_STATE_NONE:
        if (degrade_is_bad(&row->degrade)) /* as far as it has heard, and nobody was there */
            degrade_init(&row->degrade, core->now);
        break;
    case AUDIENCE_STATE_FIRST:
        row->until = instant_add(core->now, AUDIENCES_JUDGE_MAX);
        break;
    case AUDIENCE_STATE_ALL:
        row->until = instant_add(core->now, doubled(row, AUDIENCES_HOLD));
        row->doublings += row->doublings < AUDIENCES_DOUBLINGS;
        break;
    case AUDIENCE_STATE_BACK:
        row->told = (struct level){.weight = 0}; /* of those who come back alone */
        row->until = instant_add(core->now, AUDIENCES_BACK_MAX);
        break;
    case AUDIENCE_STATE_GIVEN_UP:
        row->until = instant_add(core->now, doubled(row, AUDIENCES_DWELL));
        row->doublings += row->doublings < AUDIENCES_DOUBLINGS;
        break;
    }
}

/* Fewer say too little in time to be judged by. */
static uint16_t share_first(const struct core *core, uint32_t clients) {
    uint32_t canary = core->policy.performance.canary;
    uint32_t wanted = canary > AUDIENCES_FIRST_MIN ? canary : AUDIENCES_FIRST_MIN;
    return (uint16_t)(wanted < clients ? wanted * AUDIENCE_LOTS / clients : AUDIENCE_LOTS);
}

static void begin(struct core *core, struct audience_row *row) {
    const struct audience_figures f = audience_now(core, row);
    uint32_t clients = audience_clients(core, row);
    row->fell_from = (uint16_t)level_mean(&row->degrade.usual);
    row->fell_to = (uint16_t)f.centi;
    row->fell_clients = (uint16_t)clients;
    row->first_permille = share_first(core, clients);
    if (core->policy.performance.canary == 0) {
        tell(core, row, "fare worse, R %u -> %u: nobody goes for it, canary is 0",
             row->fell_from / 100U, row->fell_to / 100U);
        return;
    }
    set_state(core, row, AUDIENCE_STATE_FIRST);
    tell(core, row, "fare worse, R %u -> %u: %u of 1000 go first", row->fell_from / 100U,
         row->fell_to / 100U, row->first_permille);
}

static void give_up(struct core *core, struct audience_row *row, const char *why) {
    set_state(core, row, AUDIENCE_STATE_GIVEN_UP);
    tell(core, row, "stay: %s", why);
}

static void come_back(struct core *core, struct audience_row *row, const char *why) {
    set_state(core, row, AUDIENCE_STATE_BACK);
    tell(core, row, "may come back, %u of 1000 first: %s", row->first_permille, why);
}

static void end(struct core *core, struct audience_row *row, const char *why) {
    row->doublings = 0;
    set_state(core, row, AUDIENCE_STATE_NONE);
    tell(core, row, "are sent away no longer: %s", why);
}

/* ---- judging --------------------------------------------------------------------------------- */

/* Those elsewhere, by the word that speaks most for it: who goes is sent to the best. */
static bool fare_better_elsewhere(const struct core *core, const struct audience_row *row) {
    struct degrade_peer others[DEGRADE_PEERS_MAX];
    const struct audience_figures f = audience_now(core, row);
    const struct instant settled = instant_add(row->since, settles_in(row));
    uint32_t here = f.figures > 0 ? f.centi : row->fell_to;
    size_t count = audience_others(core, row, others);
    for (size_t i = 0; i < count; i++)
        if (others[i].reports >= AUDIENCES_REPORTS &&
            !instant_before(others[i].heard_at, settled) &&
            others[i].recent_centi >=
                here + gain_wanted(core) +
                    audience_chance(others[i].spread_centi, others[i].reports))
            return true;
    return false;
}

static bool is_well(const struct core *core, const struct audience_row *row,
                    const struct audience_figures *f) {
    return f->centi + gain_wanted(core) >= row->fell_from;
}

static void judge_first(struct core *core, struct audience_row *row) {
    if (!instant_reached(core->now, instant_add(row->since, settles_in(row))))
        return;
    if (fare_better_elsewhere(core, row)) {
        set_state(core, row, AUDIENCE_STATE_ALL);
        tell(core, row, "are all sent away: those elsewhere fare better, R %u here",
             row->fell_to / 100U);
    } else if (instant_reached(core->now, row->until)) {
        give_up(core, row, "those who went fare no better, as far as anybody tells");
    }
}

static void judge_back(struct core *core, struct audience_row *row) {
    const struct audience_figures f = audience_now(core, row);
    bool told = f.figures >= AUDIENCES_REPORTS &&
                instant_reached(core->now, instant_add(row->since, settles_in(row)));
    if (told && is_well(core, row, &f)) {
        end(core, row, "those who are there fare well");
    } else if (told) {
        set_state(core, row, AUDIENCE_STATE_ALL);
        tell(core, row, "are all sent away again: R %u", f.centi / 100U);
    } else if (instant_reached(core->now, row->until)) {
        end(core, row, "nobody says how it is there");
    }
}

static void changed(struct core *core, struct audience_row *row, const struct degrade_event *e) {
    bool access = e->change != DEGRADE_CHANGE_ENDED && e->cause == DEGRADE_CAUSE_ACCESS;
    switch (row->state) {
    case AUDIENCE_STATE_NONE:
        if (e->change != DEGRADE_CHANGE_ENDED && !access)
            begin(core, row);
        break;
    case AUDIENCE_STATE_FIRST:
        if (access)
            give_up(core, row, "they fare as badly elsewhere");
        else if (e->change == DEGRADE_CHANGE_ENDED)
            end(core, row, "they fare as usual");
        break;
    case AUDIENCE_STATE_ALL:
        if (e->change == DEGRADE_CHANGE_ENDED)
            come_back(core, row, "those who stayed fare as usual");
        break;
    case AUDIENCE_STATE_BACK:
    case AUDIENCE_STATE_GIVEN_UP:
        break;
    }
}

static void judge(struct core *core, struct audience_row *row) {
    struct degrade_peer others[DEGRADE_PEERS_MAX];
    const struct degrade_wish wish = wish_for(core, row);
    struct degrade_event event;
    if (!degrade_is_awake(&row->degrade))
        return;
    size_t count = audience_others(core, row, others);
    if (degrade_judge(&row->degrade, &wish, core->now, others, count, &event))
        changed(core, row, &event);
}

static void look(struct core *core, struct audience_row *row) {
    judge(core, row);
    if (row->state != AUDIENCE_STATE_NONE && core->policy.performance.canary == 0) {
        end(core, row, "canary is 0");
        return;
    }
    switch (row->state) {
    case AUDIENCE_STATE_NONE:
        break;
    case AUDIENCE_STATE_FIRST:
        judge_first(core, row);
        break;
    case AUDIENCE_STATE_ALL:
        if (instant_reached(core->now, row->until))
            come_back(core, row, "it has been long");
        break;
    case AUDIENCE_STATE_BACK:
        judge_back(core, row);
        break;
    case AUDIENCE_STATE_GIVEN_UP:
        if (instant_reached(core->now, row->until) && degrade_is_bad(&row->degrade))
            begin(core, row);
        else if (instant_reached(core->now, row->until))
            end(core, row, "they fare as usual");
        break;
    }
}

static bool is_awake(const struct audience_row *row) {
    return row->state != AUDIENCE_STATE_NONE || degrade_is_awake(&row->degrade);
}

void audiences_step(struct core *core) {
    struct audiences *a = core->audiences;
    bool awake = false;
    if (a == NULL || !instant_reached(core->now, a->next_at))
        return;
    for (uint32_t i = 0; i < a->row_count; i++) {
        if (is_awake(&a->rows[i]))
            look(core, &a->rows[i]);
        awake |= is_awake(&a->rows[i]);
    }
    a->next_at = awake ? instant_add(core->now, AUDIENCES_STEP) : INSTANT_NEVER;
}

struct instant audiences_deadline(const struct core *core) {
    return core->audiences != NULL ? core->audiences->next_at : INSTANT_NEVER;
}

/* ---- heard ----------------------------------------------------------------------------------- */

/* A free one, or the one that was heard longest ago, unless players are sent away from there. */
static struct audience_row *place(struct audiences *a) {
    struct audience_row *oldest = NULL;
    if (a->row_count < AUDIENCES_MAX)
        return &a->rows[a->row_count++];
    for (uint32_t i = 0; i < a->row_count; i++) {
        struct audience_row *row = &a->rows[i];
        if (row->state == AUDIENCE_STATE_NONE &&
            (oldest == NULL || instant_before(row->heard_at, oldest->heard_at)))
            oldest = row;
    }
    return oldest;
}

static struct audience_row *row_for(struct core *core, const struct core_player_told *e,
                                    const struct prefix *location) {
    struct audiences *a = audiences_made(core);
    if (a == NULL || location->addr.family == 0)
        return NULL;
    const struct audience_row *known = audience_find(core, &e->origin, &e->cluster, location);
    if (known != NULL)
        return &a->rows[known - a->rows];
    struct audience_row *row = place(a);
    if (row == NULL)
        return NULL;
    *row = (struct audience_row){
        .origin = e->origin, .cluster = e->cluster, .location = *location, .until = INSTANT_NEVER};
    degrade_init(&row->degrade, core->now);
    return row;
}

/* However often it speaks. */
static bool is_in_turn(const struct core *core, struct audience_row *row, uint32_t client) {
    uint32_t *heard_ms = &row->heard_ms[client * 2654435769U >> 26];
    uint32_t now_ms = (uint32_t)duration_in_ms(instant_since(core->now, core->started)) + 1;
    if (*heard_ms != 0 && now_ms - *heard_ms < (uint32_t)duration_in_ms(AUDIENCES_ONCE))
        return false;
    *heard_ms = now_ms;
    return true;
}

void audiences_told(struct core *core, const struct core_player_told *e) {
    const struct prefix location = location_of(&e->client);
    struct audience_row *row = row_for(core, e, &location);
    uint32_t client = location_client(&e->client);
    if (row == NULL || !is_in_turn(core, row, client))
        return;
    row->live = e->live;
    row->heard_at = core->now;
    const struct degrade_wish wish = wish_for(core, row);
    level_add(&row->told, AUDIENCES_HALF, e->rating_centi, core->now);
    degrade_heard(&row->degrade, &wish, core->now, client, e->rating_centi);
    if (is_awake(row))
        core->audiences->next_at =
            instant_min(core->audiences->next_at, instant_add(core->now, AUDIENCES_STEP));
}

/* ---- who goes -------------------------------------------------------------------------------- */

/* The mixing step is that of splitmix64. */
uint32_t audiences_lot(const struct name *origin, const struct addr *client) {
    uint64_t z = rank_domain_of(origin->text) + location_client(client) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return (uint32_t)((z ^ z >> 31) % AUDIENCE_LOTS);
}

struct audience_lots audience_leaving(const struct audience_row *row) {
    switch (row->state) {
    case AUDIENCE_STATE_FIRST:
        return (struct audience_lots){0, row->first_permille};
    case AUDIENCE_STATE_ALL:
        return (struct audience_lots){0, AUDIENCE_LOTS};
    case AUDIENCE_STATE_BACK:
        return (struct audience_lots){row->first_permille, AUDIENCE_LOTS};
    case AUDIENCE_STATE_NONE:
    case AUDIENCE_STATE_GIVEN_UP:
        break;
    }
    return (struct audience_lots){0, 0};
}

bool audiences_leave(const struct core *core, const struct name *origin, const struct name *cluster,
                     const struct prefix *location, uint32_t lot) {
    if (core->audiences == NULL)
        return false;
    const struct audience_row *row = audience_find(core, origin, cluster, location);
    const struct audience_lots lots =
        row != NULL ? audience_leaving(row) : (struct audience_lots){0, 0};
    return (lot >= lots.from && lot < lots.to) ||
           audience_wants_away(core, origin, cluster, location, lot);
}

void audiences_check_invariants(const struct core *core) {
    const struct audiences *a = core->audiences;
    if (a == NULL)
        return;
    assert(a->row_count <= AUDIENCES_MAX && a->word_count <= AUDIENCES_WORDS_MAX);
    for (uint32_t i = 0; i < a->row_count; i++) {
        const struct audience_row *row = &a->rows[i];
        assert(!name_is_empty(&row->cluster) && row->first_permille <= AUDIENCE_LOTS);
        assert((row->state == AUDIENCE_STATE_NONE) == instant_is_never(row->until));
        assert(!is_awake(row) || !instant_is_never(a->next_at));
        degrade_check_invariants(&row->degrade);
    }
}
