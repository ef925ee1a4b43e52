#include "monitor/perf.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <string.h>

static const struct perf_settings settings = {
    .locations_max = PERF_LOCATIONS_MAX,
    .wish = {.drop_centi = 1000,
             .clients_min = 5,
             .reports_min = 3,
             .interval = {1000000},
             .hold = {10000000}},
};

static struct prefix prefix_of(const char *text) {
    struct prefix p;
    cr_assert(prefix_from_text(&p, text), "%s", text);
    return p;
}

static struct perf_sample sample_at(const char *location, uint32_t client, uint32_t lost) {
    return (struct perf_sample){.location = prefix_of(location),
                                .session = client,
                                .client = client,
                                .codec = experience_codec_of("pcmu"),
                                .expected = 50,
                                .lost = lost,
                                .rtt = duration_ms(40),
                                .jitter = duration_ms(3),
                                .buffer = duration_ms(60)};
}

static bool heard(struct perf *p, const char *location, uint32_t client, uint32_t lost,
                  struct instant now) {
    struct perf_sample s = sample_at(location, client, lost);
    return perf_heard(p, &s, now);
}

Test(perf, a_report_is_rated_by_loss_bursts_and_delay) {
    struct perf_sample s = sample_at("192.0.2.0/24", 1, 0);
    cr_expect_eq(perf_rate(&s), 9320);
    s.lost = 5; /* 10 %: 95 × 10 / (10 + 25.1) */
    cr_expect_float_eq(perf_rate(&s) / 100.0, 93.2 - 27.07, 0.02);
    s.runs = 1; /* BurstR = 4.5 */
    cr_expect_float_eq(perf_rate(&s) / 100.0, 93.2 - 95 * 10 / (10 / 4.5 + 25.1), 0.02);
    s = sample_at("192.0.2.0/24", 1, 0);
    s.rtt = duration_ms(280); /* and 60 of buffer are 200 one way */
    cr_expect_float_eq(perf_rate(&s) / 100.0, 93.2 - 3.04, 0.02);
    s.buffer = DURATION_ZERO;
    s.jitter = duration_ms(30);
    cr_expect_float_eq(perf_rate(&s) / 100.0, 93.2 - 3.04, 0.02, "twice the jitter");
    s.rtt = DURATION_ENDLESS;
    cr_expect_eq(perf_rate(&s), 9320);
}

Test(perf, each_location_has_its_own_figures) {
    struct perf p;
    const struct prefix near = prefix_of("192.0.2.0/24"), far = prefix_of("2001:db8:1::/48");
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert(heard(&p, "192.0.2.0/24", i % 20, 0, instant_us(i * 50000)));
        cr_assert(heard(&p, "2001:db8:1::/48", i % 10, i % 2 * 5, instant_us(i * 50000)));
    }
    struct perf_view a = perf_own_view(&p, &near), b = perf_own_view(&p, &far);
    cr_expect_eq(a.rating_centi, 9320);
    cr_expect(b.rating_centi > 7900 && b.rating_centi < 8050, "%u", b.rating_centi);
    cr_expect(a.within_centi < b.within_centi && b.within_centi < 300, "%u", b.within_centi);
    cr_expect_eq(perf_clients(perf_find(&p, &far)->own, instant_us(5000000)), 10);
    cr_expect_eq(perf_clients(perf_find(&p, &far)->own, instant_us(60000000)), 0);
    const struct prefix nowhere = prefix_of("198.51.100.0/24");
    cr_expect_eq(perf_own_view(&p, &nowhere).reports, 0);
    cr_expect_not(perf_heard(&p, &(struct perf_sample){0}, instant_us(0)));
    perf_check_invariants(&p);
    perf_free(&p);
}

/* So long it was one, then so long another: after some minutes the latter is usual. */
Test(perf, round_trips_of_long_ago_fade) {
    struct perf p;
    const struct prefix there = prefix_of("192.0.2.0/24");
    perf_init(&p, &settings);
    for (int64_t s = 0; s < 1080; s++) {
        struct perf_sample sample = sample_at("192.0.2.0/24", (uint32_t)s % 20, 0);
        sample.rtt = duration_ms(s < 600 ? 40 : 90);
        cr_assert(perf_heard(&p, &sample, instant_us(s * 1000000)));
    }
    uint32_t rtt_us = sketch_quantile(&perf_find(&p, &there)->own->rtt, 500);
    cr_expect(rtt_us > 85000 && rtt_us < 95000, "%u", rtt_us);
    perf_free(&p);
}

