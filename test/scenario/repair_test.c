/* Witness, pace and resend together, under virtual time: single frames that a path has lost. */
#include "test/lib/handover.h"

#include <criterion/criterion.h>

static struct handover h; /* large: not on the stack */

/* Five in a hundred packets are lost either way: a frame is lost for good if all of some questions
 * or answers are, or if its last chance is too late. Where servers send nothing again every
 * twentieth is. */
Test(repair, plain_loss_is_mended_within_the_buffer) {
    uint64_t lost[2] = {0, 0}, before = 0, resent = 0, expected = 0;
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int deaf = 0; deaf < 2; deaf++) {
            struct handover_config c = handover_config_default();
            c.seed = seed;
            c.loss_per_mille = 50;
            c.deaf = deaf != 0;
            handover_init(&h, &c);
            handover_run(&h, 20000);
            lost[deaf] += h.playout.stats.lost;
            cr_expect_eq(h.wrong, 0, "seed %llu: wrong bytes", (unsigned long long)seed);
            if (deaf)
                continue;
            before += h.playout.stats.lost_before;
            resent += h.servers[0].resent;
            expected += h.playout.stats.expected;
        }
    cr_expect_gt(before, expected / 25, "%llu of %llu", (unsigned long long)before,
                 (unsigned long long)expected);
    cr_expect_lt(20 * lost[0], lost[1], "%llu lost, %llu without repair",
                 (unsigned long long)lost[0], (unsigned long long)lost[1]);
    /* Copies are asked for, too, where time is short: a half more than was lost. */
    cr_expect_lt(resent, expected / 13, "%llu resent of %llu", (unsigned long long)resent,
                 (unsigned long long)expected);
}
