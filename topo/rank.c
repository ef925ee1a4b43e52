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

/* ---- rules ----------------------------------------------------------------------------------- */

/*
 * A candidate's key: rules 4 to 10, each a number of a few bits of which less is better, one after
 * the other. So two are compared by one comparison, and the highest bit in which they differ says
 * which rule decided.
 */
#define NEARNESS_BITS    12
#define COST_BITS        32
#define DETERMINISM_BITS 1
#define DOMAIN_BITS      3
#define EXPERIENCE_BITS  3
#define COST_AT          NEARNESS_BITS
#define DETERMINISM_AT   (COST_AT + COST_BITS)
#define LIST_AT          (DETERMINISM_AT + DETERMINISM_BITS)
#define SERVING_AT       (LIST_AT + DOMAIN_BITS)
#define EXPERIENCE_AT    (SERVING_AT + DOMAIN_BITS)
#define SLOTS_AT         (EXPERIENCE_AT + EXPERIENCE_BITS)

#define NEARNESS_UNKNOWN ((1u << NEARNESS_BITS) - 1)
#define NEARNESS_US      2000 /* the finest class */
#define OCTAVE_PARTS     16
#define PROXY_MS         8 /* [ms] below that clusters are equally near to each other */

#define RULES(X)                                                                                   \
    X(RANK_RULE_NONE, "-")                                                                         \
    X(RANK_RULE_MAY, "may not")                                                                    \
    X(RANK_RULE_SOURCE, "does not reach the source")                                               \
    X(RANK_RULE_VERDICT, "verdict")                                                                \
    X(RANK_RULE_FREE_SLOTS, "free slots")                                                          \
    X(RANK_RULE_EXPERIENCE, "experience")                                                          \
    X(RANK_RULE_SERVING, "falls with the serving cluster")                                         \
    X(RANK_RULE_LIST, "falls with one before it")                                                  \
    X(RANK_RULE_DETERMINISM, "other determinism id")                                               \
    X(RANK_RULE_COST, "cost")                                                                      \
    X(RANK_RULE_NEARNESS, "nearness")                                                              \
    X(RANK_RULE_NAME, "name")

const char *rank_rule_text(enum rank_rule rule) {
    switch (rule) {
#define RULE_CASE(number, text)                                                                    \
    case number:                                                                                   \
        return text;
        RULES(RULE_CASE)
#undef RULE_CASE
    }
    return "-";
}

enum rank_rule rank_excluded_by(const struct rank_candidate *c) {
    return !c->accepts  ? RANK_RULE_MAY
           : !c->offers ? RANK_RULE_SOURCE
           : !c->usable ? RANK_RULE_VERDICT
                        : RANK_RULE_NONE;
}

/* Unknown is not "other": a cluster that does not say where it stands gains nothing by it. */
static unsigned falls_with(const struct rank_place *a, const struct rank_place *b) {
    return (unsigned)(a->provider == b->provider || a->provider == 0) << 2 |
           (unsigned)(a->region == b->region || a->region == 0) << 1 |
           (unsigned)(a->upstream == b->upstream || a->upstream == 0);
}

/* Bands of G.107 annex B: from 80 on listeners are satisfied, from 70 on some are not, from 60 on
 * many, from 50 on nearly all; below, it is not recommended. Only what it surely is not counts. */
static unsigned experience_class(const struct rank_experience *e) {
    unsigned best_tenths = e->known ? (unsigned)e->r_tenths + e->margin_tenths : 1000;
    return best_tenths >= 800   ? 0
           : best_tenths >= 700 ? 1
           : best_tenths >= 600 ? 2
           : best_tenths >= 500 ? 3
                                : 4;
}

/* The number of the class that holds it: 2 ms wide below 64 ms, then sixteen to an octave. */
static unsigned class_of(int64_t us) {
    uint64_t units = (uint64_t)us / NEARNESS_US;
    unsigned octave = 0;
    while (units >> octave >= 2 * OCTAVE_PARTS)
        octave++;
    uint64_t class = octave * OCTAVE_PARTS + (units >> octave);
    return class < NEARNESS_UNKNOWN ? (unsigned)class : NEARNESS_UNKNOWN - 1;
}

