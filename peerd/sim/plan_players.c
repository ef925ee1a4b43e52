/* Of a plan's players: who went where, who stood still, and what CPU would mend it. */
#include "peerd/sim/plan_players.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_PART 90 /* [%] */
#define NAMES_MAX 6  /* named in one sentence */

/* ---- who is where -------------------------------------------------------------------------- */

bool plan_players_init(const struct plan *plan, struct plan_players *out) {
    size_t count = plan->count;
    out->before = calloc(count + 1, sizeof(*out->before));
    out->after = calloc(count + 1, sizeof(*out->after));
    out->stood = calloc(count + 1, sizeof(*out->stood));
    out->flows = calloc(count * (count + 1) + 1, sizeof(*out->flows));
    return out->before != NULL && out->after != NULL && out->stood != NULL && out->flows != NULL;
}

void plan_players_free(struct plan_players *p) {
    free(p->before);
    free(p->after);
    free(p->stood);
    free(p->flows);
}

/* True if it stood still since it happened. */
static bool count_standing(const struct plan *plan, const struct picture *p, uint32_t client,
                           struct plan_players *out) {
    bool before = false, since = false;
    for (uint32_t i = p->marks_of[client]; i < p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &p->report->marks[i];
        if (m->kind != REPORT_MARK_GAP)
            continue;
        if (m->at_ms < plan->event_ms) {
            before = true;
            continue;
        }
        since = true;
        out->stood_ms += m->value;
        if (m->value > out->longest_ms)
            out->longest_ms = m->value;
    }
    out->stood_before += before;
    out->stood_since += since;
    return since;
}

void plan_players_count(const struct plan *plan, const struct picture *p, uint32_t client,
                        struct plan_players *out) {
    const struct report_client *c = &p->report->clients[client];
    uint32_t count = plan->count;
    uint32_t before = picture_served_by(p, client, plan->event_ms - 1);
    uint32_t after = picture_served_by(p, client, p->end_ms);
    bool dead = after < count && plan->hit[after] && !plan->drains[after];
    if (after >= count || dead)
        after = count;
    out->count++;
    out->refused += c->hedges;
    if (after < count) {
        out->after[after]++;
        out->stuck += plan->drains[after];
    }
    out->stood[after] += count_standing(plan, p, client, out);
    if (before >= count) {
        out->unbegun++;
        return;
    }
    out->before[before]++;
    if (before == after)
        return;
    out->flows[(size_t)before * (count + 1) + after]++;
    out->moved += after < count;
    out->nowhere += after == count;
}

/* ---- CPU ----------------------------------------------------------------------------------- */

static bool is_short(const struct plan *plan, uint32_t cluster, uint32_t players) {
    return plan_wanted_ms(plan, players) > (uint64_t)plan_makers(plan, cluster) * 1000;
}

void plan_players_judge(const struct plan *plan, struct plan_players *p) {
    for (uint32_t i = 0; i < plan->count; i++) {
        p->short_before += is_short(plan, i, p->before[i]);
        p->short_after += is_short(plan, i, p->after[i]);
    }
    p->ok = p->nowhere == 0 && p->unbegun == 0 && p->stuck == 0 && p->stood_before == 0 &&
            p->stood_since == 0 && p->short_before == 0 && p->short_after == 0;
}

/* ---- advice -------------------------------------------------------------------------------- */

static const char *name_of(const struct plan *plan, uint32_t cluster) {
    return plan->policies[cluster]->cluster.name.text;
}

/* Cores with which that much leaves a tenth to spare, beyond those that are there. */
static uint64_t more_cores(uint64_t wanted_ms, uint64_t there) {
    uint64_t needed = (wanted_ms * 100 / FULL_PART + 999) / 1000;
    return needed > there ? needed - there : 0;
}

static void about_cluster(const struct plan *plan, struct plan_result *r, uint32_t cluster) {
    const struct plan_players *p = &r->players;
    uint32_t makers = plan_makers(plan, cluster), players = p->after[cluster];
    uint64_t wanted_ms = plan_wanted_ms(plan, players), more = more_cores(wanted_ms, makers);
    bool full = wanted_ms * 100 >= (uint64_t)makers * 1000 * FULL_PART;
    char who[80] = "";
    if (p->stood[cluster] > 0)
        snprintf(who, sizeof(who), ": %" PRIu32 " players stand still", p->stood[cluster]);
    else if (is_short(plan, cluster, players))
        snprintf(who, sizeof(who), ": players will stand still");
    if (p->stood[cluster] > 0 && more == 0)
        plan_say(&r->advice,
                 "%s wants %.1f of its %" PRIu32 " cores afterwards, which will do; %" PRIu32
                 " players stand still until buffers are full again.",
                 name_of(plan, cluster), (double)wanted_ms / 1000, makers, p->stood[cluster]);
    else if (who[0] != '\0')
        plan_say(&r->advice,
                 "%s wants %.1f of its %" PRIu32 " cores afterwards%s. %" PRIu64
                 " more cores there would do.",
                 name_of(plan, cluster), (double)wanted_ms / 1000, makers, who, more);
    else if (full && players > p->before[cluster])
        plan_say(&r->advice, "%s wants %.1f of its %" PRIu32 " cores afterwards.",
                 name_of(plan, cluster), (double)wanted_ms / 1000, makers);
}

