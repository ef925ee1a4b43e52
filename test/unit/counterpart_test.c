#include "peerd/wire/counterpart.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct counterpart_word heard = {.what = COUNTERPART_HEARD,
                                              .cause = MOVE_CAUSE_CRASHED,
                                              .session = {{1, 2, 3}},
                                              .epoch = 7,
                                              .ago = {1230000},
                                              .told = {7, 45, 80, 2, 5}};
static const struct counterpart_word left = {.what = COUNTERPART_LEFT,
                                             .cause = MOVE_CAUSE_RETURN,
                                             .session = {{9}},
                                             .epoch = 1,
                                             .prepare_ms = 100,
                                             .overlap_ms = COUNTERPART_UNKNOWN};

Test(counterpart, what_is_written_is_read) {
    const struct counterpart_word arrived = {.what = COUNTERPART_ARRIVED,
                                             .cause = MOVE_CAUSE_DEGRADED,
                                             .epoch = UINT32_MAX,
                                             .ago = {655350000}};
    const struct counterpart_word *const all[] = {&heard, &left, &arrived};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct counterpart_word w, before = *all[i];
        uint8_t bytes[COUNTERPART_LEN];
        counterpart_write(bytes, &before);
        cr_assert(counterpart_read(&w, bytes, sizeof(bytes)));
        cr_expect(w.what == before.what && w.cause == before.cause && w.epoch == before.epoch);
        cr_expect(session_id_equal(&w.session, &before.session) && w.ago.us == before.ago.us);
        cr_expect(w.told.epoch == before.told.epoch && w.told.lost == before.told.lost &&
                  w.told.detect_ms == before.told.detect_ms &&
                  w.told.first_frame_ms == before.told.first_frame_ms &&
                  w.told.duplicates == before.told.duplicates);
        cr_expect(w.prepare_ms == before.prepare_ms && w.overlap_ms == before.overlap_ms);
    }
}

Test(counterpart, what_is_none_is_refused) {
    static const struct {
        const char *what;
        const struct counterpart_word *of;
        size_t at, len;
        uint8_t byte;
    } rows[] = {
        {"nothing of that kind", &heard, 0, COUNTERPART_LEN, 4},
        {"nothing", &heard, 0, COUNTERPART_LEN, 0},
        {"no cause", &heard, 1, COUNTERPART_LEN, MOVE_CAUSE_NONE},
        {"no such cause", &heard, 1, COUNTERPART_LEN, MOVE_CAUSE_RETURN + 1},
        {"no epoch", &left, 21, COUNTERPART_LEN, 0},
        {"frames lost where nobody knows of any", &left, 30, COUNTERPART_LEN, 1},
        {"figures of a move of which nothing is known", &heard, 0, COUNTERPART_LEN,
         COUNTERPART_ARRIVED},
        {"too short", &heard, 0, COUNTERPART_LEN - 1, COUNTERPART_HEARD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct counterpart_word w = {.epoch = 55};
        uint8_t bytes[COUNTERPART_LEN];
        counterpart_write(bytes, rows[i].of);
        bytes[rows[i].at] = rows[i].byte;
        cr_expect_not(counterpart_read(&w, bytes, rows[i].len), "%s", rows[i].what);
        cr_expect_eq(w.epoch, 55u, "%s: touched", rows[i].what);
    }
    struct counterpart_word w;
    uint8_t longer[COUNTERPART_LEN + 1] = {0};
    counterpart_write(longer, &heard);
    cr_expect_not(counterpart_read(&w, longer, sizeof(longer)), "too long");
}
