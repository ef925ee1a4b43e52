#include "topo/find_private.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

const char *find_state_name(enum find_state state) {
    static const char *const names[] = {"heard", "refused", "accepted", "retired"};
    return names[state];
}

const char *find_refusal_text(enum find_refusal refusal) {
    static const char *const texts[] = {"", "its key is revoked", "its name is another key's",
                                        "no rule of the policy accepts it",
                                        "there are as many peers as the policy wants"};
    return texts[refusal];
}

static struct find_cluster *cluster_of(struct find *f, const struct find_key *key) {
    for (uint32_t i = 0; i < f->top; i++)
        if (f->clusters[i].used && find_key_equal(&f->clusters[i].claim.key, key))
            return &f->clusters[i];
    return NULL;
}

const struct find_cluster *find_by_key(const struct find *f, const struct find_key *key) {
    return find_is_revoked(&f->config, key) ? NULL : cluster_of((struct find *)f, key);
}

const struct find_cluster *find_next_peer(const struct find *f, uint32_t *cursor) {
    while (*cursor < f->top) {
        const struct find_cluster *c = &f->clusters[(*cursor)++];
        if (c->used && c->state == FIND_STATE_ACCEPTED)
            return c;
    }
    return NULL;
}

static const char *own_name(const struct find *f) {
    return f->config.holders[0].name.text;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* From the upper half of RETRY_MIN, doubled with each miss. */
static struct duration backoff(struct find *f, uint32_t misses, struct duration most) {
    struct duration wait = FIND_RETRY_MIN;
    for (uint32_t i = 1; i < misses && duration_less(wait, most); i++)
        wait = duration_add(wait, wait);
    wait = duration_min(wait, most);
    return rng_duration(&f->rng, duration_scale(wait, 1, 2), wait);
}

static struct instant soon(struct find *f, struct instant now) {
    return instant_add(now, rng_duration(&f->rng, DURATION_ZERO, FIND_FIRST_WAIT));
}

static void fetch_ended(struct find *f, struct find_cluster *c) {
    if (c->asked)
        f->fetching--;
    c->asked = false;
}

/* HEARD is nobody's business. */
static void count_states(struct find *f, enum find_state before, enum find_state after) {
    f->accepted += (after == FIND_STATE_ACCEPTED) - (before == FIND_STATE_ACCEPTED);
    f->refused += (after == FIND_STATE_REFUSED) - (before == FIND_STATE_REFUSED);
}

/* Sooner or later, but all of them together about one a second. */
static struct duration refused_again(struct find *f) {
    struct duration each = duration_scale(FIND_REFUSED_EACH, f->refused, 1);
    struct duration most = duration_max(FIND_REFUSED_AGAIN, each);
    return rng_duration(&f->rng, duration_scale(most, 1, 2), most);
}

static void set_state(struct find *f, struct find_cluster *c, enum find_state state,
                      struct instant now) {
    enum find_state before = c->state;
    assert(state != FIND_STATE_HEARD && before != FIND_STATE_RETIRED);
    c->state = state;
    count_states(f, before, state);
    f->changed = f->changed || before == FIND_STATE_ACCEPTED || state == FIND_STATE_ACCEPTED;
    const char *name = c->facts.name.text;
    switch (state) {
    case FIND_STATE_HEARD:
        return;
    case FIND_STATE_REFUSED:
        c->due = instant_add(now, refused_again(f));
        if (c->refusal == FIND_REFUSAL_REVOKED)
            c->due = INSTANT_NEVER;
        trace_linef(f->trace, now, "%s > %s not a peer: %s", own_name(f), name,
                    find_refusal_text(c->refusal));
        return;
    case FIND_STATE_ACCEPTED:
        c->accepted = now;
        c->deaf_until = instant_us(INT64_MIN);
        fetch_ended(f, c); /* it may have been asked again, and what it says then is as good */
        c->due = INSTANT_NEVER;
        if (before != FIND_STATE_ACCEPTED)
            trace_linef(f->trace, now, "%s > %s is a peer now, by rule %" PRIu32, own_name(f), name,
                        c->rule + 1);
        return;
    case FIND_STATE_RETIRED:
        c->due = INSTANT_NEVER;
        c->retired = now;
        trace_linef(f->trace, now, "%s > %s has another key now, which its old one announced",
                    own_name(f), name);
        return;
    }
}

static void forget(struct find *f, struct find_cluster *c, struct instant now, const char *why) {
    fetch_ended(f, c);
    if (c->state == FIND_STATE_ACCEPTED) {
        f->changed = true;
        trace_linef(f->trace, now, "%s > %s no peer any more: %s", own_name(f), c->claim.name.text,
                    why);
    }
    count_states(f, c->state, FIND_STATE_HEARD);
    *c = (struct find_cluster){.used = false};
    while (f->top > 0 && !f->clusters[f->top - 1].used)
        f->top--;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void judge(struct find *f, struct find_cluster *c, struct instant now) {
    uint32_t rule = 0;
    enum find_refusal refusal = find_judge(f, c, &rule);
    if (refusal != FIND_REFUSAL_NONE) {
        bool news = c->state != FIND_STATE_REFUSED || c->refusal != refusal;
        c->refusal = refusal;
        if (news)
            set_state(f, c, FIND_STATE_REFUSED, now);
        else if (refusal != FIND_REFUSAL_REVOKED)
            c->due = instant_add(now, refused_again(f));
        return;
    }
    struct find_cluster *before = find_namesake(f, c);
    if (before != NULL)
        set_state(f, before, FIND_STATE_RETIRED, now);
    f->changed = f->changed || (c->state == FIND_STATE_ACCEPTED && c->rule != rule);
    c->rule = rule;
    c->refusal = FIND_REFUSAL_NONE;
    if (c->state != FIND_STATE_ACCEPTED)
        set_state(f, c, FIND_STATE_ACCEPTED, now);
}

/* A place or a name that has become free may be somebody's. */
static void judge_the_refused(struct find *f, struct instant now) {
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        bool room = c->refusal == FIND_REFUSAL_FULL && f->accepted < f->config.peers_max;
        if (c->used && c->described && c->state == FIND_STATE_REFUSED &&
            (room || c->refusal == FIND_REFUSAL_NAME_TAKEN))
            judge(f, c, now);
    }
}

/* More are to be had than may be peers: whoever backs us up best is to be one. */
static void choose_again(struct find *f, struct instant now) {
    bool chosen[FIND_CLUSTERS_MAX];
    if (!find_wants_clients(f, now))
        return;
    f->choose_at = instant_add(now, FIND_CHOOSE_EVERY);
    if (!find_choose(f, now, chosen))
        return;
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (c->used && c->state == FIND_STATE_ACCEPTED && !chosen[i]) {
            c->refusal = FIND_REFUSAL_FULL;
            set_state(f, c, FIND_STATE_REFUSED, now);
        }
    }
    for (uint32_t i = 0; i < f->top; i++)
        if (chosen[i] && f->clusters[i].state == FIND_STATE_REFUSED)
            judge(f, &f->clusters[i], now);
}