/* A peer's word is good for a minute. */
Test(perf, a_peer_that_does_not_say_it_again_has_said_nothing) {
    struct perf p;
    struct perf_peer words[PERF_PEERS_MAX];
    struct perf_summary said = {prefix_of("192.0.2.0/24"), 9000, 9000, 300, 7, 7, 30};
    perf_init(&p, &settings);
    cr_assert(perf_told(&p, 1, &said, instant_us(0)));
    cr_assert(perf_told(&p, 2, &said, instant_us(30000000)));
    cr_expect_eq(perf_words(&p, &said.location, instant_us(59999999), words), 2u);
    cr_assert_eq(perf_words(&p, &said.location, instant_us(60000000), words), 1u);
    cr_expect_eq(words[0].cluster, 2);
    cr_expect_eq(perf_words(&p, &said.location, instant_us(90000000), words), 0u);
    perf_free(&p);
}

/* Ten thousand locations, each of them known to us and to eight peers. */
Test(perf, ten_thousand_locations_take_at_most_16_mib) {
    struct perf p;
    struct rng g;
    rng_seed(&g, 5);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 30000; i++) { /* three times as many as there is room for */
        struct instant now = instant_us(i * 1000);
        struct perf_sample s = sample_at("10.0.0.0/24", i, 0);
        uint32_t where = (uint32_t)rng_below(&g, i < 10000 ? 10000 : 30000);
        where = i < 10000 ? i : where;
        s.location.addr.ip[1] = (uint8_t)(where >> 8);
        s.location.addr.ip[2] = (uint8_t)where;
        s.rtt = duration_us((int64_t)rng_below(&g, 300000));
        cr_assert(perf_heard(&p, &s, now));
        struct perf_summary told = {s.location, 9000, 9000, 300, 7, 7, 0};
        for (uint16_t c = 0; c < 8; c++)
            perf_told(&p, c, &told, now);
        if (i == 9999) {
            cr_expect_eq(p.count, 10000);
            cr_expect_eq(p.merged, 0);
        }
        if (i >= 9999 && i % 10000 == 9999) {
            size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
            cr_expect_leq(p.bytes, 16 << 20, "%zu bytes", p.bytes);
            cr_expect_leq(used, 16 << 20, "%zu bytes with malloc's own", used);
            if (i == 9999)
                fprintf(stderr, "10000 locations: %zu bytes, %zu with malloc's own\n", p.bytes,
                        used);
        }
    }
    cr_expect(p.count <= PERF_LOCATIONS_MAX && p.merged > 0);
    perf_check_invariants(&p);
    perf_free(&p);
}

/* A location with too few reports has what those around it say, the nearest of them first. */
Test(perf, a_location_of_few_goes_by_its_neighbours) {
    static const struct {
        const char *location, *from;
        uint32_t rtt_ms; /* 0: nothing is known */
        uint64_t reports;
    } rows[] = {
        {"10.1.16.0/24", "10.1.16.0/24", 20, 3},
        {"10.1.17.0/24", "10.1.16.0/20", 20, 4},
        {"10.1.18.0/24", "10.1.16.0/20", 20, 4},
        {"10.1.99.0/24", "10.1.0.0/16", 20, 5},
        {"10.9.0.0/24", "10.9.0.0/24", 300, 1},
        {"10.9.1.0/24", NULL, 0, 1},
        {"10.7.0.0/24", NULL, 0, 0},
    };
    struct perf p;
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 6; i++) {
        static const char *const where[] = {"10.1.16.0/24", "10.1.16.0/24", "10.1.16.0/24",
                                            "10.1.17.0/24", "10.1.64.0/24", "10.9.0.0/24"};
        struct perf_sample s = sample_at(where[i], i, i < 3 ? 0 : 10);
        s.rtt = duration_ms(i < 3 ? 20 : 300);
        cr_assert(perf_heard(&p, &s, instant_us(0)));
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct perf_around around;
        struct prefix location = prefix_of(rows[i].location), from;
        bool known = perf_around(&p, &location, &around);
        cr_expect_eq(known, rows[i].from != NULL, "%s", rows[i].location);
        if (!known || rows[i].from == NULL)
            continue;
        from = prefix_of(rows[i].from);
        cr_expect(around.from.bits == from.bits && prefix_holds(&around.from, &from.addr), "%s",
                  rows[i].location);
        cr_expect_eq(around.reports, rows[i].reports, "%s", rows[i].location);
        cr_expect_float_eq(around.rtt_us / 1000.0, rows[i].rtt_ms, rows[i].rtt_ms / 16.0, "%s: %u",
                           rows[i].location, around.rtt_us);
    }
    struct perf_around few, enough;
    struct prefix at_few = prefix_of("10.1.17.0/24"), at_enough = prefix_of("10.1.16.0/24");
    cr_assert(perf_around(&p, &at_few, &few) && perf_around(&p, &at_enough, &enough));
    cr_expect_lt(perf_around_view(&few).rating_centi, perf_around_view(&enough).rating_centi,
                 "its own report counts, too");
    perf_free(&p);
}

