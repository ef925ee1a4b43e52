#include "test/live/timeline.h"

#include "peerd/net/clock.h"
#include "test/live/chronicle.h"
#include "test/live/crowd.h"
#include "test/live/operators.h"
#include "test/live/process.h"
#include "test/live/wide.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATE      duration_ms(30) /* a cut or a kill that comes later is not what was asked for */
#define PARTS_MAX (SPACE_SITES_MAX + SPACE_LISTENERS_MAX) /* ends that one end may stand for */

struct timeline {
    struct runner *r;
    struct duration *at; /* of each event */
    uint32_t *order;     /* indices of events by instant */
    uint32_t count;
    uint32_t next;
    bool hit[SPACE_SITES_MAX];  /* sites, by the event under way … */
    bool last[SPACE_SITES_MAX]; /* … and by the latest one, unless that was everybody */
    struct net_timer timer;
    struct operators operators;
};

/* ---- order ---- */

/* Insertion: few events, and equal instants keep the order of the file. */
static void sort(struct timeline *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t k = i;
        for (; k > 0 && t->at[t->order[k - 1]].us > t->at[i].us; k--)
            t->order[k] = t->order[k - 1];
        t->order[k] = i;
    }
}

static void fired(void *data, struct instant now);

struct timeline *timeline_new(struct runner *r) {
    const struct scenario *s = r->scenario;
    struct timeline *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->r = t->operators.r = r;
    t->count = s->event_count;
    t->at = calloc(t->count + 1, sizeof(*t->at));
    t->order = calloc(t->count + 1, sizeof(*t->order));
    if (t->at == NULL || t->order == NULL) {
        timeline_free(t);
        return NULL;
    }
    for (uint32_t i = 0; i < t->count; i++)
        t->at[i] = scenario_instant(&s->events[i].at, rng_u64(&r->draws));
    sort(t);
    net_timer_init(&t->timer, r->loop, fired, t);
    return t;
}

void timeline_free(struct timeline *t) {
    if (t == NULL)
        return;
    operators_end(&t->operators);
    net_timer_cancel(&t->timer);
    free(t->at);
    free(t->order);
    free(t);
}

struct duration timeline_first(const struct timeline *t, enum scenario_verb verb) {
    for (uint32_t i = 0; i < t->count; i++)
        if (t->r->scenario->events[t->order[i]].verb == verb)
            return t->at[t->order[i]];
    return DURATION_ENDLESS;
}

/* ---- sites ---- */

static void begin_episode(struct timeline *t, bool killed, uint32_t site, struct instant at) {
    bool affected[SPACE_LISTENERS_MAX] = {false};
    struct runner *r = t->r;
    for (uint32_t i = 0; i < r->listener_count && i < SPACE_LISTENERS_MAX; i++)
        affected[i] = r->listeners[i].pid != 0 && r->listeners[i].serving == site;
    if (runner_served_by(r, site) > 0)
        episode_begin(&r->episodes, killed, site, at, affected, r->listener_count);
}

static uint32_t count_processes(const struct site *s) {
    pid_t children[PROCESS_CHILDREN_MAX];
    uint32_t count = s->peerd != 0;
    for (uint32_t i = 0; i < s->node_count; i++)
        count += s->nodes[i] != 0 ? 1 + (uint32_t)process_children(s->nodes[i], children) : 0;
    return count;
}

static void apply_cuts(struct runner *r) {
    if (!space_apply(&r->space) && space_can_blackhole(&r->space))
        runner_fact(r, FACT_TROUBLE, "%s", r->space.why);
}

static void kill_site(struct timeline *t, struct site *s, bool blackhole) {
    struct runner *r = t->r;
    uint32_t served = runner_served_by(r, s->index), processes = count_processes(s);
    bool silent = blackhole && space_can_blackhole(&r->space);
    /* First the silence, then, microseconds later, the deaths: not a packet tells of them. */
    if (silent) {
        bool silenced = r->space.dead[s->index];
        space_blackhole(&r->space, s->index, true);
        if (!silenced)
            apply_cuts(r);
    }
    begin_episode(t, true, s->index, net_now());
    site_signal(s, SIGKILL);
    runner_fact(r, FACT_ACTION, "%s dies: SIGKILL to its %u processes%s; it served %u listeners",
                s->name.text, processes,
                silent      ? ", its address silenced"
                : blackhole ? " (its address cannot be silenced here)"
                            : "",
                served);
}