/* ---- claims ---------------------------------------------------------------------------------- */

static bool same_place(const struct find_place *a, const struct find_place *b) {
    return strcmp(a->text, b->text) == 0;
}

/* The same key at other places, or, before it was described, under another name. */
static void claim_changed(struct find *f, struct find_cluster *c, const struct find_claim *claim,
                          struct instant now) {
    bool moved = !same_place(&c->claim.beats, &claim->beats) ||
                 !same_place(&c->claim.control, &claim->control);
    bool renamed = !name_equal(&c->claim.name, &claim->name);
    if ((!moved && !renamed) || (renamed && c->state == FIND_STATE_ACCEPTED))
        return;
    c->claim = *claim;
    if (c->state == FIND_STATE_ACCEPTED) {
        f->changed = true;
    } else if (!c->asked && !instant_is_never(c->due)) {
        c->misses = 0;
        c->due = soon(f, now);
    }
}

/* Introduced by a peer, or named by a domain (NULL). NULL if nothing is to be made of the claim. */
static struct find_cluster *take_claim(struct find *f, const struct find_claim *claim,
                                       const struct find_key *by, struct instant now) {
    const struct find_holder *holder = find_holder_of_key(&f->config, &claim->key);
    struct find_cluster *c = cluster_of(f, &claim->key);
    if (holder != NULL || find_is_revoked(&f->config, &claim->key)) {
        f->counters.claims_refused += holder == NULL || !name_equal(&holder->name, &claim->name);
        return NULL;
    }
    if (c == NULL) {
        c = find_room(f, by);
        if (c == NULL) {
            f->counters.claims_refused++;
            return NULL;
        }
        if (c->used)
            forget(f, c, now, "");
        *c = (struct find_cluster){.used = true,
                                   .claim = *claim,
                                   .due = soon(f, now),
                                   .deaf_until = instant_us(INT64_MIN)};
        uint32_t end = (uint32_t)(c - f->clusters) + 1;
        f->top = end > f->top ? end : f->top;
    } else if (c->state != FIND_STATE_RETIRED && (by == NULL || c->told_by == 0)) {
        claim_changed(f, c, claim, now);
    }
    c->spoken_for = now;
    return c;
}

