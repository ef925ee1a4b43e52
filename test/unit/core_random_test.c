#include "peerd/wire/echo.h"
#include "test/unit/core_fixture.h"

#include "peerd/base/rng.h"

/*
 * Anything, in any order: whatever nodes, peers, clients and the operator say, the invariants hold
 * after each step (fixture_step checks them), and at the end everything can be given back.
 */

#define IDS 60

static struct node_session random_session(struct rng *g, const struct fixture *f) {
    static const enum resume_purpose purposes[] = {RESUME_COMMIT, RESUME_COMMIT, RESUME_STANDBY,
                                                   RESUME_HEDGE,  RESUME_CANCEL, RESUME_RELEASE};
    struct node_session s =
        fixture_session((uint32_t)rng_below(g, IDS), (uint32_t)rng_below(g, 4),
                        purposes[rng_below(g, sizeof(purposes) / sizeof(purposes[0]))]);
    s.worker = (uint32_t)rng_below(g, 3);
    s.cause = (enum move_cause)rng_below(g, 6);
    if (f->policy.peer_count > 0) {
        const struct policy_peer *p = &f->policy.peers[rng_below(g, f->policy.peer_count)];
        s.served_by = key_hint_of(&p->key);
        s.backup_count = (uint8_t)rng_below(g, 2);
        s.backups[0] = p->name;
        if (rng_below(g, 2) == 0)
            s.issuer = p->name;
    }
    s.client.ip[2] = (uint8_t)rng_below(g, 3);
    return s;
}

static void some_report(struct fixture *f, struct rng *g) {
    struct node_session sessions[20];
    struct session_id ended[5];
    size_t count = 0;
    for (uint64_t i = rng_below(g, 21); i > 0; i--)
        sessions[count++] = random_session(g, f);
    for (size_t i = 0; i < 5; i++)
        ended[i] = fixture_id((uint32_t)rng_below(g, IDS));
    uint32_t node = (uint32_t)rng_below(g, f->policy.node_count);
    if (rng_below(g, 30) == 0) {
        f->boot[node]++;
        f->seq[node] = f->seen[node] = 0;
    }
    fixture_node(f, node,
                 &(struct fixture_report){.sessions = sessions,
                                          .session_count = count,
                                          .ended = ended,
                                          .ended_count = rng_below(g, 6),
                                          .changes = rng_below(g, 3) != 0,
                                          .order_seen = rng_below(g, 100),
                                          .stale = rng_below(g, 20) == 0,
                                          .lost_answer = rng_below(g, 4) == 0});
}

static void some_beat(struct fixture *f, struct rng *g) {
    struct beat b = {.kind = rng_below(g, 4) == 0 ? BEAT_KIND_MEDIA_ALIVE : BEAT_KIND_BEAT,
                     .boot = 50 + rng_below(g, 3),
                     .seq = 1 + rng_below(g, 500),
                     .echo_boot = rng_below(g, 2) == 0 ? 1 : 0,
                     .echo_seq = rng_below(g, 60),
                     .candidate_boot = rng_below(g, 2) == 0 ? 1 : 0,
                     .candidate_seq = rng_below(g, 60),
                     .echo_age_us = (uint32_t)rng_below(g, 100000),
                     .interval_ms = (uint16_t)(1 + rng_below(g, 300)),
                     .ask_interval_ms = (uint16_t)rng_below(g, 300),
                     .flags = (uint8_t)rng_below(g, 8),
                     .node = (uint8_t)rng_below(g, 7)};
    b.view_count = (uint8_t)rng_below(g, 4);
    for (uint8_t v = 0; v < b.view_count; v++) {
        b.views[v].peer = key_hint_of(&f->policy.peers[rng_below(g, f->policy.peer_count)].key);
        b.views[v].age_ms = (uint32_t)rng_below(g, 1000);
        b.views[v].verdict = (uint8_t)rng_u64(g);
    }
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    e.u.beat = (struct core_beat_received){.peer = (uint32_t)rng_below(g, f->policy.peer_count),
                                           .beat = &b};
    if (b.kind == BEAT_KIND_BEAT)
        b.node = 0;
    fixture_step(f, &e);
}

static struct echo theirs[POLICY_PEERS_MAX]; /* of peers that answer now and then */

static void hear_beats(const struct fixture *f) {
    for (uint32_t i = 0; i < f->outbox.count; i++) {
        const struct core_send_beat *sent = &f->outbox.items[i].u.beat;
        if (f->outbox.items[i].kind == CORE_SEND_BEAT && sent->beat.kind == BEAT_KIND_BEAT)
            echo_beat_received(&theirs[sent->peer], &sent->beat, f->now);
    }
}

/* A peer that proves that it lives: for otherwise nobody would ever be fit for a session. */
static void some_conversation(struct fixture *f, struct rng *g) {
    uint32_t peer = (uint32_t)rng_below(g, f->policy.peer_count);
    for (int round = 0; round < 4; round++) {
        struct beat beat = {.kind = BEAT_KIND_BEAT, .interval_ms = 100};
        struct core_event e = {.kind = CORE_BEAT_RECEIVED};
        f->now = instant_add(f->now, duration_ms(100));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
        hear_beats(f);
        echo_fill(&theirs[peer], &beat, f->now);
        e.u.beat = (struct core_beat_received){.peer = peer, .beat = &beat};
        fixture_step(f, &e);
        hear_beats(f);
    }
}

