#include "transcoder/timeline/playout.h"

#include <assert.h>
#include <string.h>

#define FRAMES_MAX (UINT64_C(1) << 40) /* 697 years: what is further is never due */

void playout_init(struct playout *p, const struct playout_config *config) {
    assert(config->frame.us > 0 && config->slot_count >= 2);
    assert((int64_t)config->slot_count * config->frame.us >= config->depth.us + config->frame.us);
    assert(config->payload_bytes_max == 0 || config->payloads != NULL);
    *p = (struct playout){
        .config = *config,
        .anchor = INSTANT_NEVER,
        .next = config->first_frame,
        .high = config->first_frame,
        .end = FRAME_NEVER,
        .last_source = PLAYOUT_SOURCES_MAX,
    };
    for (int i = 0; i < PLAYOUT_SOURCES_MAX; i++)
        p->mergeable_from[i] = FRAME_NEVER;
    for (uint32_t i = 0; i < config->slot_count; i++)
        config->slots[i] = (struct playout_slot){.frame = FRAME_NEVER};
}

void playout_mergeable_from(struct playout *p, uint8_t source, uint64_t frame) {
    assert(source < PLAYOUT_SOURCES_MAX);
    p->mergeable_from[source] = frame;
}

void playout_serving(struct playout *p, uint8_t source, uint64_t from) {
    assert(source < PLAYOUT_SOURCES_MAX);
    p->served = p->serving;
    p->serving = source;
    p->serving_from = from;
}

void playout_end_at(struct playout *p, uint64_t end) {
    if (end < p->end)
        p->end = end;
}

static struct playout_slot *slot_of(const struct playout *p, uint64_t frame) {
    return &p->config.slots[frame % p->config.slot_count];
}

static uint8_t *payload_of(const struct playout *p, uint64_t frame, int lane) {
    if (p->config.payload_bytes_max == 0)
        return NULL;
    size_t row = 2 * (size_t)(frame % p->config.slot_count) + (size_t)lane;
    return p->config.payloads + row * p->config.payload_bytes_max;
}

static bool exact(const struct playout *p, uint8_t source, uint64_t frame) {
    return frame >= p->mergeable_from[source];
}

bool playout_holds(const struct playout *p, uint64_t frame) {
    const struct playout_slot *slot = slot_of(p, frame);
    return slot->frame == frame && slot->lanes[0].held;
}

struct instant playout_due(const struct playout *p, uint64_t frame) {
    if (instant_is_never(p->anchor) || frame >= FRAMES_MAX)
        return INSTANT_NEVER;
    int64_t ahead = (int64_t)(frame - p->config.first_frame);
    return instant_us(p->anchor.us + ahead * p->config.frame.us);
}

static void keep(struct playout *p, struct playout_slot *slot, int lane, uint8_t source,
                 const void *payload, size_t len) {
    slot->lanes[lane] = (struct playout_lane){.len = (uint16_t)len, .source = source, .held = true};
    uint8_t *bytes = payload_of(p, slot->frame, lane);
    if (bytes != NULL && len > 0)
        memcpy(bytes, payload, len);
    if (slot->frame >= p->high)
        p->high = slot->frame + 1;
}

static enum playout_result count_duplicate(struct playout *p, const struct playout_slot *slot,
                                           uint8_t source, const void *payload, size_t len) {
    const struct playout_lane *first = &slot->lanes[0];
    p->stats.duplicates++;
    if (!exact(p, source, slot->frame) || !exact(p, first->source, slot->frame))
        return PLAYOUT_DUPLICATE;
    const uint8_t *bytes = payload_of(p, slot->frame, 0);
    if (first->len != len || (bytes != NULL && len > 0 && memcmp(bytes, payload, len) != 0))
        p->stats.differing++;
    return PLAYOUT_DUPLICATE;
}

/* A frame in time and within reach of the slots. */
static enum playout_result place(struct playout *p, uint8_t source, uint64_t frame,
                                 const void *payload, size_t len) {
    struct playout_slot *slot = slot_of(p, frame);
    if (slot->frame != frame)
        *slot = (struct playout_slot){.frame = frame};
    struct playout_lane *first = &slot->lanes[0];
    if (!first->held) {
        keep(p, slot, 0, source, payload, len);
        return PLAYOUT_NEW;
    }
    bool merges = exact(p, source, frame) && exact(p, first->source, frame);
    if (first->source == source || merges || slot->lanes[1].held)
        return count_duplicate(p, slot, source, payload, len);
    keep(p, slot, 1, source, payload, len);
    return PLAYOUT_SPARE;
}

static enum playout_result insert(struct playout *p, uint8_t source, uint64_t frame,
                                  const void *payload, size_t len, struct instant arrived) {
    assert(source < PLAYOUT_SOURCES_MAX);
    bool kept = p->config.payload_bytes_max > 0;
    if (len > (kept ? p->config.payload_bytes_max : UINT16_MAX)) {
        p->stats.oversized++;
        return PLAYOUT_OVERSIZED;
    }
    bool ahead = frame >= p->next;
    if (frame >= p->end || (ahead && frame - p->next >= p->config.slot_count)) {
        p->stats.early++;
        return PLAYOUT_EARLY;
    }
    if (!ahead || instant_reached(arrived, playout_due(p, frame))) {
        /* Behind another's copy it is one more of them: nobody misses it. */
        if (playout_holds(p, frame))
            p->stats.duplicates++;
        else
            p->stats.late++;
        return PLAYOUT_LATE;
    }
    if (instant_is_never(p->anchor)) {
        int64_t before = (int64_t)(frame - p->config.first_frame) * p->config.frame.us;
        p->anchor = instant_sub(instant_add(arrived, p->config.depth), duration_us(before));
    }
    return place(p, source, frame, payload, len);
}

