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

struct neighbours {
    const char *what;
    const char *asked;
    struct {
        const char *at;
        uint32_t clients, ms;
    } heard[6];
    const char *from; /* NULL: nobody speaks */
    uint32_t ms;
};

static void ask_around(const struct neighbours *n) {
    struct prefix asked = place(n->asked), from;
    for (size_t k = 0; k < 6 && n->heard[k].at != NULL; k++)
        for (uint32_t c = 0; c < n->heard[k].clients; c++)
            hear(n->heard[k].at, 3, (uint32_t)k * 10 + c, n->heard[k].ms, 10);
    struct trips_view v = trips_around(t, &asked, 3, at_s(11), &from);
    cr_expect_eq(v.rtt.us, 1000 * (int64_t)n->ms, "%s: %d", n->what, (int)v.rtt.us);
    cr_expect_eq(v.clients > 0, n->from != NULL, "%s", n->what);
    if (n->from != NULL) {
        struct prefix right = place(n->from);
        cr_expect(from.bits == right.bits && addr_equal(&from.addr, &right.addr), "%s: /%u",
                  n->what, from.bits);
    }
    cr_expect_eq(trips_around(t, &asked, 4, at_s(11), &from).clients, 0u, "another cluster");
    cr_expect_eq(trips_around(t, &asked, 3, at_s(1810), &from).clients, 0u, "old");
    cr_expect_eq(look(n->asked, 3, 11).clients, 0u, "nobody there has measured");
    trips_forget_cluster(t, 3);
    cr_expect_eq(trips_around(t, &asked, 3, at_s(11), &from).clients, 0u, "forgotten");
    cr_expect(trips_check_invariants(t));
}

