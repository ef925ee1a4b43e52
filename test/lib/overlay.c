#include "test/lib/overlay.h"

#include "test/lib/overlay_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[OVERLAY_CLUSTERS_MAX] = {"fra1", "ams1", "lon1", "par1",
                                                        "mad1", "osl1", "rom1", "vie1"};

/* ---- small things ---------------------------------------------------------------------------- */

uint32_t overlay_peer_index(uint32_t who, uint32_t cluster) {
    assert(who != cluster);
    return cluster < who ? cluster : cluster - 1;
}

uint32_t overlay_cluster_of(uint32_t who, uint32_t peer_index) {
    return peer_index < who ? peer_index : peer_index + 1;
}

uint32_t overlay_one_way_ms(const struct overlay *o) {
    return o->setup.rtt_ms / 2;
}

void overlay_nonce(struct overlay *o, uint8_t nonce[BEAT_NONCE_BYTES]) {
    memset(nonce, 0, BEAT_NONCE_BYTES);
    o->nonces++;
    memcpy(nonce, &o->nonces, sizeof(o->nonces));
}

struct instant overlay_now(const struct overlay *o) {
    return o->now;
}

const struct core *overlay_core(const struct overlay *o, uint32_t cluster) {
    return o->sites[cluster]->core;
}

enum verdict overlay_verdict(const struct overlay *o, uint32_t who, uint32_t about) {
    return core_peer_status(o->sites[who]->core, overlay_peer_index(who, about), o->now).verdict;
}

/* ---- policy ---------------------------------------------------------------------------------- */

static void fill_limits(struct policy_limits *l, const struct overlay_setup *s) {
    *l = (struct policy_limits){.sessions_max = 1000,
                                .opens_per_s = 50,
                                .session_lease = duration_s(3),
                                .credit_lease = duration_s(300),
                                .ticket_life = duration_s(3600),
                                .clock_skew = duration_s(5),
                                .node_lease = duration_s(1),
                                .node_poll = duration_ms(100),
                                .drain_deadline = duration_s(30),
                                .drain_per_s = s->drain_per_s,
                                .hedge_ms_max = 500,
                                .hedges_per_minute = 10};
}