static void some_description(struct fixture *f, struct rng *g) {
    struct description_service service = {.capacity = 10, .free = 5};
    struct description_profile profile = {.determinism = {{(uint8_t)rng_below(g, 2)}}};
    struct description_source source = {.digest = {{7}}};
    struct addr media = addr_ipv4((uint8_t[4]){10, 0, 0, 1}, 7700);
    uint32_t peer = (uint32_t)rng_below(g, f->policy.peer_count);
    struct description d = {.cluster = f->policy.peers[peer].name,
                            .services = &service,
                            .service_count = 1,
                            .profiles = &profile,
                            .profile_count = 1,
                            .sources = &source,
                            .source_count = 1,
                            .media = &media,
                            .media_count = rng_below(g, 2),
                            .draining = rng_below(g, 5) == 0};
    name_set(&service.name, "radio");
    name_set(&profile.name, "pcmu");
    name_set(&source.name, "news");
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    e.u.described = (struct core_peer_described){peer, &d};
    if (rng_below(g, 3) == 0) {
        e.kind = CORE_PEER_UNREACHABLE;
        e.u.unreachable =
            (struct core_peer_unreachable){peer, rng_below(g, 2) == 0, ERR_UNREACHABLE};
    }
    fixture_step(f, &e);
}

static void some_lodging(struct fixture *f, struct rng *g) {
    struct standbys_group groups[3] = {{.sessions = 2}, {.sessions = 9}, {.sessions = 1}};
    uint32_t slots[2] = {1, 2}, peer = (uint32_t)rng_below(g, f->policy.peer_count);
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    e.u.lodged = (struct core_standbys_lodged){.peer = peer,
                                               .ttl_ms = 1 + (uint32_t)rng_below(g, 5000),
                                               .groups = groups,
                                               .group_count = (uint32_t)rng_below(g, 4)};
    if (rng_below(g, 2) == 0) {
        e.kind = CORE_STANDBYS_ANSWERED;
        e.u.standbys = (struct core_standbys_answered){
            .peer = peer, .slots = slots, .slot_count = 2, .ttl_ms = 30000};
    }
    fixture_step(f, &e);
}

static void some_operator(struct fixture *f, struct rng *g) {
    struct core_event e = {.kind = rng_below(g, 2) == 0 ? CORE_DRAIN : CORE_UNDRAIN};
    if (rng_below(g, 3) == 0) {
        fixture_policy(&f->policy, 1 + (uint32_t)rng_below(g, 3), 1 + (uint32_t)rng_below(g, 4),
                       (uint32_t)rng_below(g, 60));
        f->policy.limits.sessions_max = 5 + (uint32_t)rng_below(g, 60);
        f->policy.peers[0].reserved_slots = (uint32_t)rng_below(g, 10);
        e.kind = CORE_POLICY_CHANGED;
        e.u.policy = &f->policy;
    }
    fixture_step(f, &e);
}

static uint32_t moves_asked;

/* One of the sessions that there are, to one of its backups, or somewhere. */
static void some_move(struct fixture *f, struct rng *g) {
    struct core_event e = {.kind = CORE_MOVE, .u.move.to = fixture_name("p", 0)};
    struct core_session_status s;
    uint32_t cursor = 0, skip = (uint32_t)rng_below(g, IDS);
    const char *why;
    while (core_session_next(f->core, &cursor, &s)) {
        e.u.move.session = s.id;
        if (s.backup_count > 0 && rng_below(g, 8) != 0)
            e.u.move.to = s.backups[rng_below(g, s.backup_count)];
        if (skip-- == 0)
            break;
    }
    moves_asked += core_move_refusal(f->core, &e.u.move.session, &e.u.move.to, &why) == ERR_OK;
    fixture_step(f, &e);
}

static void some_open(struct fixture *f, struct rng *g) {
    struct core_session_open open = fixture_request((uint32_t)rng_below(g, IDS));
    open.idempotent = rng_below(g, 2) == 0;
    open.digest[0] = (uint8_t)(1 + rng_below(g, 20));
    open.protection = rng_below(g, 2) == 0 ? PROTECTION_COLD : PROTECTION_WARM;
    fixture_open(f, &open);
}

Test(core_random, invariants_hold_whatever_happens) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        struct fixture *f =
            fixture_new(1 + (uint32_t)rng_below(&g, 3), 1 + (uint32_t)rng_below(&g, 4), 40);
        for (uint32_t i = 0; i < POLICY_PEERS_MAX; i++)
            echo_init(&theirs[i], 1000 + i);
        for (int step = 0; step < 400; step++) {
            static void (*const acts[])(struct fixture *, struct rng *) = {
                some_report, some_report,       some_report,      some_beat,    some_beat,
                some_beat,   some_open,         some_description, some_lodging, some_operator,
                some_move,   some_conversation, some_conversation};
            int64_t pause = rng_below(&g, 50) == 0 ? 3000 : (int64_t)rng_below(&g, 60);
            f->now = instant_add(f->now, duration_ms(pause));
            acts[rng_below(&g, sizeof(acts) / sizeof(acts[0]))](f, &g);
            struct description d;
            cr_assert_eq(core_describe(f->core, (struct wall){0}, &d), ERR_OK);
        }
        fixture_wait(f, 3000);
        fixture_free(f);
    }
    cr_expect_gt(moves_asked, 50u, "the operator got what he wanted %u times", moves_asked);
}
