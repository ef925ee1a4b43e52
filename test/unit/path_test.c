#include "transcoder/timeline/path.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

Test(path, an_answer_is_believed_once_and_only_if_it_was_asked_for) {
    struct path p;
    path_init(&p);
    cr_expect_not(path_answered(&p, 5, at_ms(0)), "never asked");
    cr_expect_not(path_answered(&p, 0, at_ms(0)), "zero is no nonce");
    path_sent(&p, 5, true, true, at_ms(0));
    path_sent(&p, 6, false, false, at_ms(1));
    cr_expect(path_waits(&p, 5) && path_waits(&p, 5), "to ask changes nothing");
    cr_expect(!path_waits(&p, 4) && !path_waits(&p, 0));
    cr_expect(path_answered(&p, 5, at_ms(30)));
    cr_expect_not(path_waits(&p, 5));
    cr_expect_not(path_answered(&p, 5, at_ms(31)), "a second time");
    cr_expect(path_answered(&p, 6, at_ms(400)));
    cr_expect_eq(p.rtt_smooth.us, 30000, "a grant tells nothing about the way");
    cr_expect_eq(p.hellos_answered, 1);
}

Test(path, round_trip_time) {
    struct path p;
    path_init(&p);
    cr_expect_eq(path_rtt(&p).us, PATH_RTT_MS_GUESS * 1000);
    const int64_t samples[] = {40, 48, 32};
    const int64_t smooth_us[] = {40000, 41000, 39875};
    for (int i = 0; i < 3; i++) {
        path_sent(&p, (uint64_t)i + 1, true, true, at_ms(i * 1000));
        cr_assert(path_answered(&p, (uint64_t)i + 1, at_ms(i * 1000 + samples[i])));
        cr_expect_eq(path_rtt(&p).us, smooth_us[i], "sample %d: %lld", i,
                     (long long)path_rtt(&p).us);
    }
    cr_expect_eq(p.rtt_min.us, 32000);
}

Test(path, another_way) {
    static const struct {
        const char *what;
        int64_t ms[4]; /* round trips after one of 80 ms; negative: of a grant */
        int64_t smooth_us;
    } rows[] = {
        {"a single one is an accident", {600, 80}, 136875},
        {"two are a longer way", {600, 580}, 580000},
        {"and as long as the shorter of them", {580, 600}, 580000},
        {"a grant confirms it", {580, -900}, 580000},
        {"a grant alone tells nothing", {-900, -900}, 80000},
        {"a grant that was quick denies nothing", {580, -80}, 142500},
        {"two to either side are no way", {600, 20, 600}, 188203},
        {"there and back", {600, 600, 80, 80}, 80000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct path p;
        path_init(&p);
        path_sent(&p, 1, true, true, at_ms(0));
        cr_assert(path_answered(&p, 1, at_ms(80)));
        for (int k = 0; k < 4 && rows[i].ms[k] != 0; k++) {
            int64_t ms = rows[i].ms[k], sent = 1000 * (k + 1);
            bool grant = ms < 0;
            path_sent(&p, (uint64_t)k + 2, !grant, !grant, at_ms(sent));
            cr_assert(path_answered(&p, (uint64_t)k + 2, at_ms(sent + (grant ? -ms : ms))));
        }
        cr_expect_eq(path_rtt(&p).us, rows[i].smooth_us, "%s: %lld us", rows[i].what,
                     (long long)path_rtt(&p).us);
    }
}

Test(path, hellos_that_nobody_answers) {
    struct path p;
    path_init(&p);
    for (int i = 0; i < 4; i++) {
        path_sent(&p, (uint64_t)i + 1, true, true, at_ms(i * 500));
        path_expire(&p, at_ms(i * 500));
    }
    cr_expect_eq(p.hellos_missed, 2, "two of them are a second old");
    path_expire(&p, at_ms(2500));
    cr_expect_eq(p.hellos_missed, 4);
    cr_expect_gt(p.loss_per_mille, 300);
    cr_expect_not(path_answered(&p, 4, at_ms(2600)), "too late to count");
    path_sent(&p, 9, true, true, at_ms(3000));
    cr_expect(path_answered(&p, 9, at_ms(3020)));
    cr_expect_eq(p.hellos_missed, 0);
}

Test(path, more_questions_than_are_remembered) {
    struct path p;
    path_init(&p);
    for (uint64_t n = 1; n <= PATH_PENDING_MAX + 1; n++)
        path_sent(&p, n, true, true, at_ms((int64_t)n));
    cr_expect_not(path_answered(&p, 1, at_ms(50)), "the oldest was forgotten");
    cr_expect(path_answered(&p, 2, at_ms(50)));
    cr_expect(path_answered(&p, PATH_PENDING_MAX + 1, at_ms(50)));
}

Test(path, a_cookie_has_an_age) {
    struct path p;
    struct cookie c = {{7}};
    path_init(&p);
    cr_expect_not(path_has_cookie(&p, at_ms(0)));
    path_cookie_received(&p, &c, at_ms(100));
    cr_expect(path_has_cookie(&p, at_ms(100)));
    cr_expect(path_has_cookie(&p, at_ms(100 + PATH_COOKIE_MS_MAX - 1)));
    cr_expect_not(path_has_cookie(&p, at_ms(100 + PATH_COOKIE_MS_MAX)));
    path_cookie_received(&p, &c, at_ms(100));
    path_cookie_forget(&p);
    cr_expect_not(path_has_cookie(&p, at_ms(101)));
}

Test(path, outcomes_are_counted_as_soon_as_an_answer_should_be_here) {
    struct path p;
    path_init(&p);
    path_sent(&p, 1, true, true, at_ms(0));
    cr_assert(path_answered(&p, 1, at_ms(30)));
    cr_expect_eq(path_outcomes(&p, at_ms(30)).asked, 0, "nobody wanted to know");
    path_look(&p);
    for (uint64_t i = 2; i <= 6; i++)
        path_sent(&p, i, false, i != 6, at_ms(1000)); /* the sixth is no prompt one */
    cr_assert(path_answered(&p, 2, at_ms(1030)) && path_answered(&p, 3, at_ms(1030)));
    struct path_outcomes o = path_outcomes(&p, at_ms(1159));
    cr_expect(o.asked == 2 && o.lost == 0, "two round trips and 100 ms: %u, %u", o.asked, o.lost);
    o = path_outcomes(&p, at_ms(1160));
    cr_expect(o.asked == 2 && o.lost == 2, "%u, %u", o.asked, o.lost);
    cr_assert(path_answered(&p, 4, at_ms(1200)), "late");
    path_expire(&p, at_ms(2100));
    o = path_outcomes(&p, at_ms(2100));
    cr_expect(o.asked == 0 && o.lost == 0, "none is counted twice: %u, %u", o.asked, o.lost);
    cr_expect_eq(p.hellos_missed, 0, "a look that is lost makes nobody silent");
}