/* Where nobody has measured: the /20, if three places of it agree and are most, else the /16. */
Test(trips, neighbours_speak_for_a_place_that_has_not_measured) {
    static const struct neighbours rows[] = {
        {"three of its /20",
         "10.1.20.0/24",
         {{"10.1.16.0/24", 1, 40}, {"10.1.17.0/24", 1, 42}, {"10.1.31.0/24", 1, 44}},
         "10.1.16.0/20",
         42},
        {"two are too few, however many clients they have",
         "10.1.20.0/24",
         {{"10.1.16.0/24", 6, 40}, {"10.1.17.0/24", 6, 42}},
         NULL,
         0},
        {"too few there: the /16",
         "10.1.20.0/24",
         {{"10.1.16.0/24", 1, 40}, {"10.1.17.0/24", 1, 42}, {"10.1.99.0/24", 1, 44}},
         "10.1.0.0/16",
         42},
        {"another /16 is none of them",
         "10.2.20.0/24",
         {{"10.1.16.0/24", 1, 40}, {"10.1.17.0/24", 1, 42}, {"10.1.31.0/24", 1, 44}},
         NULL,
         0},
        {"three of six agree: they share no way",
         "10.1.20.0/24",
         {{"10.1.16.0/24", 1, 40},
          {"10.1.17.0/24", 1, 42},
          {"10.1.18.0/24", 1, 44},
          {"10.1.19.0/24", 1, 100},
          {"10.1.21.0/24", 1, 200},
          {"10.1.22.0/24", 1, 10}},
         NULL,
         0},
        {"a place with many clients has one voice",
         "10.1.20.0/24",
         {{"10.1.16.0/24", 1, 40},
          {"10.1.17.0/24", 1, 42},
          {"10.1.18.0/24", 1, 44},
          {"10.1.19.0/24", 7, 1}},
         "10.1.16.0/20",
         42},
        {"IPv6: the /44",
         "2001:db8:15::/48",
         {{"2001:db8:10::/48", 1, 40}, {"2001:db8:11::/48", 1, 42}, {"2001:db8:1f::/48", 1, 44}},
         "2001:db8:10::/44",
         42},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trips_init(t);
        ask_around(&rows[i]);
    }
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

/* While one speaks all the time, those who said something else and left are forgotten. */
Test(trips, each_word_ages_by_itself) {
    for (uint32_t i = 1; i <= 4; i++)
        hear("192.0.2.0/24", 3, i, 90, 100 * i);
    for (int64_t s = 400; s < 2300; s += 10) {
        hear("192.0.2.0/24", 3, 9, 20, s);
        uint32_t left = 1; /* of the four, and the one */
        for (int64_t i = 1; i <= 4; i++)
            left += s < 100 * i + 1800;
        cr_assert_eq(look("192.0.2.0/24", 3, s).clients, left, "after %d s", (int)s);
        cr_assert_eq(look("192.0.2.0/24", 3, s).rtt.us, left == 1 ? 20000 : 90000);
    }
    cr_expect_eq(look("192.0.2.0/24", 3, 2299).heard_at.us, at_s(2290).us);
}

/* Whose word is overwritten where there are many: that of who has not spoken for longest. */
Test(trips, who_speaks_on_keeps_his_place) {
    for (uint32_t i = 0; i < 50; i++) {
        hear("192.0.2.0/24", 3, 1, 40, 10 + i);
        hear("192.0.2.0/24", 3, 2, 40, 10 + i);
        hear("192.0.2.0/24", 3, 3, 40, 10 + i);
        hear("192.0.2.0/24", 3, 4, 40, 10 + i);
        hear("192.0.2.0/24", 3, 100 + i, 1, 10 + i);
        cr_assert_eq(look("192.0.2.0/24", 3, 10 + i).rtt.us, 40000, "after %u", i);
    }
}

/* What so many who tell the truth and so many who lie come to, 400 ms being plausible. */
Test(trips, a_minority_of_liars_draws_nobody_near) {
    static const struct {
        const char *what;
        uint32_t honest_ms, honest, lie_ms, liars, said_ms, believed_ms;
    } rows[] = {
        {"one who tells the truth", 80, 1, 0, 0, 80, 80},
        {"a liar alone is believed by an eighth", 0, 0, 1, 1, 1, 50},
        {"against one neighbour he says nothing", 80, 1, 1, 1, 80, 80},
        {"nor against two", 80, 2, 1, 1, 80, 80},
        {"two liars who agree, alone", 0, 0, 1, 2, 1, 25},
        {"two against one", 80, 1, 1, 2, 1, 25},
        {"two against two", 80, 2, 1, 2, 80, 80},
        {"three against three", 80, 3, 1, 3, 80, 80},
        {"three against four", 80, 4, 1, 3, 80, 80},
        {"three who agree are believed", 20, 3, 0, 0, 20, 20},
        {"four against three are the truth", 80, 3, 1, 4, 1, 1},
        {"half of all can call it farther", 20, 3, 300, 3, 300, 300},
        {"fewer cannot", 20, 4, 300, 3, 20, 20},
        {"who is near and says so alone", 20, 1, 0, 0, 20, 50},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trips_init(t);
        for (uint32_t k = 0; k < rows[i].honest; k++)
            hear("192.0.2.0/24", 3, 1 + k, rows[i].honest_ms, 10);
        for (uint32_t k = 0; k < rows[i].liars; k++)
            hear("192.0.2.0/24", 3, 100 + k, rows[i].lie_ms, 11);
        struct trips_view v = look("192.0.2.0/24", 3, 12);
        cr_expect_eq(v.rtt.us, 1000 * rows[i].said_ms, "%s: %d", rows[i].what, (int)v.rtt.us);
        struct duration believed = trips_believed(&v, duration_ms(400));
        cr_expect_eq(believed.us, 1000 * rows[i].believed_ms, "%s: %d", rows[i].what,
                     (int)believed.us);
        cr_expect_eq(trips_believed(&v, DURATION_ZERO).us, v.rtt.us, "nothing is plausible");
    }
}

/* About the same: by a half, or by 5 ms where that is more. */
Test(trips, those_who_agree_make_it_sure) {
    static const struct {
        const char *what;
        uint32_t ms[3], agreeing;
    } rows[] = {
        {"the very same", {40, 40, 40}, 3}, {"nearly", {30, 40, 59}, 3},
        {"one far above", {40, 41, 70}, 2}, {"one far below", {20, 40, 41}, 2},
        {"all apart", {10, 40, 90}, 1},     {"near ones", {1, 4, 9}, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trips_init(t);
        for (uint32_t k = 0; k < 3; k++)
            hear("192.0.2.0/24", 3, k, rows[i].ms[k], 10);
        cr_expect_eq(look("192.0.2.0/24", 3, 11).agreeing, rows[i].agreeing, "%s", rows[i].what);
    }
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

Test(trips, whose_turn_it_was_is_known_though_it_never_answers) {
    struct prefix p = place("192.0.2.0/24"), none = {.bits = 0};
    struct instant at;
    cr_expect_not(trips_turn(t, &p, 3, &at));
    trips_named(t, &p, 3, at_s(10));
    cr_assert(trips_turn(t, &p, 3, &at));
    cr_expect_eq(at.us, at_s(10).us);
    cr_expect_eq(look("192.0.2.0/24", 3, 11).clients, 0u, "which is no measurement");
    hear("192.0.2.0/24", 3, 1, 40, 15);
    cr_expect(trips_turn(t, &p, 3, &at) && at.us == at_s(15).us);
    trips_named(t, &p, 3, at_s(20));
    cr_expect(trips_turn(t, &p, 3, &at) && at.us == at_s(20).us);
    cr_expect_eq(look("192.0.2.0/24", 3, 21).heard_at.us, at_s(15).us, "nor a newer one");
    trips_named(t, &none, 3, at_s(20));
    cr_expect_not(trips_turn(t, &none, 3, &at), "nowhere");
    trips_forget_cluster(t, 3);
    cr_expect_not(trips_turn(t, &p, 3, &at));
}
