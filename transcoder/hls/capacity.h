/*
 * Capacity: what CPU the makers of segments have to spare, and what one more player may cost them.
 *
 * Both are counted in CPU time, in milliseconds for each second, and not in streams or players: a
 * picture of 1080 lines costs a hundred times what sound does, and a segment that is at hand costs
 * nothing. A player that begins takes, at worst, a picture rendition and a sound rendition whose
 * segments nobody else wants: those that cost most.
 *
 * To spare is what makers did not do of late, over CAPACITY_PARTS seconds, since a segment takes
 * them half a second or more. They yield to sessions and to whatever else the machine does, and
 * then take longer for the same segment: so of a second of a maker as much is CPU to be had as it
 * had of the seconds in which it worked. Until anything has been made that is all of it.
 *
 * Transcoderd measures with it (worker/front), and the simulator's sites do (peerd/sim/kitchen).
 */
#ifndef TRANSCODER_HLS_CAPACITY_H
#define TRANSCODER_HLS_CAPACITY_H

#include "peerd/base/time.h"
#include "transcoder/hls/cost.h"
#include "transcoder/hls/rendition.h"

#define CAPACITY_PART  duration_s(1) /* [s] */
#define CAPACITY_PARTS 5

/* A second of all makers together. */
struct capacity_part {
    uint64_t busy_us; /* [µs] that they were making */
    uint64_t cpu_us;  /* [µs] of CPU for what was made by its end */
};

struct capacity {
    struct capacity_part parts[CAPACITY_PARTS + 1]; /* a ring; the present one with them */
    uint64_t number;      /* of the present part, counted from the first */
    struct instant since; /* the present part began */
    struct instant at;    /* it is known until then */
    uint32_t busy;        /* makers that are making */
    uint32_t permille;    /* of a busy maker's time that was CPU */
};

void capacity_init(struct capacity *c, struct instant now);

/* So many makers are making from now on. */
void capacity_busy(struct capacity *c, uint32_t busy, struct instant now);

/* A segment was made. */
void capacity_made(struct capacity *c, uint64_t cpu_us, struct instant now);

/* [ms/s] Of `makers`, by the latest whole parts. */
uint32_t capacity_spare_ms(struct capacity *c, uint32_t makers, struct instant now);

/* [ms/s] At worst, of a player of a stream with these renditions, whose segments cost as much;
 * those of which nothing is known yet cost nothing. */
uint32_t capacity_player_ms(const struct rendition *const renditions[],
                            const struct cost *const costs[], size_t count);

#endif
