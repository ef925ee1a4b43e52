#include "peerd/sim/sim.h"

#include "peerd/sim/client.h"
#include "peerd/sim/crowd.h"
#include "peerd/sim/expect.h"
#include "peerd/sim/foresight.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/nap.h"
#include "peerd/sim/node.h"
#include "peerd/sim/pages.h"
#include "peerd/sim/player.h"
#include "peerd/sim/report_watch.h"
#include "peerd/sim/roster.h"
#include "peerd/sim/site.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/timeline.h"
#include "peerd/sim/whole.h"
#include "peerd/sim/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX  1024
#define CLIENTS_MAX   1000000
#define WALL_START_S  1767225600 /* 2026-01-01, the beginning of every run */
#define SLOTS_MIN     64         /* of a worker, tombstones included */
#define SAME_TIME_MAX 50000000   /* events without time passing: somebody is busy */
#define CLOSING_SLACK duration_s(4)

const struct scenario_abilities sim_abilities = {
    .runner = "the simulator",
    .verbs = {true, true, true, true, true, true, true, true, true, true, true, true, true, true,
              true, true, true, true},
    .parts = {true, true, true, true},
    .recordings = true,
    .players = true,
    .links = true,
    .clock_step = true,
    .clock_drift = true,
    .lies = true,
    .discovery = true,
    .chooses = true,
    .whole = true,
    .regions = true,
    .clusters_max = CLUSTERS_MAX,
    .clients_max = CLIENTS_MAX,
};

/* ---- time ---- */

struct wall sim_wall(const struct sim *sim, const struct sim_clock *clock) {
    int64_t error_us = sim_clock_wall_error(clock, sim->now);
    return (struct wall){WALL_START_S * INT64_C(1000000) + sim->now.us + error_us, 1000};
}

struct instant sim_site_now(const struct sim *sim, const struct sim_site *site) {
    return sim_clock_local(&site->clock, sim->now);
}

struct instant sim_node_now(const struct sim *sim, const struct sim_node *node) {
    return sim_clock_local(&node->clock, sim->now);
}

struct instant sim_worker_now(const struct sim *sim, const struct sim_worker *w) {
    return sim_node_now(sim, &sim->nodes[w->node]);
}

struct sim_clock sim_client_clock(const struct sim *sim, const struct sim_client *c) {
    return (struct sim_clock){.since = sim->zero, .local = sim->zero, .drift_ppm = c->drift_ppm};
}

struct instant sim_client_now(const struct sim *sim, const struct sim_client *c) {
    struct sim_clock clock = sim_client_clock(sim, c);
    return sim_clock_local(&clock, sim->now);
}

void sim_put_at(struct sim *sim, struct instant at, const struct sim_event *event) {
    sim_queue_put(&sim->queue, instant_max(at, sim->now), event);
}

void sim_put(struct sim *sim, struct duration after, const struct sim_event *event) {
    sim_queue_put(&sim->queue, instant_add(sim->now, after), event);
}

/* ---- making it ---- */

static void count_machines(struct sim *sim) {
    const struct scenario *s = sim->scenario;
    sim->site_count = s->cluster_count;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        sim->node_count += s->clusters[i].nodes;
        sim->worker_count += s->clusters[i].nodes * s->clusters[i].workers;
    }
    for (uint32_t i = 0; i < s->client_group_count; i++)
        sim->client_count += s->clients[i].count;
    sim->sites = sim_pages_apart(sim->site_count * sizeof(*sim->sites));
    sim->nodes = sim_alloc(sim->node_count, sizeof(*sim->nodes));
    sim->workers = sim_alloc(sim->worker_count, sizeof(*sim->workers));
    sim->clients = sim_alloc(sim->client_count, sizeof(*sim->clients));
    sim_pages_enlarge(sim->clients, sim->client_count * sizeof(*sim->clients));
    sim->states = sim_alloc(sim->site_count, sizeof(*sim->states));
    sim->places = sim_alloc(sim->site_count, sizeof(*sim->places));
    sim->hit = sim_alloc(sim->site_count, sizeof(*sim->hit));
    sim->streams = sim_alloc(s->client_group_count, sizeof(*sim->streams));
    uint32_t machines = sim->site_count + sim->worker_count + sim->client_count;
    sim->due_entries = sim_alloc(machines, sizeof(*sim->due_entries));
    sim_pages_enlarge(sim->due_entries, machines * sizeof(*sim->due_entries));
    due_init(&sim->due, sim->due_entries, machines);
}

