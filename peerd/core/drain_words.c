#include "peerd/core/state.h"

/* Which word on draining is the newest, and what a peerd that was started anew learns of it from
 * its nodes; see wire/drain_word.h. */

static uint64_t after(uint64_t number) {
    return number < DRAIN_WORD_NUMBER_MAX ? number + 1 : number;
}

void drain_spoken(struct core *core) {
    struct drain *d = &core->drain;
    int64_t wall_ms = core->wall.us / 1000;
    d->spoken = true;
    d->number = after(d->number);
    if (wall_ms > 0 && (uint64_t)wall_ms > d->number && (uint64_t)wall_ms < DRAIN_WORD_NUMBER_MAX)
        d->number = (uint64_t)wall_ms;
}

static uint64_t ms_between(struct instant from, struct instant to) {
    int64_t ms = duration_in_ms(instant_since(to, from));
    return ms <= 0 ? 0 : (uint64_t)ms < DRAIN_WORD_MS_MAX ? (uint64_t)ms : DRAIN_WORD_MS_MAX;
}

struct drain_word drain_word(const struct core *core) {
    const struct drain *d = &core->drain;
    if (!d->active)
        return (struct drain_word){.number = d->number};
    return (struct drain_word){.number = d->number,
                               .active = true,
                               .to = d->to,
                               .age_ms = ms_between(d->since, core->now),
                               .within_ms = ms_between(d->since, d->deadline),
                               .gone = d->progress.gone};
}

/* Of the same word another node has heard later how many have gone. Who went while nobody counted
 * is counted nowhere. */
static void heard_again(struct drain *d, const struct drain_word *w) {
    if (d->active && w->active && !d->spoken && d->progress.gone < w->gone)
        d->progress.gone = w->gone;
}

void drain_heard(struct core *core, const struct node *n, const struct drain_word *w) {
    struct drain *d = &core->drain;
    if (w->number == 0 || w->number < d->number)
        return;
    if (w->number == d->number) {
        heard_again(d, w);
        return;
    }
    if (d->spoken) { /* since we run: of an earlier run there is no later one */
        d->number = after(w->number);
        return;
    }
    d->number = w->number;
    if (w->active)
        drain_resume(core, n, w);
    else
        drain_called_off(core, ", as nodes were told");
}
