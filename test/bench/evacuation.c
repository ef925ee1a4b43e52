#include "test/bench/evacuation.h"

#include "peerd/core/core.h"
#include "peerd/core/status.h"
#include "test/bench/evacuation_policy.h"
#include "test/bench/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLUSTERS  EVACUATION_CLUSTERS
#define SETTLE_MS 2500 /* until descriptions have come and lodgings have been answered */

struct held {
    uint32_t session; /* index */
    bool changed;
};

struct node {
    uint32_t number; /* in the policy */
    uint64_t seq, seen, order_seen;
    bool full;
    struct set_digest digest;
    struct held *held; /* of all sessions that are here now */
    uint32_t held_count;
    uint32_t turn; /* which tenth tells its figures next */
    struct session_id *ended;
    uint32_t ended_count;
};

struct listener {
    uint8_t cluster; /* that serves it */
    uint8_t node;
    bool asked;     /* its client is on its way */
    uint32_t place; /* among those held at the node */
    uint32_t epoch;
    struct message_moved moved;
};

struct cluster_at {
    struct policy policy;
    struct key_hint hint;
    struct core *core;
    struct core_outbox outbox;
    struct trace trace; /* written as in service, read by nobody */
    struct journal journal;
    struct node nodes[POLICY_NODES_MAX];
    double cpu_s;
};

enum packet_kind {
    POLL,
    BEAT,
    DESCRIBE,
    LODGE,
    LODGED,
    ARRIVE,
    TELL,
    PACKET_KINDS
};

/* One that is on its way; of a kind all take equally long. */
struct packet {
    struct packet *next;
    struct instant at;
    uint8_t from, to;
    uint32_t number; /* of a node, a session */
    struct beat beat;
    struct core_standbys_lodged lodged;     /* `groups` owned */
    struct core_standbys_answered answered; /* `slots` owned */
};

struct queue {
    struct packet *first, **last;
};

struct world {
    const struct evacuation_setup *setup;
    struct evacuation_result result;
    struct instant now;
    struct instant drained_at; /* "never" until it was */
    bool draining;
    double json_cpu_s;
    struct queue queues[PACKET_KINDS];
    struct cluster_at clusters[CLUSTERS];
    struct listener *listeners;
    struct node_session *told; /* of one request */
};

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *room_for(size_t count, size_t size) {
    void *p = calloc(count, size);
    if (p == NULL)
        sheet_die("out of memory");
    return p;
}

/* ---- what is on its way ---------------------------------------------------------------------- */

static int64_t delay_ms(enum packet_kind kind) {
    static const int64_t all[PACKET_KINDS] = {
        [POLL] = EVACUATION_POLL_MS,     [BEAT] = EVACUATION_ONE_WAY,
        [DESCRIBE] = EVACUATION_ONE_WAY, [LODGE] = EVACUATION_ONE_WAY,
        [LODGED] = EVACUATION_ONE_WAY,   [ARRIVE] = EVACUATION_CLIENT_MS,
        [TELL] = EVACUATION_TOLD_MS,
    };
    return all[kind];
}

static struct packet *put(struct world *w, enum packet_kind kind, uint8_t from, uint8_t to) {
    struct packet *p = room_for(1, sizeof(*p));
    struct queue *q = &w->queues[kind];
    p->at = instant_add(w->now, duration_ms(delay_ms(kind)));
    p->from = from;
    p->to = to;
    *q->last = p;
    q->last = &p->next;
    return p;
}

static struct packet *take(struct world *w, enum packet_kind kind) {
    struct queue *q = &w->queues[kind];
    struct packet *p = q->first;
    q->first = p->next;
    if (q->first == NULL)
        q->last = &q->first;
    return p;
}

static void drop(struct packet *p) {
    free((void *)p->lodged.groups);
    free((void *)p->answered.slots);
    free(p);
}

/* Index of a cluster in the policy of another, and back. */
static uint32_t index_of(uint8_t at, uint8_t other) {
    return other < at ? other : other - 1u;
}

