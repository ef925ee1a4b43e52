#include "test/bench/overhead.h"

#include "peerd/core/peering.h"
#include "peerd/wire/beat.h"

#include <math.h>

#define USUAL_MS 100 /* between beats */

double overhead_beat_bytes(unsigned views) {
    struct beat beat = {.kind = BEAT_KIND_BEAT,
                        .boot = 1,
                        .seq = 6048000,
                        .send_us = 604800000000,
                        .echo_boot = 2,
                        .echo_seq = 6048000,
                        .interval_ms = 100,
                        .view_count = (uint8_t)views};
    struct key_hint hint = {{1}};
    struct seal_key key = {{2}};
    uint8_t nonce[BEAT_NONCE_BYTES] = {3}, out[BEAT_LEN_MAX];
    return (double)beat_seal(out, sizeof(out), &beat, &hint, &key, nonce);
}

double overhead_bytes_per_s(unsigned peers, double interval_ms) {
    double with_views_ms = fmax(PEERING_VIEWS_EVERY * USUAL_MS, interval_ms);
    double views = overhead_beat_bytes(peers - 1) - overhead_beat_bytes(0);
    return overhead_beat_bytes(0) * 1000 / interval_ms + views * 1000 / with_views_ms;
}
