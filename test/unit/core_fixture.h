/*
 * One core with nodes and peers that a test plays itself.
 */
#ifndef TEST_UNIT_CORE_FIXTURE_H
#define TEST_UNIT_CORE_FIXTURE_H

#include "peerd/core/core.h"
#include "peerd/core/status.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_WORKERS 2

struct fixture {
    struct policy policy;
    struct trace trace;
    struct core *core;
    struct core_outbox outbox;
    struct instant now;
    uint64_t seq[POLICY_NODES_MAX];
    uint64_t seen[POLICY_NODES_MAX];
    uint64_t boot[POLICY_NODES_MAX];
};

static inline struct public_key fixture_key(uint8_t kind, uint32_t number) {
    struct public_key k = {{kind, (uint8_t)(number + 1)}};
    return k;
}

static inline struct name fixture_name(const char *prefix, uint32_t number) {
    char text[24];
    struct name n;
    snprintf(text, sizeof(text), "%s%u", prefix, number);
    name_set(&n, text);
    return n;
}

static inline void fixture_policy(struct policy *p, uint32_t nodes, uint32_t peers,
                                  uint32_t capacity) {
    memset(p, 0, sizeof(*p));
    name_set(&p->cluster.name, "fra1");
    name_set(&p->cluster.provider, "acme");
    for (uint32_t i = 0; i < nodes; i++)
        p->nodes[p->node_count++] =
            (struct policy_node){.name = fixture_name("n", i), .key = fixture_key(1, i)};
    for (uint32_t i = 0; i < peers; i++)
        p->peers[p->peer_count++] = (struct policy_peer){.name = fixture_name("peer", i),
                                                         .key = fixture_key(2, i),
                                                         .accept_moves = true,
                                                         .offer_moves = true};
    p->service_count = p->profile_count = p->source_count = 1;
    name_set(&p->services[0].name, "radio");
    p->services[0].capacity = capacity;
    p->services[0].profile_count = 1;
    name_set(&p->services[0].profiles[0], "pcmu");
    name_set(&p->profiles[0].name, "pcmu");
    name_set(&p->sources[0].name, "news");
    p->detection = (struct policy_detection){.detect_within = duration_ms(400),
                                             .false_alarm_every = duration_s(3600),
                                             .interval = duration_ms(100)};
    p->limits = (struct policy_limits){.sessions_max = 10000,
                                       .opens_per_s = 1000,
                                       .session_lease = duration_s(3),
                                       .credit_lease = duration_s(300),
                                       .ticket_life = duration_s(3600),
                                       .node_lease = duration_s(1),
                                       .node_poll = duration_ms(100),
                                       .drain_deadline = duration_s(30),
                                       .drain_per_s = 100,
                                       .moves_per_minute = 6000};
}

static inline void fixture_start(struct fixture *f, uint64_t boot) {
    trace_init(&f->trace);
    f->core = core_init(&(struct core_setup){.policy = &f->policy,
                                             .self = fixture_key(9, 9),
                                             .boot = boot,
                                             .seed = 1,
                                             .now = f->now,
                                             .trace = &f->trace,
                                             .locations_max = 64});
    cr_assert_not_null(f->core);
    memset(f->seen, 0, sizeof(f->seen));
}

static inline struct fixture *fixture_new(uint32_t nodes, uint32_t peers, uint32_t capacity) {
    struct fixture *f = calloc(1, sizeof(*f));
    cr_assert_not_null(f);
    f->now = instant_us(5000000);
    fixture_policy(&f->policy, nodes, peers, capacity);
    for (uint32_t i = 0; i < POLICY_NODES_MAX; i++)
        f->boot[i] = 100 + i;
    fixture_start(f, 1);
    return f;
}

static inline void fixture_free(struct fixture *f) {
    core_free(f->core);
    free(f);
}

static inline void fixture_step(struct fixture *f, struct core_event *e) {
    e->now = f->now;
    e->wall = (struct wall){1700000000000000, 1000};
    outbox_clear(&f->outbox);
    core_step(f->core, e, &f->outbox);
    core_check_invariants(f->core);
}

/* Ticks in steps of 50 ms, so that nothing looks like a stall. */
static inline void fixture_wait(struct fixture *f, int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 50) {
        f->now = instant_add(f->now, duration_ms(left < 50 ? left : 50));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
    }
}

static inline const struct core_intention *fixture_find(const struct fixture *f,
                                                        enum core_intention_kind kind) {
    for (uint32_t i = 0; i < f->outbox.count; i++)
        if (f->outbox.items[i].kind == kind)
            return &f->outbox.items[i];
    return NULL;
}

