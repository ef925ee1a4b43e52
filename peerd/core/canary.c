#include "peerd/core/canary_inner.h"

#include "peerd/core/state.h"
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
    c->blamed = false;
    c->asked_at = core->now;
    c->settled = INSTANT_NEVER;
    c->told_reports = 0;
    c->stayed_looks = c->stayed_centi = 0;
    c->worst_centi = 0;
    c->next_at = instant_add(core->now, CANARY_STEP);
}

static struct canary *free_place(struct core *core) {
    if (core->canaries == NULL && (core->canaries = calloc(1, sizeof(*core->canaries))) != NULL)
        core->canaries->sure_at = INSTANT_NEVER;
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++)
        if (core->canaries->list[i].state == CANARY_STATE_NONE)
            return &core->canaries->list[i];
    return NULL;
}

static bool share(struct core *core, const struct canary *c, const struct peering *to);

/* Some of those who suffer are asked to go to whoever is best. False: nobody can. */
static bool go_first(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    c->first = true;
    c->of_ailing = false;
    canary_send_to_best(core, c);
    if (c->sent == 0) {
        c->peer = 0;
        return false;
    }
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
                             .example = c->example,
                             .beside = true};
        if (!go_first(core, b, ", at the same time, for want of room"))
            break;
        any = true;
    }
    return any;
}

/* Whom nobody knows yet may be told soon. Where others of its location have been somewhere in vain
 * these are tried again in their time. */
static void seek(struct core *core, struct canary *c, const char *why) {
    if (go_first(core, c, why))
        return;
    bool may = gains_left(core);
    c->state = CANARY_STATE_SEEKING;
    c->next_at = instant_add(core->now, CANARY_ANEW);
    if (may && instant_before(core->now, instant_add(c->begun, CANARY_HESITATE)))
        return;
    if (canary_has_others(core, c))
        stop(c);
    else
        give_up(core, c,
                may ? "nobody can go where clients fare better"
                    : "as many have gone in the last minute as may");
}

/* What is in vain, or not known, of one peer is not so of others: some of those who stay go first
 * to another one. Who is left by those who followed goes by their example, or stays: it is known
 * whom they hear. False: not now. */
static bool seek_elsewhere(struct core *core, const struct canary *c, bool left, const char *why) {
    struct canary *b = gains_left(core) && !canary_is_sought(core, c) ? free_place(core) : NULL;
    if (b == NULL)
        return false;
    *b = (struct canary){
        .location = c->location, .begun = core->now, .settled = INSTANT_NEVER, .waited = c->waited};
    if (left)
        b->example = c->example;
    if (!left)
        seek(core, b, why);
    else if (!go_first(core, b, why))
        stop(b);
    return b->state != CANARY_STATE_NONE;
}

/* Some of its location have just gone with those of all networks. What becomes of these is seen
 * first: in vain is in vain for its location, too. */
static bool leaves_it_to_all(struct core *core, struct canary *c) {
    const struct canary *all = canary_in_hand_of(core, c);
    if (all == NULL)
        return false;
    c->state = CANARY_STATE_SEEKING;
    c->begun = core->now;
    c->next_at = instant_add(core->now, CANARY_ANEW);
    c->example = all->example;
    if (all->state == CANARY_STATE_RETURNING) {
        c->peer = all->peer;
        c->blamed = all->blamed;
        give_up(core, c, "those who went with others fare no better");
        if (c->blamed)
            (void)seek_elsewhere(core, c, false, ", where others have not been");
    }
    return true;
}

/* Who suffers may have told whom it hears better; or what was in vain is long ago. */
static void try_again(struct core *core, struct canary *c) {
    bool sought = c->state == CANARY_STATE_SEEKING;
    if (!sought && canary_is_looked_after(core, c)) {
        stop(c);
        return;
    }
    if (!sought)
        *c = (struct canary){.location = c->location,
                             .begun = core->now,
                             .settled = INSTANT_NEVER,
                             .doublings = c->doublings};
    if (canary_is_everywhere(c) && canary_best_heard(core, c) == NULL)
        stop(c);
    else if (!leaves_it_to_all(core, c))
        seek(core, c, "");
}

