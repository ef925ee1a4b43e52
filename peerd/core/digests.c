#include "peerd/core/digests.h"

#include "peerd/core/state.h"
#include "peerd/core/status.h"
#include "peerd/wire/coarse.h"
#include "peerd/wire/digest.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(BEAT_DIGEST_MAX <= DIGEST_LEN_MAX, "a beat carries nothing that cannot be read");

/* ---- told ------------------------------------------------------------------------------------ */

/* Beats to a peer come as often as `interval_max` at least. */
static struct duration every(const struct policy *p) {
    struct duration d = duration_max(policy_interval_max(&p->detection), DIGESTS_EVERY_MIN);
    struct duration filled =
        duration_scale(duration_s(DIGESTS_ROOM_MIN), 1, p->performance.tell_bytes_per_s);
    return duration_max(duration_min(d, DIGESTS_EVERY_MAX), filled);
}

static size_t room_for(const struct policy *p) {
    struct duration share = duration_scale(every(p), p->performance.tell_bytes_per_s, 1000000);
    return share.us < BEAT_DIGEST_MAX ? (size_t)share.us : BEAT_DIGEST_MAX;
}

static size_t pick(struct core *core, size_t room, struct perf_summary out[PERF_PICK_MAX]) {
    const struct policy_performance *p = &core->policy.performance;
    const struct perf_privacy privacy = {.bits_ipv4 = (uint8_t)p->tell_ipv4_bits,
                                         .bits_ipv6 = (uint8_t)p->tell_ipv6_bits,
                                         .clients_min = p->tell_clients_min};
    const struct perf_room space = {.count = PERF_PICK_MAX,
                                    .bytes = room - DIGEST_HEADER_LEN,
                                    .bytes_ipv4 = DIGEST_ENTRY_LEN(p->tell_ipv4_bits),
                                    .bytes_ipv6 = DIGEST_ENTRY_LEN(p->tell_ipv6_bits)};
    return perf_pick(core->fares.perf, &privacy, &space, core->now, out);
}

/* Peers that take blocks are told how far the clients of those locations are, too. */
static void note_trips(struct digests *d, const struct perf_summary *told, size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        d->trips[i] = coarse_from_ms(told[i].rtt_ms);
        any |= told[i].rtt_ms > 0;
    }
    d->trip_count = any ? (uint8_t)count : 0;
}

static void make(struct core *core, struct digests *d) {
    struct perf_summary picked[PERF_PICK_MAX];
    struct digest_entry entries[PERF_PICK_MAX];
    size_t room = room_for(&core->policy), written = 0;
    size_t count = pick(core, room, picked);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct digest_entry){.location = picked[i].location,
                                           .usual_centi = picked[i].usual_centi,
                                           .recent_centi = picked[i].recent_centi,
                                           .spread_centi = picked[i].spread_centi,
                                           .reports = picked[i].reports,
                                           .clients = picked[i].clients};
    d->len = (uint8_t)digest_encode(d->bytes, room, entries, count, &written);
    note_trips(d, picked, written);
    d->number++;
    d->next_at = instant_add(core->now, every(&core->policy));
    core->counters.locations_told += written;
}

static struct digests *newest(struct core *core) {
    struct fares *f = &core->fares;
    if (f->perf == NULL || !core->policy.performance.tell)
        return NULL;
    if (f->digests == NULL) {
        f->digests = calloc(1, sizeof(*f->digests));
        if (f->digests == NULL)
            return NULL;
        f->digests->next_at = core->now;
    }
    if (instant_reached(core->now, f->digests->next_at))
        make(core, f->digests);
    return f->digests;
}

void digests_fill(struct core *core, struct peering *to, struct beat *beat) {
    const struct digests *d = newest(core);
    if (d == NULL || to->digest_told == d->number)
        return;
    to->digest_told = d->number;
    beat->digest_len = d->len;
    memcpy(beat->digest, d->bytes, d->len);
    if (to->takes_blocks && d->trip_count > 0)
        beat_add_block(beat, BEAT_BLOCK_ROUND_TRIPS, d->trips, d->trip_count);
}

/* ---- heard ----------------------------------------------------------------------------------- */

/* [ms] of each location of the digest, or all zero: a block of another length is about none. */
static void read_trips(const struct beat *beat, size_t count, uint16_t out[DIGEST_ENTRIES_MAX]) {
    size_t len = 0;
    const uint8_t *codes = beat_find_block(beat, BEAT_BLOCK_ROUND_TRIPS, &len);
    for (size_t i = 0; i < count; i++) {
        uint32_t ms = codes == NULL || len != count ? 0 : coarse_to_ms(codes[i]);
        out[i] = ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
    }
}

void digests_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    struct perf *perf = beat->digest_len == 0 ? NULL : fares_perf(core);
    uint16_t trips_ms[DIGEST_ENTRIES_MAX];
    size_t count = 0;
    if (perf == NULL)
        return;
    if (digest_decode(entries, &count, beat->digest, beat->digest_len) != ERR_OK) {
        core->counters.digests_refused++;
        return;
    }
    read_trips(beat, count, trips_ms);
    for (size_t i = 0; i < count; i++) {
        const struct perf_summary told = {.location = entries[i].location,
                                          .usual_centi = entries[i].usual_centi,
                                          .recent_centi = entries[i].recent_centi,
                                          .spread_centi = entries[i].spread_centi,
                                          .reports = entries[i].reports,
                                          .clients = entries[i].clients,
                                          .rtt_ms = trips_ms[i]};
        core->counters.locations_heard += perf_told(perf, from->number, &told, core->now);
    }
    fares_judge(core);
}
