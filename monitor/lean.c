#include "monitor/lean.h"

#include <stddef.h>

#define QUARTER 1386 /* [1/1000] ln 4 */
#define FRAMES  5    /* frames go by between two questions, 100 ms and 20 ms */

/* Half of it is left after LEAN_HALF: an eighth of that takes a twelfth away. */
static int32_t faded(const struct lean_way *w, struct instant now) {
    int64_t eighths = instant_since(now, w->at).us * 8 / LEAN_HALF.us;
    int32_t leaning = w->leaning;
    for (int64_t i = 0; i < eighths && i < 64; i++)
        leaning -= leaning / 12;
    return leaning;
}

/* [1/1000] ln ((1 + x) / (1 + x/4)) of x [1/1000], how often the way there was looked at for each
 * time that ours was: what a run of ours says. One that falls upon the way says as much less
 * ln 4. */
static int32_t worth_of_run(uint32_t x) {
    static const struct {
        uint32_t x;
        int32_t ln;
    } at[] = {{0, 0}, {125, 87}, {250, 163}, {500, 288}, {1000, 470}, {2000, 693}, {4000, 916}};
    size_t i = 1, last = sizeof(at) / sizeof(at[0]) - 1;
    if (x >= at[last].x)
        return at[last].ln;
    while (at[i].x < x)
        i++;
    return at[i - 1].ln + (at[i].ln - at[i - 1].ln) * (int32_t)(x - at[i - 1].x) /
                              (int32_t)(at[i].x - at[i - 1].x);
}

/* How long runs of ours are for this client, by all that it has told lately. */
static void learn_runs(struct lean_way *w, const struct lean_word *word) {
    if (w->runs >= LEAN_RUNS || w->due >= LEAN_RUNS * LEAN_DUE) {
        w->due /= 2;
        w->runs /= 2;
        w->missing /= 2;
    }
    w->due = (uint16_t)(w->due + word->due);
    w->runs = (uint16_t)(w->runs + word->runs);
    w->missing = (uint16_t)(w->missing + word->missing);
}

/* … and how answers that are missing clump together. */
static void learn_clumps(struct lean_way *w, const struct lean_word *word) {
    if (w->words >= LEAN_RUNS) {
        w->asked /= 2;
        w->lost /= 2;
        w->words /= 2;
        w->lossy /= 2;
    }
    w->asked = (uint16_t)(w->asked + word->asked);
    w->lost = (uint16_t)(w->lost + word->lost);
    w->words++;
    w->lossy = (uint16_t)(w->lossy + (word->lost > 0));
}

/* [1/1000] So many events is one answer that is missing. If they went missing each for itself more
 * words would tell of some. */
static int64_t events(const struct lean_way *w) {
    int64_t none = 1000, heard = 1000 * (int64_t)(w->asked - w->lost) / w->asked;
    for (int i = 0; i < w->asked / w->words; i++)
        none = none * heard / 1000;
    int64_t expected = w->words * (1000 - none);
    if (expected <= 1000 * (int64_t)w->lossy)
        return 1000;
    int64_t share = 1000 * 1000 * (int64_t)w->lossy / expected;
    return share * LEAN_CLUMP < 1000 ? 1000 / LEAN_CLUMP : share;
}

/* [1/1000] What one word says. Of a run of losses that is longer than it takes to ask again several
 * questions find the same. */