static void domain_told(struct find *f, const struct find_event *e) {
    uint32_t count = e->u.told.count < FIND_CLAIMS_MAX ? e->u.told.count : FIND_CLAIMS_MAX;
    struct find_domain *d = &f->domains[e->u.told.domain];
    uint32_t bit = UINT32_C(1) << e->u.told.domain;
    bool named[FIND_CLUSTERS_MAX] = {false};
    struct duration ttl = duration_max(e->u.told.ttl, f->config.refresh_min);
    d->asked = false;
    d->misses = 0;
    d->answers++;
    d->due = instant_add(e->now, duration_min(ttl, f->config.refresh_max));
    for (uint32_t i = 0; i < count; i++) {
        struct find_cluster *c = take_claim(f, &e->u.told.claims[i], NULL, e->now);
        if (c == NULL)
            continue;
        c->told_by |= bit;
        c->announced = false;
        named[c - f->clusters] = true;
    }
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (!c->used || (c->told_by & bit) == 0 || named[i])
            continue;
        c->told_by &= ~bit;
        c->spoken_for = e->now;
    }
}

static void domain_mute(struct find *f, uint32_t domain, struct instant now) {
    struct find_domain *d = &f->domains[domain];
    d->asked = false;
    d->failures++;
    d->misses += d->misses < UINT32_MAX;
    d->due = instant_add(now, backoff(f, d->misses, FIND_RETRY_MAX));
}

static void introduced(struct find *f, const struct find_event *e) {
    const struct find_claim *claim = e->u.introduced.claim;
    const struct find_facts *facts = e->u.introduced.facts;
    struct find_cluster *c = cluster_of(f, &claim->key);
    if (!f->config.introduction)
        return;
    if (c != NULL && c->described && facts->issued_s < c->facts.issued_s) {
        f->counters.stale++;
        return;
    }
    c = take_claim(f, claim, &e->u.introduced.by, e->now);
    if (c == NULL)
        return;
    if (!c->introduced)
        c->introducer = e->u.introduced.by;
    c->introduced = true;
}

/* ---- what a cluster says of itself ----------------------------------------------------------- */

/* Its next key may be in force at any moment, wherever it is found now. */
static void await_successor(struct find *f, const struct find_cluster *c, struct instant now) {
    struct find_claim claim = c->claim;
    claim.key = c->facts.next;
    struct find_cluster *next = take_claim(f, &claim, &c->claim.key, now);
    if (next != NULL && next->told_by == 0)
        next->announced = true;
}

static void described(struct find *f, const struct find_event *e) {
    struct find_cluster *c = cluster_of(f, &e->u.fetch.key);
    if (c == NULL || c->state == FIND_STATE_RETIRED)
        return;
    fetch_ended(f, c);
    c->misses = 0;
    c->facts = *e->u.fetch.facts;
    c->described = true;
    if (c->introduced || c->announced)
        c->spoken_for = e->now;
    judge(f, c, e->now);
    if (c->state == FIND_STATE_ACCEPTED && c->facts.has_next)
        await_successor(f, c, e->now);
}

static bool is_awaited(const struct find *f, const struct find_cluster *c) {
    uint32_t cursor = 0;
    const struct find_cluster *peer;
    while ((peer = find_next_peer(f, &cursor)) != NULL)
        if (find_succeeds(c, peer))
            return true;
    return false;
}

static void missed(struct find *f, struct find_cluster *c, struct instant now) {
    if (c == NULL || !c->asked)
        return;
    fetch_ended(f, c);
    f->counters.fetches_missed++;
    c->misses += c->misses < UINT32_MAX;
    struct duration most = is_awaited(f, c) ? FIND_SUCCESSOR_MAX : FIND_RETRY_MAX;
    c->due = instant_add(now, backoff(f, c->misses, most));
}

/* ---- another policy -------------------------------------------------------------------------- */

/* The bits of the domains that stay, under their new numbers. */
static uint32_t renumber(const struct find_config *before, const struct find_config *after,
                         uint32_t told_by) {
    uint32_t out = 0;
    for (uint32_t i = 0; i < before->domain_count; i++)
        for (uint32_t n = 0; n < after->domain_count; n++)
            if ((told_by >> i & 1) != 0 && same_place(&before->domains[i], &after->domains[n]))
                out |= UINT32_C(1) << n;
    return out;
}