Test(perf, neighbours_become_one_the_least_busy_first) {
    struct perf p;
    struct perf_settings few = settings;
    few.locations_max = 16;
    perf_init(&p, &few);
    for (uint32_t i = 0; i < 16; i++) { /* eight pairs, each of one /20 */
        char text[32];
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 2, i % 2);
        for (uint32_t k = 0; k <= i; k++)
            cr_assert(heard(&p, text, k, 0, instant_us(0)));
    }
    cr_assert_eq(p.count, 16);
    cr_assert(heard(&p, "192.0.2.0/24", 1, 0, instant_us(0)));
    cr_assert_eq(p.count, 15, "%u", p.count);
    perf_check_invariants(&p);
    const struct prefix quiet = prefix_of("10.0.1.0/24"), busy = prefix_of("10.7.1.0/24");
    cr_expect_eq(perf_find(&p, &quiet)->prefix.bits, 20);
    cr_expect_eq(perf_find(&p, &quiet)->own->reports, 3);
    cr_expect_eq(perf_find(&p, &busy)->prefix.bits, 24);
    cr_assert(heard(&p, "10.0.1.0/24", 9, 0, instant_us(0)));
    cr_expect_eq(perf_find(&p, &quiet)->own->reports, 4, "counted where it was merged into");
    for (uint32_t i = 0; i < 200; i++) { /* nothing near one another: all the way up */
        char text[32];
        snprintf(text, sizeof(text), "%u.7.7.0/24", i + 1);
        cr_assert(heard(&p, text, 1, 0, instant_us(0)));
        perf_check_invariants(&p);
    }
    cr_expect_leq(p.count, 16);
    perf_free(&p);
}

Test(perf, what_peers_tell_never_makes_us_know_our_own_clients_less_well) {
    struct perf p;
    struct perf_settings few = settings;
    few.locations_max = 16;
    perf_init(&p, &few);
    for (uint32_t i = 0; i < 100; i++) {
        struct perf_summary told = {prefix_of("10.0.0.0/24"), 9000, 9000, 300, 7, 7, 0};
        told.location.addr.ip[2] = (uint8_t)i;
        cr_expect(perf_told(&p, 1, &told, instant_us(i)), "in place of its own oldest");
        cr_expect_leq(p.count, 16);
    }
    for (uint32_t i = 0; i < 16; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.1.%u.0/24", i);
        cr_assert(heard(&p, text, 1, 0, instant_us(0)));
    }
    cr_expect_eq(p.merged, 0);
    const struct prefix own = prefix_of("10.1.3.0/24");
    cr_expect_eq(perf_find(&p, &own)->prefix.bits, 24);
    struct perf_summary bad = {prefix_of("10.0.0.0/24"), 9000, 9000, 300, 7, 7, 0};
    bad.location.addr.ip[3] = 1;
    cr_expect_not(perf_told(&p, 1, &bad, instant_us(0)), "bits beyond the prefix");
    perf_check_invariants(&p);
    perf_free(&p);
}

/* Whether a peer has a word on that place. */
static bool says(const struct perf *p, uint16_t cluster, uint8_t second, uint8_t third,
                 struct instant now) {
    struct perf_peer words[PERF_PEERS_MAX];
    struct prefix where = {.addr = addr_ipv4((uint8_t[]){10, second, third, 0}, 0), .bits = 24};
    size_t count = perf_words(p, &where, now, words);
    for (size_t i = 0; i < count; i++)
        if (words[i].cluster == cluster)
            return true;
    return false;
}

static void tell(struct perf *p, uint16_t cluster, uint8_t second, uint8_t third,
                 struct instant now) {
    struct perf_summary told = {{{0}, 24}, 9000, 9000, 300, 7, 7, 30};
    told.location.addr = addr_ipv4((uint8_t[]){10, second, third, 0}, 0);
    cr_assert(perf_told(p, cluster, &told, now));
}

