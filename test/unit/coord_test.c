#include "peerd/base/rng.h"
#include "topo/coord.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define NODES 60

/* A made-up network: points of a square of 200 ms with access links of their own. */
struct town {
    double x_ms, y_ms, access_ms;
};

static double true_ms(const struct town *a, const struct town *b) {
    return hypot(a->x_ms - b->x_ms, a->y_ms - b->y_ms) + a->access_ms + b->access_ms;
}

static struct coord_map maps[NODES];
static struct town towns[NODES];

static void build(struct rng *g) {
    for (size_t i = 0; i < NODES; i++) {
        towns[i] = (struct town){.x_ms = 200 * rng_unit(g),
                                 .y_ms = 200 * rng_unit(g),
                                 .access_ms = 1 + 10 * rng_unit(g)};
        coord_init(&maps[i]);
    }
}

/* Every node measures one of its sixteen neighbours once a second; `spikes` of them by 400 ms. */
static void live(struct rng *g, int seconds, double spikes) {
    for (int s = 0; s < seconds; s++) {
        for (size_t i = 0; i < NODES; i++) {
            size_t j = (i + 1 + 3 * rng_below(g, COORD_NEIGHBOURS_MAX)) % NODES;
            double rtt_ms = true_ms(&towns[i], &towns[j]) + (rng_unit(g) < spikes ? 400 : 0);
            struct coord at = maps[j].self;
            cr_assert(coord_measured(&maps[i], j, &at, duration_us((int64_t)(rtt_ms * 1000)),
                                     rng_u64(g)));
            cr_assert(coord_check_invariants(&maps[i]));
        }
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the relative error over all pairs, measured by each other or not. */
static double median_error(void) {
    static double errors[NODES * NODES];
    size_t count = 0;
    for (size_t i = 0; i < NODES; i++) {
        for (size_t j = 0; j < i; j++) {
            double rtt_ms = true_ms(&towns[i], &towns[j]);
            double said_ms = (double)coord_rtt(&maps[i].self, &maps[j].self).us / 1000;
            errors[count++] = fabs(said_ms - rtt_ms) / rtt_ms;
        }
    }
    qsort(errors, count, sizeof(errors[0]), by_value);
    return errors[count / 2];
}

Test(coord, learns_distances_that_nobody_measured) {
    struct rng g;
    rng_seed(&g, 1);
    build(&g);
    double before = median_error();
    live(&g, 120, 0);
    cr_expect_gt(before, 0.5);
    cr_expect_lt(median_error(), 0.05, "%g", median_error());
    for (size_t i = 0; i < NODES; i++)
        cr_expect_lt(maps[i].self.error, 0.3, "and it knows that it is right: %g",
                     maps[i].self.error);
}

Test(coord, is_not_led_astray_by_spikes) {
    struct rng g;
    rng_seed(&g, 2);
    build(&g);
    live(&g, 200, 0.1);
    cr_expect_lt(median_error(), 0.08, "%g", median_error());
}

Test(coord, follows_a_node_that_moves) {
    struct rng g;
    rng_seed(&g, 3);
    build(&g);
    live(&g, 120, 0);
    towns[7].x_ms += 150;
    towns[7].access_ms = 30;
    live(&g, 120, 0);
    cr_expect_lt(median_error(), 0.05, "%g", median_error());
}

Test(coord, the_cloud_stays_around_the_origin) {
    struct rng g;
    double centre_ms[COORD_DIMENSIONS] = {0};
    rng_seed(&g, 4);
    build(&g);
    for (size_t i = 0; i < NODES; i++) /* all of them start far off, as if they had wandered */
        maps[i].self.at_ms[0] = 9000;
    live(&g, 1200, 0);
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < COORD_DIMENSIONS; k++)
            centre_ms[k] += maps[i].self.at_ms[k] / NODES;
    cr_expect_lt(fabs(centre_ms[0]), 5000, "%g", centre_ms[0]);
}

Test(coord, two_on_one_spot_part) {
    struct coord_map a, b;
    coord_init(&a);
    coord_init(&b);
    for (unsigned i = 0; i < 100; i++) {
        struct coord at = b.self;
        cr_assert(coord_measured(&a, 2, &at, duration_ms(80), 0xfedcba9876543210u + i));
        at = a.self;
        cr_assert(coord_measured(&b, 1, &at, duration_ms(80), i));
    }
    double rtt_ms = (double)coord_rtt(&a.self, &b.self).us / 1000;
    cr_expect(rtt_ms > 76 && rtt_ms < 84, "%g", rtt_ms);
}

Test(coord, refuses_what_is_none) {
    struct coord_map good, m;
    coord_init(&good);
    const struct coord fine = good.self;
    const struct {
        const char *what;
        struct coord at;
        struct duration rtt;
    } rows[] = {
        {"no time at all", fine, duration_us(0)},
        {"time that runs backwards", fine, duration_us(-5)},
        {"a minute", fine, duration_s(60)},
        {"without end", fine, DURATION_ENDLESS},
        {"not a number", {.at_ms = {NAN}, .height_ms = 1, .error = 1}, duration_ms(10)},
        {"infinite", {.at_ms = {0, INFINITY}, .height_ms = 1, .error = 1}, duration_ms(10)},
        {"far beyond", {.at_ms = {-30000}, .height_ms = 1, .error = 1}, duration_ms(10)},
        {"without height", {.height_ms = 0, .error = 1}, duration_ms(10)},
        {"of negative height", {.height_ms = -3, .error = 1}, duration_ms(10)},
        {"never wrong", {.height_ms = 1, .error = 0}, duration_ms(10)},
        {"wrong beyond measure", {.height_ms = 1, .error = 2}, duration_ms(10)},
        {"of unknown error", {.height_ms = 1, .error = NAN}, duration_ms(10)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        m = good;
        cr_expect_not(coord_measured(&m, 1, &rows[i].at, rows[i].rtt, 5), "%s", rows[i].what);
        cr_expect(m.count == 0 && m.turn == 0 && m.self.error == good.self.error, "%s changed it",
                  rows[i].what);
    }
    cr_expect(coord_measured(&m, 1, &fine, duration_ms(10), 5));
}

/* A liar may say what it likes of itself: whoever believes it stays within bounds. */
Test(coord, a_liar_does_not_throw_anybody_out) {
    struct coord_map m;
    coord_init(&m);
    struct coord liar = {
        .at_ms = {COORD_FAR_MS, -COORD_FAR_MS}, .height_ms = COORD_FAR_MS, .error = 0.001};
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert(coord_measured(&m, 9, &liar, duration_us(1 + i), i));
        cr_assert(coord_check_invariants(&m), "after %u", i);
    }
}

Test(coord, the_longest_silent_neighbour_gives_way) {
    struct coord_map m, other;
    coord_init(&m);
    coord_init(&other);
    for (uint64_t who = 1; who <= COORD_NEIGHBOURS_MAX; who++)
        coord_measured(&m, who, &other.self, duration_ms(10), who);
    coord_measured(&m, 1, &other.self, duration_ms(10), 1); /* so 2 is the silent one */
    coord_measured(&m, 99, &other.self, duration_ms(10), 1);
    cr_assert_eq(m.count, COORD_NEIGHBOURS_MAX);
    bool has[100] = {false};
    for (size_t i = 0; i < m.count; i++)
        has[m.neighbours[i].who] = true;
    cr_expect(has[1] && has[99] && has[3]);
    cr_expect_not(has[2]);
}

Test(coord, who_is_no_neighbour_any_more_pulls_no_longer) {
    struct coord_map m;
    struct coord east = {.at_ms = {100}, .height_ms = 1, .error = 0.5}, west = east;
    west.at_ms[0] = -100;
    coord_init(&m);
    for (unsigned i = 0; i < 50; i++) {
        cr_assert(coord_measured(&m, 1, &east, duration_ms(30), i));
        cr_assert(coord_measured(&m, 2, &west, duration_ms(180), i));
    }
    double near_ms = m.self.at_ms[0];
    coord_forget(&m, 7);
    cr_expect_eq(m.count, 2u, "nobody of that name");
    coord_forget(&m, 1);
    cr_assert_eq(m.count, 1u);
    cr_expect_eq(m.neighbours[0].who, 2u);
    cr_expect(coord_check_invariants(&m));
    for (unsigned i = 0; i < 50; i++)
        cr_assert(coord_measured(&m, 2, &west, duration_ms(20), i));
    cr_expect(near_ms > 50 && m.self.at_ms[0] < -70, "from %g to %g", near_ms, m.self.at_ms[0]);
    coord_forget(&m, 2);
    cr_expect_eq(m.count, 0u);
}

/* Who is sure moves less, and moves less for who is not; nobody is ever quite sure. */
Test(coord, the_surer_moves_less) {
    static const struct {
        double self, other;
    } rows[] = {{1, 0.1}, {0.5, 0.5}, {0.1, 1}}; /* from the one that moves most */
    double last_ms = 1e9;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct coord_map m;
        struct coord far = {.at_ms = {100}, .height_ms = 1, .error = rows[i].other};
        coord_init(&m);
        m.self.error = rows[i].self;
        cr_assert(coord_measured(&m, 1, &far, duration_ms(50), 5));
        cr_expect(m.self.at_ms[0] > 0 && m.self.at_ms[0] < 0.6 * last_ms, "row %zu: %g after %g", i,
                  m.self.at_ms[0], last_ms);
        last_ms = m.self.at_ms[0];
    }
}

Test(coord, nobody_is_surer_than_a_hundredth) {
    struct coord_map m;
    const struct coord far = {.at_ms = {100}, .height_ms = 1, .error = 0.01};
    coord_init(&m);
    for (unsigned i = 0; i < 2000; i++)
        coord_measured(&m, 1, &far, duration_ms(50), i);
    cr_expect(m.self.error >= 0.01 && m.self.error < 0.02, "%g", m.self.error);
}