static void kill_part(struct timeline *t, const struct scenario_event *e, struct site *s) {
    struct runner *r = t->r;
    uint32_t n = e->target.number;
    bool killed = false;
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
    case SCENARIO_PART_COUNT:
        kill_site(t, s, e->blackhole);
        return;
    case SCENARIO_PART_PEERD:
        killed = site_kill_peerd(s);
        break;
    case SCENARIO_PART_NODE:
        killed = site_kill_node(s, n);
        break;
    case SCENARIO_PART_WORKER:
        killed = site_worker(s, n) != 0 && kill(site_worker(s, n), SIGKILL) == 0;
        break;
    }
    if (!killed) {
        /* As in peersim: who is dead already cannot die. */
        runner_fact(r, FACT_ACTION, "%s has no %s %u to kill", s->name.text,
                    scenario_part_name(e->target.part), n);
        return;
    }
    if (e->target.part == SCENARIO_PART_PEERD)
        runner_fact(r, FACT_ACTION, "the peerd of %s dies (SIGKILL); its media go on",
                    s->name.text);
    else
        runner_fact(r, FACT_ACTION, "%s %u of %s dies (SIGKILL)",
                    scenario_part_name(e->target.part), n, s->name.text);
}

static void restart(struct timeline *t, const struct scenario_event *e, struct site *s) {
    struct runner *r = t->r;
    enum scenario_part part = e->target.part;
    site_reap(s);
    if (s->peerd == 0)
        opinions_forget(&r->opinions, s->index);
    if (part == SCENARIO_PART_SITE && space_can_blackhole(&r->space) && r->space.dead[s->index]) {
        space_blackhole(&r->space, s->index, false);
        apply_cuts(r);
    }
    bool ok = part == SCENARIO_PART_SITE    ? site_start(s)
              : part == SCENARIO_PART_PEERD ? site_start_peerd(s)
              : part == SCENARIO_PART_NODE && e->target.number < s->node_count
                  ? site_start_node(s, e->target.number)
                  : true; /* a worker comes back by itself: its supervisor sees to that */
    if (part == SCENARIO_PART_PEERD)
        s->restarted = net_now();
    if (!ok)
        r->troubled = true;
    if (part == SCENARIO_PART_SITE)
        runner_fact(r, FACT_ACTION, "%s comes back", s->name.text);
    else
        runner_fact(r, FACT_ACTION, "the %s of %s is started again", scenario_part_name(part),
                    s->name.text);
}

static void pause_part(struct timeline *t, const struct scenario_event *e, struct site *s) {
    int number = e->verb == SCENARIO_VERB_STOP ? SIGSTOP : SIGCONT;
    uint32_t n = e->target.number;
    pid_t worker;
    switch (e->target.part) {
    case SCENARIO_PART_SITE:
    case SCENARIO_PART_COUNT:
        if (number == SIGSTOP)
            begin_episode(t, true, s->index, net_now());
        site_signal(s, number);
        break;
    case SCENARIO_PART_PEERD:
        if (s->peerd != 0)
            kill(s->peerd, number);
        break;
    case SCENARIO_PART_NODE:
        if (n < s->node_count)
            process_signal_tree(s->nodes[n], number);
        break;
    case SCENARIO_PART_WORKER:
        if ((worker = site_worker(s, n)) != 0)
            kill(worker, number);
        break;
    }
    runner_fact(t->r, FACT_ACTION, "%s of %s %s", scenario_part_name(e->target.part), s->name.text,
                number == SIGSTOP ? "stops dead (SIGSTOP)" : "goes on (SIGCONT)");
}

void timeline_reap(struct timeline *t) {
    operators_reap(&t->operators);
}

/* ---- cuts ---- */

/* True if `cluster`, an index or a word, stands for this site. */
static bool stands_for(const struct timeline *t, uint32_t cluster, uint32_t site) {
    if (cluster == SCENARIO_SERVING)
        return runner_serving(t->r) == site;
    return cluster == SCENARIO_ALL || (cluster == SCENARIO_LAST ? t->last[site] : cluster == site);
}

/* Listeners of a group are neighbours. */
static struct space_end group_end(const struct runner *r, uint32_t group) {
    struct space_end out = {.listeners = true, .first = 0, .last = r->listener_count - 1};
    while (out.first < out.last && r->listeners[out.first].group != group)
        out.first++;
    while (out.last > out.first && r->listeners[out.last].group != group)
        out.last--;
    return out;
}

/* What is cut is between single clusters and groups, so that it can be healed in other parts. */
static uint32_t parts(const struct runner *r, const struct scenario_end *e,
                      struct space_end out[PARTS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->site_count; i++)
        if (scenario_end_holds(r->scenario, e, i, false))
            out[count++] = (struct space_end){.first = i, .last = i};
    for (uint32_t g = 0; g < r->scenario->client_group_count && count < PARTS_MAX; g++)
        if (scenario_end_holds(r->scenario, e, g, true))
            out[count++] = group_end(r, g);
    return count;
}