/* What a test wants to vary in a report; the rest is filled in. */
struct fixture_report {
    struct node_session *sessions;
    size_t session_count;
    struct session_id *ended;
    size_t ended_count;
    bool changes;                    /* not a full report */
    bool wrong_digest;               /* the node has more than it tells */
    const struct set_digest *digest; /* of all it has, where not just these sessions */
    uint64_t order_seen;
    enum err source_error;
    bool lost_answer; /* the answer does not arrive: `seen` stays */
    bool stale;       /* repeats the sequence number before */
    struct node_guest *guests;
    size_t guest_count;
    struct drain_word drain; /* that it has kept */
};

static inline struct core_answer_node fixture_node(struct fixture *f, uint32_t node,
                                                   const struct fixture_report *vary) {
    struct addr media[FIXTURE_WORKERS];
    struct node_worker workers[FIXTURE_WORKERS];
    struct node_profile profile = {.determinism = {{1}}};
    struct node_source source = {.class = SOURCE_CLASS_EXACT, .error = vary->source_error};
    if (vary->source_error == ERR_OK)
        source.digest.bytes[0] = 7;
    name_set(&profile.name, "pcmu");
    name_set(&source.name, "news");
    for (uint32_t w = 0; w < FIXTURE_WORKERS; w++) {
        media[w] = addr_ipv4((uint8_t[4]){127, 0, 0, (uint8_t)(node + 1)}, (uint16_t)(7700 + w));
        workers[w] = (struct node_worker){.index = w, .pid = 100 + w};
    }
    if (!vary->stale)
        f->seq[node]++;
    struct node_request r = {.node = f->policy.nodes[node].name,
                             .boot = f->boot[node],
                             .seq = f->seq[node],
                             .seen = f->seen[node],
                             .order_seen = vary->order_seen,
                             .guests = vary->guests,
                             .guest_count = vary->guest_count,
                             .drain = vary->drain,
                             .media = media,
                             .media_count = FIXTURE_WORKERS,
                             .profiles = &profile,
                             .profile_count = 1,
                             .sources = &source,
                             .source_count = vary->changes ? 0 : 1,
                             .workers = workers,
                             .worker_count = FIXTURE_WORKERS,
                             .full = !vary->changes,
                             .sessions = vary->sessions,
                             .session_count = vary->session_count,
                             .ended = vary->ended,
                             .ended_count = vary->ended_count};
    for (size_t i = 0; i < vary->session_count; i++)
        set_digest_toggle(&r.sessions_digest, &vary->sessions[i].session, vary->sessions[i].epoch,
                          vary->sessions[i].purpose);
    if (vary->digest != NULL)
        r.sessions_digest = *vary->digest;
    if (vary->wrong_digest)
        r.sessions_digest.bytes[0] ^= 1;
    struct core_event e = {.kind = CORE_NODE_REPORTED};
    e.u.node = (struct core_node_reported){.request = 42, .node = node, .report = &r};
    fixture_step(f, &e);
    cr_assert_eq(f->outbox.items[0].kind, CORE_ANSWER_NODE);
    cr_assert_eq(f->outbox.items[0].u.node.request, 42u);
    if (!vary->lost_answer)
        f->seen[node] = r.seq;
    return f->outbox.items[0].u.node;
}

static inline struct session_id fixture_id(uint32_t number) {
    struct session_id id = {{0}};
    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

/* A session as a node tells it. */
static inline struct node_session fixture_session(uint32_t number, uint32_t epoch,
                                                  enum resume_purpose purpose) {
    struct node_session s = {.session = fixture_id(number),
                             .epoch = epoch,
                             .purpose = purpose,
                             .client = addr_ipv4((uint8_t[4]){192, 0, 2, 1}, 5004)};
    name_set(&s.issuer, "fra1");
    name_set(&s.service, "radio");
    name_set(&s.profile, "pcmu");
    name_set(&s.source, "news");
    return s;
}

static inline struct core_session_open fixture_request(uint32_t number) {
    struct core_session_open open = {.request = number,
                                     .from = addr_ipv4((uint8_t[4]){192, 0, 2, 1}, 5004)};
    name_set(&open.service, "radio");
    name_set(&open.profile, "pcmu");
    name_set(&open.source, "news");
    memcpy(open.entropy, &number, sizeof(number));
    memset(open.entropy + 16, 0x5a, 12);
    return open;
}

static inline struct core_answer_open fixture_open(struct fixture *f,
                                                   const struct core_session_open *open) {
    struct core_event e = {.kind = CORE_SESSION_OPEN};
    e.u.open = *open;
    fixture_step(f, &e);
    cr_assert_eq(f->outbox.items[0].kind, CORE_ANSWER_OPEN);
    cr_assert_eq(f->outbox.items[0].u.open.request, open->request);
    return f->outbox.items[0].u.open;
}

/* Every node registers with nothing, twice, so that the first answer is acknowledged. */
static inline void fixture_register(struct fixture *f) {
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < f->policy.node_count; i++)
            fixture_node(f, i, &(struct fixture_report){0});
}

#endif