static void fill_policy(struct overlay *o, uint32_t who) {
    struct policy *p = &o->sites[who]->policy;
    const struct overlay_setup *s = &o->setup;
    memset(p, 0, sizeof(*p));
    name_set(&p->cluster.name, names[who]);
    name_set(&p->cluster.provider, names[who]);
    name_set(&p->cluster.region, "europe");
    p->node_count = 1;
    name_set(&p->nodes[0].name, "n1");
    for (uint32_t i = 0; i + 1 < s->clusters; i++) {
        uint32_t other = overlay_cluster_of(who, i);
        struct policy_peer *peer = &p->peers[p->peer_count++];
        name_set(&peer->name, names[other]);
        peer->key = o->sites[other]->key.public_key;
        peer->accept_moves = peer->offer_moves = true;
        peer->reserved_slots = 10;
    }
    p->service_count = p->profile_count = p->source_count = 1;
    name_set(&p->services[0].name, "radio");
    p->services[0].capacity = s->capacity;
    p->services[0].profile_count = 1;
    name_set(&p->services[0].profiles[0], "pcmu");
    name_set(&p->profiles[0].name, "pcmu");
    name_set(&p->profiles[0].codec, "pcmu");
    name_set(&p->sources[0].name, "news");
    p->detection = (struct policy_detection){.detect_within = duration_ms(s->detect_within_ms),
                                             .false_alarm_every = duration_s(3600),
                                             .interval = duration_ms(s->interval_ms)};
    fill_limits(&p->limits, s);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static void fill_defaults(struct overlay_setup *s) {
#define DEFAULT(field, value)                                                                      \
    if (s->field == 0)                                                                             \
    s->field = value
    DEFAULT(clusters, 3);
    DEFAULT(rtt_ms, 20);
    DEFAULT(interval_ms, 100);
    DEFAULT(detect_within_ms, 400);
    DEFAULT(media_alive_after_ms, 100);
    DEFAULT(move_ms, 150);
    DEFAULT(capacity, 100);
    DEFAULT(drain_per_s, 10);
    DEFAULT(seed, 1);
#undef DEFAULT
}

static void derive_keys(struct overlay *o, uint32_t who) {
    struct site *s = o->sites[who];
    for (uint32_t i = 0; i < o->setup.clusters; i++) {
        const struct public_key *their = &o->sites[i]->key.public_key;
        if (i == who)
            continue;
        enum err err = seal_key_derive(&s->beat_to[i], &s->key, their, true, SEAL_PURPOSE_BEAT, 0);
        assert(err == ERR_OK);
        err = seal_key_derive(&s->media_to[i], &s->key, their, true, SEAL_PURPOSE_MEDIA_ALIVE, 0);
        assert(err == ERR_OK);
        err =
            seal_key_derive(&s->media_from[i], &s->key, their, false, SEAL_PURPOSE_MEDIA_ALIVE, 0);
        assert(err == ERR_OK);
    }
}

struct overlay *overlay_new(const struct overlay_setup *setup) {
    struct overlay *o = calloc(1, sizeof(*o));
    assert(o != NULL);
    o->setup = *setup;
    fill_defaults(&o->setup);
    assert(o->setup.clusters <= OVERLAY_CLUSTERS_MAX);
    o->now = instant_us(1000000000); /* the origin of a monotonic clock means nothing */
    for (uint32_t i = 0; i < o->setup.clusters; i++) {
        uint8_t seed[KEY_BYTES] = {(uint8_t)(i + 1)};
        o->sites[i] = calloc(1, sizeof(struct site));
        assert(o->sites[i] != NULL);
        key_pair_from_seed(&o->sites[i]->key, seed);
        o->sites[i]->stalled_until = o->now;
        trace_init(&o->sites[i]->trace);
    }
    overlay_forget(o);
    for (uint32_t i = 0; i < o->setup.clusters; i++) {
        derive_keys(o, i);
        fill_policy(o, i);
        overlay_node_start(o, i);
        overlay_start_peerd(o, i);
    }
    return o;
}

static void packet_free(struct packet *p) {
    if (p->kind == PACKET_DESCRIPTION)
        description_free(&p->description);
    free(p);
}

void overlay_free(struct overlay *o) {
    for (uint32_t i = 0; i < o->packet_count; i++)
        packet_free(o->packets[i]);
    for (uint32_t i = 0; i < o->setup.clusters; i++) {
        core_free(o->sites[i]->core);
        for (uint32_t k = 0; k < OVERLAY_CLUSTERS_MAX; k++)
            free(o->sites[i]->sent[k]);
        free(o->sites[i]);
    }
    free(o->narrative);
    free(o);
}

void overlay_start_peerd(struct overlay *o, uint32_t cluster) {
    struct site *s = o->sites[cluster];
    assert(s->core == NULL);
    s->run++;
    uint64_t boot = (uint64_t)(cluster + 1) << 32 | s->run;
    s->core = core_init(&(struct core_setup){.policy = &s->policy,
                                             .self = s->key.public_key,
                                             .boot = boot,
                                             .seed = o->setup.seed + cluster,
                                             .now = o->now,
                                             .trace = &s->trace});
    assert(s->core != NULL);
}

void overlay_kill_peerd(struct overlay *o, uint32_t cluster) {
    core_free(o->sites[cluster]->core);
    o->sites[cluster]->core = NULL;
}

void overlay_kill_site(struct overlay *o, uint32_t cluster) {
    overlay_kill_peerd(o, cluster);
    o->sites[cluster]->node.alive = false;
}

void overlay_cut(struct overlay *o, uint32_t from, uint32_t to) {
    o->cut[from][to] = true;
}

void overlay_heal(struct overlay *o, uint32_t from, uint32_t to) {
    o->cut[from][to] = false;
}

void overlay_stall_peerd(struct overlay *o, uint32_t cluster, uint32_t for_ms) {
    o->sites[cluster]->stalled_until = instant_add(o->now, duration_ms(for_ms));
}

/* ---- narrative ------------------------------------------------------------------------------- */

static void gather(struct overlay *o, uint32_t cluster) {
    const struct trace_line *line;
    while ((line = trace_take(&o->sites[cluster]->trace)) != NULL) {
        char *text;
        double at = (double)(line->at.us - 1000000000) / 1e6;
        int len = asprintf(&text, "%8.3f %s\n", at, line->text);
        assert(len > 0);
        o->narrative = realloc(o->narrative, o->narrative_len + (size_t)len + 1);
        assert(o->narrative != NULL);
        memcpy(o->narrative + o->narrative_len, text, (size_t)len + 1);
        o->narrative_len += (size_t)len;
        free(text);
    }
}

const char *overlay_narrative(const struct overlay *o) {
    return o->narrative;
}

void overlay_forget(struct overlay *o) {
    free(o->narrative);
    o->narrative = calloc(1, 1);
    o->narrative_len = 0;
}

uint32_t overlay_count(const struct overlay *o, const char *word) {
    uint32_t count = 0;
    for (const char *line = o->narrative; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *found = strstr(line, word);
        if (found != NULL && found < strchr(line, '\n'))
            count++;
    }
    return count;
}

bool overlay_tells(const struct overlay *o, const char *expected) {
    if (strcmp(o->narrative, expected) == 0)
        return true;
    fprintf(stderr, "---- expected\n%s---- but was\n%s----\n", expected, o->narrative);
    return false;
}

/* ---- packets --------------------------------------------------------------------------------- */

struct packet *overlay_packet(struct overlay *o, enum packet_kind kind, uint32_t from, uint32_t to,
                              uint32_t delay_ms) {
    assert(o->packet_count < PACKETS_MAX);
    struct packet *p = calloc(1, sizeof(*p));
    assert(p != NULL);
    p->kind = kind;
    p->from = from;
    p->to = to;
    p->at = instant_add(o->now, duration_ms(delay_ms));
    p->order = o->orders++;
    o->packets[o->packet_count++] = p;
    return p;
}

/* A linear search will do: a test has a few dozen packets under way. */
static int next_packet(const struct overlay *o) {
    int best = -1;
    for (uint32_t i = 0; i < o->packet_count; i++) {
        const struct packet *p = o->packets[i], *b = best < 0 ? NULL : o->packets[best];
        if (b == NULL || p->at.us < b->at.us || (p->at.us == b->at.us && p->order < b->order))
            best = (int)i;
    }
    return best;
}

static void remember_sent(struct overlay *o, const struct packet *p) {
    struct site *s = o->sites[p->from];
    if (s->sent[p->to] == NULL)
        s->sent[p->to] = calloc(SENT_MAX, sizeof(struct sent));
    assert(s->sent[p->to] != NULL && s->sent_count[p->to] < SENT_MAX);
    struct sent *sent = &s->sent[p->to][s->sent_count[p->to]++];
    sent->at = o->now;
    sent->len = p->len;
    memcpy(sent->data, p->data, p->len);
}

static void send_beat(struct overlay *o, uint32_t who, const struct core_send_beat *b) {
    uint32_t to = overlay_cluster_of(who, b->peer);
    uint8_t nonce[BEAT_NONCE_BYTES];
    struct packet *p = overlay_packet(o, PACKET_BEAT, who, to, overlay_one_way_ms(o));
    struct key_hint hint = key_hint_of(&o->sites[who]->key.public_key);
    bool media = b->beat.kind == BEAT_KIND_MEDIA_ALIVE;
    assert(media == !addr_is_none(&b->to));
    p->to_node = media;
    overlay_nonce(o, nonce);
    /* The answer to a node travels the other way than the node's own beats. */
    const struct seal_key *key =
        media ? &o->sites[to]->media_from[who] : &o->sites[who]->beat_to[to];
    p->len = beat_seal(p->data, sizeof(p->data), &b->beat, &hint, key, nonce);
    assert(p->len > 0);
    if (!media)
        remember_sent(o, p);
}

static void lodge(struct overlay *o, uint32_t who, const struct core_lodge_standbys *l) {
    struct packet *p = overlay_packet(o, PACKET_LODGE, who, overlay_cluster_of(who, l->peer),
                                      overlay_one_way_ms(o));
    assert(l->group_count <= 16);
    memcpy(p->groups, l->groups, l->group_count * sizeof(*l->groups));
    p->group_count = l->group_count;
    p->run = o->sites[who]->run;
}

static void slots(struct overlay *o, uint32_t who, const struct core_answer_standbys *a) {
    uint32_t asker = (uint32_t)(a->request >> 32);
    struct packet *p = overlay_packet(o, PACKET_SLOTS, who, asker, overlay_one_way_ms(o));
    assert(a->err == ERR_OK && a->slot_count <= 16);
    memcpy(p->slots, a->slots, a->slot_count * sizeof(*a->slots));
    p->group_count = a->slot_count;
    p->run = a->request & UINT32_MAX;
}

static void carry_out(struct overlay *o, uint32_t who, const struct core_intention *i) {
    switch (i->kind) {
    case CORE_SEND_BEAT:
        send_beat(o, who, &i->u.beat);
        return;
    case CORE_ANSWER_OPEN:
        o->opened = i->u.open;
        return;
    case CORE_ANSWER_NODE:
        overlay_node_answered(o, who, &i->u.node);
        return;
    case CORE_ANSWER_STANDBYS:
        slots(o, who, &i->u.standbys);
        return;
    case CORE_FETCH_DESCRIPTION: {
        struct packet *p = overlay_packet(
            o, PACKET_FETCH, who, overlay_cluster_of(who, i->u.fetch.peer), overlay_one_way_ms(o));
        p->run = o->sites[who]->run;
        return;
    }
    case CORE_LODGE_STANDBYS:
        lodge(o, who, &i->u.lodge);
        return;
    case CORE_ANSWER_AGREEMENT:
    case CORE_SAY_AGREEMENT:
        assert(false && "no policy here wants an agreement");
        return;
    }
}

void overlay_step(struct overlay *o, uint32_t cluster, struct core_event *event) {
    struct site *s = o->sites[cluster];
    event->now = o->now;
    event->wall = (struct wall){1700000000000000 + o->now.us, 1000};
    outbox_clear(&o->outbox);
    core_step(s->core, event, &o->outbox);
    core_check_invariants(s->core);
    for (uint32_t i = 0; i < o->outbox.count; i++)
        carry_out(o, cluster, &o->outbox.items[i]);
    gather(o, cluster);
}

/* ---- delivery -------------------------------------------------------------------------------- */

static void deliver_beat(struct overlay *o, const struct packet *p) {
    struct site *to = o->sites[p->to], *from = o->sites[p->from];
    struct beat beat;
    const struct seal_key *key = p->to_node   ? &to->media_from[p->from]
                                 : p->of_node ? &from->media_to[p->to]
                                              : &from->beat_to[p->to];
    enum err err = beat_open(&beat, p->data, p->len, key);
    assert(err == ERR_OK);
    if (p->to_node) {
        overlay_node_heard(o, p->to, p->from, &beat);
        return;
    }
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    e.u.beat = (struct core_beat_received){.peer = overlay_peer_index(p->to, p->from),
                                           .from = addr_ipv4((uint8_t[4]){127, 0, 0, 1}, 7700),
                                           .beat = &beat};
    overlay_step(o, p->to, &e);
}

/* The copy outlives the core's scratch. */
static void copy_description(struct description *out, const struct description *d) {
    *out = *d;
#define COPY(field, count)                                                                         \
    out->field = malloc((d->count + 1) * sizeof(*d->field));                                       \
    assert(out->field != NULL);                                                                    \
    memcpy(out->field, d->field, d->count * sizeof(*d->field))
    COPY(services, service_count);
    COPY(profiles, profile_count);
    COPY(sources, source_count);
    COPY(media, media_count);
    COPY(origins, origin_count);
#undef COPY
}

static void deliver_fetch(struct overlay *o, const struct packet *p) {
    struct description d;
    enum err err = core_describe(o->sites[p->to]->core, (struct wall){0}, &d);
    assert(err == ERR_OK);
    struct packet *answer =
        overlay_packet(o, PACKET_DESCRIPTION, p->to, p->from, overlay_one_way_ms(o));
    answer->run = p->run;
    copy_description(&answer->description, &d);
    snprintf(answer->description.clients_url, sizeof(answer->description.clients_url),
             "https://%s.example:7680", d.cluster.text);
}

static void deliver_description(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    e.u.described = (struct core_peer_described){.peer = overlay_peer_index(p->to, p->from),
                                                 .description = &p->description};
    overlay_step(o, p->to, &e);
}

static void deliver_lodging(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    e.u.lodged = (struct core_standbys_lodged){.request = (uint64_t)p->from << 32 | p->run,
                                               .peer = overlay_peer_index(p->to, p->from),
                                               .ttl_ms = 30000,
                                               .groups = p->groups,
                                               .group_count = p->group_count};
    overlay_step(o, p->to, &e);
}

static void deliver_slots(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_STANDBYS_ANSWERED};
    e.u.standbys = (struct core_standbys_answered){.peer = overlay_peer_index(p->to, p->from),
                                                   .slots = p->slots,
                                                   .slot_count = p->group_count,
                                                   .ttl_ms = 30000};
    overlay_step(o, p->to, &e);
}