static bool sever_one(struct space *space, const struct space_end *a, const struct space_end *b,
                      bool heals) {
    bool same = !a->listeners && !b->listeners && a->first == b->first;
    if (same || (a->listeners && b->listeners))
        return true; /* nothing passes there */
    if (!heals)
        return space_cut(space, a, b);
    space_mend(space, a, b);
    return true;
}

static bool sever_ends(const struct runner *r, struct space *space, const struct scenario_end *from,
                       const struct scenario_end *to, bool heals, bool one_way) {
    struct space_end a[PARTS_MAX], b[PARTS_MAX];
    uint32_t a_count = parts(r, from, a), b_count = parts(r, to, b);
    bool ok = true;
    for (uint32_t i = 0; i < a_count; i++)
        for (uint32_t k = 0; k < b_count; k++) {
            ok = sever_one(space, &a[i], &b[k], heals) && ok;
            if (!one_way || heals)
                ok = sever_one(space, &b[k], &a[i], heals) && ok;
        }
    return ok;
}

static void sever(struct timeline *t, const struct scenario_cut *c, bool heals) {
    bool ok = true;
    for (uint32_t i = 0; i < c->from_count; i++)
        for (uint32_t k = 0; k < c->to_count; k++)
            ok = sever_ends(t->r, &t->r->space, &c->from[i], &c->to[k], heals, c->one_way) && ok;
    if (ok)
        return;
    runner_fact(t->r, FACT_TROUBLE, "more cuts at once than this runner can make");
    t->r->troubled = true;
}

static void mend_sites(struct timeline *t, uint32_t cluster) {
    for (uint32_t i = 0; i < t->r->site_count; i++)
        if (stands_for(t, cluster, i))
            space_mend_site(&t->r->space, i);
}

static void cut(struct timeline *t, const struct scenario_event *e) {
    const struct scenario_cut *c = &e->cut;
    struct runner *r = t->r;
    bool heals = e->verb == SCENARIO_VERB_HEAL;
    char text[RUNNER_TEXT_MAX];
    if (heals && c->from_count == 0)
        space_mend_all(&r->space);
    else if (heals && c->from_count == 1 && c->to[0].index == SCENARIO_ALL && !c->from[0].group &&
             !c->from[0].region)
        mend_sites(t, c->from[0].index);
    else
        sever(t, c, heals);
    apply_cuts(r);
    runner_fact(r, FACT_ACTION, "%s", scenario_event_text(r->scenario, e, text, sizeof(text)));
}

/* ---- carrying out ---- */

static void change_resolver(struct timeline *t, const struct scenario_event *e, struct site *s) {
    bool ok = resolver_do(&t->r->resolvers[s->index], e->resolver);
    runner_fact(t->r, ok ? FACT_ACTION : FACT_TROUBLE, "the resolver of %s %s%s", s->name.text,
                resolver_deed(e->resolver), ok ? "" : ": that cannot be done, see its log");
    t->r->troubled = t->r->troubled || !ok;
}

static void note_hurt(struct timeline *t, const struct scenario_event *e, const struct site *s) {
    t->operators.hurt[s->index] |=
        e->target.part == SCENARIO_PART_SITE || e->target.part == SCENARIO_PART_PEERD;
}

static void hit(struct timeline *t, const struct scenario_event *e, struct site *s) {
    switch (e->verb) {
    case SCENARIO_VERB_KILL:
        note_hurt(t, e, s);
        kill_part(t, e, s);
        return;
    case SCENARIO_VERB_RESTART:
        restart(t, e, s);
        return;
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
        note_hurt(t, e, s);
        pause_part(t, e, s);
        return;
    case SCENARIO_VERB_DRAIN:
        begin_episode(t, false, s->index, net_now());
        operators_maintain(&t->operators, e, s);
        return;
    case SCENARIO_VERB_UNDRAIN:
        operators_maintain(&t->operators, e, s);
        return;
    case SCENARIO_VERB_BLACKHOLE:
        begin_episode(t, true, s->index, net_now());
        space_blackhole(&t->r->space, s->index, true);
        apply_cuts(t->r);
        runner_fact(t->r, FACT_ACTION, "the uplink of %s dies; its processes live", s->name.text);
        return;
    case SCENARIO_VERB_CLOCK:
        wallclock_step(&s->wall, e->clock.step_us);
        runner_fact(t->r, FACT_ACTION, "the wall clock of %s steps", s->name.text);
        return;
    case SCENARIO_VERB_DNS:
        change_resolver(t, e, s);
        return;
    case SCENARIO_VERB_SLOW: /* it cannot do that: abilities.c */
    case SCENARIO_VERB_PARTITION:
    case SCENARIO_VERB_HEAL:
    case SCENARIO_VERB_LINK:
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
    case SCENARIO_VERB_MOVE:
    case SCENARIO_VERB_POLICY:
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_COUNT:
        return;
    }
}