/* Ten peers tell of twelve places each, in turn; one or two others of as many as they can think of,
 * much oftener, and together. There is room for 160. */
Test(perf, who_tells_of_many_places_crowds_out_nobody) {
    for (uint16_t liars = 1; liars <= 2; liars++) {
        struct perf p;
        struct perf_settings few = settings;
        few.locations_max = 160;
        perf_init(&p, &few);
        for (uint32_t i = 0; i < 12000; i++) {
            struct instant now = instant_us((int64_t)i * 1000);
            for (uint16_t l = 0; l < liars; l++)
                tell(&p, (uint16_t)(90 + l), (uint8_t)(100 + i / 256 % 100), (uint8_t)i, now);
            if (i % 10 == 0)
                tell(&p, (uint16_t)(i / 10 % 10), (uint8_t)(i / 10 % 10), (uint8_t)(i / 100 % 12),
                     now);
            for (uint32_t k = 0; i > 2000 && i % 97 == 0 && k < 120; k++)
                cr_assert(says(&p, (uint16_t)(k % 10), (uint8_t)(k % 10), (uint8_t)(k / 10), now),
                          "%u: peer %u of place %u", i, k % 10, k / 10);
        }
        cr_expect(
            says(&p, 90, (uint8_t)(100 + 11999 / 256 % 100), (uint8_t)11999, instant_us(11999000)),
            "its newest is known, too");
        perf_check_invariants(&p);
        perf_free(&p);
    }
}

/* Nobody has more than others: all keep the same part of what they say. */
Test(perf, peers_who_tell_as_much_have_as_much_room) {
    struct perf p;
    struct perf_settings few = settings;
    uint32_t held[4] = {0};
    few.locations_max = 256;
    perf_init(&p, &few);
    for (uint32_t i = 0; i < 20000; i++)
        tell(&p, (uint16_t)(i % 4), (uint8_t)(i % 4 * 8 + i / 1024 % 8), (uint8_t)(i / 4),
             instant_us(i));
    for (uint32_t i = 0; i < p.count; i++)
        held[p.list[i].peers[0].cluster]++;
    for (int k = 0; k < 4; k++)
        cr_expect(held[k] >= 56 && held[k] <= 66, "%d has %u", k, held[k]);
    perf_free(&p);
}

Test(perf, a_peers_word_reaches_wider_and_narrower_locations) {
    struct perf p;
    perf_init(&p, &settings);
    struct perf_summary wide = {prefix_of("10.2.0.0/20"), 9000, 7000, 300, 9, 40, 30};
    struct perf_summary narrow = {prefix_of("10.3.4.0/24"), 8000, 8000, 300, 9, 40, 30};
    cr_assert(perf_told(&p, 1, &wide, instant_us(0)));
    cr_assert(perf_told(&p, 2, &narrow, instant_us(0)));
    narrow.location = prefix_of("10.3.5.0/24");
    narrow.usual_centi = narrow.recent_centi = 9000;
    narrow.rtt_ms = 40;
    cr_assert(perf_told(&p, 2, &narrow, instant_us(0)));
    const struct prefix in = prefix_of("10.2.7.0/24"), around = prefix_of("10.3.0.0/20");
    cr_expect_eq(perf_peer_view(&p, &in, 1).rating_centi, 7000, "it has fallen: recent counts");
    cr_expect_eq(perf_peer_view(&p, &in, 2).reports, 0);
    cr_expect_eq(perf_peer_view(&p, &around, 2).rating_centi, 8500);
    struct perf_peer words[PERF_PEERS_MAX];
    cr_assert_eq(perf_words(&p, &around, instant_us(0), words), 1u);
    cr_expect_eq(words[0].rtt_ms, 35, "between theirs: %u", words[0].rtt_ms);
    perf_forget_cluster(&p, 1);
    cr_expect_eq(perf_peer_view(&p, &in, 1).reports, 0);
    perf_free(&p);
}

/* Room for so many summaries. */
static const struct perf_room eight = {8, 96, 9, 12}, two = {2, 24, 9, 12};

