/*
 * Why a session that suffers is still here: what speaks against its going, for operators. The order
 * is that in which canary.c and canary_who.c ask.
 */
#include "peerd/core/canary_inner.h"

#include "peerd/core/leaving.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static bool say(struct core_stay *out, const char *word,
                                                      const char *format, ...) {
    va_list args;
    va_start(args, format);
    out->word = word;
    vsnprintf(out->text, sizeof(out->text), format, args);
    va_end(args);
    return true;
}

static int64_t seconds_until(const struct core *core, struct instant at) {
    return instant_reached(core->now, at) ? 0 : duration_in_ms(instant_since(at, core->now)) / 1000;
}

static const struct canary *tried(const struct core *core, const struct session *s, bool in_vain) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *c = &core->canaries->list[i];
        bool vain = c->state == CANARY_STATE_RETURNING || c->state == CANARY_STATE_GIVEN_UP;
        bool watched = c->state == CANARY_STATE_WATCHING && c->first;
        if (ailing_is_within(&c->location, &s->client) && (in_vain ? vain : watched))
            return c;
    }
    return NULL;
}

/* What becomes of those who went first, where it is; or what became of others. */
static bool by_canary(const struct core *core, const struct session *s, struct core_stay *out) {
    const struct canary *watched = tried(core, s, false), *c = tried(core, s, true);
    c = watched != NULL ? watched : c;
    if (c == NULL)
        return false;
    const struct peering *to = canary_peer(core, c);
    const char *name = to == NULL ? "another cluster" : to->policy.name.text;
    if (c == watched)
        return say(out, "watched", "%" PRIu32 " others went first, to %s: do they fare better?",
                   c->sent, name);
    return say(out, "in_vain",
               "of others none went, or those who went to %s fared no better; tried again in "
               "%" PRId64 " s",
               name, seconds_until(core, c->next_at));
}

static bool is_backup(const struct core *core, const struct session *s, const struct peering *p) {
    for (uint8_t i = 0; i < s->group->key.backup_count; i++) {
        struct name name = group_backup(core, s->group, i);
        if (name_equal(&name, &p->policy.name))
            return true;
    }
    return s->group->issuer == p;
}

/* Where it could go, by its own client. `full` has no room, `bad` loses as much. */
struct choice {
    const struct peering *heard, *full, *bad;
};

static struct choice choose(const struct core *core, const struct session *s) {
    struct choice c = {.heard = NULL};
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        int32_t leaning;
        if (!is_backup(core, s, p) || s->ail == NULL ||
            !lean_towards(&s->ail->lean, p->number, core->now, &leaning))
            continue;
        if (leaning <= 0)
            c.bad = p;
        else if (leaning >= LEAN_SOME && room_left(core, s, p) == 0)
            c.full = p;
        else if (leaning >= LEAN_SOME && leaving_target(core, s, &p->policy.name) == p)
            c.heard = p;
    }
    return c;
}

/* Of all networks so many lose frames and hear that one better. */
static uint32_t leaning_to(const struct core *core, const struct peering *p) {
    uint32_t count = 0;
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a))
        count += ailing_leaning(core, a->session, p->number) > 0;
    return count;
}

static bool by_choice(const struct core *core, const struct session *s, struct core_stay *out) {
    struct choice c = choose(core, s);
    uint32_t least = core->fares.perf->settings.wish.clients_min;
    if (c.heard == NULL && c.full != NULL)
        return say(out, "no_room", "%s, which its client hears better, has no room for it",
                   c.full->policy.name.text);
    if (c.heard == NULL && c.bad != NULL)
        return say(out, "as_bad", "its client loses as much on the way to %s",
                   c.bad->policy.name.text);
    if (c.heard == NULL)
        return say(out, "unsure", "its client has not told (enough) how it hears other clusters");
    uint32_t lean = leaning_to(core, c.heard);
    if (lean < least)
        return say(out, "too_few",
                   "%" PRIu32 " sessions lose frames and hear %s better: fewer than "
                   "degraded_clients_min, %" PRIu32,
                   lean, c.heard->policy.name.text, least);
    return say(out, "soon", "it may go to %s with those who follow, or as soon as others are sure",
               c.heard->policy.name.text);
}

bool core_session_stays(const struct core *core, const struct session_id *id,
                        struct core_stay *out) {
    const struct session *s = session_find(core, id);
    if (s == NULL || s->state != SESSION_STATE_COMMITTED || core->fares.perf == NULL)
        return false;
    const struct canary own = {.location = location_of(&s->client)};
    if (s->move != NULL && s->move->out)
        return say(out, "leaving", "it is asked to go to %s", s->move->to.text);
    if (!canary_suffers(core, s, &own))
        return false;
    if (canary_wanted(core) == 0)
        return say(out, "off", "policy sends nobody off a bad path (performance.canary)");
    if (!canary_has_stayed(core, s))
        return say(out, "new",
                   "it was moved here less than %" PRId64 " s ago, or began or was found here less "
                   "than %" PRId64 " s ago",
                   CANARY_STAY.us / 1000000, CANARY_FOUND.us / 1000000 + 1);
    if (core->gains.level_us == 0)
        return say(out, "budget", "as many have gone in the last minute as may (moves_per_minute)");
    return by_canary(core, s, out) || by_choice(core, s, out);
}