static void about_before(const struct plan *plan, struct plan_result *r) {
    const struct plan_players *p = &r->players;
    for (uint32_t i = 0; i < plan->count; i++)
        if (is_short(plan, i, p->before[i]))
            plan_say(&r->advice,
                     "%s wants %.1f of its %" PRIu32 " cores even before: %" PRIu64
                     " more cores there would do.",
                     name_of(plan, i), (double)plan_wanted_ms(plan, p->before[i]) / 1000,
                     plan_makers(plan, i),
                     more_cores(plan_wanted_ms(plan, p->before[i]), plan_makers(plan, i)));
    if (p->stood_before > 0)
        plan_say(&r->advice, "%" PRIu32 " of %" PRIu32 " players stand still even before.",
                 p->stood_before, p->count);
    if (p->unbegun > 0)
        plan_say(&r->advice, "%" PRIu32 " of %" PRIu32 " players have nothing to play even before.",
                 p->unbegun, p->count);
}

/* Who else has one of its streams, and may be sent its players. */
static bool may_take(const struct plan *plan, uint32_t from, uint32_t to) {
    const struct policy *a = plan->policies[from], *b = plan->policies[to];
    const struct policy_peer *there = policy_peer_find(a, &b->cluster.name);
    if (from == to || plan->hit[to] || there == NULL || !there->offer_moves)
        return false;
    for (uint32_t i = 0; i < a->origin_count; i++)
        if (policy_origin_find(b, &a->origins[i].name) != NULL)
            return true;
    return false;
}

/* Those who may take a cluster's players: their names, their cores, and what these have to do. */
struct helpers {
    char names[PLAN_TEXT_MAX];
    uint32_t count;
    uint64_t cores, wanted_ms;
};

static struct helpers helpers_of(const struct plan *plan, const struct plan_players *p,
                                 uint32_t from) {
    struct helpers h = {.count = 0};
    size_t len = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!may_take(plan, from, i))
            continue;
        h.cores += plan_makers(plan, i);
        h.wanted_ms += plan_wanted_ms(plan, p->after[i]);
        if (++h.count <= NAMES_MAX && len < sizeof(h.names) / 2)
            len += (size_t)snprintf(h.names + len, sizeof(h.names) - len, "%s%s",
                                    h.count > 1 ? " or " : "", name_of(plan, i));
    }
    return h;
}

static void about_stranded(const struct plan *plan, struct plan_result *r, uint32_t from) {
    const struct plan_players *p = &r->players;
    uint32_t stranded = p->flows[(size_t)from * (plan->count + 1) + plan->count];
    stranded += plan->drains[from] ? p->after[from] : 0;
    if (stranded == 0)
        return;
    struct helpers h = helpers_of(plan, p, from);
    uint64_t more = more_cores(h.wanted_ms + plan_wanted_ms(plan, stranded), h.cores);
    if (h.count == 0)
        plan_say(&r->advice,
                 "%" PRIu32 " players of %s have nowhere to go: no peer of it that is left has its "
                 "streams and may take them.",
                 stranded, name_of(plan, from));
    else if (more == 0)
        plan_say(&r->advice,
                 "%" PRIu32 " players of %s have not gone, though %s have CPU to spare.", stranded,
                 name_of(plan, from), h.names);
    else
        plan_say(&r->advice,
                 "%" PRIu32 " players of %s have nowhere to go: %.1f of %" PRIu64
                 " cores are taken afterwards at %s. %" PRIu64 " more there would do.",
                 stranded, name_of(plan, from), (double)h.wanted_ms / 1000, h.cores, h.names, more);
}

void plan_players_advise(const struct plan *plan, struct plan_result *r) {
    if (r->players.count == 0)
        return;
    for (uint32_t i = 0; i < plan->count; i++)
        about_stranded(plan, r, i);
    for (uint32_t i = 0; i < plan->count; i++)
        if (!plan->hit[i])
            about_cluster(plan, r, i);
    about_before(plan, r);
}
