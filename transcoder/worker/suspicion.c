#include "transcoder/worker/suspicion.h"

#include <stdio.h>

void suspicion_init(struct suspicion *s) {
    *s = (struct suspicion){.sampled = INSTANT_NEVER};
}

/* 0 where the kernel does not say: then there is no excuse. */
static uint64_t waited_ns(pid_t pid) {
    char path[64];
    unsigned long long ran, waited = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
        waited = 0;
    fclose(f);
    return waited;
}

static void sample(struct suspicion *s, uint64_t waited, struct instant now) {
    s->sampled = now;
    s->waited_ns = waited;
}

enum suspicion_verdict suspicion_judge(struct suspicion *s, pid_t pid, struct duration stalled,
                                       struct duration limit, struct instant now) {
    if (duration_less(stalled, duration_scale(limit, 1, 2))) {
        suspicion_init(s);
        return SUSPICION_NONE;
    }
    if (instant_is_never(s->sampled))
        sample(s, waited_ns(pid), now);
    if (duration_less(stalled, limit))
        return SUSPICION_NONE;
    if (!duration_less(stalled, duration_scale(limit, SUSPICION_STARVED_MAX, 1)))
        return SUSPICION_STUCK;
    struct duration since = instant_since(now, s->sampled);
    if (duration_less(since, duration_scale(limit, 1, 4)))
        return SUSPICION_NONE;
    uint64_t waited = waited_ns(pid);
    bool starved = (waited - s->waited_ns) / 1000 * 4 > (uint64_t)since.us;
    sample(s, waited, now);
    return starved ? SUSPICION_STARVED : SUSPICION_STUCK;
}
