/*
 * Laps: how a codec with a memory is encoded alike by servers that began at different frames.
 *
 * Every LAP_FRAMES frames, at a phase that follows from what is played, a new encoder takes over
 * that has been fed the LAP_JOIN_FRAMES before. Whoever begins anywhere goes back to the join of
 * the lap that his frame lies in, and makes the same bytes as everybody else. Who has no time for
 * that goes back a little, sounds as he should, and makes the same bytes from the next lap on.
 */
#ifndef TRANSCODER_TIMELINE_LAP_H
#define TRANSCODER_TIMELINE_LAP_H

#include <stdbool.h>
#include <stdint.h>

#define LAP_FRAMES        250
#define LAP_JOIN_FRAMES   10
#define LAP_QUICK_FRAMES  10  /* of pre-roll: 0.6 ms, and it sounds as it should at once */
#define LAP_MERGES_FRAMES 100 /* a profile that asks for less pre-roll prefers quick starts */
#define LAP_QUEUE_FULL    3   /* so many that wait for theirs are a rush: starts are quick … */
#define LAP_RUSH_MS       500 /* [ms] … for so long after it */

/* A lap begins here with an encoder that has been fed the join before it. Frame 0 begins one
 * without a join, so a lap that would begin within its join never does. */
static inline bool lap_begins(uint64_t frame, uint32_t phase) {
    return frame > LAP_JOIN_FRAMES && frame % LAP_FRAMES == phase;
}

/* The last beginning at or before the frame; 0 in the first lap. */
static inline uint64_t lap_before(uint64_t frame, uint32_t phase) {
    uint64_t into = (frame + LAP_FRAMES - phase) % LAP_FRAMES;
    return frame >= into && lap_begins(frame - into, phase) ? frame - into : 0;
}

/* [frames] How far before the frame encoding has to begin to give what everybody gives. */
static inline uint64_t lap_reach(uint64_t frame, uint32_t phase) {
    uint64_t begin = lap_before(frame, phase);
    return begin == 0 ? frame : frame - begin + LAP_JOIN_FRAMES;
}

/* [frames] How far it does begin before, if a profile grants so much and so much is asked for. */
static inline uint64_t lap_preroll(uint64_t frame, uint32_t phase, uint32_t granted,
                                   uint32_t asked) {
    uint64_t full = lap_reach(frame, phase), most = granted;
    if (granted >= LAP_MERGES_FRAMES)
        most = full;
    most = asked < most ? asked : most;
    return most < full ? most : full;
}

/* The first frame that is everybody's, after a pre-roll of so many: the frame itself after all that
 * is needed, else the beginning of the next lap whose join is still to come. */
static inline uint64_t lap_merges_from(uint64_t frame, uint32_t phase, uint64_t preroll) {
    if (preroll == lap_reach(frame, phase))
        return frame;
    return lap_before(frame - preroll + LAP_JOIN_FRAMES + LAP_FRAMES - 1, phase);
}

#endif
