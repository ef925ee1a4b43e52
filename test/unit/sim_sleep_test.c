/*
 * Listeners who sleep are the same when they wake: the same scenario is run twice, with and without
 * sleeping, and at some instant everything that machines know is held against each other.
 */
#include "peerd/sim/client.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/sleep.h"

#include "test/unit/sim_fixture.h"

#include <stddef.h>

static const char sim_calm[] =
    "name: calm\n"
    "duration: 60s\n"
    "performance: {locations_max: 0}\n"
    "limits: {session_lease: 7s}\n"
    "sources: [{name: tone, tone: 10min, loop: true}]\n"
    "clusters: [{name: fra1}, {name: ams1}, {name: lon1}, {name: par1}]\n"
    "links: [{between: all, rtt: 30ms}, {between: [clients, ams1], rtt: 44ms}]\n"
    "clients:\n"
    "  - {name: near, count: 12, spread: true, start: {between: [0s, 3s]}}\n"
    "  - {name: cold, count: 4, protection: cold, start: {between: [0s, 3s]}}\n";

static struct sim *run(struct sim_fixture *f, const char *text, enum sim_sleep sleep, uint64_t seed,
                       int64_t until_ms) {
    sim_fixture_open(f, text, seed);
    sim_free(f->sim);
    f->sim = sim_new(&(struct sim_options){.scenario = &f->scenario, .seed = seed, .sleep = sleep});
    if (until_ms > 0)
        sim_run_until(f->sim, duration_ms(until_ms));
    else
        sim_run(f->sim);
    cr_assert_null(sim_violation(f->sim), "%s", sim_violation(f->sim));
    return f->sim;
}

/* Questions that were answered leave traces that mean nothing. */
static void forget_answered(struct witness *w) {
    w->playout = NULL;
    w->wake_at = INSTANT_NEVER;
    memset(&w->move, 0, sizeof(w->move));
    w->again = w->repairs = w->move_to = 0;
    w->move_miss = INSTANT_NEVER;
    w->move_settled_at = w->move_lost = w->miss_lost = 0;
    w->move_duplicates = w->miss_duplicates = w->tale_counter = 0;
    w->tale_reports = 0;
    w->reported[0] = w->reported[1] = 0;
    w->move_framed = false;
    for (int s = 0; s < WITNESS_SERVERS_MAX; s++) {
        if (w->servers[s].role == WITNESS_ROLE_FREE)
            memset(&w->servers[s], 0, sizeof(w->servers[s]));
        w->servers[s].not_before = w->servers[s].no_hedge = w->servers[s].release_at =
            w->servers[s].cancel_until = INSTANT_NEVER;
        for (int i = 0; i < PATH_PENDING_MAX; i++)
            if (w->servers[s].path.pending[i].nonce == 0)
                w->servers[s].path.pending[i] = (struct path_pending){0};
    }
}

static bool is_behind(const struct path_pending *a, const struct path_pending *b) {
    return a->nonce != b->nonce       ? a->nonce < b->nonce
           : a->sent_us != b->sent_us ? a->sent_us < b->sent_us
                                      : a->hello < b->hello;
}

/* Where a question is remembered does not matter. */
static void sort_pending(struct path *p) {
    for (int i = 1; i < PATH_PENDING_MAX; i++)
        for (int k = i; k > 0 && is_behind(&p->pending[k - 1], &p->pending[k]); k--) {
            struct path_pending held = p->pending[k];
            p->pending[k] = p->pending[k - 1];
            p->pending[k - 1] = held;
        }
}

/* What was asked of one who does not answer will not be answered: its nonce means nothing. Nor does
 * a cookie of a node that was killed or started since, whatever it looks like. */
static void forget_unanswered(const struct sim *sim, struct witness_server *s) {
    if (s->role == WITNESS_ROLE_FREE)
        return;
    const struct sim_worker *w = &sim->workers[sim_worker_at(sim, &s->address.media)];
    bool unanswered = sim->network.dark[w->cluster] || s->path.hellos_missed > 0;
    for (int i = 0; i < PATH_PENDING_MAX && unanswered; i++)
        s->path.pending[i].nonce = s->path.pending[i].nonce != 0;
    if (instant_before(s->path.cookie_at, sim->nodes[w->node].process.since))
        memset(&s->path.cookie, 0, sizeof(s->path.cookie));
}