static void number_machines(struct sim *sim) {
    uint32_t node = 0, worker = 0;
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const struct scenario_cluster *c = &sim->scenario->clusters[i];
        struct sim_site *site = &sim->sites[i];
        site->first_node = node;
        site->node_count = c->nodes;
        site->first_worker = worker;
        site->worker_count = c->nodes * c->workers;
        sim->places[i] = (struct sim_place){node, c->nodes, worker, c->workers};
        for (uint32_t n = 0; n < c->nodes; n++, node++) {
            sim->nodes[node].index = node;
            sim->nodes[node].cluster = i;
            sim->nodes[node].number = n;
            sim->nodes[node].first_worker = worker;
            sim->nodes[node].worker_count = c->workers;
            for (uint32_t w = 0; w < c->workers; w++, worker++) {
                sim->workers[worker].index = worker;
                sim->workers[worker].cluster = i;
                sim->workers[worker].node = node;
                sim->workers[worker].number = w;
            }
        }
    }
}

/* Payload of 20 ms. */
static uint16_t frame_bytes(const struct policy_profile *p) {
    uint32_t samples = p->rate_hz / (1000 / FRAME_MS) * p->channels;
    if (strcmp(p->codec.text, "opus") == 0)
        return (uint16_t)(p->bitrate_bps / 8 / (1000 / FRAME_MS));
    if (strcmp(p->codec.text, "gsm") == 0)
        return 33;
    return (uint16_t)(strcmp(p->codec.text, "l16") == 0 ? 2 * samples : samples);
}

/* With the programs it follows from what is played and how: here from their names, and drawn, since
 * there are no bytes. */
static uint32_t phase_of(const struct scenario_clients *g, uint64_t seed) {
    struct rng rng;
    const struct name *const names[] = {&g->source, &g->profile};
    for (size_t i = 0; i < 2; i++)
        for (const char *at = names[i]->text; *at != '\0'; at++)
            seed = (seed ^ (uint8_t)*at) * UINT64_C(0x100000001b3); /* FNV-1a */
    rng_seed(&rng, seed);
    return (uint32_t)rng_below(&rng, LAP_FRAMES);
}

static void fill_stream(const struct scenario *s, const struct scenario_clients *g,
                        struct sim_stream *out) {
    *out = (struct sim_stream){.end = FRAME_NEVER, .mergeable = true};
    for (uint32_t i = 0; i < s->source_count; i++) {
        const struct scenario_source *source = &s->sources[i];
        if (!name_equal(&source->source.name, &g->source))
            continue;
        if (source->tone.us > 0 && !source->source.loop)
            out->end = (uint64_t)(duration_in_ms(source->tone) / FRAME_MS);
        out->mergeable &= source->source.class == SOURCE_CLASS_EXACT;
        out->origin = source->origin;
    }
    for (uint32_t i = 0; i < s->profile_count; i++) {
        const struct policy_profile *p = &s->profiles[i];
        if (!name_equal(&p->name, &g->profile))
            continue;
        bool opus = strcmp(p->codec.text, "opus") == 0;
        out->frame_bytes = frame_bytes(p);
        out->laps = opus;
        out->preroll_frames = p->preroll_frames;
        /* MEDIA.md's table: what converges, and after how many frames. */
        out->mergeable &= opus ? p->preroll_frames >= 100 : strcmp(p->codec.text, "gsm") != 0;
    }
}

static void fill_streams(struct sim *sim) {
    for (uint32_t group = 0; group < sim->scenario->client_group_count; group++) {
        fill_stream(sim->scenario, &sim->scenario->clients[group], &sim->streams[group]);
        sim->streams[group].phase = phase_of(&sim->scenario->clients[group], sim->options.seed);
    }
}

static int32_t drawn_drift(const struct sim *sim, struct rng *rng) {
    uint32_t most = sim->options.drift_ppm_max;
    return (int32_t)rng_below(rng, 2 * (uint64_t)most + 1) - (int32_t)most;
}

/* Every machine has a quartz of its own. */
static void draw_drifts(struct sim *sim, uint64_t seed) {
    struct rng rng;
    if (sim->options.drift_ppm_max == 0)
        return;
    rng_seed(&rng, seed);
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim_clock_drift(&sim->sites[i].clock, sim->now, drawn_drift(sim, &rng));
    for (uint32_t i = 0; i < sim->node_count; i++)
        sim_clock_drift(&sim->nodes[i].clock, sim->now, drawn_drift(sim, &rng));
    for (uint32_t i = 0; i < sim->client_count; i++)
        sim->clients[i].drift_ppm = drawn_drift(sim, &rng);
}