static uint8_t cluster_of(uint8_t at, uint32_t index) {
    return (uint8_t)(index < at ? index : index + 1);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void node_answered(struct world *w, uint8_t at, const struct core_answer_node *a);

static void lodge(struct world *w, uint8_t at, const struct core_lodge_standbys *l) {
    struct packet *p = put(w, LODGE, at, cluster_of(at, l->peer));
    struct standbys_group *groups = room_for(l->group_count + 1, sizeof(*groups));
    memcpy(groups, l->groups, l->group_count * sizeof(*groups));
    p->lodged = (struct core_standbys_lodged){.peer = index_of(p->to, at),
                                              .ttl_ms = l->ttl_ms,
                                              .groups = groups,
                                              .group_count = l->group_count};
    w->result.lodgings += w->draining;
}

static void answer_lodging(struct world *w, uint8_t at, const struct core_answer_standbys *a) {
    struct packet *p = put(w, LODGED, at, (uint8_t)a->request);
    uint32_t *slots = room_for(a->slot_count + 1, sizeof(*slots));
    memcpy(slots, a->slots, a->slot_count * sizeof(*slots));
    p->answered = (struct core_standbys_answered){.peer = index_of(p->to, at),
                                                  .slots = slots,
                                                  .slot_count = a->slot_count,
                                                  .ttl_ms = a->lease_ms};
}

static void carry_out(struct world *w, uint8_t at, const struct core_intention *i) {
    switch (i->kind) {
    case CORE_SEND_BEAT:
        put(w, BEAT, at, cluster_of(at, i->u.beat.peer))->beat = i->u.beat.beat;
        return;
    case CORE_FETCH_DESCRIPTION:
        put(w, DESCRIBE, cluster_of(at, i->u.fetch.peer), at);
        return;
    case CORE_LODGE_STANDBYS:
        lodge(w, at, &i->u.lodge);
        return;
    case CORE_ANSWER_STANDBYS:
        answer_lodging(w, at, &i->u.standbys);
        return;
    case CORE_ANSWER_NODE:
        node_answered(w, at, &i->u.node);
        return;
    case CORE_ANSWER_OPEN:
    case CORE_ANSWER_AGREEMENT:
    case CORE_SAY_AGREEMENT:
        sheet_die("nobody asked for that");
    }
}

static void step(struct world *w, uint8_t at, struct core_event *e) {
    struct cluster_at *c = &w->clusters[at];
    e->now = w->now;
    e->wall = (struct wall){EVACUATION_WALL_US + w->now.us, 1000};
    outbox_clear(&c->outbox);
    trace_init(&c->trace);
    double begun_s = cpu_s();
    core_step(c->core, e, &c->outbox);
    if (w->draining)
        c->cpu_s += cpu_s() - begun_s;
    for (uint32_t i = 0; i < c->outbox.count; i++)
        carry_out(w, at, &c->outbox.items[i]);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static uint32_t nodes_of(const struct world *w, uint8_t cluster) {
    return w->clusters[cluster].policy.node_count;
}

static void hold(struct world *w, uint8_t cluster, uint8_t number, uint32_t session) {
    struct node *n = &w->clusters[cluster].nodes[number];
    struct listener *l = &w->listeners[session];
    struct session_id id = evacuation_id(session);
    if (n->held_count == NODE_SESSIONS_MAX)
        sheet_die("a node has no room");
    l->cluster = cluster;
    l->node = number;
    l->place = n->held_count;
    n->held[n->held_count++] = (struct held){session, true};
    set_digest_toggle(&n->digest, &id, l->epoch, RESUME_COMMIT);
}

static void let_go(struct world *w, uint32_t session) {
    struct listener *l = &w->listeners[session];
    struct node *n = &w->clusters[l->cluster].nodes[l->node];
    struct session_id id = evacuation_id(session);
    n->ended[n->ended_count++] = id;
    n->held[l->place] = n->held[--n->held_count];
    w->listeners[n->held[l->place].session].place = l->place;
    set_digest_toggle(&n->digest, &id, l->epoch, RESUME_COMMIT);
}

static void describe_session(const struct world *w, uint32_t session, struct node_session *s) {
    const struct listener *l = &w->listeners[session];
    evacuation_session(s, session);
    s->epoch = l->epoch;
    s->moved = l->moved;
    s->last_frame = 1000 + (uint64_t)(w->now.us / 20000);
    if (l->cluster == 0)
        return;
    s->cause = MOVE_CAUSE_DRAIN;
    s->served_by = w->clusters[0].hint;
}

/* All of them, or those that have changed and a tenth of the others. */
static size_t tell(struct world *w, struct node *n) {
    size_t count = 0;
    for (uint32_t i = 0; i < n->held_count; i++) {
        struct held *h = &n->held[i];
        bool due = w->setup->figures && h->session % 10 == n->turn % 10;
        if (n->full || h->changed || due)
            describe_session(w, h->session, &w->told[count++]);
        h->changed = false;
    }
    n->turn++;
    return count;
}

/* What peerd does with the request before the core sees it. */
static void decode(struct world *w, const struct node_request *r) {
    size_t len;
    struct node_request out;
    char *text = node_request_encode(r, &len);
    double begun_s = cpu_s();
    if (text == NULL || node_request_decode(&out, text, len, NULL) != ERR_OK)
        sheet_die("a request does not decode");
    w->json_cpu_s += cpu_s() - begun_s;
    node_request_free(&out);
    free(text);
}

static void poll_node(struct world *w, uint8_t at, uint32_t number) {
    struct node *n = &w->clusters[at].nodes[number];
    struct addr media = addr_ipv4((uint8_t[4]){10, 0, at, (uint8_t)number}, 7700);
    struct node_profile profile = {.determinism = {{1}}};
    struct node_source source = {.digest = {{2}}, .class = SOURCE_CLASS_EXACT};
    struct node_worker worker = {.pid = 4711, .sessions = n->held_count};
    struct node_request r = {.node = w->clusters[at].policy.nodes[number].name,
                             .boot = 77 + number,
                             .seq = ++n->seq,
                             .seen = n->seen,
                             .order_seen = n->order_seen,
                             .media = &media,
                             .media_count = 1,
                             .profiles = &profile,
                             .profile_count = 1,
                             .sources = &source,
                             .source_count = n->full,
                             .workers = &worker,
                             .worker_count = 1,
                             .sessions_digest = n->digest,
                             .full = n->full,
                             .sessions = w->told,
                             .ended = n->ended};
    name_set(&profile.name, "opus");
    name_set(&source.name, "news");
    r.session_count = tell(w, n);
    r.ended_count = n->full ? 0 : n->ended_count;
    if (w->draining && w->setup->json)
        decode(w, &r);
    struct core_event e = {.kind = CORE_NODE_REPORTED};
    e.u.node = (struct core_node_reported){.request = n->seq, .node = number, .report = &r};
    n->ended_count = 0;
    step(w, at, &e);
    put(w, POLL, at, at)->number = number;
}

static void encode(struct world *w, const struct core_answer_node *a) {
    struct node_answer out = {.seq = a->seq,
                              .lease_ms = a->lease_ms,
                              .poll_ms = a->poll_ms,
                              .credit = a->credit,
                              .orders = (struct node_order *)a->orders,
                              .order_count = a->order_count};
    double begun_s = cpu_s();
    name_set(&out.cluster, "fra1");
    char *text = node_answer_encode(&out, NULL);
    if (text == NULL)
        sheet_die("an answer does not encode");
    w->json_cpu_s += cpu_s() - begun_s;
    free(text);
}

static uint32_t session_of(const struct session_id *id) {
    uint32_t session;
    memcpy(&session, id->bytes + sizeof(uint64_t), sizeof(session));
    return session;
}

static void take_order(struct world *w, uint8_t at, struct node *n, const struct node_order *o) {
    if (o->id <= n->order_seen)
        return;
    n->order_seen = o->id;
    uint32_t session = session_of(&o->session);
    w->result.orders++;
    if (o->what != NODE_ORDER_MOVE || w->listeners[session].cluster != at)
        sheet_die("an order that nobody expected");
    if (w->listeners[session].asked)
        return; /* again */
    w->listeners[session].asked = true;
    for (uint8_t i = 1; i < CLUSTERS; i++)
        if (name_equal(&w->clusters[i].policy.cluster.name, &o->target))
            put(w, ARRIVE, at, i)->number = session;
}

static void node_answered(struct world *w, uint8_t at, const struct core_answer_node *a) {
    struct node *n = &w->clusters[at].nodes[a->node];
    if (a->refused != ERR_OK)
        sheet_die("a node is refused");
    if (w->draining && w->setup->json)
        encode(w, a);
    n->seen = a->seq;
    n->full = a->want_full;
    for (uint32_t i = 0; i < a->order_count; i++)
        take_order(w, at, n, &a->orders[i]);
}

/* Its client has committed there, and lets go of the old server. */
static void arrive(struct world *w, uint8_t to, uint32_t session) {
    let_go(w, session);
    w->listeners[session].epoch++;
    hold(w, to, (uint8_t)(session / EVACUATION_PEERS % nodes_of(w, to)), session);
    put(w, TELL, to, to)->number = session;
}

static void client_tells(struct world *w, uint32_t session) {
    struct listener *l = &w->listeners[session];
    l->moved = (struct message_moved){.epoch = l->epoch, .detect_ms = 0, .first_frame_ms = 25};
    w->clusters[l->cluster].nodes[l->node].held[l->place].changed = true;
}

/* ---- clusters -------------------------------------------------------------------------------- */

static void begin_cluster(struct world *w, uint8_t at) {
    struct cluster_at *c = &w->clusters[at];
    evacuation_policy(&c->policy, w->setup, at);
    const struct key_pair key = evacuation_key(at);
    c->hint = key_hint_of(&key.public_key);
    trace_init(&c->trace);
    journal_init(&c->journal);
    const struct core_setup setup = {.policy = &c->policy,
                                     .self = key.public_key,
                                     .boot = 7u + at,
                                     .seed = 1u + at,
                                     .now = w->now,
                                     .trace = &c->trace,
                                     .journal = &c->journal,
                                     .locations_max = 1024};
    c->core = core_init(&setup);
    if (c->core == NULL)
        sheet_die("out of memory");
    for (uint32_t i = 0; i < c->policy.node_count; i++) {
        struct node *n = &c->nodes[i];
        n->number = i;
        n->full = true;
        n->held = room_for(NODE_SESSIONS_MAX, sizeof(*n->held));
        n->ended = room_for(NODE_SESSIONS_MAX, sizeof(*n->ended));
    }
}

static void describe(struct world *w, uint8_t who, uint8_t to) {
    struct description_service service = {.free = w->setup->room, .capacity = w->setup->room};
    struct description_profile profile = {.determinism = {{1}}};
    struct description_source source = {.digest = {{2}}};
    struct addr media = addr_ipv4((uint8_t[4]){10, 0, who, 0}, 7700);
    struct description d = {.cluster = evacuation_name(who),
                            .key = evacuation_key(who).public_key,
                            .issued_s = EVACUATION_WALL_US / 1000000,
                            .services = &service,
                            .service_count = 1,
                            .profiles = &profile,
                            .profile_count = 1,
                            .sources = &source,
                            .source_count = 1,
                            .media = &media,
                            .media_count = 1};
    name_set(&d.provider, "acme");
    name_set(&service.name, "radio");
    name_set(&profile.name, "opus");
    name_set(&source.name, "news");
    struct core_event e = {.kind = CORE_PEER_DESCRIBED, .u.described = {index_of(to, who), &d}};
    step(w, to, &e);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void deliver(struct world *w, enum packet_kind kind) {
    struct packet *p = take(w, kind);
    struct core_event e = {.kind = CORE_TICK};
    switch (kind) {
    case POLL:
        poll_node(w, p->to, p->number);
        break;
    case BEAT:
        e.kind = CORE_BEAT_RECEIVED;
        e.u.beat = (struct core_beat_received){.peer = index_of(p->to, p->from), .beat = &p->beat};
        step(w, p->to, &e);
        break;
    case DESCRIBE:
        describe(w, p->from, p->to);
        break;
    case LODGE:
        e.kind = CORE_STANDBYS_LODGED;
        e.u.lodged = p->lodged;
        e.u.lodged.request = p->from;
        step(w, p->to, &e);
        break;
    case LODGED:
        e.kind = CORE_STANDBYS_ANSWERED;
        e.u.standbys = p->answered;
        step(w, p->to, &e);
        break;
    case ARRIVE:
        arrive(w, p->to, p->number);
        break;
    case TELL:
        client_tells(w, p->number);
        break;
    case PACKET_KINDS:
        break;
    }
    drop(p);
}

/* What comes first: a packet, or the timer of a core. */
static void pass(struct world *w) {
    struct instant at = INSTANT_NEVER;
    int kind = -1, core = -1;
    for (int i = 0; i < PACKET_KINDS; i++)
        if (w->queues[i].first != NULL && instant_before(w->queues[i].first->at, at)) {
            at = w->queues[i].first->at;
            kind = i;
        }
    for (int i = 0; i < CLUSTERS; i++)
        if (instant_before(core_deadline(w->clusters[i].core), at)) {
            at = core_deadline(w->clusters[i].core);
            core = i;
        }
    w->now = instant_max(w->now, at);
    if (core >= 0)
        step(w, (uint8_t)core, &(struct core_event){.kind = CORE_TICK});
    else
        deliver(w, (enum packet_kind)kind);
}

static void run_until(struct world *w, struct instant until) {
    while (instant_before(w->now, until))
        pass(w);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct world *world_new(const struct evacuation_setup *setup) {
    struct world *w = room_for(1, sizeof(*w));
    w->setup = setup;
    w->now = instant_us(1000000000);
    for (int i = 0; i < PACKET_KINDS; i++)
        w->queues[i].last = &w->queues[i].first;
    w->listeners = room_for(setup->sessions, sizeof(*w->listeners));
    w->told = room_for(NODE_SESSIONS_MAX, sizeof(*w->told));
    for (uint8_t i = 0; i < CLUSTERS; i++)
        begin_cluster(w, i);
    for (uint32_t i = 0; i < setup->sessions; i++) {
        w->listeners[i].epoch = 1;
        hold(w, 0, (uint8_t)(i % nodes_of(w, 0)), i);
    }
    /* Nodes are not in step with each other. */
    for (uint32_t n = 0; n < POLICY_NODES_MAX; n++) {
        for (uint8_t i = 0; i < CLUSTERS; i++)
            if (n < nodes_of(w, i))
                put(w, POLL, i, i)->number = n;
        w->now = instant_add(w->now, duration_ms(EVACUATION_POLL_MS / POLICY_NODES_MAX));
    }
    return w;
}

static void world_free(struct world *w) {
    for (int i = 0; i < PACKET_KINDS; i++)
        while (w->queues[i].first != NULL)
            drop(take(w, (enum packet_kind)i));
    for (uint8_t i = 0; i < CLUSTERS; i++) {
        core_free(w->clusters[i].core);
        for (uint32_t n = 0; n < POLICY_NODES_MAX; n++) {
            free(w->clusters[i].nodes[n].held);
            free(w->clusters[i].nodes[n].ended);
        }
    }
    free(w->listeners);
    free(w->told);
    free(w);
}

static void check(const struct world *w) {
    for (uint8_t i = 0; i < CLUSTERS; i++)
        for (uint32_t p = 0; p < EVACUATION_PEERS; p++)
            if (core_peer_status(w->clusters[i].core, p, w->now).verdict != VERDICT_ALIVE)
                sheet_die("%s does not hear all others", w->clusters[i].policy.cluster.name.text);
    if (core_status(w->clusters[0].core).sessions != w->setup->sessions)
        sheet_die("the one that is to be left does not know its sessions");
}

static void sum_up(struct world *w) {
    struct evacuation_result *r = &w->result;
    for (uint32_t i = 0; i < w->setup->sessions; i++)
        r->moved += w->listeners[i].cluster != 0 && w->listeners[i].epoch == 2;
    for (uint8_t i = 0; i < CLUSTERS; i++) {
        const struct cluster_at *c = &w->clusters[i];
        const struct move_figures_of_cause *f = &core_ledger(c->core)->figures.of[MOVE_CAUSE_DRAIN];
        r->ledger_out += (uint32_t)f->left;
        r->ledger_in += (uint32_t)f->arrived;
        r->ledger_told += (uint32_t)f->told;
        if (i == 0) {
            r->leaving_cpu_s = c->cpu_s;
            continue;
        }
        r->arriving_cpu_s += c->cpu_s;
        if (r->arriving_cpu_max_s < c->cpu_s)
            r->arriving_cpu_max_s = c->cpu_s;
    }
    r->whole = r->moved == w->setup->sessions;
    r->json_cpu_s = w->json_cpu_s;
}

struct evacuation_result evacuation_run(const struct evacuation_setup *setup) {
    struct world *w = world_new(setup);
    struct core_event drain = {.kind = CORE_DRAIN};
    run_until(w, instant_add(w->now, duration_ms(SETTLE_MS)));
    check(w);
    struct instant begun = w->now;
    w->draining = true;
    step(w, 0, &drain);
    while (core_status(w->clusters[0].core).sessions > 0 &&
           duration_less(instant_since(w->now, begun), duration_ms(EVACUATION_ENOUGH_MS)))
        pass(w);
    w->result.lasted_s = (double)instant_since(w->now, begun).us * 1e-6;
    /* The last client's report is on its way to the ledger. */
    run_until(w, instant_add(w->now, duration_ms(EVACUATION_TOLD_MS + 2 * EVACUATION_POLL_MS)));
    sum_up(w);
    struct evacuation_result result = w->result;
    world_free(w);
    return result;
}
