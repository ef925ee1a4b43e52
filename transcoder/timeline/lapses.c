#include "transcoder/timeline/lapses.h"

void lapses_restart(struct lapses *l, struct instant now) {
    *l = (struct lapses){.since = now, .at = now};
}

/* Half the weight for each period that has passed; what is left over counts next time. */
static struct lapses faded(const struct lapses *l, struct instant now) {
    struct lapses f = *l;
    int64_t halves = instant_since(now, l->at).us / duration_ms(LAPSES_HALF_MS).us;
    f.at = instant_add(l->at, duration_scale(duration_ms(LAPSES_HALF_MS), halves, 1));
    f.runs = halves < 32 ? l->runs >> halves : 0;
    f.frames = f.runs > 0 ? l->frames >> halves : 0;
    return f;
}

void lapses_seen(struct lapses *l, uint64_t frames, struct instant now) {
    if (frames == 0)
        return;
    *l = faded(l, now);
    if (l->runs == LAPSES_COUNT_MAX) {
        l->runs /= 2;
        l->frames /= 2;
    }
    l->runs++;
    l->frames += frames < LAPSES_FRAMES_MAX ? (uint32_t)frames : LAPSES_FRAMES_MAX;
}

struct duration lapses_bear(const struct lapses *l, struct duration frame, struct instant now) {
    struct lapses f = faded(l, now);
    if (f.runs == 0)
        return DURATION_ZERO;
    return duration_scale(frame, LAPSES_TIMES * (f.frames + LAPSES_PRIOR),
                          f.runs + LAPSES_PRIOR_RUNS);
}

bool lapses_are_unknown(const struct lapses *l, struct duration young, struct instant now) {
    return l->runs == 0 && instant_before(now, instant_add(l->since, young));
}