/* The class of the middle of the octave that it is in. */
static unsigned class_of_proxy(struct duration rtt) {
    int64_t middle_ms = PROXY_MS / 2;
    if (rtt.us <= 0 || rtt.us == DURATION_ENDLESS.us)
        return NEARNESS_UNKNOWN;
    for (int64_t ms = duration_in_ms(rtt), octave_ms = PROXY_MS; ms >= octave_ms; octave_ms *= 2)
        middle_ms = octave_ms + octave_ms / 2;
    return class_of(middle_ms * 1000);
}

static unsigned nearness_class(const struct rank_candidate *c) {
    if (c->rtt_measured.us > 0)
        return class_of(c->rtt_measured.us);
    return c->rtt_estimated.us > 0 ? class_of(c->rtt_estimated.us) : class_of_proxy(c->rtt);
}

static uint64_t key_of(const struct rank_candidate *c, const struct rank_place *serving) {
    return (uint64_t)(c->free_slots == 0) << SLOTS_AT |
           (uint64_t)experience_class(&c->experience) << EXPERIENCE_AT |
           (uint64_t)falls_with(&c->place, serving) << SERVING_AT |
           (uint64_t)!c->same_determinism << DETERMINISM_AT | (uint64_t)c->cost << COST_AT |
           nearness_class(c);
}

/* What one before it in the list adds to its key. */
static uint64_t key_after(const struct rank_place *place, const struct rank_place *before) {
    return (uint64_t)falls_with(place, before) << LIST_AT;
}

static enum rank_rule rule_between(uint64_t a, uint64_t b) {
    uint64_t differ = a ^ b;
    return differ >> SLOTS_AT         ? RANK_RULE_FREE_SLOTS
           : differ >> EXPERIENCE_AT  ? RANK_RULE_EXPERIENCE
           : differ >> SERVING_AT     ? RANK_RULE_SERVING
           : differ >> LIST_AT        ? RANK_RULE_LIST
           : differ >> DETERMINISM_AT ? RANK_RULE_DETERMINISM
           : differ >> COST_AT        ? RANK_RULE_COST
           : differ != 0              ? RANK_RULE_NEARNESS
                                      : RANK_RULE_NAME;
}

static uint64_t key_in(const struct rank_candidate *c, const struct rank_list *list) {
    uint64_t key = key_of(c, &list->serving);
    for (size_t i = 0; i < list->before_count; i++)
        key |= key_after(&c->place, &list->before[i]);
    return key;
}

