/*
 * What a peer is told of those who went to it, and what it tells of them. See canary.h.
 */
#include "peerd/core/canary_inner.h"

#include "peerd/core/state.h"
#include "peerd/wire/digest.h"

/* One location a beat: the first that waits. */
void canary_fill(const struct core *core, const struct peering *to, struct beat *beat) {
    for (size_t i = 0; core->canaries != NULL && to->takes_blocks && i < CANARY_PAIRS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_RETURNING || c->peer != to->number)
            continue;
        uint32_t own = canary_own_centi(core, c);
        const struct digest_entry entry = {
            .location = c->location, .usual_centi = (uint16_t)own, .recent_centi = (uint16_t)own};
        uint8_t bytes[DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX];
        size_t written, len = digest_encode(bytes, sizeof(bytes), &entry, 1, &written);
        beat_add_block(beat, BEAT_BLOCK_GIVE_BACK, bytes, len);
        return;
    }
}

/* What it tells of all together is about who went from everywhere. */
static bool is_about(const struct canary *c, const struct prefix *told) {
    return canary_is_everywhere(c) ? told->bits == 0
                                   : told->bits > 0 && prefix_holds(&c->location, &told->addr);
}

static void take_word(struct core *core, uint16_t peer, const struct digest_entry *e) {
    for (size_t i = 0; i < CANARY_PAIRS; i++) {
        struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_WATCHING || c->peer != peer || instant_is_never(c->settled) ||
            instant_before(core->now, canary_counts_from(c)) || !is_about(c, &e->location))
            continue;
        c->told_reports = e->reports;
        c->told_centi = e->recent_centi;
        c->told_spread = e->spread_centi;
    }
}

void canary_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    size_t len = 0, count = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_NEWCOMERS, &len);
    if (block == NULL || core->canaries == NULL)
        return;
    if (digest_decode(entries, &count, block, len) != ERR_OK) {
        core->counters.digests_refused++;
        return;
    }
    for (size_t i = 0; i < count; i++)
        take_word(core, from->number, &entries[i]);
}
