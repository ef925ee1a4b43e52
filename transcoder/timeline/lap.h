/*
 * Laps: how a codec with a memory is encoded alike by servers that began at different frames.
 *
 * Every LAP_FRAMES frames, at a phase that follows from what is played, a new encoder takes over
 * that has been fed the LAP_JOIN_FRAMES before. Whoever begins anywhere goes back to the join of
 * the lap that his frame lies in, and makes the same bytes as everybody else. Who has no time for
 * that goes back a little, sounds as he should, and makes the same bytes from the next lap on.
 *
 * How little (test/unit/media_joint_test.c; the 100 ms after 173 joints in music, speech and noise
 * of each bit rate, by a decoder that goes on): without a pre-roll they have 3.5 to 14 dB less of
 * signal to noise than an encoder that was never interrupted would give, after 4 frames 0 to 0.8 on
 * average and 7.4 at worst, after 10 at most 0.05 and 1.9. So ten are what a rush gets, and four
 * are for when it is a crowd (queue.h), and whoever is late is not heard at all.
 */
#ifndef TRANSCODER_TIMELINE_LAP_H
#define TRANSCODER_TIMELINE_LAP_H

#include <stdbool.h>
#include <stdint.h>

#define LAP_FRAMES        250
#define LAP_JOIN_FRAMES   10
#define LAP_QUICK_FRAMES  10  /* of pre-roll: 0.6 ms, and it sounds as it should at once */
#define LAP_LEAST_FRAMES  4   /* 0.24 ms; see above */
#define LAP_MERGES_FRAMES 100 /* a profile that asks for less pre-roll prefers quick starts */

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
