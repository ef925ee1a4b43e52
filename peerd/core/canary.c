#include "peerd/core/canary.h"

#include "peerd/core/leaving.h"
#include "peerd/core/state.h"
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

/* What a peer told last, if that was not before `since`; NULL: nothing. */
static const struct perf_peer *word_since(const struct fares_words *words, uint16_t peer,
                                          struct instant since) {
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

/* What the peer tells now has not come down by what it would have if those who went fared as here.
 */
static bool is_kept_up(const struct core *core, const struct canary *c, uint32_t went,
                       uint32_t after_centi) {
    uint32_t own = own_centi(core, &c->location);
    if (c->before_centi <= own || after_centi < own + gain_wanted(core))
        return false;
    uint32_t share = (c->before_centi - own) * went / (c->before_clients + went);
    return after_centi + share / 2 >= c->before_centi;
}

/* ---- who ------------------------------------------------------------------------------------- */

static struct peering *peer_of(const struct core *core, const struct canary *c) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->number == c->peer)
            return core->peers[i];
    return NULL;
}

static bool may_go(const struct core *core, const struct session *s, const struct canary *c,
                   const struct peering *to) {
    if (s->state != SESSION_STATE_COMMITTED || s->queue != NULL ||
        !prefix_holds(&c->location, &s->client) ||
        duration_less(instant_since(core->now, s->since), CANARY_STAY))
        return false;
    const struct peering *target = leaving_target(core, s, &to->policy.name);
    return target == to;
}

/* Asks one to go; it may lapse. */
static bool order(struct core *core, struct canary *c, struct session *s,
                  const struct peering *to) {
    if (!leaving_order(core, s, to, MOVE_CAUSE_DEGRADED))
        return false;
    s->move->asked = true;
    if (c->sent < CANARY_MAX)
        c->sessions[c->sent] = s->id;
    c->sent++;
    return true;
}

/* `word`: what the peer has told last. */
static void send_wave(struct core *core, struct canary *c, const struct peering *to,
                      const struct perf_peer *word) {
    c->before_centi =
        word->usual_centi < word->recent_centi ? word->usual_centi : word->recent_centi;
    c->before_clients = word->clients;
    c->sent = c->reports = 0;
    c->reports_centi = 0;
    c->heard_at = core->now;
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        for (struct link *l = list_first(&n->sessions); l != NULL && c->sent < c->wave;
             l = list_after(&n->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (may_go(core, s, c, to) && !order(core, c, s, to))
                break; /* this node takes no more now */
        }
    }
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void stop(struct canary *c) {
    c->state = CANARY_STATE_NONE;
    c->next_at = INSTANT_NEVER;
}

static void give_up(struct core *core, struct canary *c, const char *why) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    core_trace(core, "canary: the others of %s stay: %s", location_to_text(&c->location, location),
               why);
    c->state = CANARY_STATE_GIVEN_UP;
    c->next_at = instant_add(core->now, CANARY_DWELL);
}

static void watch(struct core *core, struct canary *c) {
    c->state = CANARY_STATE_WATCHING;
    c->settled = INSTANT_NEVER;
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
            send_wave(core, c, to, &words.list[best]);
    }
}

static void try_out(struct core *core, struct canary *c) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    c->wave = wanted(core);
    c->sent = 0;
    send_to_best(core, c);
    if (c->sent == 0) {
        give_up(core, c, "nobody can go where clients fare better");
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

void canary_stop_all(struct core *core) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_LOCATIONS; i++)
        stop(&core->canaries->list[i]);
}

/* ---- one look -------------------------------------------------------------------------------- */

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

/* No wave is more than a second of a drain. */
static void follow(struct core *core, struct canary *c, const struct peering *to,
                   const struct perf_peer *word) {
    char location[LOCATION_TEXT_LEN_MAX + 1];
    uint32_t most = core->policy.limits.drain_per_s;
    c->wave = c->wave < most / CANARY_GROWTH ? c->wave * CANARY_GROWTH : most;
    send_wave(core, c, to, word);
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

/* What came of a wave, once those who were asked have gone or stay: the mean of what is told. */
static void judge_wave(struct core *core, struct canary *c, const struct peering *to,
                       uint32_t went) {
    struct instant counts_from = instant_add(c->settled, CANARY_WATCH);
    struct fares_words words;
    fares_words(core, &c->location, &words);
    const struct perf_peer *word = word_since(&words, c->peer, counts_from);
    if (word != NULL && instant_before(c->heard_at, word->heard_at)) {
        c->heard_at = word->heard_at;
        c->reports += word->reports;
        c->reports_centi += (uint64_t)word->recent_centi * word->reports;
    }
    if (instant_before(core->now, instant_add(counts_from, CANARY_JUDGE)))
        return;
    if (word == NULL || c->reports < FARES_REPORTS)
        give_up(core, c, "nobody tells how those fare who went");
    else if (!is_kept_up(core, c, went, (uint32_t)(c->reports_centi / c->reports)))
        give_up(core, c, "those who went fare no better");
    else
        follow(core, c, to, word);
}

/* Those who came since follow if clients fare better there still. */
static void look_again(struct core *core, struct canary *c, const struct peering *to) {
    struct fares_words words;
    fares_words(core, &c->location, &words);
    const struct perf_peer *word =
        word_since(&words, c->peer, instant_sub(core->now, CANARY_FRESH));
    if (word == NULL || !is_better(core, &c->location, word))
        give_up(core, c, "where they went clients fare no better any more");
    else
        follow(core, c, to, word);
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
        judge_wave(core, c, to, c->sent <= CANARY_MAX ? went : c->sent);
}

static void look(struct core *core, struct canary *c) {
    const struct peering *to = peer_of(core, c);
    if (wanted(core) == 0 || !is_our_path(core, &c->location)) {
        stop(c);
        return;
    }
    switch (c->state) {
    case CANARY_STATE_NONE:
        return;
    case CANARY_STATE_GIVEN_UP:
        try_out(core, c);
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
    }
}
