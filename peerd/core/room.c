#include "peerd/core/room.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

/* ---- what we say ----------------------------------------------------------------------------- */

static uint32_t less(uint32_t a, uint32_t b) {
    return a > b ? a - b : 0;
}

static bool has_classes(const struct policy *policy) {
    for (uint32_t i = 1; i < policy->service_count; i++)
        if (policy->services[i].priority != policy->services[0].priority)
            return true;
    return false;
}

/* Slots that are free and kept for nobody else. */
static uint32_t free_for(const struct core *core, const struct peering *p) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        sum += less(node_free_slots(n), allotments_kept_unused(core, n, p));
    }
    return sum;
}

static uint32_t own_room(const struct core *core, const struct peering *p) {
    uint32_t left = free_for(core, p) + promises_to_others(core, p);
    if (core->drain.active || !p->policy.accept_moves)
        return 0;
    if (!agreements_bound(core, p))
        return left;
    uint32_t held = less(agreements_held(core, p), p->here);
    return held < left ? held : left;
}

void room_fill(const struct core *core, const struct peering *to, struct beat *beat) {
    uint8_t bytes[ROOM_WORD_LEN];
    if (!to->takes_blocks || core->recovering || has_classes(&core->policy))
        return;
    const struct room_word w = {.room = own_room(core, to), .standing = promises_to(to)};
    room_word_write(bytes, &w);
    beat_add_block(beat, BEAT_BLOCK_ROOM, bytes, sizeof(bytes));
}

/* ---- what we are told ------------------------------------------------------------------------ */

void room_heard(struct core *core, struct peering *p, const struct beat *beat) {
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_ROOM, &len);
    if ((beat->flags & BEAT_FLAG_RECOVERING) != 0)
        p->room.known = false; /* what its run before said is no news */
    if (block == NULL)
        return;
    if (room_word_read(&p->room.word, block, len))
        p->room.known = true;
    else
        core->counters.digests_refused++;
}

/* ---- who is on the way ----------------------------------------------------------------------- */

void room_asked(struct core *core, const struct name *to) {
    struct peering *p = peering_by_name(core, to);
    if (p != NULL)
        p->room.asked++;
}

/* Of a peer that is one anew nobody was counted. */
void room_unasked(struct core *core, const struct name *to) {
    struct peering *p = peering_by_name(core, to);
    if (p != NULL)
        p->room.asked = less(p->room.asked, 1);
}

static int64_t parts_since(const struct core *core, const struct room *r) {
    return instant_since(core->now, r->gone_from).us / ROOM_GONE_PART.us;
}

void room_gone(struct core *core, const struct name *to) {
    struct peering *p = peering_by_name(core, to);
    if (p == NULL)
        return;
    struct room *r = &p->room;
    int64_t later = parts_since(core, r);
    for (int i = ROOM_GONE_PARTS - 1; i >= 0 && later > 0; i--)
        r->gone[i] = i >= later ? r->gone[i - later] : 0;
    if (later > 0)
        r->gone_from = core->now;
    r->gone[0]++;
}

static uint32_t on_the_way(const struct core *core, const struct room *r) {
    int64_t later = parts_since(core, r);
    uint32_t sum = r->asked;
    for (int i = 0; i < ROOM_GONE_PARTS; i++)
        sum += i + later < ROOM_GONE_PARTS ? r->gone[i] : 0;
    return sum;
}

/* ---- what is left ---------------------------------------------------------------------------- */

bool room_is_out(const struct peering *p) {
    return p->room.known && p->room.word.room == 0 && p->room.word.standing == 0;
}

uint32_t room_left(const struct core *core, const struct session *s, const struct peering *p) {
    const struct name issuer = group_issuer(core, s->group);
    const struct room *r = &p->room;
    if (!r->known || !name_equal(&issuer, &core->name))
        return ROOM_ANY;
    uint64_t room = (uint64_t)r->word.room + (s->group->backup == p ? r->word.standing : 0);
    bool itself = s->move != NULL && s->move->out && name_equal(&s->move->to, &p->policy.name);
    return less(room < ROOM_ANY ? (uint32_t)room : ROOM_ANY - 1, less(on_the_way(core, r), itself));
}