static int32_t said(const struct lean_way *w, const struct lean_word *word) {
    uint32_t run_x16 = w->runs == 0 ? 16 : w->missing * 16U / w->runs;
    uint32_t seen_x16 = run_x16 < 16 * FRAMES ? run_x16 : 16 * FRAMES; /* frames that one sees */
    uint64_t looks = (uint64_t)word->asked * seen_x16 * 1000 / 16 / word->due;
    int32_t worth = worth_of_run((uint32_t)(looks < 4000 ? looks : 4000));
    int64_t missing = (int64_t)word->lost * (worth - QUARTER) * seen_x16 / run_x16;
    return (int32_t)((int64_t)word->runs * worth + missing * events(w) / 1000);
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

static struct lean_word bounded_word(const struct lean_word *word) {
    struct lean_word w = *word;
    w.lost = w.lost < w.asked ? w.lost : w.asked;
    if (w.asked > LEAN_WORD) {
        w.lost = (uint32_t)((uint64_t)w.lost * LEAN_WORD / w.asked);
        w.asked = LEAN_WORD;
    }
    w.due = w.due < LEAN_DUE ? w.due : LEAN_DUE;
    w.missing = w.missing < w.due ? w.missing : w.due;
    w.runs = w.runs < w.missing ? w.runs : w.missing;
    return w;
}

void lean_told(struct lean *l, uint16_t cluster, const struct lean_word *word, struct instant now) {
    const struct lean_word w = bounded_word(word);
    if (w.asked == 0 || w.due == 0 || cluster == 0)
        return;
    struct lean_way *way = place_of(l, cluster);
    if (way->cluster != cluster)
        *way = (struct lean_way){.cluster = cluster, .at = now};
    learn_runs(way, &w);
    learn_clumps(way, &w);
    way->leaning = (int16_t)bounded(faded(way, now) + said(way, &w));
    way->at = now;
}

static const struct lean_way *fresh_way(const struct lean *l, uint16_t cluster,
                                        struct instant now) {
    for (int i = 0; i < LEAN_WAYS_MAX; i++)
        if (cluster != 0 && l->ways[i].cluster == cluster &&
            instant_before(now, instant_add(l->ways[i].at, LEAN_FRESH)))
            return &l->ways[i];
    return NULL;
}

bool lean_towards(const struct lean *l, uint16_t cluster, struct instant now, int32_t *leaning) {
    const struct lean_way *w = fresh_way(l, cluster, now);
    *leaning = w == NULL ? 0 : faded(w, now);
    return w != NULL;
}

bool lean_is_away(const struct lean *l, struct instant now) {
    int32_t leaning;
    for (int i = 0; i < LEAN_WAYS_MAX; i++)
        if (lean_towards(l, l->ways[i].cluster, now, &leaning) && leaning >= LEAN_SOME)
            return true;
    return false;
}

/* Each way has the same frames beside it; the one that was told of most has most. */
uint32_t lean_usual_milli(const struct lean *l, uint32_t due) {
    const struct lean_way *most = &l->ways[0];
    for (int i = 1; i < LEAN_WAYS_MAX; i++)
        if (l->ways[i].due > most->due)
            most = &l->ways[i];
    uint32_t frames = due < LEAN_DUE ? due : LEAN_DUE;
    return most->due == 0 ? 0 : frames * most->runs * 1000 / most->due;
}

void lean_add(struct lean_heard *sum, const struct lean *l, uint16_t cluster, struct instant now) {
    const struct lean_way *w = fresh_way(l, cluster, now);
    if (w == NULL || w->asked == 0)
        return;
    sum->asked += w->asked;
    sum->lost_milli += (uint32_t)(w->lost * events(w));
}

/* [1/1000] ln of x [1/1000], one at least: whole powers of two, and straight lines between. */
static int64_t ln_of(uint64_t x) {
    int64_t ln = 0;
    for (; x >= 2000; x /= 2)
        ln += 693;
    return ln + (int64_t)(x - 1000) * 693 / 1000;
}

/* Of rare events, after Poisson: each that is missing speaks for the more frequent ones. */
bool lean_is_apart(const struct lean *l, uint16_t cluster, const struct lean_heard *others,
                   struct instant now) {
    const struct lean_way *w = fresh_way(l, cluster, now);
    if (w == NULL || w->due == 0 || others->asked < LEAN_OTHERS ||
        others->lost_milli > (uint64_t)others->asked * LEAN_CLEAN)
        return false;
    int64_t ours = (int64_t)w->missing * 1000 / w->due, missing = w->lost * events(w);
    int64_t usual = (int64_t)w->asked * LEAN_CLEAN, fewer = w->asked * (ours - LEAN_CLEAN);
    int64_t chance = 2 * (int64_t)level_root((uint64_t)usual * 1000) + 500;
    return ours > LEAN_CLEAN && missing > usual + chance &&
           fewer / 2 < missing * ln_of((uint64_t)ours * 1000 / LEAN_CLEAN) / 1000;
}

/* ln (3/4 + e^x / 4) at each whole x, and straight lines between. */
int32_t lean_joined(int32_t leaning) {
    static const int32_t at[] = {-282, -271, -244, -172, 0, 357, 954, 1753, 2667};
    int32_t from = bounded(leaning) + LEAN_MOST, i = from / 1000;
    if (i == 2 * LEAN_MOST / 1000)
        return at[i];
    return at[i] + (at[i + 1] - at[i]) * (from % 1000) / 1000;
}

/* The larger one and ln ((1 + e^-x) / 2) of their difference, likewise. */
int64_t lean_either(int64_t joined, int64_t sum) {
    static const int32_t at[] = {0, -380, -566, -644, -675};
    int64_t larger = joined > sum ? joined : sum, x = joined > sum ? joined - sum : sum - joined;
    if (x >= 4000)
        return larger - 693;
    int64_t i = x / 1000;
    return larger + at[i] + (at[i + 1] - at[i]) * (x % 1000) / 1000;
}