static struct canary *place_for(struct core *core, const struct prefix *location) {
    const struct canary new = {.location = *location};
    return canary_is_looked_after(core, &new) ? NULL : free_place(core);
}

void canary_begin(struct core *core, const struct prefix *location) {
    if (canary_wanted(core) == 0 || core->drain.active || core->recovering)
        return;
    struct canary *c = place_for(core, location);
    if (c == NULL)
        return;
    *c = (struct canary){.location = *location, .begun = core->now, .settled = INSTANT_NEVER};
    if (!leaves_it_to_all(core, c))
        seek(core, c, "");
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
    seek(core, c, "");
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

/* Who stays need not go any more, and who went first is no better off. Who followed is: when all
 * who share a bad path have left it, it seems well (way_home.h knows better). */
static void path_is_well(struct core *core, struct canary *c) {
    uint32_t under_way;
    if (c->state == CANARY_STATE_WATCHING && c->first && gone(core, c, &under_way) + under_way > 0)
        ask_back(core, c, "our path is to blame no more");
    else
        stop(c);
}

void canary_end(struct core *core, const struct prefix *location) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && c->state != CANARY_STATE_RETURNING &&
            location_equal(&c->location, location))
            path_is_well(core, c);
    }
}

void canary_stop_all(struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++)
        stop(&core->canaries->list[i]);
}

/* ---- one look -------------------------------------------------------------------------------- */

struct instant canary_counts_from(const struct canary *c) {
    return instant_add(c->settled, CANARY_WATCH);
}

static void rest(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_RESTING;
    c->wave = canary_wanted(core);
    c->next_at = instant_add(core->now, CANARY_AGAIN);
}

/* Who stayed besides may be others, who lose by chance: what those who went had before counts, if
 * that was worse. Of later waves nothing is learnt that the first has not shown. */
static void set_example(const struct core *core, struct canary *c) {
    uint32_t before = canary_before_centi(c);
    c->example.until = instant_add(core->now, CANARY_LEFT);
    if (!c->first || c->told_reports == 0 || c->stayed_looks == 0)
        return;
    uint32_t stayed = c->stayed_centi / c->stayed_looks;
    c->example.stayed_centi = before > 0 && before < stayed ? before : stayed;
    c->example.went_centi = c->told_centi;
}

