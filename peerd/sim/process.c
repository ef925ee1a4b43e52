#include "peerd/base/rng.h"
#include "peerd/sim/world.h"

#include <stdlib.h>

/* Processes: what SIGKILL, SIGSTOP and SIGCONT do to them. */

bool sim_process_lives(const struct sim_process *p) {
    return p->life == SIM_LIFE_RUNNING || p->life == SIM_LIFE_STOPPED;
}

static void set_life(struct sim *sim, struct sim_process *p, enum sim_life life) {
    p->life = life;
    p->since = sim->now;
}

void sim_process_start(struct sim *sim, struct sim_process *p, enum sim_life life) {
    p->run++;
    set_life(sim, p, life);
}

/* Their beats and questions stay as far apart as they began: each kill of a run meets the same two
 * grids, and how old the newest proof is depends on how they lie to each other. */
struct duration sim_process_begins(const struct sim *sim, const struct sim_process *p,
                                   struct duration within, uint32_t which) {
    struct rng rng;
    if (!sim->options.apart || p->run > 1)
        return DURATION_ZERO;
    rng_seed(&rng, ~sim->options.seed ^ (uint64_t)which << 32);
    return duration_us((int64_t)rng_below(&rng, (uint64_t)within.us));
}

void sim_process_stop(struct sim *sim, struct sim_process *p) {
    if (p->life != SIM_LIFE_RUNNING)
        return;
    p->stops++;
    set_life(sim, p, SIM_LIFE_STOPPED);
}

bool sim_process_holds(struct sim *sim, struct sim_process *p, const struct sim_event *event) {
    struct sim_event dropped = *event;
    if (p->life != SIM_LIFE_STOPPED)
        return false;
    if (p->held_count == SIM_HELD_MAX) { /* the kernel's buffers are full */
        sim_event_drop(sim, &dropped);
        return true;
    }
    if (p->held == NULL)
        p->held = sim_alloc(SIM_HELD_MAX, sizeof(*p->held));
    p->held[p->held_count++] = *event;
    return true;
}

/* A loop that was stopped while it waited finds its backlog first, one that was stopped elsewhere
 * its timers, which have all run out: both happen, the first as a rule, since loops mostly wait.
 * Then a worker hears that its listeners have gone before it sends what was due meanwhile. */
void sim_process_continue(struct sim *sim, struct sim_process *p) {
    if (p->life != SIM_LIFE_STOPPED)
        return;
    struct sim_event *held = p->held;
    uint32_t count = p->held_count;
    bool timers_first = rng_below(&sim->rng, 4) == 0;
    p->asleep = duration_add(p->asleep, instant_since(sim->now, p->since));
    set_life(sim, p, SIM_LIFE_RUNNING);
    p->held = NULL; /* what it does now may stop it again */
    p->held_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (timers_first)
            sim_put(sim, DURATION_ZERO, &held[i]);
        else
            sim_dispatch(sim, &held[i]);
    }
    free(held);
}

void sim_process_kill(struct sim *sim, struct sim_process *p) {
    p->run++;
    set_life(sim, p, SIM_LIFE_DEAD);
    for (uint32_t i = 0; i < p->held_count; i++)
        sim_event_drop(sim, &p->held[i]);
    p->held_count = 0;
    free(p->held);
    p->held = NULL;
}
