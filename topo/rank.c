#include "topo/rank.h"

#include <assert.h>
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

int rank_compare(const struct rank_candidate *a, const struct rank_candidate *b,
                 const struct rank_place *serving, enum rank_rule *rule) {
    const int decided[] = {
        [RANK_RULE_NONE] = 0,
        [RANK_RULE_PROVIDER] = other_first(a->place.provider, b->place.provider, serving->provider),
        [RANK_RULE_REGION] = other_first(a->place.region, b->place.region, serving->region),
        [RANK_RULE_UPSTREAM] = other_first(a->place.upstream, b->place.upstream, serving->upstream),
        [RANK_RULE_DETERMINISM] = truth_first(a->same_determinism, b->same_determinism),
        [RANK_RULE_FREE_SLOTS] = truth_first(a->free_slots > 0, b->free_slots > 0),
        [RANK_RULE_RTT] = rtt_class(a->rtt) - rtt_class(b->rtt),
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

/* ---- dealing --------------------------------------------------------------------------------- */

/* Where a session stands between 0 and 1: in the middle of its class. Ids are random; their first
 * bytes choose the worker at a backup (peerd/core/open.c), which must not go by the class. */
static double point_of(const struct session_id *session) {
    uint32_t number = 0;
    for (size_t i = SESSION_ID_BYTES / 2; i < SESSION_ID_BYTES / 2 + 4; i++)
        number = number << 8 | session->bytes[i];
    return (number % RANK_CLASSES + 0.5) / RANK_CLASSES;
}

static double weight(const struct rank_candidate *c) {
    return c->free_slots == 0 ? 1 : c->free_slots;
}

/* Takes out the one of `count` at which the point is when each has as much room between 0 and 1 as
 * its weight says. The point then says where it is within that room: that is as even. */
static uint8_t draw(const struct rank_candidate *candidates, uint8_t *from, size_t count,
                    double *point) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weight(&candidates[from[i]]);
    double at = *point * sum;
    size_t i = 0;
    for (; i + 1 < count && at >= weight(&candidates[from[i]]); i++)
        at -= weight(&candidates[from[i]]);
    uint8_t drawn = from[i];
    at /= weight(&candidates[drawn]);
    *point = at < 0 ? 0 : at >= 1 ? 0.5 : at;
    memmove(&from[i], &from[i + 1], count - i - 1);
    return drawn;
}

static size_t sort_eligible(const struct rank_candidate *candidates, size_t count,
                            const struct rank_place *serving, uint8_t *sorted) {
    size_t held = 0;
    for (size_t i = 0; i < count; i++) {
        if (!rank_is_eligible(&candidates[i]))
            continue;
        size_t at = held++;
        for (;
             at > 0 && rank_compare(&candidates[i], &candidates[sorted[at - 1]], serving, NULL) < 0;
             at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = (uint8_t)i;
    }
    return held;
}

/* How many of those that follow are equal to the first. */
static size_t count_equal(const struct rank_candidate *candidates, const uint8_t *sorted,
                          size_t count, const struct rank_place *serving) {
    enum rank_rule rule = RANK_RULE_NAME;
    size_t equal = 0;
    while (++equal < count) {
        rank_compare(&candidates[sorted[0]], &candidates[sorted[equal]], serving, &rule);
        if (rule != RANK_RULE_NAME && rule != RANK_RULE_NONE)
            break;
    }
    return equal;
}

size_t rank_order(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  uint8_t *order, size_t room) {
    uint8_t sorted[RANK_CANDIDATES_MAX];
    assert(count <= RANK_CANDIDATES_MAX);
    size_t left = sort_eligible(candidates, count, serving, sorted), held = 0;
    double point = point_of(session);
    for (uint8_t *next = sorted; left > 0 && held < room;) {
        size_t equal = count_equal(candidates, next, left, serving);
        for (size_t i = equal; i > 0 && held < room; i--)
            order[held++] = draw(candidates, next, i, &point);
        next += equal;
        left -= equal;
    }
    return held;
}
