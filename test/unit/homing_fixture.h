/*
 * One cluster with a node and sessions that its one peer, their home, has issued: what homing's
 * tests share. They stand by here; a test makes them flee.
 */
#ifndef TEST_UNIT_HOMING_FIXTURE_H
#define TEST_UNIT_HOMING_FIXTURE_H

#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

#define SESSIONS_MAX 12

struct bed_setup {
    uint32_t count; /* of sessions */
    enum policy_return homing;
    uint32_t return_per_s;
    bool probing;
};

struct bed {
    struct fixture *f;
    struct node_session sessions[SESSIONS_MAX];
    uint32_t count;
    bool full; /* home has no slot to spare */
};

static inline struct peering *home_of(const struct bed *b) {
    return b->f->core->peers[0];
}

/* Home is judged so, and our node tells what it has. */
static inline void tell(struct bed *b, enum verdict home) {
    home_of(b)->verdict.verdict = home;
    home_of(b)->said_free = b->full ? 0 : 100;
    peering_show(b->f->core, home_of(b));
    fixture_node(b->f, 0,
                 &(struct fixture_report){.sessions = b->sessions, .session_count = b->count});
}

static inline void bed_policy(struct bed *b) {
    fixture_step(b->f,
                 &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b->f->policy});
}

static inline struct bed bed_new(const struct bed_setup *setup) {
    struct bed b = {.f = fixture_new(1, 1, 100), .count = setup->count};
    struct policy_limits *l = &b.f->policy.limits;
    b.f->policy.detection.flap_half_life = duration_s(60);
    b.f->policy.performance.probing = setup->probing;
    l->homing = setup->homing;
    l->return_after = duration_s(5);
    l->return_per_s = setup->return_per_s;
    bed_policy(&b);
    for (uint32_t i = 0; i < setup->count; i++) {
        b.sessions[i] = fixture_session(i + 1, 1, RESUME_STANDBY);
        b.sessions[i].issuer = b.f->policy.peers[0].name;
        b.sessions[i].backups[0] = b.f->policy.cluster.name;
        b.sessions[i].backup_count = 1;
        b.sessions[i].rtt_us = 80000;
    }
    fixture_register(b.f);
    tell(&b, VERDICT_ALIVE);
    return b;
}

static inline void bed_free(struct bed *b) {
    fixture_free(b->f);
}

/* That session has come here from home; to be told. */
static inline void comes(struct bed *b, uint32_t i, enum move_cause cause) {
    b->sessions[i].purpose = RESUME_COMMIT;
    b->sessions[i].epoch++;
    b->sessions[i].cause = cause;
    b->sessions[i].served_by = key_hint_of(&b->f->policy.peers[0].key);
}

/* It is served at home again, and stands by here; likewise. */
static inline void goes(struct bed *b, uint32_t i) {
    b->sessions[i].purpose = RESUME_STANDBY;
    b->sessions[i].epoch++;
    b->sessions[i].cause = MOVE_CAUSE_NONE;
}

static inline bool is_sent_home(const struct bed *b, uint32_t i) {
    const struct session *s = session_find(b->f->core, &b->sessions[i].session);
    return s != NULL && s->move != NULL && s->move->out && s->move->cause == MOVE_CAUSE_RETURN;
}

static inline uint32_t sent_home(const struct bed *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->count; i++)
        count += is_sent_home(b, i);
    return count;
}

#endif