int rank_compare(const struct rank_candidate *a, const struct rank_candidate *b,
                 const struct rank_list *list, enum rank_rule *rule) {
    enum rank_rule out_a = rank_excluded_by(a), out_b = rank_excluded_by(b), decided;
    uint64_t key_a = key_in(a, list), key_b = key_in(b, list);
    int order;
    if (out_a != out_b) { /* who gets further comes first */
        bool a_first = out_a == RANK_RULE_NONE || (out_b != RANK_RULE_NONE && out_a > out_b);
        decided = a_first ? out_b : out_a;
        order = a_first ? -1 : 1;
    } else {
        decided = rule_between(key_a, key_b);
        order = key_a != key_b ? key_a < key_b ? -1 : 1 : strcmp(a->name.text, b->name.text);
    }
    if (rule != NULL)
        *rule = order == 0 ? RANK_RULE_NONE : decided;
    return order;
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

/* One that is not in the order yet. */
struct contender {
    uint64_t key;
    double weight;
    struct rank_place place;
};

/* Those that are left, as indexes into `all` (and into the candidates), by name. */
struct contenders {
    struct contender all[RANK_CANDIDATES_MAX];
    uint8_t left[RANK_CANDIDATES_MAX];
    size_t count;
    uint64_t key; /* the least of those left … */
    size_t first; /* … who of them has it first … */
    size_t equal; /* … and how many have it */
};

/* Of those that have the least key, the one at which the point is when each has as much room
 * between 0 and 1 as its weight says. The point then says where it is within that room: that is as
 * even. Returns its place among those left. */
static size_t draw(const struct contenders *c, double *point) {
    double sum = 0, at;
    size_t drawn = c->first;
    if (c->equal == 1)
        return drawn; /* the room is all its own */
    for (size_t i = c->first; i < c->count; i++)
        sum += c->all[c->left[i]].key == c->key ? c->all[c->left[i]].weight : 0;
    at = *point * sum;
    for (size_t i = c->first + 1; i < c->count && at >= c->all[c->left[drawn]].weight; i++) {
        if (c->all[c->left[i]].key != c->key)
            continue;
        at -= c->all[c->left[drawn]].weight;
        drawn = i;
    }
    at /= c->all[c->left[drawn]].weight;
    *point = at < 0 ? 0 : at >= 1 ? 0.5 : at;
    return drawn;
}

/* Where the name belongs among those entered. */
static size_t place_of(const struct contenders *c, const struct rank_candidate *candidates,
                       const struct name *name) {
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(name->text, candidates[c->left[middle]].name.text) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void enter(struct contenders *c, const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving) {
    c->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rank_candidate *x = &candidates[i];
        if (rank_excluded_by(x) != RANK_RULE_NONE)
            continue;
        size_t at = place_of(c, candidates, &x->name);
        memmove(&c->left[at + 1], &c->left[at], c->count - at);
        c->left[at] = (uint8_t)i;
        c->count++;
        c->all[i] = (struct contender){.key = key_of(x, serving),
                                       .weight = x->free_slots == 0 ? 1 : x->free_slots,
                                       .place = x->place};
    }
}

/* Finds who comes next. Who falls with the one just taken has that held against it first. */
static void find_least(struct contenders *c, const struct rank_place *taken) {
    c->key = UINT64_MAX;
    c->equal = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct contender *x = &c->all[c->left[i]];
        if (taken != NULL)
            x->key |= key_after(&x->place, taken);
        if (x->key < c->key) {
            c->key = x->key;
            c->first = i;
            c->equal = 1;
        } else if (x->key == c->key) {
            c->equal++;
        }
    }
}

size_t rank_order(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  uint8_t *order, size_t room) {
    struct contenders left;
    assert(count <= RANK_CANDIDATES_MAX);
    enter(&left, candidates, count, serving);
    find_least(&left, NULL);
    double point = session != NULL ? point_of(session) : 0;
    size_t held = 0;
    while (left.count > 0 && held < room) {
        size_t at = session != NULL ? draw(&left, &point) : left.first;
        uint8_t taken = left.left[at];
        order[held++] = taken;
        left.count--;
        memmove(&left.left[at], &left.left[at + 1], left.count - at);
        find_least(&left, &left.all[taken].place);
    }
    return held;
}

/* ---- tables ---------------------------------------------------------------------------------- */

size_t rank_table(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  struct rank_row rows[RANK_CANDIDATES_MAX]) {
    uint8_t order[RANK_CANDIDATES_MAX];
    struct rank_place before[RANK_CANDIDATES_MAX];
    size_t ranked = rank_order(candidates, count, serving, session, order, RANK_CANDIDATES_MAX);
    for (size_t i = 0; i < ranked; i++) {
        rows[i] = (struct rank_row){.candidate = order[i], .place = (uint8_t)(i + 1)};
        before[i] = candidates[order[i]].place;
        const struct rank_list list = {*serving, before, i == 0 ? 0 : i - 1};
        if (i > 0)
            rank_compare(&candidates[order[i - 1]], &candidates[order[i]], &list, &rows[i].rule);
    }
    size_t held = ranked;
    for (size_t i = 0; i < count; i++)
        if (rank_excluded_by(&candidates[i]) != RANK_RULE_NONE)
            rows[held++] = (struct rank_row){.candidate = (uint8_t)i,
                                             .rule = rank_excluded_by(&candidates[i])};
    return held;
}
