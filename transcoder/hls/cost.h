/*
 * Cost: what making a segment of one rendition takes on this machine, as it is now.
 *
 * The latest COST_KEPT times are kept. Their mean says how long a queue takes; the time that 99 of
 * 100 stay below says whether who asks for a segment that nobody has foreseen can be helped in
 * time. While that is under COST_COLD_MS, or nothing is known yet, a rendition is offered cold.
 * Otherwise its segments are made further ahead, as many as it takes, and who asks for one that
 * nobody has begun is told no at once, upon which players go elsewhere; it is made all the same.
 *
 * How long it takes goes by how busy the machine is; what CPU it takes hardly does, and is what a
 * cluster's capacity is counted in (capacity.h).
 */
#ifndef TRANSCODER_HLS_COST_H
#define TRANSCODER_HLS_COST_H

#include "transcoder/hls/segments.h"

#include <stdbool.h>
#include <stdint.h>

#define COST_KEPT      128
#define COST_COLD_MS   1000 /* [ms] */
#define COST_AHEAD_MAX 6    /* segments that are made ahead of who asks */

struct cost {
    uint32_t recent_us[COST_KEPT]; /* a ring: how long it took … */
    uint32_t cpu_us[COST_KEPT];    /* … and what CPU */
    uint32_t count;                /* ever; stops at UINT32_MAX */
    uint64_t sum_us, sum_cpu_us;   /* of the ring */
};

void cost_add(struct cost *c, uint32_t us, uint32_t cpu_us);

/* [µs] 0: nothing is known. */
uint32_t cost_mean_us(const struct cost *c);
/* [ms/s] Of CPU for each second of media, at least 1; 0: nothing is known. */
uint32_t cost_media_ms(const struct cost *c);
/* [µs] That 99 of 100 of the ring do not exceed; 0 as above. */
uint32_t cost_p99_us(const struct cost *c);

bool cost_is_quick(const struct cost *c);

/* Segments after one that is asked for that are to be made: 1 of what is quick. */
uint32_t cost_ahead(const struct cost *c);

#endif
