#include "transcoder/worker/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct guard guard;

static struct addr address(const char *text) {
    struct addr a;
    cr_assert(addr_from_text(&a, text));
    return a;
}

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

Test(guard, shuts_out_who_fails_too_often_for_a_while) {
    struct addr bad = address("192.0.2.1:1000"), port = address("192.0.2.1:2000"),
                good = address("192.0.2.2:1000"), six = address("[2001:db8::1]:1000");
    guard_init(&guard, 99, GUARD_FAILURES_MAX);
    for (int i = 0; i < GUARD_FAILURES_MAX; i++) {
        cr_expect(guard_admits(&guard, &bad, at_ms(i)), "failure %d", i);
        guard_failed(&guard, &bad, at_ms(i));
    }
    cr_expect(!guard_admits(&guard, &bad, at_ms(100)));
    cr_expect(!guard_admits(&guard, &port, at_ms(100)), "ports are for free, addresses are not");
    cr_expect(guard_admits(&guard, &good, at_ms(100)));
    cr_expect(guard_admits(&guard, &six, at_ms(100)));
    cr_expect(guard_admits(&guard, &bad, at_ms(GUARD_WINDOW_MS)), "the window is over");
    guard_failed(&guard, &bad, at_ms(GUARD_WINDOW_MS));
    cr_expect(guard_admits(&guard, &bad, at_ms(GUARD_WINDOW_MS)), "a new one has begun");
}

/* Who shares a place with a noisy neighbour is never taken for him. */
Test(guard, many_addresses_do_not_shut_out_one) {
    struct addr good = address("198.51.100.7:1");
    guard_init(&guard, 7, GUARD_FAILURES_MAX);
    for (int i = 0; i < 100000; i++) {
        struct addr a = {.family = 4,
                         .ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        guard_failed(&guard, &a, at_ms(1));
        cr_assert(guard_admits(&guard, &good, at_ms(1)), "address %d", i);
    }
}

Test(guard, sessions_are_told_apart_and_where_they_report_from) {
    struct session_id one = {.bytes = {1}}, two = {.bytes = {2}};
    struct addr known = guard_who_names(&one, true), strange = guard_who_names(&one, false),
                another = guard_who_names(&two, false);
    guard_init(&guard, 5, GUARD_FAILURES_MAX);
    for (int i = 0; i < GUARD_FAILURES_MAX; i++)
        guard_failed(&guard, &strange, at_ms(1));
    cr_expect(!guard_admits(&guard, &strange, at_ms(2)));
    cr_expect(guard_admits(&guard, &known, at_ms(2)), "its own address is not shut out");
    cr_expect(guard_admits(&guard, &another, at_ms(2)), "nor is another session");
}

Test(guard, a_network_of_ipv6_is_one_host) {
    struct addr one = address("[2001:db8:0:1::1]:1000"), next = address("[2001:db8:0:1:ffff::2]:2"),
                other = address("[2001:db8:0:2::1]:1000"), four = address("192.0.2.1:1000"),
                fourth = address("192.0.2.2:1000");
    one = guard_who_comes(&one), next = guard_who_comes(&next), other = guard_who_comes(&other);
    four = guard_who_comes(&four), fourth = guard_who_comes(&fourth);
    guard_init(&guard, 5, 1);
    guard_failed(&guard, &one, at_ms(1));
    guard_failed(&guard, &four, at_ms(1));
    cr_expect(!guard_admits(&guard, &one, at_ms(2)), "one is as many as there may be");
    cr_expect(!guard_admits(&guard, &next, at_ms(2)), "it has chosen another address");
    cr_expect(guard_admits(&guard, &other, at_ms(2)));
    cr_expect(!guard_admits(&guard, &four, at_ms(2)));
    cr_expect(guard_admits(&guard, &fourth, at_ms(2)), "of IPv4 each is somebody's");
}
