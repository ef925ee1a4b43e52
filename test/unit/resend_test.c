#include "transcoder/timeline/resend.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* Sends all that is due. */
static void send_until(struct pace *p, int64_t ms) {
    uint64_t frame;
    while (pace_take(p, at_ms(ms), &frame))
        ;
}

Test(resend, only_what_was_sent_goes_again) {
    struct pace p;
    const uint8_t held[PACE_HELD_BYTES] = {0};
    pace_start(&p, duration_ms(20), 90, 100, held, at_ms(0));
    send_until(&p, 1000); /* … frame 150 */
    static const struct {
        const char *what;
        uint64_t frame;
        bool may;
    } rows[] = {
        {"the newest", 150, true},
        {"one that comes at its instant", 151, false},
        {"the oldest that is kept", 151 - RESEND_FRAMES_BACK, true},
        {"an older one", 151 - RESEND_FRAMES_BACK - 1, false},
        {"one before what was asked for", 89, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resend r = {.paid_until = {0}};
        cr_expect_eq(resend_may(&r, &p, rows[i].frame, at_ms(1000)), rows[i].may, "%s",
                     rows[i].what);
    }
    struct resend r = {.paid_until = {0}};
    pace_stop(&p);
    cr_expect_not(resend_may(&r, &p, 150, at_ms(1000)), "who sends nothing");
}

Test(resend, what_a_backfill_is_about_to_send_does_not_go_twice) {
    struct pace p;
    struct resend r = {.paid_until = {0}};
    uint64_t frame;
    pace_start(&p, duration_ms(20), 90, 100, NULL, at_ms(0));
    for (int i = 0; i < 3; i++)
        cr_assert(pace_take(&p, at_ms(1), &frame) && frame < 100);
    cr_expect(resend_may(&r, &p, 92, at_ms(1)));
    cr_expect_not(resend_may(&r, &p, 93, at_ms(1)), "it is under way");
}

Test(resend, no_more_than_the_stream_once_more_beside_a_burst) {
    struct pace p;
    struct resend r = {.paid_until = {0}};
    pace_start(&p, duration_ms(20), 0, 0, NULL, at_ms(0));
    uint32_t again = 0, at_once = 0;
    for (int64_t ms = 0; ms < 20000; ms += 20) {
        send_until(&p, ms);
        for (int i = 0; i < 600; i++)
            again += resend_may(&r, &p, p.next - 1, at_ms(ms));
        at_once = ms == 0 ? again : at_once;
    }
    cr_expect_eq(at_once, RESEND_BURST);
    cr_expect_eq(again, 1000 / RESEND_FRAMES_EACH + RESEND_BURST - 1, "%u", again);
    send_until(&p, 40000);
    uint32_t later = 0;
    for (int i = 0; i < 600; i++)
        later += resend_may(&r, &p, p.next - 1, at_ms(40000));
    cr_expect_eq(later, RESEND_BURST, "no more is saved up");
}