static void expect_same_paths(const struct sim *sim, const struct witness *a,
                              const struct witness *b, const char *who) {
    for (int s = 0; s < WITNESS_SERVERS_MAX; s++) {
        struct witness_server x = a->servers[s], y = b->servers[s];
        forget_unanswered(sim, &x);
        forget_unanswered(sim, &y);
        sort_pending(&x.path);
        sort_pending(&y.path);
        cr_expect_eq(x.hello_at.us, y.hello_at.us, "%s server %d", who, s);
        cr_expect_eq(x.standby_at.us, y.standby_at.us, "%s server %d", who, s);
        cr_expect_eq(x.standby_until.us, y.standby_until.us, "%s server %d", who, s);
        cr_expect_eq(x.frames, y.frames, "%s server %d", who, s);
        cr_expect_eq(x.path.cookie_at.us, y.path.cookie_at.us, "%s server %d", who, s);
        cr_expect_arr_eq(x.path.cookie.bytes, y.path.cookie.bytes, sizeof(x.path.cookie.bytes));
        cr_expect_eq(x.path.heard.us, y.path.heard.us, "%s server %d", who, s);
        cr_expect_eq(x.path.hellos_answered, y.path.hellos_answered, "%s server %d", who, s);
        cr_expect_arr_eq(x.path.pending, y.path.pending, sizeof(x.path.pending));
        cr_expect_eq(memcmp(&x, &y, sizeof(x)), 0, "%s server %d", who, s);
    }
}

static void expect_same_playout(const struct playout *a, const struct playout *b, const char *who) {
    cr_expect_eq(memcmp(&a->stats, &b->stats, sizeof(a->stats)), 0, "%s", who);
    cr_expect_eq(a->next, b->next, "%s", who);
    cr_expect_eq(a->high, b->high, "%s", who);
    cr_expect_eq(a->anchor.us, b->anchor.us, "%s", who);
    cr_expect_eq(a->last_source, b->last_source, "%s", who);
    for (uint64_t f = a->next; f < a->high; f++)
        cr_expect_eq(memcmp(&a->config.slots[f % a->config.slot_count],
                            &b->config.slots[f % b->config.slot_count],
                            sizeof(struct playout_slot)),
                     0, "%s frame %lu", who, (unsigned long)f);
}

static void expect_same_listener(struct sim *a, struct sim *b, uint32_t i) {
    struct sim_client *x = &a->clients[i], *y = &b->clients[i];
    struct sim_client_name who = sim_client_name(a, x);
    cr_assert_eq(x->state, y->state, "%s", who.text);
    if (x->state != SIM_CLIENT_OPEN)
        return;
    sim_client_play(a, x);
    sim_client_play(b, y);
    expect_same_playout(x->playout, y->playout, who.text);
    cr_expect_eq(x->heard.us, y->heard.us, "%s", who.text);
    cr_expect_eq(x->served_from.us, y->served_from.us, "%s", who.text);
    struct witness v = *x->witness, w = *y->witness;
    forget_answered(&v);
    forget_answered(&w);
    expect_same_paths(a, &v, &w, who.text);
    cr_expect_eq(memcmp(&v.schedule, &w.schedule, sizeof(v.schedule)), 0, "%s", who.text);
    cr_expect_eq(memcmp(&v.rng, &w.rng, sizeof(v.rng)), 0, "%s: nonces", who.text);
    memset(v.servers, 0, sizeof(v.servers));
    memset(w.servers, 0, sizeof(w.servers));
    cr_expect_eq(memcmp(&v, &w, sizeof(v)), 0, "%s", who.text);
}

static void expect_same_workers(const struct sim *a, const struct sim *b) {
    for (uint32_t i = 0; i < a->worker_count; i++) {
        const struct sim_worker *x = &a->workers[i], *y = &b->workers[i];
        cr_assert_eq(x->slots, y->slots);
        for (uint32_t slot = 0; slot < x->slots; slot++) {
            const struct tenure_session *s = &x->tenures[slot], *t = &y->tenures[slot];
            cr_expect_eq(s->state, t->state, "worker %u slot %u", i, slot);
            cr_expect_eq(s->lease.us, t->lease.us, "worker %u slot %u", i, slot);
            cr_expect_eq(s->last_frame, t->last_frame, "worker %u slot %u", i, slot);
            const struct sim_session *p = sim_session_at(x, slot), *q = sim_session_at(y, slot);
            cr_expect_eq(p->pace.next, q->pace.next);
            cr_expect_eq(p->last_sent, q->last_sent);
        }
    }
}

TestSuite(sim_sleep, .timeout = 60);

#define ALL_ARE_THERE_MS 4000

