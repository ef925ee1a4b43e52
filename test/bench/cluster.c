#include "test/bench/cluster.h"

#include "test/bench/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_WAY_US 5000

/* ---- policy ---------------------------------------------------------------------------------- */

static void fill_limits(struct policy_limits *l) {
    *l = (struct policy_limits){.sessions_max = 100000,
                                .opens_per_s = 1000000,
                                .session_lease = duration_s(10),
                                .credit_lease = duration_s(300),
                                .ticket_life = duration_s(3600),
                                .clock_skew = duration_s(5),
                                .node_lease = duration_s(3),
                                .node_poll = duration_ms(CLUSTER_INTERVAL_MS),
                                .drain_deadline = duration_s(30),
                                .drain_per_s = 10,
                                .hedge_ms_max = 500,
                                .hedges_per_minute = 10};
}

static void fill_peers(struct cluster *c) {
    struct policy *p = &c->policy;
    for (uint32_t i = 0; i < CLUSTER_PEERS; i++) {
        struct policy_peer *peer = &p->peers[p->peer_count++];
        struct key_pair pair;
        uint8_t seed[KEY_BYTES] = {(uint8_t)(i + 2)};
        char name[16];
        key_pair_from_seed(&pair, seed);
        snprintf(name, sizeof(name), "peer%u", i);
        name_set(&peer->name, name);
        peer->key = pair.public_key;
        peer->accept_moves = peer->offer_moves = true;
        peer->reserved_slots = 100;
        c->hints[i] = key_hint_of(&peer->key);
    }
}

static void fill_policy(struct cluster *c) {
    struct policy *p = &c->policy;
    name_set(&p->cluster.name, "fra1");
    name_set(&p->cluster.provider, "acme");
    name_set(&p->cluster.region, "europe");
    p->node_count = p->service_count = p->profile_count = p->source_count = 1;
    name_set(&p->nodes[0].name, "n1");
    name_set(&p->services[0].name, "radio");
    p->services[0].capacity = 100000;
    p->services[0].profile_count = 1;
    name_set(&p->services[0].profiles[0], "opus");
    name_set(&p->profiles[0].name, "opus");
    name_set(&p->profiles[0].codec, "opus");
    name_set(&p->sources[0].name, "news");
    p->detection = (struct policy_detection){.detect_within = duration_ms(400),
                                             .false_alarm_every = duration_s(3600),
                                             .interval = duration_ms(CLUSTER_INTERVAL_MS)};
    fill_limits(&p->limits);
    fill_peers(c);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void beaten(struct cluster *c, const struct core_send_beat *s) {
    echo_beat_received(&c->echo[s->peer], &s->beat, instant_add(c->now, duration_us(ONE_WAY_US)));
}

static void step(struct cluster *c, struct core_event *e);

static void describe(struct cluster *c, uint32_t peer) {
    struct description_service service = {.free = 100, .capacity = 1000};
    struct description_profile profile = {.determinism = {{1}}};
    struct description_source source = {.digest = {{2}}};
    struct addr media = addr_ipv4((uint8_t[4]){10, 0, 0, (uint8_t)peer}, 7700);
    struct description d = {.cluster = c->policy.peers[peer].name,
                            .key = c->policy.peers[peer].key,
                            .issued_s = 1763720000,
                            .services = &service,
                            .service_count = 1,
                            .profiles = &profile,
                            .profile_count = 1,
                            .sources = &source,
                            .source_count = 1,
                            .media = &media,
                            .media_count = 1};
    name_set(&d.provider, "acme");
    name_set(&d.region, "europe");
    name_set(&service.name, "radio");
    name_set(&profile.name, "opus");
    name_set(&source.name, "news");
    struct core_event e = {.kind = CORE_PEER_DESCRIBED, .u.described = {peer, &d}};
    step(c, &e);
}

/* Carries out what the core wants; the outbox is emptied before any further step. */
static void step(struct cluster *c, struct core_event *e) {
    bool wanted[CLUSTER_PEERS] = {false};
    e->now = c->now;
    e->wall = (struct wall){1763720000000000 + c->now.us, 1000};
    outbox_clear(&c->outbox);
    core_step(c->core, e, &c->outbox);
    c->steps++;
    for (uint32_t i = 0; i < c->outbox.count; i++) {
        const struct core_intention *what = &c->outbox.items[i];
        if (what->kind == CORE_SEND_BEAT)
            beaten(c, &what->u.beat);
        else if (what->kind == CORE_FETCH_DESCRIPTION)
            wanted[what->u.fetch.peer] = true;
        else if (what->kind == CORE_ANSWER_OPEN)
            c->answers += what->u.open.err == ERR_OK && what->u.open.backup_count > 1;
    }
    for (uint32_t i = 0; i < CLUSTER_PEERS; i++)
        if (wanted[i])
            describe(c, i);
}

/* Lets time pass until then, as a loop with a timer would. */
static void run_until(struct cluster *c, struct instant until) {
    while (instant_reached(until, core_deadline(c->core))) {
        struct core_event tick = {.kind = CORE_TICK};
        c->now = instant_max(c->now, core_deadline(c->core));
        step(c, &tick);
    }
    c->now = instant_max(c->now, until);
}

static void beat(struct cluster *c, uint32_t peer) {
    struct beat b = {.kind = BEAT_KIND_BEAT,
                     .interval_ms = CLUSTER_INTERVAL_MS,
                     .sessions = 900,
                     .free_slots = 100,
                     .view_count = CLUSTER_PEERS};
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    memcpy(b.views, c->views, sizeof(c->views));
    echo_fill(&c->echo[peer], &b, c->now);
    e.u.beat = (struct core_beat_received){.peer = peer, .beat = &b};
    step(c, &e);
}

void cluster_beats(struct cluster *c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        run_until(c, instant_add(c->now, duration_us(CLUSTER_INTERVAL_MS * 1000 / CLUSTER_PEERS)));
        beat(c, i % CLUSTER_PEERS);
    }
}

