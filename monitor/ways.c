#include "monitor/ways.h"

/* Losses in runs of n scatter as 2n − 1 times fewer packets that are lost one by one would. */
#define SCATTER (2 * WAYS_RUN - 1)

#define OWN_HALF duration_ms(500) /* [ms] as what is recent in degrade.h */

void ways_own(struct ways *w, uint32_t expected, uint32_t lost, struct instant now) {
    if (expected == 0)
        return;
    uint64_t share = (uint64_t)(lost < expected ? lost : expected) * WAYS_ALL / expected;
    level_add(&w->own, OWN_HALF, (uint32_t)share, now);
}

static uint32_t packets_of(const struct ways_entry *way, struct instant now) {
    struct level lost = way->lost;
    level_fade(&lost, WAYS_HALF, now);
    return way->cluster == 0 ? 0 : level_figures(&lost);
}

/* Its place, or the one that stands on least. */
static struct ways_entry *place_of(struct ways *w, uint16_t cluster, struct instant now) {
    struct ways_entry *least = &w->list[0];
    for (int i = 0; i < WAYS_MAX; i++)
        if (w->list[i].cluster == cluster)
            return &w->list[i];
    for (int i = 1; i < WAYS_MAX; i++)
        if (packets_of(&w->list[i], now) < packets_of(least, now))
            least = &w->list[i];
    *least = (struct ways_entry){.cluster = cluster};
    return least;
}

void ways_told(struct ways *w, uint16_t cluster, uint32_t asked, uint32_t lost,
               struct instant now) {
    if (asked == 0 || cluster == 0)
        return;
    struct ways_entry *way = place_of(w, cluster, now);
    if (lost > asked)
        lost = asked;
    if (asked > WAYS_WORD) {
        lost = (uint32_t)((uint64_t)lost * WAYS_WORD / asked);
        asked = WAYS_WORD;
    }
    for (uint32_t i = 0; i < asked; i++)
        level_add(&way->lost, WAYS_HALF, i < lost ? WAYS_ALL : 0, now);
}

/* How far it is from half of what is lost of ours, which is the border. */
static struct ways_view view_of(const struct ways *w, const struct ways_entry *way,
                                struct instant now) {
    struct level own = w->own, its = way->lost;
    level_fade(&own, OWN_HALF, now);
    level_fade(&its, WAYS_HALF, now);
    struct ways_view v = {.finding = WAYS_NOTHING,
                          .cluster = way->cluster,
                          .lost = level_mean(&its),
                          .packets = level_figures(&its),
                          .lost_ours = level_mean(&own)};
    if (way->cluster == 0 || v.packets < WAYS_MIN || v.lost_ours < WAYS_OWN)
        return v;
    uint64_t border = v.lost_ours / 2;
    uint32_t error = level_root(border * (WAYS_ALL - border) * SCATTER / v.packets);
    uint64_t away = v.lost > border ? v.lost - border : border - v.lost;
    v.finding = v.lost < border ? WAYS_PATH : WAYS_ACCESS;
    v.errors = (uint32_t)(away * 100 / (error == 0 ? 1 : error));
    return v;
}

static bool is_clearer(const struct ways_view *v, const struct ways_view *than) {
    return v->finding != WAYS_NOTHING &&
           (than->finding == WAYS_NOTHING ||
            (v->finding == than->finding ? v->errors > than->errors : v->finding == WAYS_PATH));
}

struct ways_view ways_find(const struct ways *w, struct instant now) {
    struct ways_view found = {.finding = WAYS_NOTHING};
    for (int i = 0; i < WAYS_MAX; i++) {
        struct ways_view v = view_of(w, &w->list[i], now);
        if (is_clearer(&v, &found))
            found = v;
    }
    return found;
}

struct ways_view ways_one(const struct ways *w, uint16_t cluster, struct instant now) {
    for (int i = 0; i < WAYS_MAX; i++)
        if (w->list[i].cluster == cluster && cluster != 0)
            return view_of(w, &w->list[i], now);
    return (struct ways_view){.finding = WAYS_NOTHING};
}
