/* Laps: how far back encoding begins, and from where on the bytes are everybody's. */
#include "transcoder/timeline/lap.h"

#include <criterion/criterion.h>

Test(lap, goes_back_to_the_join_of_its_lap) {
    static const struct {
        const char *what;
        uint64_t frame;
        uint32_t phase, granted, asked;
        uint64_t preroll, merges_from;
    } rows[] = {
        {"the first frame needs nothing", 0, 40, 100, UINT32_MAX, 0, 0},
        {"in the first lap, back to the first frame", 39, 40, 100, UINT32_MAX, 39, 39},
        {"where a lap begins, its join", 40, 40, 100, UINT32_MAX, 10, 40},
        {"a frame later, one more", 41, 40, 100, UINT32_MAX, 11, 41},
        {"the last of a lap", 289, 40, 100, UINT32_MAX, 259, 289},
        {"the next lap", 290, 40, 100, UINT32_MAX, 10, 290},
        {"a lap that would begin within its join does not", 10, 10, 100, UINT32_MAX, 10, 10},
        {"nor for those behind it", 259, 10, 100, UINT32_MAX, 259, 259},
        {"who is in a hurry is everybody's in the next lap", 100, 40, 100, 10, 10, 290},
        {"but not if the join is over", 291, 40, 100, 10, 10, 540},
        {"the least there is is in time for less", 285, 40, 100, 4, 4, 540},
        {"and just so", 284, 40, 100, 4, 4, 290},
        {"in time for the join", 285, 40, 100, 10, 10, 290},
        {"a profile that grants little", 100, 40, 99, UINT32_MAX, 60 + 10, 100},
        {"a profile that grants less", 200, 40, 50, UINT32_MAX, 50, 290},
        {"a profile that grants nothing", 200, 40, 0, UINT32_MAX, 0, 290},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t n = lap_preroll(rows[i].frame, rows[i].phase, rows[i].granted, rows[i].asked);
        cr_expect_eq(n, rows[i].preroll, "%s", rows[i].what);
        cr_expect_eq(lap_merges_from(rows[i].frame, rows[i].phase, n), rows[i].merges_from, "%s",
                     rows[i].what);
    }
}

/* Whatever frame somebody is in a hurry for: what he promises is a lap that he meets the join of.
 */
Test(lap, promises_what_it_can_keep) {
    for (uint32_t phase = 0; phase < LAP_FRAMES; phase += 7)
        for (uint64_t frame = 0; frame < 3 * LAP_FRAMES; frame++) {
            uint32_t asked = frame % 2 == 0 ? LAP_QUICK_FRAMES : LAP_LEAST_FRAMES;
            uint64_t n = lap_preroll(frame, phase, LAP_MERGES_FRAMES, asked);
            uint64_t from = lap_merges_from(frame, phase, n);
            cr_assert(from >= frame && from <= frame + LAP_FRAMES + LAP_JOIN_FRAMES);
            if (n < lap_reach(frame, phase))
                cr_assert(lap_begins(from, phase) && frame - n + LAP_JOIN_FRAMES <= from,
                          "frame %lu, phase %u", (unsigned long)frame, phase);
        }
}