/* ---- the node -------------------------------------------------------------------------------- */

static void make_session(struct cluster *c, uint32_t i) {
    struct node_session *s = &c->sessions[i];
    *s = (struct node_session){.backup_count = 2,
                               .expires_s = 1763730000,
                               .epoch = 1,
                               .purpose = RESUME_COMMIT,
                               .lease_ms = 9500,
                               .rtt_us = 25000,
                               .jitter_us = 1800};
    memset(s->session.bytes, 0x5a, sizeof(s->session.bytes));
    memcpy(s->session.bytes, &i, sizeof(i));
    name_set(&s->issuer, "fra1");
    name_set(&s->service, "radio");
    name_set(&s->profile, "opus");
    name_set(&s->source, "news");
    name_set(&s->backups[0], "peer0");
    name_set(&s->backups[1], "peer1");
    /* Listeners of fifty places. */
    s->client = addr_ipv4((uint8_t[4]){192, 0, (uint8_t)(i % 50), (uint8_t)(i / 50)}, 5004);
    set_digest_toggle(&c->report.sessions_digest, &s->session, s->epoch, s->purpose);
}

static void make_node(struct cluster *c) {
    static struct addr media[1];
    static struct node_profile profile[1] = {{.determinism = {{1}}}};
    static struct node_source source[1] = {{.digest = {{2}}, .class = SOURCE_CLASS_EXACT}};
    static struct node_worker worker[1] = {{.pid = 4711, .sessions = CLUSTER_SESSIONS}};
    media[0] = addr_ipv4((uint8_t[4]){127, 0, 0, 1}, 7700);
    name_set(&profile[0].name, "opus");
    name_set(&source[0].name, "news");
    c->report = (struct node_request){.boot = 77,
                                      .media = media,
                                      .media_count = 1,
                                      .profiles = profile,
                                      .profile_count = 1,
                                      .sources = source,
                                      .source_count = 1,
                                      .workers = worker,
                                      .worker_count = 1};
    name_set(&c->report.node, "n1");
    for (uint32_t i = 0; i < CLUSTER_SESSIONS; i++)
        make_session(c, i);
}