struct sim *sim_new(const struct sim_options *options) {
    struct sim *sim = sim_alloc(1, sizeof(*sim));
    struct rng seeds, draws;
    sim->options = *options;
    sim->scenario = options->scenario;
    sim->now = instant_us(1000000000); /* the origin of a monotonic clock means nothing */
    sim->zero = instant_add(sim->now, SIM_WARM_UP);
    sim->end = instant_add(sim->zero, sim->scenario->duration);
    rng_seed(&seeds, options->seed);
    rng_seed(&sim->rng, rng_u64(&seeds));
    rng_u64(&seeds); /* of scenario_draws */
    scenario_draws(&draws, options->seed);
    report_init(&sim->report, "sim", &sim->scenario->name, options->seed);
    sim_queue_init(&sim->queue);
    sim_queue_init(&sim->past);
    sim->sleeps = sim_sleep_is_drawn(options);
    sim_network_init(&sim->network, sim->scenario, rng_u64(&seeds));
    trace_init(&sim->trace);
    sim->tenure_outbox.trace = sim->witness_outbox.trace = &sim->trace;
    count_machines(sim);
    number_machines(sim);
    sim->foresees = sim_foresight_pays(sim);
    sim_invariants_init(sim);
    uint32_t slots = SLOTS_MIN + 2 * sim->client_count;
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim_site_init(sim, i);
    for (uint32_t i = 0; i < sim->worker_count; i++)
        sim_worker_init(sim, i, slots);
    for (uint32_t i = 0; i < sim->node_count; i++)
        sim_node_init(sim, i);
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim_site_start(sim, &sim->sites[i]);
    for (uint32_t i = 0; i < sim->node_count; i++)
        sim_node_start(sim, &sim->nodes[i]);
    sim_timeline_init(sim, &draws);
    fill_streams(sim);
    sim_number_networks(sim);
    sim_players_init(sim);
    sim_crowd_init(sim, &draws);
    draw_drifts(sim, rng_u64(&seeds));
    sim_put(sim, duration_s(1), &(struct sim_event){.kind = SIM_CHECK});
    return sim;
}

void sim_free(struct sim *sim) {
    struct sim_event e;
    if (sim == NULL)
        return;
    sim->freeing = true;
    for (uint32_t i = 0; i < sim->client_count; i++)
        sim_client_free(&sim->clients[i]);
    for (uint32_t i = 0; i < sim->node_count; i++)
        sim_node_free(sim, &sim->nodes[i]);
    for (uint32_t i = 0; i < sim->worker_count; i++)
        sim_worker_free(sim, &sim->workers[i]);
    for (uint32_t i = 0; i < sim->site_count; i++)
        sim_site_free(sim, &sim->sites[i]);
    sim_invariants_free(sim);
    while (sim_queue_take(&sim->queue, &e))
        sim_event_drop(sim, &e);
    sim_queue_free(&sim->queue);
    sim_queue_free(&sim->past);
    sim_naps_free(&sim->naps);
    sim_network_free(&sim->network);
    report_free(&sim->report);
    free(sim->due_entries);
    sim_pages_return(sim->sites, sim->site_count * sizeof(*sim->sites));
    free(sim->nodes);
    free(sim->workers);
    free(sim->clients);
    sim_players_free(sim);
    free(sim->streams);
    free(sim->hit);
    free(sim->places);
    free(sim->states);
    free(sim);
}

/* ---- the loop ---- */

static void wake(struct sim *sim, uint32_t machine) {
    struct instant at = sim_machine_deadline(sim, machine);
    if (instant_before(sim->now, at)) {
        due_set(&sim->due, machine, at);
        return;
    }
    if (machine < sim->site_count)
        sim_site_due(sim, &sim->sites[machine]);
    else if (machine < sim->site_count + sim->worker_count)
        sim_worker_due(sim, &sim->workers[machine - sim->site_count]);
    else
        sim_client_due(sim, &sim->clients[machine - sim->site_count - sim->worker_count]);
}

/* The next thing, if it is not later than `end`. */
static bool go_on(struct sim *sim, struct instant end) {
    struct instant event_at = sim_queue_first(&sim->queue), due_at = due_first(&sim->due);
    struct instant at = instant_min(event_at, due_at);
    struct sim_event event;
    uint32_t machine;
    if (sim->violated || instant_is_never(at) || instant_before(end, at))
        return false;
    sim->same_time = instant_before(sim->now, at) ? 0 : sim->same_time + 1;
    assert(sim->same_time < SAME_TIME_MAX && "somebody is due again and again");
    sim->now = instant_max(sim->now, at);
    if (!instant_before(due_at, event_at) && sim_queue_take(&sim->queue, &event)) {
        if (sim->foresees)
            sim_foresee_events(sim);
        sim_dispatch(sim, &event);
    } else if (due_reached(&sim->due, sim->now, &machine)) {
        if (sim->foresees)
            sim_foresee_machines(sim);
        wake(sim, machine);
    }
    return true;
}

