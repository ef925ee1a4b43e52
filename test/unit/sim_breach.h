/*
 * What tests of the invariants share: a quiet run after three seconds, and ways to break it.
 */
#ifndef TEST_UNIT_SIM_BREACH_H
#define TEST_UNIT_SIM_BREACH_H

#include "peerd/sim/client.h"
#include "peerd/sim/invariants_private.h"
#include "peerd/sim/worker.h"

#include "test/unit/sim_fixture.h"

static struct sim_fixture f;

/* In place of the run that the suite began with. */
static inline void begin_with(const char *text) {
    if (f.sim != NULL)
        sim_fixture_close(&f);
    sim_fixture_open(&f, text, 1);
    sim_run_until(f.sim, duration_s(3));
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    for (uint32_t i = 0; i < f.sim->client_count; i++)
        cr_assert_eq(f.sim->clients[i].witness->state, WITNESS_FOLLOWING);
}

static inline void begin(void) {
    begin_with(sim_quiet);
}

static inline void finish(void) {
    sim_fixture_close(&f);
}

static inline void expect_told(const char *words) {
    cr_assert_not_null(sim_violation(f.sim), "nothing was noticed of: %s", words);
    cr_expect_not_null(strstr(sim_violation(f.sim), words), "%s", sim_violation(f.sim));
}

/* Goes on until then and expects to be told. */
static inline void expect_breach(int64_t until_ms, const char *words) {
    sim_run_until(f.sim, duration_ms(until_ms));
    expect_told(words);
}

static inline struct sim_worker *backup(void) {
    return &f.sim->workers[f.sim->sites[1].first_worker];
}

static inline struct sim_worker *server(void) {
    struct sim_client *c = &f.sim->clients[0];
    return &f.sim->workers[sim_worker_at(f.sim,
                                         &c->witness->servers[c->witness->serving].address.media)];
}

static inline uint32_t slot_at(const struct sim_worker *w) {
    uint32_t slot = tenure_find(&w->tenure, &f.sim->clients[0].ticket.session);
    cr_assert_neq(slot, TENURE_SLOT_NONE);
    return slot;
}

#endif