/* Machines are compared bit by bit after naps of many lengths, with packets in the air or not, and
 * also of those who have not heard a frame yet. */
Test(sim_sleep, who_wakes_is_as_if_it_had_never_slept) {
    static const int64_t instants_ms[] = {1613, 2104, 2560,  3007,  4000,  5003,
                                          6120, 7777, 11011, 19999, 30500, 47213};
    for (size_t i = 0; i < sizeof(instants_ms) / sizeof(instants_ms[0]); i++) {
        struct sim_fixture f, g;
        struct sim *a = run(&f, sim_calm, SIM_SLEEP_NEVER, i + 1, instants_ms[i]);
        struct sim *b = run(&g, sim_calm, SIM_SLEEP_ALWAYS, i + 1, instants_ms[i]);
        cr_expect(b->sleeping >= (instants_ms[i] < ALL_ARE_THERE_MS ? 3 : 8),
                  "only %u sleep at %ld ms", b->sleeping, (long)instants_ms[i]);
        sim_sleep_wake_all(b);
        cr_expect_eq(b->sleeping, 0);
        for (uint32_t c = 0; c < a->client_count; c++)
            expect_same_listener(a, b, c);
        expect_same_workers(a, b);
        sim_fixture_close(&f);
        sim_fixture_close(&g);
    }
}

/* Most servers are gone, for some listeners all but the serving one: they are asked in vain, given
 * up one after the other, and all that is remembered in sleep. */
Test(sim_sleep, who_sleeps_beside_the_dead_is_as_if_it_had_never_slept) {
    static const char *const clusters = "[{name: fra1}, {name: ams1}, {name: lon1}, {name: par1}]";
    static const int64_t instants_ms[] = {10100, 10700, 11350, 12018, 13400, 15007,
                                          17777, 21111, 26500, 34567, 48001};
    static char text[2048];
    const char *rest = strstr(sim_calm, clusters) + strlen(clusters);
    snprintf(text, sizeof(text),
             "%.*s[{name: fra1}, {name: ams1, region: west}, {name: lon1, region: west}, "
             "{name: par1, region: west}, {name: mad1, region: west}]%s"
             "timeline: [{at: 10s, kill: {region: west}, blackhole: true}]\n",
             (int)(rest - strlen(clusters) - sim_calm), sim_calm, rest);
    for (size_t i = 0; i < sizeof(instants_ms) / sizeof(instants_ms[0]); i++) {
        struct sim_fixture f, g;
        struct sim *a = run(&f, text, SIM_SLEEP_NEVER, i + 1, instants_ms[i]);
        struct sim *b = run(&g, text, SIM_SLEEP_ALWAYS, i + 1, instants_ms[i]);
        cr_expect(b->sleeping >= (instants_ms[i] < 15000 ? 5 : 16), "only %u sleep at %ld ms",
                  b->sleeping, (long)instants_ms[i]);
        sim_sleep_wake_all(b);
        for (uint32_t c = 0; c < a->client_count; c++)
            expect_same_listener(a, b, c);
        expect_same_workers(a, b);
        sim_fixture_close(&f);
        sim_fixture_close(&g);
    }
}

/* Round trips are such that answers and timers do not fall upon the same microsecond: in which
 * order they are taken then is not remembered. */
static const char sim_full[] =
    "name: full\n"
    "duration: 60s\n"
    "performance: {locations_max: 0}\n"
    "limits: {session_lease: 7s}\n"
    "sources: [{name: tone, tone: 10min, loop: true}]\n"
    "clusters: [{name: fra1}, {name: ams1, capacity: 4}, {name: lon1, capacity: 2},\n"
    "           {name: par1, capacity: 2}]\n"
    "links:\n"
    "  - {between: all, rtt: 30113us}\n"
    "  - {between: [clients, ams1], rtt: 44007us}\n"
    "  - {between: [clients, lon1], rtt: 37019us}\n"
    "  - {between: [clients, par1], rtt: 52051us}\n"
    "clients: [{name: near, count: 20, open_at: fra1, start: {between: [0s, 3s]}}]\n"
    "timeline: [{at: 15s, kill: lon1, blackhole: true}, {at: 30s, restart: lon1}]\n";

static uint32_t count_put_off(const struct sim *sim) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->client_count; i++)
        count += sim->clients[i].nap != NULL && sim->clients[i].put_off;
    return count;
}

/* All backups are full: whoever was refused sleeps until it may ask again, and asks one after the
 * other. Later one of them is gone. */