static void replay(struct overlay *o, const struct packet *p) {
    const struct site *from = o->sites[p->from];
    const struct sent *sent = &from->sent[p->to][p->index];
    struct packet *beat = overlay_packet(o, PACKET_BEAT, p->from, p->to, 0);
    beat->len = sent->len;
    memcpy(beat->data, sent->data, sent->len);
    if (p->index + 1 == from->sent_count[p->to])
        return;
    struct packet *next = overlay_packet(o, PACKET_REPLAY, p->from, p->to, p->every_ms);
    next->index = p->index + 1;
    next->every_ms = p->every_ms;
}

void overlay_replay(struct overlay *o, uint32_t from, uint32_t to, uint32_t since_ms,
                    uint32_t every_ms) {
    const struct site *s = o->sites[from];
    uint32_t first = 0;
    while (first < s->sent_count[to] && s->sent[to][first].at.us < 1000000000 + since_ms * 1000)
        first++;
    assert(first < s->sent_count[to]);
    struct packet *p = overlay_packet(o, PACKET_REPLAY, from, to, every_ms);
    p->index = first;
    p->every_ms = every_ms;
}

/* A request to a dead peerd, or an answer to a dead run, is simply lost: the core has its own
 * timeouts. What arrives during a stall waits in the socket. */