/* No wave is more than a second of a drain. */
static void follow(struct core *core, struct canary *c, const struct peering *to) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    uint32_t most = core->policy.limits.drain_per_s;
    c->wave = c->wave < most / CANARY_GROWTH ? c->wave * CANARY_GROWTH : most;
    set_example(core, c);
    c->first = false;
    canary_send_wave(core, c, to);
    if (c->sent == 0) { /* it is full, or not theirs */
        rest(core, c);
        (void)seek_elsewhere(core, c, true, ", who are left");
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

/* That peer is no good for them; there may be others. */
static void give_up_peer(struct core *core, struct canary *c, const char *why) {
    c->blamed = true;
    give_up(core, c, why);
    (void)seek_elsewhere(core, c, false, ", instead");
}

/* Its peer is gone, or out of our reach, before it has told how they fare: that is nothing against
 * them, and it may tell later. Of those who stayed some go first to another one meanwhile. */
static void wait_for_word(struct core *core, struct canary *c) {
    if (!canary_is_looked_after(core, c))
        (void)seek_elsewhere(core, c, false, ", since nobody tells of the others");
    c->settled = core->now;
    c->told_reports = 0;
    c->stayed_looks = c->stayed_centi = 0;
    if (instant_reached(core->now, instant_add(c->asked_at, CANARY_DWELL)))
        give_up_peer(core, c, "nobody tells how they fare");
}

/* Where they fare well, and no better than those who stayed, these need not go anywhere; nor where
 * these are well again, whatever those who went had before. */
static void in_vain(struct core *core, struct canary *c, const char *why) {
    c->blamed = canary_fare_as_before(core, c) && !canary_seems_well(core, c);
    ask_back(core, c, why);
    if (c->blamed)
        (void)seek_elsewhere(core, c, false, ", instead");
}

/* … than those who stayed. Nobody is sent back to where it has lost more itself; nor does anybody
 * follow who fares well here. */
static void no_better(struct core *core, struct canary *c, bool last) {
    if (!canary_would_lose_more_here(core, c))
        in_vain(core, c, "they fare no better than those who stayed");
    else if (last && c->first)
        give_up(core, c, "they fare as well as those who went");
    else if (last)
        rest(core, c);
}

/* What came of a wave, once those who were asked have gone or stay. */
static void judge_wave(struct core *core, struct canary *c, const struct peering *to) {
    c->stayed_centi += canary_own_centi(core, c);
    c->stayed_looks++;
    if (instant_before(core->now, instant_add(canary_counts_from(c), CANARY_JUDGE)))
        return;
    struct duration most = canary_may_be_followed(core, c) ? CANARY_PROMISING : CANARY_JUDGE_MAX;
    bool last = instant_reached(core->now, instant_add(canary_counts_from(c), most));
    if (canary_are_surely_better(core, c))
        follow(core, c, to);
    else if (last && c->told_reports < FARES_REPORTS && (!c->first || c->example.went_centi > 0))
        rest(core, c); /* what was told of those before them was well, wherever these went */
    else if (last && c->told_reports < FARES_REPORTS)
        in_vain(core, c, "nobody tells how they fare");
    else if (last || !canary_may_be_better(core, c))
        no_better(core, c, last);
}

/* Those who came since follow if clients fare better there still. */
static void look_again(struct core *core, struct canary *c, const struct peering *to) {
    bool worth = canary_is_worth_following(core, c);
    if (to->verdict.verdict == VERDICT_SUSPECT) {
        c->next_at = instant_add(core->now, CANARY_STEP);
    } else if (!verdict_is_usable(to->verdict.verdict)) {
        rest(core, c);
        (void)seek_elsewhere(core, c, true, ", who are left");
    } else if (!worth && canary_is_everywhere(c))
        stop(c); /* nobody came back: if more of them ail that is another matter */
    else if (!worth)
        give_up_peer(core, c, "where they went clients fare no better any more");
    else
        follow(core, c, to);
}

static void look_at_wave(struct core *core, struct canary *c, const struct peering *to) {
    top_up(core, c, to);
    uint32_t under_way, went = gone(core, c, &under_way);
    c->next_at = instant_add(core->now, CANARY_STEP);
    bool late = instant_reached(core->now, instant_add(c->asked_at, CANARY_LATE));
    if (instant_is_never(c->settled))
        canary_note_before(core, c);
    canary_note_worst(core, c);
    if (instant_is_never(c->settled) && under_way > 0 && (went == 0 || !late))
        return;
    if (instant_is_never(c->settled))
        c->settled = core->now;
    if (went == 0)
        give_up_peer(core, c, "none of them went");
    else if (verdict_is_usable(to->verdict.verdict))
        judge_wave(core, c, to);
    else if (to->verdict.verdict != VERDICT_SUSPECT) /* which is over in a moment */
        wait_for_word(core, c);
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
    case CANARY_STATE_SEEKING:
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
            give_up_peer(core, c, "where they went is no peer any more");
        else if (c->state == CANARY_STATE_WATCHING)
            look_at_wave(core, c, to);
        else
            look_again(core, c, to);
        return;
    }
}

/* ---- step ------------------------------------------------------------------------------------ */

void canary_step(struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && instant_reached(core->now, c->next_at))
            look(core, c);
    }
}

struct instant canary_deadline(const struct core *core) {
    struct instant due = INSTANT_NEVER;
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++)
        if (core->canaries->list[i].state != CANARY_STATE_NONE)
            due = instant_min(due, core->canaries->list[i].next_at);
    return due;
}

void canary_check_invariants(const struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state == CANARY_STATE_NONE)
            continue;
        assert(!core->drain.active && !instant_is_never(c->next_at));
        assert(c->state != CANARY_STATE_WATCHING || c->sent > 0);
        assert(c->doublings <= CANARY_DOUBLINGS);
    }
}