enum playout_result playout_insert(struct playout *p, uint8_t source, uint64_t frame,
                                   const void *payload, size_t len, struct instant arrived) {
    enum playout_result result = insert(p, source, frame, payload, len, arrived);
    if (result == PLAYOUT_NEW || result == PLAYOUT_SPARE || result == PLAYOUT_DUPLICATE)
        slot_of(p, frame)->seen |= (uint16_t)(1U << source);
    return result;
}

enum playout_result playout_insert_again(struct playout *p, uint8_t source, uint64_t frame,
                                         const void *payload, size_t len, struct instant arrived) {
    enum playout_result result = insert(p, source, frame, payload, len, arrived);
    p->stats.repaired += result == PLAYOUT_NEW;
    return result;
}

/* Stay with the source played last while it has the frame; take the other otherwise. */
static int choose_lane(const struct playout *p, const struct playout_slot *slot) {
    return slot->lanes[1].held && slot->lanes[1].source == p->last_source;
}

static void count_played(struct playout *p, uint64_t frame, uint8_t source) {
    bool is_exact = exact(p, source, frame);
    bool first = p->last_source == PLAYOUT_SOURCES_MAX;
    if (!first && source != p->last_source && !(is_exact && p->last_exact))
        p->stats.splices++;
    p->last_source = source;
    p->last_exact = is_exact;
    p->stats.played++;
    p->stats.lost_run = 0;
}

/* A run is over, and how long runs are is another thing by an eighth of the difference. */
static void count_burst(struct playout_stats *s) {
    int64_t run = s->missed_run < UINT16_MAX / 16 ? s->missed_run * 16 : UINT16_MAX;
    s->burst_x16 = (uint16_t)(s->burst_x16 == 0 ? run : s->burst_x16 + (run - s->burst_x16) / 8);
    s->missed_run = 0;
}

bool playout_was_sent(const struct playout *p, uint64_t frame, uint8_t source) {
    const struct playout_slot *slot = slot_of(p, frame);
    return slot->frame == frame && (slot->seen >> source & 1);
}

static void count_instant(struct playout *p, uint64_t frame) {
    uint8_t serving = frame < p->serving_from ? p->served : p->serving;
    p->stats.expected++;
    if (!playout_was_sent(p, frame, serving)) {
        p->stats.lost_before++;
        p->stats.missed_run++;
    } else if (p->stats.missed_run > 0) {
        count_burst(&p->stats);
    }
}

enum playout_taken playout_take(struct playout *p, struct instant now, struct playout_frame *out) {
    if (playout_finished(p))
        return PLAYOUT_ENDED;
    uint64_t frame = p->next;
    if (!instant_reached(now, playout_due(p, frame)))
        return PLAYOUT_WAIT;
    p->next++;
    *out = (struct playout_frame){.frame = frame};
    count_instant(p, frame);
    if (!playout_holds(p, frame)) {
        p->stats.lost++;
        if (++p->stats.lost_run > p->stats.lost_run_max)
            p->stats.lost_run_max = p->stats.lost_run;
        return PLAYOUT_LOST;
    }
    const struct playout_slot *slot = slot_of(p, frame);
    int lane = choose_lane(p, slot);
    out->payload = payload_of(p, frame, lane);
    out->len = slot->lanes[lane].len;
    out->source = slot->lanes[lane].source;
    p->stats.duplicates += slot->lanes[1].held;
    count_played(p, frame, out->source);
    return PLAYOUT_PLAY;
}

struct instant playout_deadline(const struct playout *p) {
    return playout_finished(p) ? INSTANT_NEVER : playout_due(p, p->next);
}

uint64_t playout_missing(const struct playout *p, struct instant now) {
    uint64_t frame = p->next;
    if (!instant_is_never(p->anchor)) {
        int64_t over = instant_since(now, playout_due(p, frame)).us;
        if (over >= 0)
            frame += (uint64_t)(over / p->config.frame.us) + 1;
    }
    while (frame < p->high && playout_holds(p, frame))
        frame++;
    return frame < p->end ? frame : p->end;
}

uint64_t playout_last_contiguous(const struct playout *p, struct instant now) {
    uint64_t missing = playout_missing(p, now);
    return missing > p->config.first_frame ? missing - 1 : 0;
}

void playout_held(const struct playout *p, uint64_t from, uint8_t held[PLAYOUT_HELD_BYTES]) {
    memset(held, 0, PLAYOUT_HELD_BYTES);
    for (uint64_t i = 0; i < 8 * PLAYOUT_HELD_BYTES && from + 1 + i < p->high; i++)
        if (playout_holds(p, from + 1 + i))
            held[i / 8] |= (uint8_t)(1U << (i % 8));
}

bool playout_finished(const struct playout *p) {
    return p->next >= p->end;
}

void playout_check_invariants(const struct playout *p) {
    const struct playout_stats *s = &p->stats;
    assert(s->expected == s->played + s->lost);
    assert(s->expected == p->next - p->config.first_frame);
    assert(s->lost_run <= s->lost_run_max && s->lost_run_max <= s->lost);
    assert(s->repaired <= s->expected + p->config.slot_count);
    assert(p->high >= p->config.first_frame);
    assert(p->high <= p->next + p->config.slot_count);
    for (uint32_t i = 0; i < p->config.slot_count; i++) {
        const struct playout_slot *slot = &p->config.slots[i];
        if (slot->frame == FRAME_NEVER)
            continue;
        assert(slot->frame % p->config.slot_count == i && slot->frame < p->high);
        assert(slot->lanes[0].held);
        assert(!slot->lanes[1].held || slot->lanes[1].source != slot->lanes[0].source);
    }
}
