/* Sentences that help an operator: what is short, where, and what would mend it. */
#include "peerd/sim/plan_players.h"
#include "peerd/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 6  /* named in one sentence */
#define HINDERED  8  /* sentences of one cluster about who could help and may not */
#define FULL_PART 90 /* [%] */

static const char *name_of(const struct plan *plan, uint32_t cluster) {
    return plan->policies[cluster]->cluster.name.text;
}

static uint32_t leavers(const struct plan *plan, const struct plan_result *r, uint32_t cluster,
                        bool nowhere) {
    size_t row = (size_t)cluster * (plan->count + 1);
    uint32_t sum = 0;
    if (nowhere)
        return r->flows[row + plan->count];
    for (uint32_t to = 0; to <= plan->count; to++)
        sum += r->flows[row + to];
    return sum;
}

/* Why a cluster may not take another's listeners; NULL if it may. */
static const char *hindrance(const struct plan *plan, uint32_t from, uint32_t to) {
    static char text[PLAN_TEXT_MAX];
    const struct policy *a = plan->policies[from], *b = plan->policies[to];
    const struct policy_peer *there = policy_peer_find(a, &b->cluster.name);
    const struct policy_peer *here = policy_peer_find(b, &a->cluster.name);
    if (there == NULL || here == NULL)
        snprintf(text, sizeof(text), "they are no peers");
    else if (!there->offer_moves)
        snprintf(text, sizeof(text), "%s's policy says offer_moves: false for it",
                 a->cluster.name.text);
    else if (!here->accept_moves)
        snprintf(text, sizeof(text), "its policy says accept_moves: false for %s",
                 a->cluster.name.text);
    else {
        for (uint32_t i = 0; i < a->service_count; i++)
            if (policy_service_find(b, &a->services[i].name) != NULL)
                return NULL;
        snprintf(text, sizeof(text), "it has no service of %s's", a->cluster.name.text);
    }
    return text;
}

static uint32_t room_at(const struct plan *plan, const struct plan_result *r, uint32_t cluster) {
    uint32_t capacity = plan_capacity(plan->policies[cluster]);
    uint32_t used = r->after[cluster] + plan->standbys_after[cluster];
    return capacity > used ? capacity - used : 0;
}

/* `ams1 or lon1`: who may help. */
static uint32_t helpers(const struct plan *plan, const struct plan_result *r, uint32_t from,
                        const char *joint, char out[PLAN_TEXT_MAX], uint32_t *room) {
    uint32_t count = 0;
    size_t len = 0;
    out[0] = '\0';
    *room = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (i == from || plan->hit[i] || hindrance(plan, from, i) != NULL)
            continue;
        *room += room_at(plan, r, i);
        if (++count <= NAMES_MAX && len < PLAN_TEXT_MAX - 40)
            len += (size_t)snprintf(out + len, PLAN_TEXT_MAX - len, "%s%s", count > 1 ? joint : "",
                                    name_of(plan, i));
    }
    return count;
}

/* Who is served by a cluster that drains: its own, and who came from another that drains. */
static uint32_t stuck_at(const struct plan *plan, const struct plan_result *r, uint32_t cluster) {
    return plan->drains[cluster] ? r->after[cluster] : 0;
}

static void about_hindered(const struct plan *plan, struct plan_result *r, uint32_t from) {
    uint32_t said = 0;
    for (uint32_t i = 0; i < plan->count && said < HINDERED; i++) {
        const char *why = i == from || plan->hit[i] ? NULL : hindrance(plan, from, i);
        if (why == NULL || room_at(plan, r, i) == 0)
            continue;
        plan_say(&r->advice, "%s has room for %" PRIu32 " more, but may not take those of %s: %s.",
                 name_of(plan, i), room_at(plan, r, i), name_of(plan, from), why);
        said++;
    }
}

static void about_stranded(const struct plan *plan, struct plan_result *r, uint32_t from) {
    char names[PLAN_TEXT_MAX];
    uint32_t stranded = leavers(plan, r, from, true) + stuck_at(plan, r, from), room;
    uint32_t count = helpers(plan, r, from, " or ", names, &room);
    if (stranded == 0)
        return;
    if (count == 0)
        plan_say(&r->advice,
                 "%" PRIu32 " listeners of %s have nowhere to go: nobody that is left may take "
                 "them.",
                 stranded, name_of(plan, from));
    else if (plan->drains[from] && room >= stranded)
        plan_say(&r->advice,
                 "%" PRIu32
                 " listeners of %s are not away in time, though %s have room for %" PRIu32
                 ". A longer drain_deadline or a higher drain_per_s may help.",
                 stranded, name_of(plan, from), names, room);
    else
        plan_say(&r->advice,
                 "%s would be full: %" PRIu32 " listeners of %s have nowhere to go. %" PRIu32
                 " more slots at %s are needed.",
                 names, stranded, name_of(plan, from), stranded, names);
    about_hindered(plan, r, from);
}

/* Only what is set aside is certain; the rest is there or not. Of several machines each keeps its
 * part, so that the last ones may come to one whose part is taken. */
