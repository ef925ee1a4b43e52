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

void overlay_free(struct overlay *o) {
    for (uint32_t i = 0; i < o->packet_count; i++)
        overlay_packet_free(o->packets[i]);
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

/* ---- a step ---------------------------------------------------------------------------------- */

void overlay_step(struct overlay *o, uint32_t cluster, struct core_event *event) {
    struct site *s = o->sites[cluster];
    event->now = o->now;
    event->wall = (struct wall){1700000000000000 + o->now.us, 1000};
    outbox_clear(&o->outbox);
    core_step(s->core, event, &o->outbox);
    core_check_invariants(s->core);
    for (uint32_t i = 0; i < o->outbox.count; i++)
        overlay_carry_out(o, cluster, &o->outbox.items[i]);
    gather(o, cluster);
}

/* ---- time ------------------------------------------------------------------------------------ */

static struct instant deadline_of(const struct overlay *o, uint32_t cluster) {
    const struct site *s = o->sites[cluster];
    if (s->core == NULL)
        return INSTANT_NEVER;
    struct instant due = instant_max(core_deadline(s->core), o->now);
    return instant_max(due, s->stalled_until);
}

void overlay_run_until(struct overlay *o, uint32_t at_ms) {
    struct instant end = instant_us(1000000000 + (int64_t)at_ms * 1000);
    for (;;) {
        int packet = overlay_next_packet(o);
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
        if (overlay_put_off(o, p))
            continue;
        o->packets[packet] = o->packets[--o->packet_count];
        overlay_deliver(o, p);
        overlay_packet_free(p);
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
