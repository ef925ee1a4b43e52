#include "peerd/core/canary_inner.h"

#include "peerd/core/state.h"
#include "peerd/wire/digest.h"
#include "topo/location.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct prefix everywhere = {.addr = {.family = 4}, .bits = 0};

/* For people. Returns `out`. */
static const char *where(const struct canary *c, char out[LOCATION_TEXT_LEN_MAX + 1]) {
    if (!canary_is_everywhere(c))
        return location_to_text(&c->location, out);
    snprintf(out, LOCATION_TEXT_LEN_MAX + 1, "several networks");
    return out;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void stop(struct canary *c) {
    c->state = CANARY_STATE_NONE;
    c->next_at = INSTANT_NEVER;
}

/* Each time twice as long as the time before. */
static void dwell(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_GIVEN_UP;
    c->next_at = instant_add(core->now, duration_scale(CANARY_DWELL, 1U << c->doublings, 1));
    c->doublings += c->doublings < CANARY_DOUBLINGS;
}

static void give_up(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    core_trace(core, "canary: the others of %s stay: %s", where(c, location), why);
    dwell(core, c);
}

static void ask_back(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    core_trace(core, "canary: those of %s who went are asked back: %s", where(c, location), why);
    core->counters.canaries_returned++;
    c->state = CANARY_STATE_RETURNING;
    c->next_at = instant_add(core->now, CANARY_BACK);
}

static void watch(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_WATCHING;
    c->asked_at = core->now;
    c->settled = INSTANT_NEVER;
    c->told_reports = 0;
    c->stayed_looks = c->stayed_centi = 0;
    c->next_at = instant_add(core->now, CANARY_STEP);
}

static struct canary *free_place(struct core *core) {
    if (core->canaries == NULL && (core->canaries = calloc(1, sizeof(*core->canaries))) != NULL)
        core->canaries->sure_at = INSTANT_NEVER;
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++)
        if (core->canaries->list[i].state == CANARY_STATE_NONE)
            return &core->canaries->list[i];
    return NULL;
}

static bool share(struct core *core, const struct canary *c, const struct peering *to);

/* Some of those who suffer are asked to go to whoever is best. False: nobody can. */
static bool go_first(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    c->first = true;
    canary_send_to_best(core, c);
    if (c->sent == 0)
        return false;
    const struct peering *to = canary_peer(core, c);
    watch(core, c);
    c->wave = canary_wanted(core);
    if (!c->beside && !share(core, c, to))
        canary_send_more(core, c, to); /* all of them go there */
    core->counters.canaries++;
    core_trace(core, "canary: %" PRIu32 " sessions of %s go to %s first%s", c->sent,
               where(c, location), to->policy.name.text, why);
    return true;
}

/* Where it goes there is no room for all who suffer: some are tried at the next peers at the same
 * time. False: there is room, or there are none. */
static bool share(struct core *core, const struct canary *c, const struct peering *to) {
    bool any = false;
    while (!c->beside && canary_without_room(core, c, to) > 0) {
        struct canary *b = free_place(core);
        if (b == NULL)
            break;
        *b = (struct canary){.location = c->location,
                             .begun = c->begun,
                             .settled = INSTANT_NEVER,
                             .waited = c->waited,
                             .beside = true};
        if (!go_first(core, b, ", at the same time, for want of room"))
            break;
        any = true;
    }
    return any;
}

static void try_out(struct core *core, struct canary *c) {
    c->of_ailing = c->hesitates = false;
    c->shunned_count = 0;
    if (go_first(core, c, ""))
        return;
    if (gains_left(core) && instant_before(core->now, instant_add(c->begun, CANARY_HESITATE))) {
        c->state = CANARY_STATE_GIVEN_UP;
        c->hesitates = true;
        c->next_at = instant_add(core->now, CANARY_ANEW);
        return;
    }
    give_up(core, c,
            gains_left(core) ? "nobody can go where clients fare better"
                             : "as many have gone in the last minute as may");
}

/* Some of its location have just gone with those of all networks. NULL: they have not. */
static const struct canary *in_hand_of(const struct core *core, const struct canary *c) {
    for (size_t i = 0; i < CANARY_LOCATIONS && !canary_is_everywhere(c); i++) {
        const struct canary *all = &core->canaries->list[i];
        if (!canary_is_everywhere(all) ||
            (all->state != CANARY_STATE_WATCHING && all->state != CANARY_STATE_RETURNING))
            continue;
        for (uint32_t k = 0; k < all->sent && k < CANARY_MAX; k++)
            if (prefix_holds(&c->location, &all->clients[k]))
                return all;
    }
    return NULL;
}

