#include "transcoder/hls/tempo.h"

#define PER_MS 48 /* [samples] */
#define SLOWLY 16 /* chunks in which a difference is to be made up for: more than TEMPO_CHUNKS */

static int64_t least(const struct tempo *t) {
    int64_t least = t->late_ms[0];
    for (uint32_t i = 1; i < TEMPO_CHUNKS && i < t->count; i++)
        least = t->late_ms[i] < least ? t->late_ms[i] : least;
    return least;
}

static int32_t stretch_for(int64_t off_ms) {
    if (off_ms <= TEMPO_CALM_MS && off_ms >= -TEMPO_CALM_MS)
        return 0;
    off_ms -= off_ms > 0 ? TEMPO_CALM_MS : -TEMPO_CALM_MS;
    int64_t samples = off_ms * PER_MS / SLOWLY;
    if (samples > TEMPO_SAMPLES_MAX)
        samples = TEMPO_SAMPLES_MAX;
    return (int32_t)(samples < -TEMPO_SAMPLES_MAX ? -TEMPO_SAMPLES_MAX : samples);
}

bool tempo_heard(struct tempo *t, int64_t late_ms, int32_t *stretch) {
    int64_t before = t->count > 0 ? t->late_ms[(t->count - 1) % TEMPO_CHUNKS] : 0;
    *stretch = 0;
    if (late_ms > TEMPO_LOST_MS && before > TEMPO_LOST_MS && late_ms > before - TEMPO_GAINS_MS) {
        *t = (struct tempo){.count = 0};
        return true;
    }
    t->late_ms[t->count++ % TEMPO_CHUNKS] = late_ms;
    if (t->count >= TEMPO_CHUNKS)
        *stretch = stretch_for(least(t) - TEMPO_AIM_MS);
    return false;
}
