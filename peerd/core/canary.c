#include "peerd/core/canary.h"

#include "peerd/core/leaving.h"
#include "peerd/core/state.h"
#include "peerd/wire/digest.h"
#include "topo/location.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static uint32_t wanted(const struct core *core) {
    uint32_t count = core->policy.performance.canary;
    return count < CANARY_MAX ? count : CANARY_MAX;
}

/* ---- what is known of the location ----------------------------------------------------------- */

static const struct degrade *own_fare(const struct core *core, const struct prefix *location) {
    const struct perf *perf = core->fares.perf;
    const struct perf_location *at = perf == NULL ? NULL : perf_find(perf, location);
    return at == NULL || at->own == NULL ? NULL : &at->own->degrade;
}

static bool is_our_path(const struct core *core, const struct prefix *location) {
    const struct degrade *d = own_fare(core, location);
    return d != NULL && d->state == DEGRADE_STATE_PATH;
}

static uint32_t own_centi(const struct core *core, const struct prefix *location) {
    const struct degrade *d = own_fare(core, location);
    return d == NULL ? 0 : level_mean(&d->recent);
}

/* Those who stayed have reported nothing bad for a while, and have reported: the mean of what is
 * recent follows later, since who loses nothing reports seldom. */
static bool seems_well(const struct core *core, const struct prefix *location) {
    const struct degrade *d = own_fare(core, location);
    return d != NULL && !instant_before(d->recent.at, instant_add(d->bad_at, CANARY_WELL)) &&
           !instant_reached(core->now, instant_add(d->recent.at, CANARY_STAYED));
}

/* What a peer told last, if that was within CANARY_FRESH; NULL: nothing. */
static const struct perf_peer *fresh_word(const struct core *core, const struct fares_words *words,
                                          uint16_t peer) {
    struct instant since = instant_sub(core->now, CANARY_FRESH);
    for (size_t i = 0; i < words->count; i++)
        if (words->list[i].cluster == peer)
            return instant_before(words->list[i].heard_at, since) ? NULL : &words->list[i];
    return NULL;
}

/* [R/100] that is worth the way. */
static uint32_t gain_wanted(const struct core *core) {
    return core->fares.perf->settings.wish.drop_centi / 2;
}

static bool is_better(const struct core *core, const struct prefix *location,
                      const struct perf_peer *word) {
    return word->reports >= FARES_REPORTS &&
           word->recent_centi >= own_centi(core, location) + gain_wanted(core);
}

/* Our clients there hear it by far better than us: where nobody of its own tells that is all there
 * is, and enough to try. */
static bool is_heard_better(const struct core *core, const struct prefix *location, uint16_t peer) {
    struct ways_view way = perf_way(core->fares.perf, location, peer, core->now);
    return way.finding == WAYS_PATH && way.errors >= DEGRADE_LIKELY;
}

/* [R/100] So much chance may make of a mean: 95 % of normal ones, one-sided. */
static uint32_t chance(uint32_t spread_centi, uint32_t reports) {
    uint64_t wide = spread_centi < DEGRADE_SPREAD_MIN ? DEGRADE_SPREAD_MIN : spread_centi;
    return level_root(wide * wide * 269 / 100 / reports);
}

/* Those who went, since they came there, than those who stayed, in the same time and now: the path
 * may have become well meanwhile. [R/100], 0: they do not */
static uint32_t gain(const struct core *core, const struct canary *c) {
    uint32_t mean = c->stayed_centi / c->stayed_looks, own = own_centi(core, &c->location);
    uint32_t stayed = own > mean ? own : mean;
    return c->told_centi > stayed ? c->told_centi - stayed : 0;
}

static bool are_surely_better(const struct core *core, const struct canary *c) {
    return !seems_well(core, &c->location) &&
           gain(core, c) >= gain_wanted(core) + chance(c->told_spread, c->told_reports);
}

/* The peer's own clients there have the same path, and there are more of them: where these have
 * fallen too, few who fare better are luck. Who has too few to tell does not object. */
static bool peer_objects(const struct core *core, const struct canary *c) {
    struct fares_words words;
    fares_words(core, &c->location, &words);
    const struct perf_peer *word = fresh_word(core, &words, c->peer);
    return word != NULL && word->reports >= FARES_REPORTS && !is_better(core, &c->location, word);
}

/* More reports may make it sure. */
static bool may_be_better(const struct core *core, const struct canary *c) {
    return c->told_reports < FARES_REPORTS || gain(core, c) >= gain_wanted(core) / 2;
}

/* ---- who ------------------------------------------------------------------------------------- */