/* What becomes of these is seen first: in vain is in vain for its location, too. */
static bool leaves_it_to_all(struct core *core, struct canary *c) {
    const struct canary *all = in_hand_of(core, c);
    if (all == NULL)
        return false;
    c->state = CANARY_STATE_GIVEN_UP;
    c->hesitates = true;
    c->begun = core->now;
    c->next_at = instant_add(core->now, CANARY_ANEW);
    if (all->state == CANARY_STATE_RETURNING) {
        c->hesitates = false;
        give_up(core, c, "those who went with others fare no better");
    }
    return true;
}

/* After a while, or at once while it hesitates. One beside another is begun by that. */
static void try_again(struct core *core, struct canary *c) {
    if (c->beside || (canary_is_everywhere(c) && canary_best_heard(core, c) == NULL)) {
        stop(c);
        return;
    }
    if (!c->hesitates)
        c->begun = core->now;
    if (!leaves_it_to_all(core, c))
        try_out(core, c);
}

static struct canary *place_for(struct core *core, const struct prefix *location) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && !c->beside && location_equal(&c->location, location))
            return NULL; /* it is being looked after */
    }
    return free_place(core);
}

void canary_begin(struct core *core, const struct prefix *location) {
    if (canary_wanted(core) == 0 || core->drain.active || core->recovering)
        return;
    struct canary *c = place_for(core, location);
    if (c == NULL)
        return;
    *c = (struct canary){.location = *location, .begun = core->now};
    if (!leaves_it_to_all(core, c))
        try_out(core, c);
}

/* Whom enough of all networks surely hear better. What falls in a location is left to a canary of
 * that for a moment. */
static bool are_heard_to_suffer(struct core *core, struct canary *fresh) {
    struct canaries *all = core->canaries;
    if (canary_best_heard(core, fresh) != NULL)
        return true;
    fresh->waited = true;
    if (canary_best_heard(core, fresh) == NULL) {
        all->sure_at = INSTANT_NEVER;
        return false;
    }
    if (instant_is_never(all->sure_at))
        all->sure_at = core->now;
    return instant_reached(core->now, instant_add(all->sure_at, CANARY_OWN));
}

/* Thousands are looked through less often. */
void canary_judge(struct core *core) {
    if (canary_wanted(core) == 0 || core->drain.active || core->recovering ||
        core->fares.perf == NULL || core->ailing.list.count == 0 ||
        !instant_reached(core->now, core->judged_at))
        return;
    uint32_t thousands = core->ailing.list.count / 1024;
    core->judged_at = instant_add(core->now, duration_scale(CANARY_STEP, 1 + thousands, 1));
    struct canary *c = place_for(core, &everywhere);
    struct canary fresh = {.location = everywhere, .begun = core->now, .settled = INSTANT_NEVER};
    if (c == NULL || !are_heard_to_suffer(core, &fresh))
        return;
    *c = fresh;
    try_out(core, c);
}

/* Who of them has gone; `under_way` is how many may still go. */
static uint32_t gone(const struct core *core, const struct canary *c, uint32_t *under_way) {
    uint32_t count = 0;
    *under_way = 0;
    for (uint32_t i = 0; i < c->sent && i < CANARY_MAX; i++) {
        const struct session *s = session_find(core, &c->sessions[i]);
        bool here = s != NULL && s->state == SESSION_STATE_COMMITTED;
        count += !here;
        *under_way += here && s->move != NULL;
    }
    return count;
}

/* Who stays need not go any more, and who went is no better off. */
static void path_is_well(struct core *core, struct canary *c) {
    uint32_t under_way;
    if (c->state == CANARY_STATE_WATCHING && gone(core, c, &under_way) + under_way > 0)
        ask_back(core, c, "our path is to blame no more");
    else
        stop(c);
}

void canary_end(struct core *core, const struct prefix *location) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && c->state != CANARY_STATE_RETURNING &&
            location_equal(&c->location, location))
            path_is_well(core, c);
    }
}

void canary_stop_all(struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++)
        stop(&core->canaries->list[i]);
}

/* ---- one look -------------------------------------------------------------------------------- */

/* What is told before is not yet about this wave. */
static struct instant counts_from(const struct canary *c) {
    return instant_add(c->settled, CANARY_WATCH);
}

/* Nobody else goes there: it is full, or not theirs. Those who are left are tried out at another
 * peer, a few first; at none twice while nobody goes. */
static bool turn_elsewhere(struct core *core, struct canary *c) {
    const struct canary before = *c;
    if (c->beside || c->shunned_count == CANARY_SHUNNED)
        return false;
    c->shunned[c->shunned_count++] = c->peer;
    if (go_first(core, c, ", who are left"))
        return true;
    *c = before;
    return false;
}