/* Only so narrow, only with so many clients. */
Test(perf, what_leaves_is_as_coarse_and_as_crowded_as_permitted) {
    struct perf p;
    struct perf_summary out[8];
    const struct perf_privacy strict = {20, 40, 10};
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 120; i++) {
        struct instant now = instant_us(i * 100000);
        cr_assert(heard(&p, "10.0.1.0/24", i % 6, 0, now));
        cr_assert(heard(&p, "10.0.2.0/24", 100 + i % 6, 5, now));
        cr_assert(heard(&p, "10.9.9.0/24", i % 6, 0, now));
        cr_assert(heard(&p, "2001:db8:1::/48", i % 12, 0, now));
    }
    struct instant now = instant_us(12000000);
    size_t count = perf_pick(&p, &strict, &eight, now, out);
    cr_assert_eq(count, 2, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_geq(out[i].clients, 10);
        cr_expect_leq(out[i].location.bits, out[i].location.addr.family == 4 ? 20 : 40);
        cr_expect(prefix_is_canonical(&out[i].location));
        if (out[i].location.addr.family == 4)
            cr_expect(out[i].usual_centi > 7900 && out[i].usual_centi < 8050, "both: %u",
                      out[i].usual_centi);
    }
    const struct perf_privacy loose = {24, 48, 1};
    cr_expect_eq(perf_pick(&p, &loose, &eight, now, out), 4);
    const struct perf_privacy none = {24, 48, 1000};
    cr_expect_eq(perf_pick(&p, &none, &eight, now, out), 0);
    perf_free(&p);
}

/* So many clients of a location, each a report every so often, all as far away. */
struct crowd {
    const char *location;
    uint32_t clients, rtt_ms;
    int64_t from_ms, every_ms;
};

static void crowd_heard(struct perf *p, const struct crowd *c, uint32_t salt, int64_t ms) {
    for (uint32_t k = 0; ms >= c->from_ms && ms % c->every_ms == 0 && k < c->clients; k++) {
        struct perf_sample s = sample_at(c->location, salt * 100 + k, 0);
        s.rtt = c->rtt_ms == 0 ? DURATION_ENDLESS : duration_ms(c->rtt_ms);
        cr_assert(perf_heard(p, &s, instant_us(ms * 1000)));
    }
}

/* Of all who go as one, not of the one who speaks most. */
Test(perf, a_round_trip_that_is_told_is_nobodys_own) {
    static const struct {
        const char *what;
        struct crowd crowds[3];
        uint16_t told_ms;
    } rows[] = {
        {"one who has reported for long beside ten who came lately",
         {{"198.51.7.0/24", 1, 777, 0, 500}, {"198.51.9.0/24", 10, 20, 28500, 500}},
         20},
        {"one who reports twenty times as often",
         {{"198.51.7.0/24", 1, 777, 0, 100}, {"198.51.9.0/24", 5, 20, 0, 2000}},
         20},
        {"three places, the middle one of most",
         {{"198.51.7.0/24", 2, 200, 0, 500},
          {"198.51.8.0/24", 6, 50, 0, 500},
          {"198.51.9.0/24", 2, 10, 0, 500}},
         50},
        {"one who is known, and others whose round trips are not",
         {{"198.51.7.0/24", 1, 777, 0, 500}, {"198.51.9.0/24", 10, 0, 0, 500}},
         0},
    };
    const struct perf_privacy coarse = {16, 32, 5};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct perf p;
        struct perf_summary out[8];
        perf_init(&p, &settings);
        for (int64_t ms = 0; ms < 30000; ms += 100)
            for (uint32_t k = 0; k < 3 && rows[i].crowds[k].clients > 0; k++)
                crowd_heard(&p, &rows[i].crowds[k], k, ms);
        cr_assert_eq(perf_pick(&p, &coarse, &eight, instant_us(30000000), out), 1u, "%s",
                     rows[i].what);
        uint32_t told = out[0].rtt_ms, right = rows[i].told_ms;
        cr_expect(told * 32 >= right * 31 && told * 32 <= right * 33 + 32, "%s: %u ms",
                  rows[i].what, told);
        perf_free(&p);
    }
}

/* What was usual for those who have left is not what is usual for those who are there. */
Test(perf, who_is_quiet_is_not_told_of) {
    struct perf p;
    struct perf_summary out[8];
    const struct perf_privacy coarse = {20, 40, 1};
    perf_init(&p, &settings);
    for (uint32_t s = 0; s <= 100; s++) {
        if (s <= 40)
            cr_assert(heard(&p, "10.0.1.0/24", 1, 5, instant_us(s * 1000000LL)));
        cr_assert(heard(&p, "10.0.2.0/24", 2, 0, instant_us(s * 1000000LL)));
    }
    cr_assert_eq(perf_pick(&p, &coarse, &eight, instant_us(99999999), out), 1u);
    cr_expect(out[0].usual_centi < 9000, "not quiet yet: %u", out[0].usual_centi);
    cr_assert_eq(perf_pick(&p, &coarse, &eight, instant_us(100000000), out), 1u);
    cr_expect_eq(out[0].usual_centi, 9320, "%u", out[0].usual_centi);
    perf_free(&p);
}