static void change_link(struct timeline *t, const struct scenario_event *e) {
    struct runner *r = t->r;
    char text[RUNNER_TEXT_MAX];
    bool ok = wide_set_link(r->space.wide, &e->link);
    runner_fact(r, ok ? FACT_ACTION : FACT_TROUBLE, "%s%s",
                scenario_event_text(r->scenario, e, text, sizeof(text)),
                ok ? "" : ": the emulator does not answer");
    r->troubled = r->troubled || !ok;
}

static void change_crowd(struct timeline *t, const struct scenario_event *e) {
    bool arrive = e->verb == SCENARIO_VERB_ARRIVE;
    const char *how = arrive ? "come" : e->crowd.vanish ? "vanish without a word" : "leave";
    uint32_t count = (arrive ? crowd_arrive : crowd_leave)(t->r, &e->crowd, net_now());
    runner_fact(t->r, FACT_ACTION, "%u listeners of %s %s", count, e->crowd.name.text, how);
}

/* Sites that an event hits, into `out`: one, all of a region or of a provider, or all. */
static uint32_t targets(struct timeline *t, const struct scenario_target *target,
                        uint32_t out[SPACE_SITES_MAX]) {
    uint32_t count = 0;
    bool domain = target->region || target->provider;
    for (uint32_t i = 0; i < t->r->site_count; i++) {
        const struct policy_cluster *c = &t->r->scenario->clusters[i].identity;
        if (domain ? name_equal(target->region ? &c->region : &c->provider, &target->name)
                   : stands_for(t, target->cluster, i))
            out[count++] = i;
    }
    return count;
}

/* Those that die together fall silent together, before the first of them dies. */
static void silence_all(struct timeline *t, const struct scenario_event *e, const uint32_t *sites,
                        uint32_t count) {
    struct space *space = &t->r->space;
    if (e->verb != SCENARIO_VERB_KILL || !e->blackhole || !space_can_blackhole(space))
        return;
    for (uint32_t i = 0; i < count; i++)
        space_blackhole(space, sites[i], true);
    apply_cuts(t->r);
}

static void hit_targets(struct timeline *t, const struct scenario_event *e) {
    uint32_t sites[SPACE_SITES_MAX];
    uint32_t count = targets(t, &e->target, sites);
    if (count == 0) {
        /* As in peersim: an event that hits nobody is one in which nothing happens. */
        runner_fact(t->r, FACT_ACTION, "nobody is `%s` at this moment", e->target.name.text);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        t->hit[sites[i]] = true;
    if (e->target.cluster != SCENARIO_ALL)
        memcpy(t->last, t->hit, sizeof(t->last));
    silence_all(t, e, sites, count);
    for (uint32_t i = 0; i < count; i++)
        hit(t, e, &t->r->sites[sites[i]]);
}

static void carry_out(struct timeline *t, const struct scenario_event *e) {
    switch (e->verb) {
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_RESTART:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
    case SCENARIO_VERB_SLOW:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_BLACKHOLE:
    case SCENARIO_VERB_CLOCK:
    case SCENARIO_VERB_DNS:
        hit_targets(t, e);
        return;
    case SCENARIO_VERB_PARTITION:
    case SCENARIO_VERB_HEAL:
        cut(t, e);
        return;
    case SCENARIO_VERB_LINK:
        change_link(t, e);
        return;
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
        change_crowd(t, e);
        return;
    case SCENARIO_VERB_MOVE:
        operators_move(&t->operators, &e->move);
        return;
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_POLICY: /* refused: see timeline_abilities */
    case SCENARIO_VERB_COUNT:
        return;
    }
}

static void arm(struct timeline *t) {
    if (t->next < t->count)
        net_timer_arm(&t->timer, instant_add(t->r->started, t->at[t->order[t->next]]));
}

/* Whoever judges what follows has to know. */
static void note_lateness(struct timeline *t, struct duration planned) {
    struct runner *r = t->r;
    struct duration late = duration_sub(runner_at(r, net_now()), planned);
    if (!duration_less(LATE, late))
        return;
    runner_fact(r, FACT_RUN, "this machine was %.0f ms late with that", (double)late.us / 1000);
    r->stood_still = duration_max(r->stood_still, late);
}

static void fired(void *data, struct instant now) {
    struct timeline *t = data;
    while (t->next < t->count &&
           instant_reached(now, instant_add(t->r->started, t->at[t->order[t->next]]))) {
        struct duration planned = t->at[t->order[t->next]];
        const struct scenario_event *e = &t->r->scenario->events[t->order[t->next++]];
        struct instant begun = net_now();
        memset(t->hit, 0, sizeof(t->hit));
        carry_out(t, e);
        chronicle_event(t->r, e, t->hit, begun);
        note_lateness(t, planned);
    }
    arm(t);
}

void timeline_start(struct timeline *t) {
    arm(t);
}