static void rest(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_RESTING;
    c->wave = canary_wanted(core);
    c->next_at = instant_add(core->now, CANARY_AGAIN);
}

/* No wave is more than a second of a drain. */
static void follow(struct core *core, struct canary *c, const struct peering *to) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    uint32_t most = core->policy.limits.drain_per_s;
    c->wave = c->wave < most / CANARY_GROWTH ? c->wave * CANARY_GROWTH : most;
    c->first = false;
    if (c->told_reports > 0 && c->stayed_looks > 0) {
        c->followed_went = c->told_centi;
        c->followed_stayed = c->before_centi = c->stayed_centi / c->stayed_looks;
    }
    canary_send_wave(core, c, to);
    if (c->sent == 0 && gains_left(core) && turn_elsewhere(core, c))
        return;
    if (c->sent == 0) {
        rest(core, c);
        return;
    }
    watch(core, c);
    core->counters.canaries_followed++;
    core_trace(core, "canary: %" PRIu32 " more of %s follow to %s", c->sent, where(c, location),
               to->policy.name.text);
    (void)share(core, c, to);
}

/* Of those who suffer some are sure later that they hear it better: while a wave that follows is
 * not full they go with it, and all of them are judged together. */
static void top_up(struct core *core, struct canary *c, const struct peering *to) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    uint32_t sent = c->sent;
    if (c->first || sent >= c->wave || !instant_reached(core->now, c->more_at))
        return;
    c->more_at = instant_add(core->now, CANARY_MORE);
    canary_send_more(core, c, to);
    if (c->sent == sent)
        return;
    watch(core, c);
    core->counters.canaries_followed++;
    core_trace(core, "canary: %" PRIu32 " more of %s follow to %s", c->sent - sent,
               where(c, location), to->policy.name.text);
}

/* Its peer is gone, or out of our reach, before it has told how they fare: that is nothing against
 * them, nor against other peers. Some of those who stayed go to one of these first; where there is
 * none it is waited for, and tells anew. */
static bool is_out_of_sight(struct core *core, struct canary *c, const struct peering *to) {
    if (verdict_is_usable(to->verdict.verdict))
        return false;
    if (to->verdict.verdict != VERDICT_SUSPECT && gains_left(core) && turn_elsewhere(core, c))
        return true;
    c->settled = core->now;
    c->told_reports = 0;
    c->stayed_looks = c->stayed_centi = 0;
    return true;
}

/* What came of a wave, once those who were asked have gone or stay. */
static void judge_wave(struct core *core, struct canary *c, const struct peering *to) {
    c->stayed_centi += canary_own_centi(core, c);
    c->stayed_looks++;
    if (instant_before(core->now, instant_add(counts_from(c), CANARY_JUDGE)))
        return;
    bool last = instant_reached(core->now, instant_add(counts_from(c), CANARY_JUDGE_MAX));
    if (canary_are_surely_better(core, c))
        follow(core, c, to);
    else if (last && c->told_reports < FARES_REPORTS && !c->first)
        rest(core, c); /* what was told of those before them was well */
    else if (last && c->told_reports < FARES_REPORTS)
        ask_back(core, c, "nobody tells how they fare");
    else if (last || !canary_may_be_better(core, c))
        ask_back(core, c, "they fare no better than those who stayed");
}

/* Those who came since follow if clients fare better there still. */
static void look_again(struct core *core, struct canary *c, const struct peering *to) {
    bool worth = canary_is_worth_following(core, c);
    if (!verdict_is_usable(to->verdict.verdict)) {
        if (!gains_left(core) || !turn_elsewhere(core, c))
            rest(core, c);
    } else if (!worth && canary_is_everywhere(c))
        stop(c); /* nobody came back: if more of them ail that is another matter */
    else if (!worth)
        give_up(core, c, "where they went clients fare no better any more");
    else
        follow(core, c, to);
}

/* Words of lost frames come sooner than reports: these tell of what was due. */
static void note_before(const struct core *core, struct canary *c) {
    struct ailing_fares ailing = ailing_fares(core, &c->location);
    if (ailing.centi > 0 && (c->before_centi == 0 || ailing.centi < c->before_centi))
        c->before_centi = ailing.centi;
}

