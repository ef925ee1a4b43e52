#include "topo/trips.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct trips *t;

static void begin(void) {
    t = malloc(sizeof(*t));
    cr_assert_not_null(t);
    trips_init(t);
}

static void finish(void) {
    cr_expect(trips_check_invariants(t));
    free(t);
}

TestSuite(trips, .init = begin, .fini = finish);

static struct prefix place(const char *text) {
    struct prefix out;
    cr_assert(prefix_from_text(&out, text));
    return out;
}

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

static void hear(const char *where, uint16_t cluster, uint32_t client, uint32_t ms, int64_t s) {
    struct prefix p = place(where);
    trips_heard(t, &p, cluster, client, ms * 1000, 8, at_s(s));
}

static struct trips_view look(const char *where, uint16_t cluster, int64_t s) {
    struct prefix p = place(where);
    return trips_find(t, &p, cluster, at_s(s));
}

Test(trips, the_median_of_clients_counts_each_once) {
    cr_expect_eq(look("192.0.2.0/24", 3, 10).clients, 0u);
    hear("192.0.2.0/24", 3, 1, 40, 10);
    cr_expect_eq(look("192.0.2.0/24", 3, 11).rtt.us, 40000);
    for (uint32_t i = 0; i < 50; i++)
        hear("192.0.2.0/24", 3, 1, 90, 11); /* one who says it again and again */
    cr_expect_eq(look("192.0.2.0/24", 3, 12).clients, 1u);
    hear("192.0.2.0/24", 3, 2, 40, 12);
    hear("192.0.2.0/24", 3, 3, 42, 13);
    struct trips_view v = look("192.0.2.0/24", 3, 14);
    cr_expect_eq(v.clients, 3u);
    cr_expect_eq(v.rtt.us, 42000);
    cr_expect_eq(v.heard_at.us, at_s(13).us);
    cr_expect_eq(look("192.0.2.0/24", 4, 14).clients, 0u, "another cluster");
    cr_expect_eq(look("192.0.3.0/24", 3, 14).clients, 0u, "another location");
}

Test(trips, of_many_clients_the_newest_words_are_kept) {
    for (uint32_t i = 0; i < 100; i++)
        hear("2001:db8:7::/48", 3, i, i < 90 ? 200 : 30, 10 + i);
    struct trips_view v = look("2001:db8:7::/48", 3, 200);
    cr_expect_eq(v.clients, (uint32_t)TRIPS_CLIENTS);
    cr_expect_eq(v.rtt.us, 30000);
}

Test(trips, what_is_old_or_stands_on_too_little_does_not_count) {
    struct prefix p = place("192.0.2.0/24"), none = {.bits = 0};
    trips_heard(t, &p, 3, 1, 40000, TRIPS_SAMPLES_MIN - 1, at_s(10));
    cr_expect_eq(look("192.0.2.0/24", 3, 11).clients, 0u, "one packet");
    trips_heard(t, &p, 3, 1, 0, 8, at_s(10));
    cr_expect_eq(look("192.0.2.0/24", 3, 11).clients, 0u, "no time at all");
    trips_heard(t, &none, 3, 1, 40000, 8, at_s(10));
    cr_expect_eq(trips_find(t, &none, 3, at_s(11)).clients, 0u, "nowhere");
    hear("192.0.2.0/24", 3, 1, 40, 10);
    cr_expect_eq(look("192.0.2.0/24", 3, 1809).clients, 1u);
    cr_expect_eq(look("192.0.2.0/24", 3, 1810).clients, 0u, "half an hour old");
    hear("192.0.2.0/24", 3, 2, 70, 1900);
    cr_expect_eq(look("192.0.2.0/24", 3, 1901).clients, 1u, "the old word is gone");
    cr_expect_eq(look("192.0.2.0/24", 3, 1901).rtt.us, 70000);
}

Test(trips, a_full_table_forgets_who_was_not_heard_for_longest) {
    struct rng g;
    rng_seed(&g, 1);
    for (uint32_t i = 0; i < 4 * TRIPS_PLACES; i++) {
        struct prefix p = {.bits = 24};
        p.addr = addr_ipv4((uint8_t[]){10, (uint8_t)(i >> 8), (uint8_t)i, 0}, 0);
        trips_heard(t, &p, (uint16_t)(i >> 16), 1, 1000 + i, 8, at_s(i / 1000));
        if (i % 97 == 0) { /* somebody is heard all the time */
            hear("192.0.2.0/24", 3, 1, 40, i / 1000);
            cr_assert_eq(look("192.0.2.0/24", 3, i / 1000).clients, 1u, "after %u", i);
        }
    }
    cr_expect_eq(look("10.0.0.0/24", 0, 33).clients, 0u, "the first one");
    cr_expect(trips_check_invariants(t));
}

Test(trips, who_is_a_peer_no_longer_is_forgotten) {
    hear("192.0.2.0/24", 3, 1, 40, 10);
    hear("192.0.2.0/24", 4, 1, 50, 10);
    trips_forget_cluster(t, 3);
    cr_expect_eq(look("192.0.2.0/24", 3, 11).clients, 0u);
    cr_expect_eq(look("192.0.2.0/24", 4, 11).rtt.us, 50000);
}