static void run_to(struct sim *sim, struct instant end) {
    while (go_on(sim, end)) {
        if (sim->stirred && !sim_sleep_may_wait(sim))
            sim_sleep_after(sim);
    }
    if (!sim->violated)
        sim->now = instant_max(sim->now, end);
}

void sim_replay_begin(struct sim *sim, struct instant from) {
    assert(!sim->replaying && !instant_before(sim->now, from));
    sim->replaying = true;
    sim->present = sim->now;
    sim->present_queue = sim->queue;
    sim->queue = sim->past;
    sim->now = from;
}

void sim_replay_end(struct sim *sim) {
    struct sim_event event;
    while (go_on(sim, instant_us(sim->present.us - 1)))
        continue;
    sim->past = sim->queue;
    sim->queue = sim->present_queue;
    sim->now = sim->present;
    sim->replaying = false;
    for (struct instant at = sim_queue_first(&sim->past); sim_queue_take(&sim->past, &event);
         at = sim_queue_first(&sim->past))
        sim_queue_put(&sim->queue, at, &event);
}

void sim_run_until(struct sim *sim, struct duration at) {
    run_to(sim, instant_add(sim->zero, at));
}

/* ---- the end ---- */

_Static_assert((int)SCENARIO_CAUSE_RETURN == (int)MOVE_CAUSE_RETURN, "causes in one order");

static void make_report(struct sim *sim) {
    for (uint32_t i = 0; i < sim->client_count; i++) {
        struct report_client row;
        struct sim_client_name name = sim_client_name(sim, &sim->clients[i]);
        if (sim_is_player(sim, &sim->clients[i]))
            sim_player_report(sim, &sim->clients[i], &row);
        else
            sim_client_report(sim, &sim->clients[i], &row);
        row.name = name.text;
        report_add_client(&sim->report, &row);
    }
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++)
        if (sim->sites[i].core != NULL)
            for (int c = MOVE_CAUSE_DRAIN; c < SCENARIO_CAUSES; c++)
                sim->report.entered[c] += core_ledger(sim->sites[i].core)->figures.of[c].arrived;
    report_sort(&sim->report);
    expect_all(sim->scenario, &sim->report);
    sim->report.watch = malloc(sizeof(*sim->report.watch));
    if (sim->report.watch != NULL)
        report_watch_of(sim->report.watch, sim->scenario, &sim->report);
}

/* Every other listener closes, the rest goes without a word; then every lease has to run out. */
static void close_all(struct sim *sim) {
    const struct policy_limits *l = &sim->scenario->limits;
    struct duration wait = duration_add(l->session_lease, l->node_lease);
    sim->closing = true;
    for (uint32_t i = 0; i < sim->client_count; i++) {
        if (i % 2 == 0)
            sim_client_close(sim, &sim->clients[i]);
        else
            sim_client_vanish(sim, &sim->clients[i]);
    }
    run_to(sim, instant_add(sim->now, duration_add(wait, CLOSING_SLACK)));
    if (!sim->violated)
        sim_invariants_check_empty(sim);
}

void sim_run(struct sim *sim) {
    run_to(sim, sim->end);
    if (!sim->violated)
        sim_invariants_check(sim);
    if (sim->scenario->expectations.whole)
        sim_whole_check(sim);
    make_report(sim);
    if (sim->scenario->expectations.whole)
        sim_whole_report(sim);
    /* What a crowd holds runs out as with few; there is no need to wait for it. */
    if (!sim->violated && sim->client_count <= SCENARIO_CROWD)
        close_all(sim);
    sim->report.broken |= sim->violated;
}

const char *sim_violation(const struct sim *sim) {
    return sim->violated ? sim->violation : NULL;
}

bool sim_cluster_status(const struct sim *sim, uint32_t cluster, struct core_status *out) {
    const struct sim_site *site = &sim->sites[cluster];
    if (site->core == NULL)
        return false;
    *out = core_status(site->core);
    return true;
}

struct duration sim_time(const struct sim *sim) {
    return instant_since(sim->now, sim->zero);
}

const struct report *sim_report(const struct sim *sim) {
    return &sim->report;
}

uint64_t sim_digest(const struct sim *sim) {
    return sim->digest;
}

uint64_t sim_lines(const struct sim *sim) {
    return sim->lines;
}

uint64_t sim_steps(const struct sim *sim) {
    return sim->steps;
}