static void about_reserved(const struct plan *plan, struct plan_result *r, uint32_t from) {
    bool parts = false;
    uint32_t reserved = 0, room, leaving = leavers(plan, r, from, false);
    char names[PLAN_TEXT_MAX];
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct policy_peer *p =
            i == from || plan->hit[i] || hindrance(plan, from, i) != NULL
                ? NULL
                : policy_peer_find(plan->policies[i], &plan->policies[from]->cluster.name);
        reserved += p != NULL ? p->reserved_slots : 0;
        parts |= p != NULL && plan->policies[i]->node_count > 1;
    }
    if (helpers(plan, r, from, ", ", names, &room) > 0 && leaving > reserved)
        plan_say(&r->advice,
                 "%" PRIu32 " slots are set aside for %s (%s), and %" PRIu32 " listeners left it: "
                 "the other %" PRIu32 " depend on what happens to be free. `reserved_slots` makes "
                 "it certain%s.",
                 reserved, name_of(plan, from), names, leaving, leaving - reserved,
                 parts ? ", with some to spare where there are several machines" : "");
}

static void about_fullness(const struct plan *plan, struct plan_result *r) {
    for (uint32_t i = 0; i < plan->count; i++) {
        uint64_t capacity = plan_capacity(plan->policies[i]);
        uint64_t used = (uint64_t)r->after[i] + plan->standbys_after[i];
        if (!plan->hit[i] && r->gained[i] > 0 && used * 100 >= capacity * FULL_PART)
            plan_say(&r->advice,
                     "%s is %" PRIu64 " %% full afterwards: %" PRIu32 " sessions and %" PRIu32
                     " standbys in %" PRIu64 " slots.",
                     name_of(plan, i), used * 100 / capacity, r->after[i], plan->standbys_after[i],
                     capacity);
    }
}

/* How long the last of so many that start at once waits for its pre-roll [ms]. The first ones go
 * back to the beginning of their lap, half a lap on average; a profile that grants little goes back
 * so far, and whoever comes when some are waiting has a quick one (queue.h). */
static uint64_t wait_ms(const struct policy *p, uint64_t starts) {
    uint64_t longest = 0;
    for (uint32_t i = 0; i < p->profile_count; i++) {
        uint32_t granted = p->profiles[i].preroll_frames;
        uint64_t full = granted < LAP_MERGES_FRAMES ? granted : LAP_FRAMES / 2 + LAP_JOIN_FRAMES;
        uint64_t quick = full < LAP_QUICK_FRAMES ? full : LAP_QUICK_FRAMES;
        uint64_t least = full < LAP_LEAST_FRAMES ? full : LAP_LEAST_FRAMES;
        uint64_t first = starts < QUEUE_RUSH ? starts : QUEUE_RUSH;
        uint64_t crowd = starts > QUEUE_CROWD ? starts - QUEUE_CROWD : 0;
        uint64_t frames = first * full + (starts - first - crowd) * quick + crowd * least;
        if (strcmp(p->profiles[i].codec.text, "opus") == 0 && frames > longest)
            longest = frames;
    }
    return longest * SIM_PREROLL_US / 1000;
}

/* A herd is started one after another on each core. */
static void about_starts(const struct plan *plan, struct plan_result *r) {
    for (uint32_t i = 0; i < plan->count && r->losers > 0; i++) {
        if (plan->hit[i])
            continue;
        const struct policy *p = plan->policies[i];
        uint32_t cores = p->node_count * plan->request.workers;
        uint64_t last_ms = wait_ms(p, (r->asked[i] + cores - 1) / cores);
        if (last_ms * 2 > (uint64_t)duration_in_ms(plan->request.buffer))
            plan_say(&r->advice,
                     "%s has to start %" PRIu32 " streams at once on %" PRIu32
                     " cores: the last one waits %" PRIu64 " ms for its pre-roll. More cores would "
                     "help.",
                     name_of(plan, i), r->asked[i], cores, last_ms);
    }
}

static void about_loss(const struct plan *plan, struct plan_result *r) {
    const struct plan_buffer *last = &r->buffers[r->buffer_count == 0 ? 0 : r->buffer_count - 1];
    if (r->losers == 0)
        return;
    if (r->nowhere == 0 && r->buffer_count > 0 && last->listeners == 0 &&
        last->buffer_ms > duration_in_ms(plan->request.buffer))
        plan_say(&r->advice,
                 "%" PRIu32 " listeners would hear a gap; with a playout buffer of %" PRId64
                 " ms instead of %" PRId64 " ms none would.",
                 r->losers, last->buffer_ms, duration_in_ms(plan->request.buffer));
}

static void about_unopened(const struct plan *plan, struct plan_result *r) {
    if (r->unopened > 0)
        plan_say(&r->advice,
                 "%" PRIu32 " of %" PRIu32 " listeners got no session even before: standbys of "
                 "others and what is set aside for peers (reserved_slots) leave no room.",
                 r->unopened, r->listeners);
    for (uint32_t i = 0; i < plan->count; i++)
        if (r->wanted[i] == 0 && !plan->hit[i] && plan->policies[i]->service_count > 0)
            plan_say(&r->advice, "%s has no listeners of its own in this plan.", name_of(plan, i));
}

void plan_advise(const struct plan *plan, struct plan_result *r) {
    for (uint32_t i = 0; i < plan->count; i++)
        about_stranded(plan, r, i);
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->hit[i])
            about_reserved(plan, r, i);
    about_fullness(plan, r);
    about_loss(plan, r);
    about_starts(plan, r);
    about_unopened(plan, r);
    plan_players_advise(plan, r);
}