static struct peering *peer_of(const struct core *core, const struct canary *c) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->number == c->peer)
            return core->peers[i];
    return NULL;
}

/* Nobody goes first again who came back. */
static bool has_had_enough(const struct core *core, const struct session *s,
                           const struct canary *c) {
    return c->first && s->came_cause == MOVE_CAUSE_RETURN &&
           core_second(core) - s->came_s < (uint32_t)(CANARY_ONCE.us / 1000000);
}

static bool may_go(const struct core *core, const struct session *s, const struct canary *c,
                   const struct peering *to) {
    if (s->state != SESSION_STATE_COMMITTED || s->queue != NULL ||
        !prefix_holds(&c->location, &s->client) ||
        duration_less(instant_since(core->now, s->since), CANARY_STAY) ||
        has_had_enough(core, s, c))
        return false;
    const struct peering *target = leaving_target(core, s, &to->policy.name);
    return target == to;
}

/* Asks one to go; it may lapse. */
static bool order(struct core *core, struct canary *c, struct session *s,
                  const struct peering *to) {
    if (!gains_left(core) || !leaving_order(core, s, to, MOVE_CAUSE_DEGRADED))
        return false;
    gains_spend(core);
    s->move->asked = true;
    if (c->sent < CANARY_MAX)
        c->sessions[c->sent] = s->id;
    c->sent++;
    return true;
}

static void send_wave(struct core *core, struct canary *c, const struct peering *to) {
    c->sent = 0;
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        for (struct link *l = list_first(&n->sessions); l != NULL && c->sent < c->wave;
             l = list_after(&n->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (may_go(core, s, c, to) && !order(core, c, s, to))
                break; /* this node takes no more now, or nobody goes */
        }
    }
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
    core_trace(core, "canary: the others of %s stay: %s", location_to_text(&c->location, location),
               why);
    dwell(core, c);
}

static void ask_back(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    core_trace(core, "canary: those of %s who went are asked back: %s",
               location_to_text(&c->location, location), why);
    core->counters.canaries_returned++;
    c->state = CANARY_STATE_RETURNING;
    c->next_at = instant_add(core->now, CANARY_BACK);
}

static void watch(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_WATCHING;
    c->settled = INSTANT_NEVER;
    c->told_reports = 0;
    c->stayed_looks = c->stayed_centi = 0;
    c->next_at = instant_add(core->now, CANARY_STEP);
}

/* Best first: whose clients there fare best, and who takes a session of them. */
static void send_to_best(struct core *core, struct canary *c) {
    bool tried[PERF_PEERS_MAX] = {false};
    struct fares_words words;
    fares_words(core, &c->location, &words);
    for (size_t n = 0; n < words.count && c->sent == 0; n++) {
        size_t best = words.count;
        for (size_t i = 0; i < words.count; i++)
            if (!tried[i] &&
                (best == words.count || words.list[i].recent_centi > words.list[best].recent_centi))
                best = i;
        tried[best] = true;
        c->peer = words.list[best].cluster;
        const struct peering *to = peer_of(core, c);
        if (to != NULL && is_better(core, &c->location, &words.list[best]))
            send_wave(core, c, to);
    }
}

/* Nobody tells of enough clients of his own: best heard first, by those who are here. */
static void send_to_best_heard(struct core *core, struct canary *c) {
    bool tried[POLICY_PEERS_MAX] = {false};
    for (uint32_t n = 0; n < core->peer_count && c->sent == 0; n++) {
        uint32_t best = core->peer_count, best_lost = 0;
        for (uint32_t i = 0; i < core->peer_count; i++) {
            uint16_t number = core->peers[i]->number;
            uint32_t lost = perf_way(core->fares.perf, &c->location, number, core->now).lost;
            if (tried[i] || !is_heard_better(core, &c->location, number) ||
                (best < core->peer_count && lost >= best_lost))
                continue;
            best = i;
            best_lost = lost;
        }
        if (best == core->peer_count)
            return;
        tried[best] = true;
        c->peer = core->peers[best]->number;
        send_wave(core, c, core->peers[best]);
    }
}

static void try_out(struct core *core, struct canary *c) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    c->wave = wanted(core);
    c->first = true;
    c->sent = 0;
    send_to_best(core, c);
    if (c->sent == 0)
        send_to_best_heard(core, c);
    if (c->sent == 0) {
        give_up(core, c,
                gains_left(core) ? "nobody can go where clients fare better"
                                 : "as many have gone in the last minute as may");
        return;
    }
    watch(core, c);
    core->counters.canaries++;
    core_trace(core, "canary: %" PRIu32 " sessions of %s go to %s first", c->sent,
               location_to_text(&c->location, location), peer_of(core, c)->policy.name.text);
}

