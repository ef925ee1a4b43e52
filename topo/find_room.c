/*
 * Room: who is known, where not everybody can be. The rule stands at the head of find.h.
 */
#include "topo/find_private.h"

#define TALLIES_MAX 128

static bool gives_way(const struct find_cluster *c) {
    return c->told_by == 0 && !c->asked && !c->announced &&
           (c->state == FIND_STATE_HEARD || c->state == FIND_STATE_REFUSED);
}

static bool speaks_alone(const struct find_cluster *c, const struct find_key *by) {
    return c->used && c->introduced && c->told_by == 0 && find_key_equal(&c->introducer, by);
}

static uint32_t count_of(const struct find *f, const struct find_key *introducer) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->top; i++)
        count += speaks_alone(&f->clusters[i], introducer);
    return count;
}

/* Of those who may give way the one that nobody has reached and nobody has spoken for lately, of
 * `introducer` alone if it is given. */
static struct find_cluster *last_of(struct find *f, const struct find_key *introducer,
                                    bool unreached) {
    struct find_cluster *last = NULL;
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *c = &f->clusters[i];
        if (c->used && gives_way(c) && (c->misses > 0 || !unreached) &&
            (introducer == NULL || speaks_alone(c, introducer)) &&
            (last == NULL || instant_before(c->spoken_for, last->spoken_for)))
            last = c;
    }
    return last;
}

/* So many each introducer speaks for. */
struct tally {
    struct find_key introducer;
    uint32_t count;
};

/* Whoever speaks for most, and for how many. Of more than TALLIES_MAX the last ones do not count:
 * those whom our peers introduce are as many as these at most, and some whose introducer is gone.
 */
static uint32_t greatest(const struct find *f, struct find_key *out) {
    struct tally tallies[TALLIES_MAX];
    uint32_t count = 0, most = 0;
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        uint32_t t = 0;
        if (!speaks_alone(c, &c->introducer))
            continue;
        while (t < count && !find_key_equal(&tallies[t].introducer, &c->introducer))
            t++;
        if (t == TALLIES_MAX)
            continue;
        if (t == count)
            tallies[count++] = (struct tally){c->introducer, 0};
        if (++tallies[t].count > most) {
            most = tallies[t].count;
            *out = c->introducer;
        }
    }
    return most;
}

/* Who makes room for one that `by` introduces, or a domain names (NULL); NULL: nobody. */
static struct find_cluster *to_give_way(struct find *f, const struct find_key *by, uint32_t known) {
    struct find_key greedy = {{0}};
    if (by != NULL && known >= FIND_INTRODUCED_MAX)
        return last_of(f, by, true);
    struct find_cluster *last = last_of(f, NULL, true);
    if (last != NULL)
        return last;
    if (by == NULL)
        return last_of(f, NULL, false);
    return greatest(f, &greedy) > known + 1 ? last_of(f, &greedy, false) : NULL;
}

struct find_cluster *find_room(struct find *f, const struct find_key *by) {
    struct find_cluster *unused = NULL;
    uint32_t known = by != NULL ? count_of(f, by) : 0;
    for (uint32_t i = 0; i < f->top && unused == NULL; i++)
        if (!f->clusters[i].used)
            unused = &f->clusters[i];
    if (unused == NULL && f->top < FIND_CLUSTERS_MAX)
        unused = &f->clusters[f->top];
    bool full = unused == NULL || (by != NULL && known >= FIND_INTRODUCED_MAX);
    return full ? to_give_way(f, by, known) : unused;
}