static void look_at_wave(struct core *core, struct canary *c, const struct peering *to) {
    top_up(core, c, to);
    uint32_t under_way, went = gone(core, c, &under_way);
    c->next_at = instant_add(core->now, CANARY_STEP);
    bool late = instant_reached(core->now, instant_add(c->asked_at, CANARY_LATE));
    if (instant_is_never(c->settled))
        note_before(core, c);
    if (instant_is_never(c->settled) && under_way > 0 && (went == 0 || !late))
        return;
    if (instant_is_never(c->settled))
        c->settled = core->now;
    if (went == 0 && !(gains_left(core) && turn_elsewhere(core, c)))
        give_up(core, c, "none of them went");
    if (went == 0)
        return;
    c->shunned_count = 0;
    if (!is_out_of_sight(core, c, to))
        judge_wave(core, c, to);
}

/* Of all networks nobody has lost a frame since they were asked back: they went not in vain, but
 * for a while, and it may fall again. Of a location its own judgement says so (canary_end). */
static bool has_healed(const struct core *core, const struct canary *c) {
    struct ailing_fares ailing = ailing_fares(core, &c->location);
    struct instant asked = instant_sub(core->now, CANARY_BACK);
    return canary_is_everywhere(c) &&
           (ailing.sessions == 0 || instant_before(ailing.lost_at, asked));
}

static void look(struct core *core, struct canary *c) {
    const struct peering *to = canary_peer(core, c);
    if (canary_wanted(core) == 0) {
        stop(c);
        return;
    }
    if (c->state != CANARY_STATE_RETURNING && !canary_is_our_path(core, c)) {
        path_is_well(core, c);
        return;
    }
    switch (c->state) {
    case CANARY_STATE_NONE:
        return;
    case CANARY_STATE_GIVEN_UP:
        try_again(core, c);
        return;
    case CANARY_STATE_RETURNING:
        if (has_healed(core, c))
            stop(c);
        else
            dwell(core, c);
        return;
    case CANARY_STATE_WATCHING:
    case CANARY_STATE_RESTING:
        if (to == NULL)
            give_up(core, c, "where they went is no peer any more");
        else if (c->state == CANARY_STATE_WATCHING)
            look_at_wave(core, c, to);
        else
            look_again(core, c, to);
        return;
    }
}

/* ---- what the peer is told, and tells -------------------------------------------------------- */

/* One location a beat: the first that waits. */
void canary_fill(const struct core *core, const struct peering *to, struct beat *beat) {
    for (size_t i = 0; core->canaries != NULL && to->takes_blocks && i < CANARY_LOCATIONS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_RETURNING || c->peer != to->number)
            continue;
        uint32_t own = canary_own_centi(core, c);
        const struct digest_entry entry = {
            .location = c->location, .usual_centi = (uint16_t)own, .recent_centi = (uint16_t)own};
        uint8_t bytes[DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX];
        size_t written, len = digest_encode(bytes, sizeof(bytes), &entry, 1, &written);
        beat_add_block(beat, BEAT_BLOCK_GIVE_BACK, bytes, len);
        return;
    }
}

/* What it tells of all together is about who went from everywhere. */
static bool is_about(const struct canary *c, const struct prefix *told) {
    return canary_is_everywhere(c) ? told->bits == 0
                                   : told->bits > 0 && prefix_holds(&c->location, &told->addr);
}

static void take_word(struct core *core, uint16_t peer, const struct digest_entry *e) {
    for (size_t i = 0; i < CANARY_LOCATIONS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_WATCHING || c->peer != peer || instant_is_never(c->settled) ||
            instant_before(core->now, counts_from(c)) || !is_about(c, &e->location))
            continue;
        c->told_reports = e->reports;
        c->told_centi = e->recent_centi;
        c->told_spread = e->spread_centi;
    }
}

void canary_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    size_t len = 0, count = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_NEWCOMERS, &len);
    if (block == NULL || core->canaries == NULL)
        return;
    if (digest_decode(entries, &count, block, len) != ERR_OK) {
        core->counters.digests_refused++;
        return;
    }
    for (size_t i = 0; i < count; i++)
        take_word(core, from->number, &entries[i]);
}

/* ---- step ------------------------------------------------------------------------------------ */

void canary_step(struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && instant_reached(core->now, c->next_at))
            look(core, c);
    }
}

struct instant canary_deadline(const struct core *core) {
    struct instant due = INSTANT_NEVER;
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++)
        if (core->canaries->list[i].state != CANARY_STATE_NONE)
            due = instant_min(due, core->canaries->list[i].next_at);
    return due;
}

void canary_check_invariants(const struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state == CANARY_STATE_NONE)
            continue;
        assert(!core->drain.active && !instant_is_never(c->next_at));
        assert(c->state != CANARY_STATE_WATCHING || c->sent > 0);
        assert(c->doublings <= CANARY_DOUBLINGS);
    }
}