/* Those of this period of 10 s and of the one before. */
Test(perf, clients_are_counted_over_ten_to_twenty_seconds) {
    struct perf p;
    const struct prefix there = prefix_of("192.0.2.0/24");
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(heard(&p, "192.0.2.0/24", i, 0, instant_us(0)));
    const struct perf_own *own = perf_find(&p, &there)->own;
    cr_expect_eq(perf_clients(own, instant_us(19999999)), 4u);
    cr_expect_eq(perf_clients(own, instant_us(20000000)), 0u);
    cr_assert(heard(&p, "192.0.2.0/24", 7, 0, instant_us(12000000)));
    cr_expect_eq(perf_clients(own, instant_us(21999999)), 5u);
    cr_expect_eq(perf_clients(own, instant_us(22000000)), 1u);
    perf_free(&p);
}

/* What several words come to is as old as the oldest of them. */
Test(perf, words_together_last_as_long_as_the_first_of_them) {
    struct perf p;
    struct perf_peer words[PERF_PEERS_MAX];
    struct perf_summary said = {prefix_of("10.3.4.0/24"), 9000, 9000, 300, 7, 7, 30};
    const struct prefix around = prefix_of("10.3.0.0/20");
    perf_init(&p, &settings);
    cr_assert(perf_told(&p, 1, &said, instant_us(0)));
    said.location = prefix_of("10.3.5.0/24");
    cr_assert(perf_told(&p, 1, &said, instant_us(30000000)));
    cr_assert_eq(perf_words(&p, &around, instant_us(59999999), words), 1u);
    cr_expect_eq(words[0].heard_at.us, 0);
    cr_expect_eq(perf_words(&p, &around, instant_us(60000000), words), 0u);
    perf_free(&p);
}

Test(perf, the_changed_come_first_and_then_all_in_turn) {
    struct perf p;
    struct perf_summary out[2];
    const struct perf_privacy loose = {24, 48, 1};
    int told[6] = {0};
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 3000; i++) {
        char text[32];
        struct instant now = instant_us(i * 20000);
        uint32_t at = i % 6;
        snprintf(text, sizeof(text), "10.0.%u.0/24", at);
        cr_assert(heard(&p, text, i / 6 % 8, at == 3 && i >= 2400 ? 10 : 0, now));
        if (i == 2500) { /* nothing else has */
            cr_assert_eq(perf_pick(&p, &loose, &two, now, out), 2);
            cr_expect_eq(out[0].location.addr.ip[2], 3);
        } else if (i % 50 == 0 && i < 2400) {
            size_t count = perf_pick(&p, &loose, &two, now, out);
            for (size_t k = 0; k < count; k++)
                told[out[k].location.addr.ip[2]]++;
        }
    }
    for (int i = 0; i < 6; i++)
        cr_expect(told[i] >= 12 && told[i] <= 20, "location %d: %d times", i, told[i]);
    perf_free(&p);
}

Test(perf, an_event_comes_out_with_the_peer_that_it_rests_on) {
    struct perf p;
    uint16_t clusters[PERF_PEERS_MAX];
    struct degrade_event event = {0};
    struct prefix where;
    int events = 0;
    perf_init(&p, &settings);
    for (uint32_t i = 0; i < 700; i++) {
        struct instant now = instant_us(i * 50000);
        struct perf_summary told = {prefix_of("192.0.2.0/24"), 9200, 9200, 300, 7, 7, 0};
        cr_assert(heard(&p, "192.0.2.0/24", i % 20, i >= 600 ? 10 : 0, now));
        cr_assert(heard(&p, "192.0.3.0/24", i % 20, 0, now));
        cr_assert(perf_told(&p, 42, &told, now));
        uint32_t cursor = 0;
        while (perf_judge(&p, &cursor, now, &where, &event, clusters))
            events++;
    }
    cr_assert_eq(events, 1);
    cr_expect_eq(event.cause, DEGRADE_CAUSE_PATH);
    cr_expect_eq(clusters[event.peer], 42);
    cr_expect_eq(where.addr.ip[2], 2);
    cr_expect(perf_own_view(&p, &where).rating_centi < 6500, "what is bad now counts");
    perf_check_invariants(&p);
    perf_free(&p);
}