static struct canary *place_for(struct core *core, const struct prefix *location) {
    struct canary *room = NULL;
    if (core->canaries == NULL)
        core->canaries = calloc(1, sizeof(*core->canaries));
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state == CANARY_STATE_NONE)
            room = room == NULL ? c : room;
        else if (location_equal(&c->location, location))
            return NULL; /* it is being looked after */
    }
    return room;
}

void canary_begin(struct core *core, const struct prefix *location) {
    if (wanted(core) == 0 || core->drain.active || core->recovering)
        return;
    struct canary *c = place_for(core, location);
    if (c == NULL)
        return;
    *c = (struct canary){.location = *location};
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

/* No wave is more than a second of a drain. */
static void follow(struct core *core, struct canary *c, const struct peering *to) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    uint32_t most = core->policy.limits.drain_per_s;
    c->wave = c->wave < most / CANARY_GROWTH ? c->wave * CANARY_GROWTH : most;
    c->first = false;
    send_wave(core, c, to);
    if (c->sent == 0) {
        c->state = CANARY_STATE_RESTING;
        c->wave = wanted(core);
        c->next_at = instant_add(core->now, CANARY_AGAIN);
        return;
    }
    watch(core, c);
    core->counters.canaries_followed++;
    core_trace(core, "canary: %" PRIu32 " more of %s follow to %s", c->sent,
               location_to_text(&c->location, location), to->policy.name.text);
}

/* What came of a wave, once those who were asked have gone or stay. */
static void judge_wave(struct core *core, struct canary *c, const struct peering *to) {
    c->stayed_centi += own_centi(core, &c->location);
    c->stayed_looks++;
    if (instant_before(core->now, instant_add(counts_from(c), CANARY_JUDGE)))
        return;
    bool last = instant_reached(core->now, instant_add(counts_from(c), CANARY_JUDGE_MAX));
    if (c->told_reports >= FARES_REPORTS && are_surely_better(core, c) && !peer_objects(core, c))
        follow(core, c, to);
    else if (last && c->told_reports < FARES_REPORTS)
        ask_back(core, c, "nobody tells how they fare");
    else if (last || !may_be_better(core, c))
        ask_back(core, c, "they fare no better than those who stayed");
}

/* Those who came since follow if clients fare better there still. */
static void look_again(struct core *core, struct canary *c, const struct peering *to) {
    struct fares_words words;
    fares_words(core, &c->location, &words);
    const struct perf_peer *word = fresh_word(core, &words, c->peer);
    bool better = word == NULL ? is_heard_better(core, &c->location, c->peer)
                               : is_better(core, &c->location, word);
    if (!better)
        give_up(core, c, "where they went clients fare no better any more");
    else
        follow(core, c, to);
}

static void look_at_wave(struct core *core, struct canary *c, const struct peering *to) {
    uint32_t under_way, went = gone(core, c, &under_way);
    c->next_at = instant_add(core->now, CANARY_STEP);
    if (instant_is_never(c->settled) && under_way > 0)
        return;
    if (instant_is_never(c->settled))
        c->settled = core->now;
    if (went == 0)
        give_up(core, c, "none of them went");
    else
        judge_wave(core, c, to);
}

static void look(struct core *core, struct canary *c) {
    const struct peering *to = peer_of(core, c);
    if (wanted(core) == 0) {
        stop(c);
        return;
    }
    if (c->state != CANARY_STATE_RETURNING && !is_our_path(core, &c->location)) {
        path_is_well(core, c);
        return;
    }
    switch (c->state) {
    case CANARY_STATE_NONE:
        return;
    case CANARY_STATE_GIVEN_UP:
        try_out(core, c);
        return;
    case CANARY_STATE_RETURNING:
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
        uint32_t own = own_centi(core, &c->location);
        const struct digest_entry entry = {
            .location = c->location, .usual_centi = (uint16_t)own, .recent_centi = (uint16_t)own};
        uint8_t bytes[DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX];
        size_t written, len = digest_encode(bytes, sizeof(bytes), &entry, 1, &written);
        beat_add_block(beat, BEAT_BLOCK_GIVE_BACK, bytes, len);
        return;
    }
}

static void take_word(struct core *core, uint16_t peer, const struct digest_entry *e) {
    for (size_t i = 0; i < CANARY_LOCATIONS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_WATCHING || c->peer != peer || instant_is_never(c->settled) ||
            instant_before(core->now, counts_from(c)) ||
            !prefix_holds(&c->location, &e->location.addr))
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