/* NULL, or why a cluster is nothing to us under the new policy. */
static const char *why_forget(const struct find_config *after, const struct find_cluster *c,
                              uint32_t told_before) {
    if (find_holder_of_key(after, &c->claim.key) != NULL)
        return "the policy names it";
    bool alone = c->told_by == 0 && !c->announced && !(c->introduced && after->introduction);
    if (alone && (told_before != 0 || c->introduced))
        return "the policy finds it no longer";
    return NULL;
}

static void configured(struct find *f, const struct find_config *after, struct instant now) {
    assert(after->domain_count <= FIND_DOMAINS_MAX && after->rule_count <= FIND_RULES_MAX);
    assert(after->holder_count >= 1 && after->holder_count <= FIND_HOLDERS_MAX);
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (!c->used || c->state == FIND_STATE_RETIRED)
            continue;
        uint32_t told_before = c->told_by;
        c->told_by = renumber(&f->config, after, told_before);
        const char *why = why_forget(after, c, told_before);
        if (why != NULL)
            forget(f, c, now, why);
    }
    f->config = *after;
    if (instant_is_never(f->choose_at))
        f->choose_at = instant_add(now, FIND_CHOOSE_FIRST);
    memset(f->domains, 0, sizeof(f->domains));
    for (uint32_t i = 0; i < after->domain_count; i++)
        f->domains[i].due = soon(f, now);
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (c->used && c->state != FIND_STATE_RETIRED &&
            (c->described || find_is_revoked(after, &c->claim.key)))
            judge(f, c, now);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static struct find_intention *put(struct find_outbox *outbox, enum find_intention_kind kind) {
    assert(outbox->count < FIND_OUTBOX_MAX);
    struct find_intention *i = &outbox->items[outbox->count++];
    *i = (struct find_intention){.kind = kind};
    return i;
}

static void ask_domains(struct find *f, struct instant now, struct find_outbox *outbox) {
    for (uint32_t i = 0; i < f->config.domain_count; i++) {
        struct find_domain *d = &f->domains[i];
        if (instant_reached(now, d->due) && d->asked)
            domain_mute(f, i, now);
        if (!instant_reached(now, d->due))
            continue;
        d->asked = true;
        d->due = instant_add(now, FIND_ANSWER_MAX);
        put(outbox, FIND_ASK_DOMAIN)->u.domain = i;
    }
}

static struct instant expiry(const struct find *f, const struct find_cluster *c) {
    if (c->state == FIND_STATE_RETIRED)
        return instant_add(c->retired, f->config.retire);
    return c->told_by != 0 ? INSTANT_NEVER : instant_add(c->spoken_for, f->config.keep);
}

static bool is_waiting(const struct find_cluster *c) {
    return c->used && (c->state == FIND_STATE_HEARD || c->state == FIND_STATE_REFUSED);
}

/* Who has waited longest comes first. */
static struct find_cluster *next_to_fetch(struct find *f, struct instant now) {
    struct find_cluster *first = NULL;
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (is_waiting(c) && !c->asked && instant_reached(now, c->due) &&
            (first == NULL || instant_before(c->due, first->due)))
            first = c;
    }
    return first;
}

static void fetch(struct find *f, struct instant now, struct find_outbox *outbox) {
    if (f->fetching >= FIND_FETCHES_MAX || instant_before(now, f->pace))
        return;
    struct find_cluster *c = next_to_fetch(f, now);
    if (c == NULL)
        return;
    c->asked = true;
    c->due = instant_add(now, FIND_ANSWER_MAX);
    f->fetching++;
    f->counters.fetches++;
    f->pace = instant_add(now, FIND_FETCH_PACE);
    put(outbox, FIND_FETCH)->u.fetch.claim = c->claim;
}

static void ask_peers(struct find *f, struct instant now, struct find_outbox *outbox) {
    if (!f->config.introduction || f->peers == 0 || !instant_reached(now, f->introduce))
        return;
    f->turn %= f->peers;
    put(outbox, FIND_ASK_PEER)->u.peer = f->turn++;
    f->fresh -= f->fresh > 0;
    struct duration each = duration_scale(FIND_ROUND, 1, f->peers);
    struct duration wait = f->fresh > 0 ? FIND_ROUND_FIRST : duration_max(each, FIND_ROUND_FIRST);
    f->introduce = instant_add(now, rng_duration(&f->rng, duration_scale(wait, 1, 2), wait));
}

