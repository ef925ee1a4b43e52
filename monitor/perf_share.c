/*
 * Who of our peers holds how much of monitor/perf, and who gives way.
 *
 * Of places where we have no clients we know what peers tell, and a peer may tell of any number of
 * them. When the table is full the peer that has words on most of them loses some, those that it
 * has not said again for longest, until it has no more than the next one; then both do. So nobody
 * loses a word to somebody who has fewer, and of n peers each keeps what it says of an n-th of the
 * table at least. A place that nobody has a word on any more goes.
 */
#include "monitor/perf_table.h"

#include <stdlib.h>

#define SHARES_MAX 256 /* peers that are told apart; those beyond are one */
#define FREED_PART 64  /* of all words, taken at once */

struct share {
    uint16_t cluster;
    uint32_t words; /* on places of nobody of ours */
};

struct shares {
    struct share list[SHARES_MAX];
    uint32_t count;
    uint32_t words; /* of all */
};

static struct share *share_of(struct shares *s, uint16_t cluster) {
    for (uint32_t i = 0; i < s->count; i++)
        if (s->list[i].cluster == cluster)
            return &s->list[i];
    if (s->count == SHARES_MAX)
        return &s->list[SHARES_MAX - 1];
    s->list[s->count] = (struct share){.cluster = cluster};
    return &s->list[s->count++];
}

static void count_words(const struct perf *p, struct shares *s) {
    s->count = s->words = 0;
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; p->list[i].own == NULL && k < p->list[i].peer_count; k++) {
            share_of(s, p->list[i].peers[k].cluster)->words++;
            s->words++;
        }
}

/* So many words each may keep, if together they are to lose at least `wanted`. */
static uint32_t level_of(const struct shares *s, uint32_t wanted) {
    uint32_t level = 0, over = 0;
    for (uint32_t i = 0; i < s->count; i++)
        level = s->list[i].words > level ? s->list[i].words : level;
    for (; over < wanted && level > 0; level--) {
        over = 0;
        for (uint32_t i = 0; i < s->count; i++)
            over += s->list[i].words >= level ? s->list[i].words - level + 1 : 0;
    }
    return level;
}

static int oldest_first(const void *a, const void *b) {
    const struct instant *x = a, *y = b;
    return x->us < y->us ? -1 : x->us > y->us;
}

/* When it said the last of the `less` words that it said before all others. */
static struct instant limit_of(const struct perf *p, uint16_t cluster, uint32_t less,
                               struct instant *sorted) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; p->list[i].own == NULL && k < p->list[i].peer_count; k++)
            if (p->list[i].peers[k].cluster == cluster)
                sorted[count++] = p->list[i].peers[k].heard_at;
    qsort(sorted, count, sizeof(sorted[0]), oldest_first);
    return sorted[less - 1];
}

static void take_words(struct perf *p, const struct share *from, uint32_t less,
                       struct instant limit) {
    for (uint32_t i = 0; i < p->count && less > 0; i++) {
        struct perf_location *at = &p->list[i];
        for (uint32_t k = 0; at->own == NULL && k < at->peer_count; k++) {
            if (at->peers[k].cluster != from->cluster ||
                instant_before(limit, at->peers[k].heard_at))
                continue;
            at->peers[k] = at->peers[--at->peer_count];
            less--;
            break;
        }
    }
}

/* Takes a part of all words, of who has most. */
static void level_down(struct perf *p, const struct shares *s, struct instant *sorted) {
    uint32_t level = level_of(s, s->words / FREED_PART + 1);
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t less = s->list[i].words > level ? s->list[i].words - level : 0;
        if (less > 0)
            take_words(p, &s->list[i], less, limit_of(p, s->list[i].cluster, less, sorted));
    }
    perf_table_drop_silent(p);
}

bool perf_share_free(struct perf *p) {
    struct shares shares;
    struct instant *sorted = malloc(p->count * sizeof(sorted[0]));
    if (sorted == NULL)
        return false;
    do {
        count_words(p, &shares);
        level_down(p, &shares, sorted);
    } while (shares.words > 0 && p->count == p->settings.locations_max);
    free(sorted);
    return p->count < p->settings.locations_max;
}
