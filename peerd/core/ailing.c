#include "peerd/core/ailing.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>

static struct ail *element(struct link *l) {
    return l == NULL ? NULL : LIST_ELEMENT(l, struct ail, link);
}

void ailing_init(struct ailing *a) {
    list_init(&a->list);
}

void ailing_forget(struct core *core, struct session *s) {
    if (s->ail == NULL)
        return;
    list_remove(&core->ailing.list, &s->ail->link);
    free(s->ail);
    s->ail = NULL;
}

static bool is_over(const struct core *core, const struct ail *a) {
    return instant_reached(core->now, instant_add(a->lost_at, AILING_FOR));
}

static void drop_old(struct core *core, uint32_t most) {
    struct ail *first;
    while ((first = element(list_first(&core->ailing.list))) != NULL &&
           (core->ailing.list.count > most || is_over(core, first)))
        ailing_forget(core, first->session);
}

static void begin(struct core *core, struct session *s) {
    drop_old(core, AILING_MAX - 1);
    s->ail = calloc(1, sizeof(*s->ail));
    if (s->ail == NULL)
        return;
    s->ail->session = s;
    s->ail->word_at = instant_us(INT64_MIN);
    list_append(&core->ailing.list, &s->ail->link);
}

static void lost_now(struct core *core, struct ail *a) {
    a->lost_at = core->now;
    list_remove(&core->ailing.list, &a->link);
    list_append(&core->ailing.list, &a->link);
}

static bool has_words(const struct core *core, const struct ail *a) {
    return !instant_reached(core->now, instant_add(a->word_at, AILING_WORDS));
}

void ailing_heard(struct core *core, struct session *s, const struct ailing_report *r) {
    bool loses = r->lost >= AILING_LOST && r->lost >= r->expected / AILING_ONE;
    if (s->ail == NULL && loses)
        begin(core, s);
    if (s->ail == NULL)
        return;
    level_add(&s->ail->rating, AILING_HALF, r->rating_centi, core->now);
    if (has_words(core, s->ail)) /* reports tell of what was due, a buffer later than that */
        return;
    s->ail->told_at = core->now;
    if (loses)
        lost_now(core, s->ail);
    drop_old(core, AILING_MAX);
}

void ailing_way_heard(struct core *core, const struct node_trip *t, const struct peering *of) {
    struct session *s = t->asked == 0 ? NULL : session_find(core, &t->session);
    const struct lean_word word = {t->asked, t->lost, t->due, t->missing, t->runs};
    if (s == NULL || s->state != SESSION_STATE_COMMITTED)
        return;
    bool loses = t->missing >= AILING_LOST && t->missing >= t->due / AILING_ONE;
    if (s->ail == NULL && loses)
        begin(core, s);
    if (s->ail == NULL)
        return;
    if (loses)
        lost_now(core, s->ail);
    if (t->due > 0) {
        s->ail->told_at = s->ail->word_at = core->now;
        s->ail->word = word;
    }
    lean_told(&s->ail->lean, of->number, &word, core->now);
    s->ail->leant |= lean_is_away(&s->ail->lean, core->now);
}

int32_t ailing_leaning(const struct core *core, const struct session *s, uint16_t peer) {
    int32_t leaning = 0;
    if (s->ail != NULL)
        (void)lean_towards(&s->ail->lean, peer, core->now, &leaning);
    return leaning;
}

bool ailing_is_away(const struct core *core, const struct session *s) {
    return s->ail != NULL && lean_is_away(&s->ail->lean, core->now);
}

bool ailing_is_within(const struct prefix *location, const struct addr *client) {
    return location->bits == 0 || prefix_holds(location, client);
}

struct ailing_view ailing_view(const struct core *core, const struct prefix *location,
                               uint16_t peer) {
    struct ailing_view v = {0};
    int64_t sum = 0;
    int32_t leaning;
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a)) {
        if (!ailing_is_within(location, &a->session->client) ||
            !lean_towards(&a->lean, peer, core->now, &leaning))
            continue;
        v.tell++;
        v.joined += lean_joined(leaning);
        sum += leaning;
    }
    v.either = lean_either(v.joined, sum);
    return v;
}

/* Its newest word, beside all of them. */
static void add_word(const struct core *core, struct ailing_fares *f, const struct ail *a) {
    if (instant_reached(core->now, instant_add(a->word_at, AILING_NOW)))
        return;
    f->runs += a->word.runs;
    f->usual_milli += lean_usual_milli(&a->lean, a->word.due);
}

struct ailing_fares ailing_fares(const struct core *core, const struct prefix *location) {
    struct ailing_fares f = {.lost_at = instant_us(INT64_MIN), .told_at = instant_us(INT64_MIN)};
    uint64_t sum = 0, rated = 0;
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a)) {
        if (!a->leant || is_over(core, a) || !ailing_is_within(location, &a->session->client))
            continue;
        f.sessions++;
        rated += a->rating.weight > 0;
        sum += level_mean(&a->rating);
        f.lost_at = instant_max(f.lost_at, a->lost_at);
        f.told_at = instant_max(f.told_at, a->told_at);
        add_word(core, &f, a);
    }
    f.centi = rated == 0 ? 0 : (uint32_t)(sum / rated);
    return f;
}

struct ail *ailing_next(const struct core *core, const struct ail *after) {
    return element(after == NULL ? list_first(&core->ailing.list)
                                 : list_after(&core->ailing.list, &after->link));
}

void ailing_check_invariants(const struct core *core) {
    uint32_t count = 0;
    struct instant before = instant_us(INT64_MIN);
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a)) {
        assert(a->session->ail == a && a->session->state == SESSION_STATE_COMMITTED);
        assert(!instant_before(a->lost_at, before));
        before = a->lost_at;
        count++;
    }
    assert(count == core->ailing.list.count && count <= AILING_MAX);
}