static void peers_counted(struct find *f, uint32_t peers, struct instant now) {
    if (peers == f->peers)
        return;
    f->peers = peers;
    f->fresh = peers * FIND_ROUNDS_FIRST;
    f->introduce = instant_min(f->introduce, instant_add(now, FIND_ROUND_FIRST));
}

static void time_passed(struct find *f, struct instant now) {
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (c->used && c->asked && instant_reached(now, c->due))
            missed(f, c, now);
        if (c->used && instant_reached(now, expiry(f, c)))
            forget(f, c, now, "nobody names it any more");
    }
}

/* ---- the machine ----------------------------------------------------------------------------- */

void find_init(struct find *f, uint64_t seed, struct trace *trace) {
    memset(f, 0, sizeof(*f));
    f->pace = instant_us(INT64_MIN);
    f->introduce = INSTANT_NEVER;
    f->choose_at = INSTANT_NEVER;
    f->trace = trace;
    rng_seed(&f->rng, seed);
}

static void take(struct find *f, const struct find_event *e) {
    switch (e->kind) {
    case FIND_TICK:
        return;
    case FIND_CONFIGURED:
        configured(f, e->u.config, e->now);
        return;
    case FIND_DOMAIN_TOLD:
        if (e->u.told.domain < f->config.domain_count)
            domain_told(f, e);
        return;
    case FIND_DOMAIN_MUTE:
        if (e->u.domain < f->config.domain_count)
            domain_mute(f, e->u.domain, e->now);
        return;
    case FIND_INTRODUCED:
        introduced(f, e);
        return;
    case FIND_DESCRIBED:
        described(f, e);
        return;
    case FIND_MISSED:
        missed(f, cluster_of(f, &e->u.fetch.key), e->now);
        return;
    case FIND_PEERS:
        peers_counted(f, e->u.peers, e->now);
        return;
    case FIND_CLIENTS:
        find_clients_heard(f, e->u.clients, e->now);
        return;
    }
}

void find_step(struct find *f, const struct find_event *event, struct find_outbox *outbox) {
    outbox->count = 0;
    f->changed = false;
    take(f, event);
    if (f->config.holder_count == 0)
        return;
    time_passed(f, event->now);
    choose_again(f, event->now);
    ask_domains(f, event->now, outbox);
    fetch(f, event->now, outbox);
    ask_peers(f, event->now, outbox);
    if (!f->changed)
        return;
    judge_the_refused(f, event->now);
    f->counters.changes++;
    put(outbox, FIND_NEW_PEERS);
}

bool find_wants_clients(const struct find *f, struct instant now) {
    return instant_reached(now, f->choose_at) && find_has_choice(f);
}

struct instant find_deadline(const struct find *f) {
    struct instant at = f->config.introduction && f->peers > 0 ? f->introduce : INSTANT_NEVER;
    if (find_has_choice(f))
        at = instant_min(at, f->choose_at);
    for (uint32_t i = 0; i < f->config.domain_count; i++)
        at = instant_min(at, f->domains[i].due);
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        if (!c->used)
            continue;
        at = instant_min(at, expiry(f, c));
        if (is_waiting(c) && c->asked)
            at = instant_min(at, c->due);
        else if (is_waiting(c) && f->fetching < FIND_FETCHES_MAX)
            at = instant_min(at, instant_max(c->due, f->pace));
    }
    return at;
}

void find_check_invariants(const struct find *f) {
    uint32_t fetching = 0, peers = 0, refused = 0;
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        if (!c->used)
            continue;
        fetching += c->asked;
        peers += c->state == FIND_STATE_ACCEPTED;
        refused += c->state == FIND_STATE_REFUSED;
        assert(cluster_of((struct find *)f, &c->claim.key) == c && "a key stands once");
        assert(c->state != FIND_STATE_ACCEPTED || c->described);
        assert(c->state != FIND_STATE_ACCEPTED || !c->asked);
        assert(c->state != FIND_STATE_ACCEPTED || find_namesake((struct find *)f, c) == NULL);
        assert(c->state != FIND_STATE_ACCEPTED || !find_is_revoked(&f->config, &c->claim.key));
    }
    for (uint32_t i = f->top; i < FIND_CLUSTERS_MAX; i++)
        assert(!f->clusters[i].used);
    assert(peers == f->accepted && refused == f->refused);
    assert(fetching == f->fetching && fetching <= FIND_FETCHES_MAX);
    assert(peers <= f->config.peers_max || peers == 0);
}
