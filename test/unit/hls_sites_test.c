/*
 * Which site is asked first, and how long it is waited for.
 */
#include "transcoder/hls/sites.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sites s;
static const struct instant now = {1000000};

enum {
    A,
    B,
    C
};

static void begin(void) {
    sites_init(&s);
    sites_add(&s, "a", "http://a/");
    sites_add(&s, "b", "http://b/");
    sites_add(&s, "c", "http://c/");
}

TestSuite(hls_sites, .init = begin);

static struct instant later(int64_t ms) {
    return instant_add(now, duration_ms(ms));
}

Test(hls_sites, the_choice_is_sticky) {
    cr_expect(sites_choose(&s, 0, now) == A);
    sites_won(&s, C, SITES_HEDGED);
    cr_expect(sites_choose(&s, 0, now) == C && s.moves == 1 && s.cause == SITES_HEDGED);
    cr_expect(sites_choose(&s, 1u << C, now) == A, "then in order");
    sites_won(&s, C, SITES_FAILED);
    cr_expect(s.moves == 1 && s.cause == SITES_HEDGED, "it was there already");
    cr_expect(sites_choose(&s, 7, now) == SITES_NONE);
}

Test(hls_sites, who_failed_is_asked_last_for_a_while) {
    sites_failed(&s, A, now);
    cr_expect(sites_choose(&s, 0, now) == B);
    cr_expect(sites_choose(&s, 1u << B, now) == C);
    cr_expect(sites_choose(&s, 1u << B | 1u << C, now) == A);
    cr_expect(sites_choose(&s, 0, later(SITES_SHUN_MS)) == A);
    sites_failed(&s, A, now);
    sites_won(&s, A, SITES_FAILED);
    cr_expect(sites_choose(&s, 0, now) == A, "who serves is well");
}

Test(hls_sites, steering_is_followed_but_not_back_to_who_failed) {
    static const uint32_t order[] = {A, C};
    sites_won(&s, B, SITES_HEDGED);
    sites_failed(&s, A, now);
    sites_steered(&s, order, 2, now);
    cr_expect(s.at == C && s.cause == SITES_STEERED);
    cr_expect(sites_choose(&s, 1u << C, now) == B, "who is not named comes behind, a is shunned");
    sites_steered(&s, order, 2, later(SITES_SHUN_MS));
    cr_expect(s.at == A);
    cr_expect(sites_choose(&s, 1u << A, later(SITES_SHUN_MS)) == C);
}

Test(hls_sites, all_failed) {
    static const uint32_t order[] = {B, A};
    for (uint32_t i = 0; i < 3; i++)
        sites_failed(&s, i, now);
    sites_steered(&s, order, 2, now);
    cr_expect(s.at == A && s.moves == 0, "nobody is better");
    cr_expect(sites_choose(&s, 0, now) == B, "as steering says");
}

Test(hls_sites, patience_follows_what_is_usual) {
    cr_expect(duration_in_ms(sites_patience(&s, A)) == SITES_PATIENCE_MS_MIN, "nothing is known");
    for (int i = 0; i < 50; i++)
        sites_measured(&s, A, duration_ms(20));
    cr_expect(duration_in_ms(sites_patience(&s, A)) == SITES_PATIENCE_MS_MIN, "no less");
    for (int i = 0; i < 50; i++)
        sites_measured(&s, B, duration_ms(i % 2 == 0 ? 500 : 700));
    int64_t ms = duration_in_ms(sites_patience(&s, B));
    cr_expect(ms > 800 && ms < 1200, "%lld: mean 600 and 4 deviations of 100", (long long)ms);
    for (int i = 0; i < 50; i++)
        sites_measured(&s, C, duration_ms(4000));
    cr_expect(duration_in_ms(sites_patience(&s, C)) == SITES_PATIENCE_MS_MAX, "no more");
}

Test(hls_sites, no_more_than_fit) {
    char text[SITES_BASE_MAX + 2];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_expect(sites_add(&s, "d", text) == SITES_NONE);
    cr_expect(sites_add(&s, text, "http://d/") == SITES_NONE);
    cr_expect(sites_add(&s, "b", "http://other/") == B);
    cr_expect(strcmp(s.list[B].base, "http://other/") == 0 && s.count == 3);
    for (uint32_t i = 3; i < SITES_MAX; i++) {
        snprintf(text, sizeof(text), "s%u", i);
        cr_expect(sites_add(&s, text, "http://s/") == i);
    }
    cr_expect(sites_add(&s, "more", "http://s/") == SITES_NONE);
}