static void deliver(struct overlay *o, struct packet *p) {
    const struct site *to = o->sites[p->to];
    bool for_core = p->kind != PACKET_POLL && p->kind != PACKET_MEDIA_ALIVE &&
                    p->kind != PACKET_MOVED && p->kind != PACKET_REPLAY && !p->to_node;
    bool answer = p->kind == PACKET_DESCRIPTION || p->kind == PACKET_SLOTS;
    if (p->from != p->to && p->kind != PACKET_REPLAY && o->cut[p->from][p->to])
        return;
    if (for_core && (to->core == NULL || (answer && p->run != to->run)))
        return;
    switch (p->kind) {
    case PACKET_BEAT:
        deliver_beat(o, p);
        return;
    case PACKET_POLL:
        overlay_node_poll(o, p->to);
        return;
    case PACKET_FETCH:
        deliver_fetch(o, p);
        return;
    case PACKET_DESCRIPTION:
        deliver_description(o, p);
        return;
    case PACKET_LODGE:
        deliver_lodging(o, p);
        return;
    case PACKET_SLOTS:
        deliver_slots(o, p);
        return;
    case PACKET_MEDIA_ALIVE:
        overlay_node_beats(o, p->to);
        return;
    case PACKET_MOVED:
        overlay_node_moved(o, p);
        return;
    case PACKET_REPLAY:
        replay(o, p);
        return;
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static struct instant deadline_of(const struct overlay *o, uint32_t cluster) {
    const struct site *s = o->sites[cluster];
    if (s->core == NULL)
        return INSTANT_NEVER;
    struct instant due = instant_max(core_deadline(s->core), o->now);
    return instant_max(due, s->stalled_until);
}

/* What arrives while its receiver does not run is put off until it does. */
static bool put_off(struct overlay *o, struct packet *p) {
    const struct site *s = o->sites[p->to];
    bool for_core = p->kind != PACKET_MEDIA_ALIVE && p->kind != PACKET_MOVED && !p->to_node;
    if (!for_core || instant_reached(o->now, s->stalled_until))
        return false;
    p->at = s->stalled_until;
    return true;
}

void overlay_run_until(struct overlay *o, uint32_t at_ms) {
    struct instant end = instant_us(1000000000 + (int64_t)at_ms * 1000);
    for (;;) {
        int packet = next_packet(o);
        struct instant next = packet < 0 ? INSTANT_NEVER : o->packets[packet]->at;
        uint32_t who = OVERLAY_CLUSTERS_MAX;
        for (uint32_t i = 0; i < o->setup.clusters; i++)
            if (instant_before(deadline_of(o, i), next)) {
                next = deadline_of(o, i);
                who = i;
            }
        if (instant_before(end, next))
            break;
        o->now = next;
        if (who < OVERLAY_CLUSTERS_MAX) {
            overlay_step(o, who, &(struct core_event){.kind = CORE_TICK});
            continue;
        }
        struct packet *p = o->packets[packet];
        if (put_off(o, p))
            continue;
        o->packets[packet] = o->packets[--o->packet_count];
        deliver(o, p);
        packet_free(p);
    }
    o->now = end;
}

/* ---- operator -------------------------------------------------------------------------------- */

void overlay_drain_to(struct overlay *o, uint32_t cluster, uint32_t deadline_ms, const char *to) {
    struct core_event e = {.kind = CORE_DRAIN, .u.drain.deadline = duration_ms(deadline_ms)};
    bool ok = to[0] == '\0' || name_set(&e.u.drain.to, to);
    assert(ok);
    overlay_step(o, cluster, &e);
}

void overlay_move(struct overlay *o, uint32_t cluster, const struct session_id *id,
                  const char *to) {
    struct core_event e = {.kind = CORE_MOVE, .u.move.session = *id};
    bool ok = name_set(&e.u.move.to, to);
    assert(ok);
    overlay_step(o, cluster, &e);
}

void overlay_undrain(struct overlay *o, uint32_t cluster) {
    overlay_step(o, cluster, &(struct core_event){.kind = CORE_UNDRAIN});
}

void overlay_policy(struct overlay *o, uint32_t cluster, const struct policy *policy) {
    struct core_event e = {.kind = CORE_POLICY_CHANGED};
    e.u.policy = policy;
    o->sites[cluster]->policy = *policy;
    overlay_step(o, cluster, &e);
}

struct core_answer_open overlay_open(struct overlay *o, uint32_t cluster, const char *client) {
    struct core_event e = {.kind = CORE_SESSION_OPEN};
    struct core_session_open *open = &e.u.open;
    name_set(&open->service, "radio");
    name_set(&open->profile, "pcmu");
    name_set(&open->source, "news");
    open->protection = PROTECTION_WARM;
    bool ok = addr_from_text(&open->from, client);
    assert(ok);
    /* Ids that look alike would all rank alike. */
    o->nonces++;
    for (size_t i = 0; i < sizeof(open->entropy); i++)
        open->entropy[i] = (uint8_t)(o->nonces * 37 + i * 11 + cluster);
    overlay_step(o, cluster, &e);
    return o->opened;
}
