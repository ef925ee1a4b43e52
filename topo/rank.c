#include "topo/rank.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo): short texts, no adversary who gains from a collision. */
#define FNV_OFFSET 14695981039346656037ULL
#define FNV_PRIME  1099511628211ULL

static uint64_t fnv(uint64_t h, const void *data, size_t len) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * FNV_PRIME;
    return h;
}

/* The finaliser of splitmix64: FNV alone leaves the high bits of similar texts alike. */
static uint64_t mix(uint64_t h) {
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
    h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
    return h ^ h >> 31;
}

uint64_t rank_domain_of(const char *text) {
    if (text[0] == '\0')
        return 0;
    uint64_t h = mix(fnv(FNV_OFFSET, text, strlen(text)));
    return h == 0 ? 1 : h;
}

uint64_t rank_place_domain(const struct rank_place *place) {
    return mix(fnv(FNV_OFFSET, place, sizeof(*place)));
}

bool rank_is_eligible(const struct rank_candidate *c) {
    return c->usable && c->offers && c->accepts;
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* Unknown is not "other": a cluster that does not say where it stands gains nothing by it. */
static int other_first(uint64_t a, uint64_t b, uint64_t serving) {
    bool a_other = a != 0 && a != serving, b_other = b != 0 && b != serving;
    return (int)b_other - (int)a_other;
}

static int truth_first(bool a, bool b) {
    return (int)b - (int)a;
}

/* 0 below 8 ms, then one more for each doubling; unknown is last. */
static int rtt_class(struct duration rtt) {
    int class = 0;
    if (rtt.us == DURATION_ENDLESS.us)
        return 64;
    for (int64_t ms = duration_in_ms(rtt); ms >= 8; ms /= 2)
        class ++;
    return class;
}

/* -ln(u) / weight: the smallest of n such scores is candidate i with probability weight i over the
 * sum of weights, and a change in one candidate moves no session between two others. */
static double spread_score(const struct rank_candidate *c, const struct session_id *session) {
    uint64_t h = fnv(fnv(FNV_OFFSET, session->bytes, sizeof(session->bytes)), c->name.text,
                     strlen(c->name.text));
    double u = ((double)(mix(h) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
    double weight = c->free_slots == 0 ? 1 : c->free_slots;
    return -log(u) / weight;
}

static int spread(const struct rank_candidate *a, const struct rank_candidate *b,
                  const struct session_id *session) {
    double sa = spread_score(a, session), sb = spread_score(b, session);
    return sa < sb ? -1 : sa > sb;
}

int rank_compare(const struct rank_candidate *a, const struct rank_candidate *b,
                 const struct rank_place *serving, const struct session_id *session,
                 enum rank_rule *rule) {
    const int decided[] = {
        [RANK_RULE_NONE] = 0,
        [RANK_RULE_PROVIDER] = other_first(a->place.provider, b->place.provider, serving->provider),
        [RANK_RULE_REGION] = other_first(a->place.region, b->place.region, serving->region),
        [RANK_RULE_UPSTREAM] = other_first(a->place.upstream, b->place.upstream, serving->upstream),
        [RANK_RULE_DETERMINISM] = truth_first(a->same_determinism, b->same_determinism),
        [RANK_RULE_FREE_SLOTS] = truth_first(a->free_slots > 0, b->free_slots > 0),
        [RANK_RULE_RTT] = rtt_class(a->rtt) - rtt_class(b->rtt),
        [RANK_RULE_SPREAD] = spread(a, b, session),
        [RANK_RULE_NAME] = strcmp(a->name.text, b->name.text),
    };
    for (int r = RANK_RULE_PROVIDER; r <= RANK_RULE_NAME; r++)
        if (decided[r] != 0) {
            if (rule != NULL)
                *rule = (enum rank_rule)r;
            return decided[r];
        }
    if (rule != NULL)
        *rule = RANK_RULE_NONE;
    return 0;
}

size_t rank_order(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  uint8_t *order, size_t room) {
    assert(count <= RANK_CANDIDATES_MAX);
    size_t held = 0;
    for (size_t i = 0; i < count; i++) {
        if (!rank_is_eligible(&candidates[i]))
            continue;
        /* Insertion into the best few: `room` is 4 where it matters. */
        size_t at = held;
        while (at > 0 &&
               rank_compare(&candidates[i], &candidates[order[at - 1]], serving, session, NULL) < 0)
            at--;
        if (at == room)
            continue;
        size_t tail = (held < room ? held : room - 1) - at;
        memmove(&order[at + 1], &order[at], tail);
        order[at] = (uint8_t)i;
        if (held < room)
            held++;
    }
    return held;
}