Test(sim_sleep, who_was_refused_is_as_if_it_had_never_slept) {
    static const int64_t instants_ms[] = {5013, 7250, 10700, 15047, 15500, 17001, 28200};
    uint32_t put_off = 0;
    for (size_t i = 0; i < sizeof(instants_ms) / sizeof(instants_ms[0]); i++) {
        struct sim_fixture f, g;
        struct sim *a = run(&f, sim_full, SIM_SLEEP_NEVER, i + 1, instants_ms[i]);
        struct sim *b = run(&g, sim_full, SIM_SLEEP_ALWAYS, i + 1, instants_ms[i]);
        put_off += count_put_off(b);
        sim_sleep_wake_all(b);
        for (uint32_t c = 0; c < a->client_count; c++)
            expect_same_listener(a, b, c);
        expect_same_workers(a, b);
        cr_expect(sim_steps(b) < sim_steps(a) * 7 / 10, "%lu of %lu steps",
                  (unsigned long)sim_steps(b), (unsigned long)sim_steps(a));
        sim_fixture_close(&f);
        sim_fixture_close(&g);
    }
    cr_expect(put_off > 50, "only %u of 140 were refused and slept", put_off);
}

/* Faults wake whom they concern, and the same moves come out. */
Test(sim_sleep, faults_have_the_same_consequences) {
    static char text[2048];
    snprintf(text, sizeof(text),
             "%stimeline:\n"
             "  - {at: {between: [9s, 10s]}, kill: fra1, blackhole: true}\n"
             "  - {at: {between: [20s, 22s]}, restart: fra1}\n"
             "  - {at: 30s, drain: ams1}\n"
             "  - {at: 40s, kill: {worker: lon1}}\n",
             sim_calm);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_fixture f, g;
        const struct report *a = sim_report(run(&f, text, SIM_SLEEP_NEVER, seed, 0));
        const struct report *b = sim_report(run(&g, text, SIM_SLEEP_ALWAYS, seed, 0));
        cr_expect(g.sim->wakes > 20);
        cr_expect(sim_steps(g.sim) < sim_steps(f.sim) * 7 / 10, "%lu of %lu steps",
                  (unsigned long)sim_steps(g.sim), (unsigned long)sim_steps(f.sim));
        cr_expect_eq(report_frames_expected(a), report_frames_expected(b));
        cr_expect_eq(report_frames_lost(a), report_frames_lost(b));
        cr_expect_eq(a->move_count, b->move_count);
        for (uint32_t i = 0; i < a->move_count && i < b->move_count; i++) {
            const struct report_move *m = &a->moves[i], *n = &b->moves[i];
            cr_expect_str_eq(m->client, n->client);
            cr_expect_str_eq(m->to.text, n->to.text);
            cr_expect_eq(m->at_ms, n->at_ms, "%s", m->client);
            cr_expect_eq(m->detect_ms, n->detect_ms, "%s", m->client);
            cr_expect_eq(m->first_frame_ms, n->first_frame_ms, "%s", m->client);
            cr_expect_eq(m->gap_ms, n->gap_ms, "%s", m->client);
        }
        sim_fixture_close(&f);
        sim_fixture_close(&g);
    }
}

/* A sleeper whom somebody forgot is noticed. */
Test(sim_sleep, a_disturbance_that_wakes_nobody_is_a_breach) {
    struct sim_fixture f;
    struct sim *sim = run(&f, sim_calm, SIM_SLEEP_ALWAYS, 1, 6000);
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim->network.dark[i] = true;
    sim_run_until(sim, duration_s(8));
    cr_assert_not_null(sim_violation(sim));
    cr_expect_not_null(strstr(sim_violation(sim), "sleeps on"), "%s", sim_violation(sim));
    sim_fixture_close(&f);
}

/* Where packets get lost nothing repeats. */
Test(sim_sleep, nobody_sleeps_on_ways_that_are_more_than_delay) {
    struct sim_fixture f;
    struct sim *sim = run(&f,
                          "name: lossy\nduration: 20s\nperformance: {locations_max: 0}\n"
                          "clusters: [{name: fra1}, {name: ams1}]\n"
                          "links: [{between: [clients, fra1], rtt: 20ms, loss: 1%}]\n"
                          "clients: [{name: near, count: 5, open_at: fra1}]\n",
                          SIM_SLEEP_ALWAYS, 1, 10000);
    cr_expect_eq(sim->sleeping, 0);
    cr_expect_eq(sim->wakes, 0);
    sim_fixture_close(&f);
}
