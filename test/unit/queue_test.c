/* Queue: who comes alone has a whole pre-roll, a rush ten frames, a crowd four. */
#include "transcoder/timeline/lap.h"
#include "transcoder/timeline/queue.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

Test(queue, the_more_wait_the_less_each_has) {
    static const struct {
        const char *what;
        uint32_t waiting, preroll;
    } rows[] = {
        {"nobody", 0, UINT32_MAX},   {"two", QUEUE_RUSH - 1, UINT32_MAX},
        {"a rush", QUEUE_RUSH, 10},  {"a large one", QUEUE_CROWD - 1, 10},
        {"a crowd", QUEUE_CROWD, 4}, {"a large one", 4096, 4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct queue q;
        queue_init(&q, at_ms(0));
        cr_expect_eq(queue_preroll(&q, at_ms(0)), UINT32_MAX);
        queue_waits(&q, rows[i].waiting, at_ms(5));
        cr_expect_eq(queue_preroll(&q, at_ms(5)), rows[i].preroll, "%s", rows[i].what);
        cr_expect_eq(queue_preroll(&q, at_ms(5 + QUEUE_MS - 1)), rows[i].preroll, "%s",
                     rows[i].what);
        cr_expect_eq(queue_preroll(&q, at_ms(5 + QUEUE_MS)), UINT32_MAX, "%s", rows[i].what);
    }
}

Test(queue, a_crowd_that_becomes_less_is_a_rush_and_then_nobody) {
    struct queue q;
    queue_init(&q, at_ms(0));
    queue_waits(&q, QUEUE_CROWD, at_ms(0));
    queue_waits(&q, QUEUE_RUSH, at_ms(100));
    queue_waits(&q, 1, at_ms(300));
    cr_expect_eq(queue_preroll(&q, at_ms(QUEUE_MS - 1)), LAP_LEAST_FRAMES);
    cr_expect_eq(queue_preroll(&q, at_ms(QUEUE_MS)), LAP_QUICK_FRAMES);
    cr_expect_eq(queue_preroll(&q, at_ms(100 + QUEUE_MS)), UINT32_MAX);
}
