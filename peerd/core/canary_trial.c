/*
 * What became of those who went off a bad path: do others follow, do they themselves come back?
 *
 * Two questions, and a comparison for each. Others follow if those who went fare better than those
 * who stayed, and suffer, in the same time: what they had before tells nothing of that, for the
 * path may be well meanwhile, and who goes for having had bad luck has better luck anywhere. They
 * themselves come back if they fare no better than those who stayed nor than *they did before they
 * went*: where all who share a path have left it, those who stay are others, who lose by chance.
 * See canary.h.
 */
#include "peerd/core/canary_inner.h"

#include "peerd/core/state.h"
#include "topo/location.h"

#define CHANCE_TWICE 2 /* of what chance may make of a mean one in so many counts, see there */

/* ---- before ---------------------------------------------------------------------------------- */

/* What it has lately, as it loses frames; else as it reports. */
static uint16_t fares_now(const struct session *s) {
    return s->ail != NULL && s->ail->rating.weight > 0 ? (uint16_t)level_mean(&s->ail->rating)
                                                       : s->fares_centi;
}

/* Reports tell of what was due, a buffer later than it was lost: as long as it is here it is known
 * better and better. */
void canary_note_before(const struct core *core, struct canary *c) {
    for (uint32_t i = 0; i < c->sent && i < CANARY_MAX; i++) {
        const struct session *s = session_find(core, &c->sessions[i]);
        if (s != NULL && s->state == SESSION_STATE_COMMITTED)
            c->had_centi[i] = fares_now(s);
    }
}

uint32_t canary_before_centi(const struct canary *c) {
    uint32_t sum = 0, known = 0;
    for (uint32_t i = 0; i < c->sent && i < CANARY_MAX; i++) {
        sum += c->had_centi[i];
        known += c->had_centi[i] > 0;
    }
    return known == 0 ? 0 : sum / known;
}

void canary_note_worst(const struct core *core, struct canary *c) {
    struct ailing_fares ailing = ailing_fares(core, &c->location);
    uint32_t now = ailing.centi > 0 ? ailing.centi : c->of_ailing ? 0 : canary_own_centi(core, c);
    if (now > 0 && (c->worst_centi == 0 || now < c->worst_centi))
        c->worst_centi = now;
}

/* ---- compared -------------------------------------------------------------------------------- */

/* [R/100] So much chance may make of a mean: 95 % of normal ones, one-sided. */
static uint32_t chance(uint32_t spread_centi, uint32_t reports) {
    uint64_t wide = spread_centi < DEGRADE_SPREAD_MIN ? DEGRADE_SPREAD_MIN : spread_centi;
    return level_root(wide * wide * 269 / 100 / reports);
}

/* Those who went, since they came there, than those who stayed, in the same time and now: the path
 * may have become well meanwhile. [R/100], 0: they do not */
static uint32_t gain(const struct core *core, const struct canary *c) {
    uint32_t mean = c->stayed_centi / c->stayed_looks, own = canary_own_centi(core, c);
    uint32_t stayed = own > mean ? own : mean;
    return c->told_centi > stayed ? c->told_centi - stayed : 0;
}

static bool objects_at(const struct core *core, const struct canary *c,
                       const struct prefix *location) {
    struct fares_words words = {.count = 0};
    fares_words(core, location, &words);
    const struct perf_peer *word = canary_fresh_word(core, &words, c->peer);
    return word != NULL && word->reports >= FARES_REPORTS && !canary_is_better(core, c, word);
}

/* The peer's own clients there have the same path, and there are more of them: where these have
 * fallen too, few who fare better are luck. Who has too few to tell does not object. Of those of
 * all networks it is asked where each of them is. */
static bool peer_objects(const struct core *core, const struct canary *c) {
    if (!canary_is_everywhere(c))
        return objects_at(core, c, &c->location);
    for (uint32_t i = 0; i < c->sent && i < CANARY_MAX; i++) {
        const struct prefix location = location_of(&c->clients[i]);
        if (location.addr.family != 0 && objects_at(core, c, &location))
            return true;
    }
    return false;
}

/* A single one that has gone, and loses nothing any more, tells only now and then. */
static bool is_told_enough(const struct canary *c) {
    return c->told_reports >= FARES_REPORTS ||
           (c->sent < FARES_REPORTS && c->told_reports >= c->sent);
}

/* Where those who stayed surely hear it better, too, chance would have to deceive twice. */
bool canary_are_surely_better(const struct core *core, const struct canary *c) {
    if (!is_told_enough(c) || canary_seems_well(core, c))
        return false;
    uint32_t scatter = chance(c->told_spread, c->told_reports);
    if (canary_is_sure(core, &c->location, c->peer))
        scatter /= CHANCE_TWICE;
    return gain(core, c) >= canary_gain_wanted(core) + scatter && !peer_objects(core, c);
}

bool canary_may_be_better(const struct core *core, const struct canary *c) {
    return !is_told_enough(c) || gain(core, c) >= canary_gain_wanted(core) / 2;
}

bool canary_may_be_followed(const struct core *core, const struct canary *c) {
    return is_told_enough(c) && !canary_seems_well(core, c) &&
           gain(core, c) >= canary_gain_wanted(core) && !peer_objects(core, c);
}

bool canary_fare_as_before(const struct core *core, const struct canary *c) {
    uint32_t before = canary_before_centi(c);
    return !is_told_enough(c) || c->told_centi < before + canary_gain_wanted(core) / 2;
}

/* Who followed has seen that others fare better, and stays unless it fares worse itself. Who went
 * first has to be surely better off; and where those who stayed suffered as it did, and do no more,
 * the path is well again. */
bool canary_would_lose_more_here(const struct core *core, const struct canary *c) {
    uint32_t before = canary_before_centi(c);
    if (!is_told_enough(c) || before == 0)
        return false;
    if (!c->first)
        return c->told_centi + canary_gain_wanted(core) / 2 >= before;
    uint32_t scatter = chance(c->told_spread, c->told_reports);
    return c->told_centi >= before + canary_gain_wanted(core) + scatter &&
           c->worst_centi > (before + c->told_centi) / 2;
}