static void tell(struct cluster *c, bool full) {
    struct node_request *r = &c->report;
    struct core_event e = {.kind = CORE_NODE_REPORTED};
    uint32_t from = full ? 0 : c->turn * CLUSTER_CHANGED % CLUSTER_SESSIONS;
    r->seen = r->seq;
    r->seq++;
    r->full = full;
    r->sessions = &c->sessions[from];
    r->session_count = full ? CLUSTER_SESSIONS : CLUSTER_CHANGED;
    c->turn++;
    for (size_t i = 0; i < r->session_count; i++) {
        r->sessions[i].last_frame += 50;
        r->sessions[i].expected += 50;
    }
    e.u.node = (struct core_node_reported){.request = r->seq, .report = r};
    step(c, &e);
}

void cluster_full_reports(struct cluster *c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        c->now = instant_add(c->now, duration_us(1));
        tell(c, true);
    }
}

void cluster_intervals(struct cluster *c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        cluster_beats(c, CLUSTER_PEERS);
        tell(c, false);
    }
}

const struct node_request *cluster_full_report(struct cluster *c) {
    c->report.full = true;
    c->report.sessions = c->sessions;
    c->report.session_count = CLUSTER_SESSIONS;
    return &c->report;
}

/* ---- clients --------------------------------------------------------------------------------- */

void cluster_opens(struct cluster *c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct core_event e = {.kind = CORE_SESSION_OPEN};
        uint64_t number = c->steps + 1;
        c->now = instant_add(c->now, duration_us(1));
        name_set(&e.u.open.service, "radio");
        name_set(&e.u.open.profile, "opus");
        name_set(&e.u.open.source, "news");
        e.u.open.protection = PROTECTION_WARM;
        e.u.open.from = addr_ipv4((uint8_t[4]){192, 0, (uint8_t)(i % 50), 1}, 5004);
        memcpy(e.u.open.entropy, &number, sizeof(number));
        step(c, &e);
    }
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

void cluster_check(const struct cluster *c) {
    uint32_t cursor = 0, committed = 0;
    uint64_t frames = 0;
    struct core_session_status s;
    for (uint32_t i = 0; i < CLUSTER_PEERS; i++)
        if (core_peer_status(c->core, i, c->now).verdict != VERDICT_ALIVE)
            sheet_die("a peer of the cluster that is measured is not alive");
    while (core_session_next(c->core, &cursor, &s))
        if (s.state == SESSION_STATE_COMMITTED) {
            committed++;
            frames += s.last_frame;
        }
    for (uint32_t i = 0; i < CLUSTER_SESSIONS; i++)
        frames -= c->sessions[i].last_frame;
    if (committed != CLUSTER_SESSIONS || frames != 0)
        sheet_die("the core does not know what its node told: %u sessions", committed);
}

struct cluster *cluster_new(void) {
    struct cluster *c = calloc(1, sizeof(*c));
    if (c == NULL)
        sheet_die("out of memory");
    fill_policy(c);
    c->now = instant_us(1000000000);
    for (uint32_t i = 0; i < CLUSTER_PEERS; i++) {
        echo_init(&c->echo[i], 1000 + i);
        c->views[i] = (struct beat_view){
            .peer = c->hints[i], .age_ms = 50, .rtt_ms = 10, .verdict = VERDICT_ALIVE};
    }
    make_node(c);
    const struct core_setup setup = {.policy = &c->policy, .boot = 7, .seed = 1, .now = c->now};
    c->core = core_init(&setup);
    if (c->core == NULL)
        sheet_die("out of memory");
    tell(c, true);
    cluster_intervals(c, 20);
    cluster_check(c);
    return c;
}

void cluster_free(struct cluster *c) {
    core_free(c->core);
    free(c);
}
