#include "monitor/lean.h"

#define ALL       10000 /* [1/100 %] */
#define OWN_LEAST 100   /* [1/100 %] who loses less suffers from something else */
#define MISSING   981   /* [1/1000] ln (2/3 / 1/4): a packet that is not answered */
#define FRAMES    5     /* frames go by between two questions, 100 ms and 20 ms */

void lean_own(struct lean *l, uint32_t expected, uint32_t lost, struct instant now) {
    if (expected == 0)
        return;
    uint64_t share = (uint64_t)(lost < expected ? lost : expected) * ALL / expected;
    level_add(&l->own, LEAN_OWN_HALF, (uint32_t)share, now);
}

/* Half of it is left after LEAN_HALF: an eighth of that takes a twelfth away. */
static int32_t faded(const struct lean_way *w, struct instant now) {
    int64_t eighths = instant_since(now, w->at).us * 8 / LEAN_HALF.us;
    int32_t leaning = w->leaning;
    for (int64_t i = 0; i < eighths && i < 64; i++)
        leaning -= leaning / 12;
    return leaning;
}

/* [1/1000] ln ((1 - p/4) / (1 - 2p/3)), within a twentieth of it. */
static int32_t worth_of_answer(uint32_t own) {
    return (int32_t)((uint64_t)own * 50000 / (1000000 - 42 * (uint64_t)own));
}

/* Its place, or a free one, or that of whoever was told of longest ago. */
static struct lean_way *place_of(struct lean *l, uint16_t cluster) {
    struct lean_way *oldest = &l->ways[0];
    for (int i = 0; i < LEAN_WAYS_MAX; i++)
        if (l->ways[i].cluster == cluster)
            return &l->ways[i];
    for (int i = 0; i < LEAN_WAYS_MAX; i++)
        if (l->ways[i].cluster == 0)
            return &l->ways[i];
    for (int i = 1; i < LEAN_WAYS_MAX; i++)
        if (instant_before(l->ways[i].at, oldest->at))
            oldest = &l->ways[i];
    return oldest;
}

static int32_t bounded(int32_t leaning) {
    return leaning > LEAN_MOST ? LEAN_MOST : leaning < -LEAN_MOST ? -LEAN_MOST : leaning;
}

void lean_told(struct lean *l, uint16_t cluster, uint32_t asked, uint32_t lost, uint32_t run_x16,
               struct instant now) {
    struct level own = l->own;
    level_fade(&own, LEAN_OWN_HALF, now);
    uint32_t share = level_mean(&own);
    if (asked == 0 || cluster == 0 || share < OWN_LEAST)
        return;
    if (lost > asked)
        lost = asked;
    if (asked > LEAN_WORD) {
        lost = (uint32_t)((uint64_t)lost * LEAN_WORD / asked);
        asked = LEAN_WORD;
    }
    struct lean_way *way = place_of(l, cluster);
    if (way->cluster != cluster)
        *way = (struct lean_way){.cluster = cluster, .at = now};
    int32_t frames = (int32_t)(run_x16 / 8) - 1; /* 2n - 1 of runs of n */
    int32_t said = (int32_t)(asked - lost) * worth_of_answer(share) - (int32_t)lost * MISSING;
    said = said * FRAMES / (frames > FRAMES ? frames : FRAMES);
    way->leaning = (int16_t)bounded(faded(way, now) + said);
    way->at = now;
}

bool lean_towards(const struct lean *l, uint16_t cluster, struct instant now, int32_t *leaning) {
    *leaning = 0;
    for (int i = 0; i < LEAN_WAYS_MAX; i++) {
        const struct lean_way *w = &l->ways[i];
        if (cluster == 0 || w->cluster != cluster ||
            instant_reached(now, instant_add(w->at, LEAN_FRESH)))
            continue;
        *leaning = faded(w, now);
        return true;
    }
    return false;
}

bool lean_is_away(const struct lean *l, struct instant now) {
    int32_t leaning;
    for (int i = 0; i < LEAN_WAYS_MAX; i++)
        if (lean_towards(l, l->ways[i].cluster, now, &leaning) && leaning >= LEAN_SOME)
            return true;
    return false;
}

/* ln (3/4 + e^x / 4) at each whole x, and straight lines between. */
int32_t lean_joined(int32_t leaning) {
    static const int32_t at[] = {-282, -271, -244, -172, 0, 357, 954, 1753, 2667};
    int32_t from = bounded(leaning) + LEAN_MOST, i = from / 1000;
    if (i == 2 * LEAN_MOST / 1000)
        return at[i];
    return at[i] + (at[i + 1] - at[i]) * (from % 1000) / 1000;
}
