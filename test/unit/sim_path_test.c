#include "peerd/sim/path.h"

#include <criterion/criterion.h>
#include <math.h>

#define BYTES 200

struct fixture {
    struct way way;
    struct rng rng;
    struct way_fate fate;
    struct instant now;
};

static void begin(struct fixture *f, const struct path_quality *q) {
    f->now = instant_us(1000000);
    way_init(&f->way, q, f->now);
    rng_seed(&f->rng, 7);
}

/* One packet, `gap` after the one before. */
static bool send_after(struct fixture *f, struct duration gap) {
    f->now = instant_add(f->now, gap);
    return way_send(&f->way, &f->rng, f->now, BYTES, &f->fate);
}

static int64_t took_us(const struct fixture *f) {
    return instant_since(f->fate.arrivals[0].at, f->now).us;
}

Test(sim_path, delay_and_rate_alone_draw_nothing) {
    struct fixture f;
    begin(&f, &(struct path_quality){
                  .delay = duration_ms(40), .rate_bps = 1000000, .queue = duration_ms(100)});
    struct rng before = f.rng;
    for (int i = 0; i < 100; i++) {
        cr_assert(send_after(&f, duration_ms(20)));
        cr_assert_eq(f.fate.count, 1);
        cr_assert_eq(took_us(&f), 40000 + BYTES * 8);
    }
    cr_expect_arr_eq(before.s, f.rng.s, sizeof(before.s));
}

/* ---- loss ---- */

struct losses {
    double loss;  /* share of packets */
    double burst; /* mean length */
};

static struct losses measure_loss(const struct path_quality *q, uint32_t packets) {
    struct fixture f;
    uint32_t lost = 0, bursts = 0;
    bool before = false;
    begin(&f, q);
    for (uint32_t i = 0; i < packets; i++) {
        bool passed = send_after(&f, duration_us(50));
        lost += !passed;
        bursts += !passed && !before;
        before = !passed;
    }
    return (struct losses){(double)lost / packets, bursts == 0 ? 0 : (double)lost / bursts};
}

Test(sim_path, loses_as_much_and_in_bursts_as_long_as_asked) {
    static const struct {
        const char *what;
        struct path_quality quality;
        double loss, burst;
    } rows[] = {
        {"nothing", {.delay = {40000}}, 0, 0},
        {"one in a hundred", {.loss_ppm = 10000}, 0.01, 1 / 0.99},
        {"a quarter", {.loss_ppm = 250000}, 0.25, 1 / 0.75},
        {"everything", {.loss_ppm = 1000000}, 1, 200000},
        {"bursts of four", {.bursts = {10000, 250000, 1000000, 0}}, 0.01 / 0.26, 4},
        {"bursts of twenty", {.bursts = {2000, 50000, 1000000, 0}}, 0.002 / 0.052, 20},
        {"a bad state that lets half pass",
         {.bursts = {10000, 100000, 500000, 0}},
         0.5 * 0.01 / 0.11,
         1 / 0.55}, /* ends with the state (0.1), or (0.9) as a packet passes (0.5) */
        {"a good state that loses, too",
         {.bursts = {10000, 250000, 1000000, 5000}},
         (0.01 + 0.25 * 0.005) / 0.26,
         0},
        {"a good state for ever", {.bursts = {0, 0, 1000000, 20000}}, 0.02, 1 / 0.98},
        {"bursts and single losses together",
         {.loss_ppm = 20000, .bursts = {10000, 250000, 1000000, 0}},
         0.01 / 0.26 + (0.25 / 0.26) * 0.02,
         0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct losses m = measure_loss(&rows[i].quality, 200000);
        cr_expect(fabs(m.loss - rows[i].loss) < 0.003, "%s: lost %.4f, not %.4f", rows[i].what,
                  m.loss, rows[i].loss);
        if (rows[i].burst > 0)
            cr_expect(fabs(m.burst / rows[i].burst - 1) < 0.1, "%s: bursts of %.2f, not %.2f",
                      rows[i].what, m.burst, rows[i].burst);
        double said = path_quality_loss(&rows[i].quality) / 1e6;
        cr_expect(fabs(said - rows[i].loss) < 1e-5, "%s: says %.6f", rows[i].what, said);
    }
}

Test(sim_path, says_why_a_packet_is_lost) {
    static const struct {
        struct path_quality quality;
        enum way_drop drop;
        const char *name;
    } rows[] = {
        {{.loss_ppm = 1000000}, WAY_DROP_LOSS, "loss"},
        {{.bursts = {1000000, 0, 1000000, 0}}, WAY_DROP_BURST, "burst"},
        {{.bursts = {1, 1000000, 0, 1000000}}, WAY_DROP_BURST, "burst"},
        {{.outages = {{1}, {1000000000}, {1000000000}, 1500}}, WAY_DROP_OUTAGE, "outage"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f, &rows[i].quality);
        cr_expect_not(send_after(&f, duration_ms(1)));
        cr_expect_eq(f.fate.drop, rows[i].drop, "row %zu: %s", i, way_drop_name(f.fate.drop));
        cr_expect_str_eq(way_drop_name(f.fate.drop), rows[i].name);
        cr_expect_eq(f.fate.count, 0);
    }
}

/* ---- jitter ---- */

struct jitters {
    double mean, deviation, correlation, fourth; /* [µs]; share above three quarters */
};

static struct jitters measure_jitter(const struct path_quality *q, struct duration gap) {
    enum {
        PACKETS = 200000
    };
    struct fixture f;
    double sum = 0, squares = 0, products = 0, before = 0;
    uint32_t above = 0;
    begin(&f, q);
    for (int i = 0; i < PACKETS; i++) {
        cr_assert(send_after(&f, gap));
        double x = (double)(took_us(&f) - q->delay.us);
        cr_assert(x >= 0 && x <= (double)q->jitter.us, "jitter %.0f", x);
        sum += x;
        squares += x * x;
        products += i > 0 ? x * before : 0;
        above += x > 0.75 * (double)q->jitter.us;
        before = x;
    }
    double mean = sum / PACKETS, variance = squares / PACKETS - mean * mean;
    return (struct jitters){.mean = mean,
                            .deviation = sqrt(variance),
                            .correlation = (products / (PACKETS - 1) - mean * mean) / variance,
                            .fourth = (double)above / PACKETS};
}

Test(sim_path, jitter_is_uniform_and_correlated_as_asked) {
    static const uint32_t correlations_ppm[] = {0, 250000, 500000, 900000};
    for (size_t i = 0; i < sizeof(correlations_ppm) / sizeof(correlations_ppm[0]); i++) {
        uint32_t asked = correlations_ppm[i];
        struct jitters m = measure_jitter(&(struct path_quality){.delay = duration_ms(40),
                                                                 .jitter = duration_ms(12),
                                                                 .jitter_correlation_ppm = asked},
                                          duration_ms(20));
        cr_expect(fabs(m.mean - 6000) < 120, "%u ppm: mean %.0f", asked, m.mean);
        cr_expect(fabs(m.deviation - 12000 / sqrt(12)) < 60, "%u ppm: σ %.0f", asked, m.deviation);
        cr_expect(fabs(m.fourth - 0.25) < 0.01, "%u ppm: %.3f above", asked, m.fourth);
        cr_expect(fabs(m.correlation - asked / 1e6) < 0.02, "%u ppm: %.3f", asked, m.correlation);
    }
}

/* Twenty thousand packets a second that stay in order would all come as late as the latest. */
Test(sim_path, jitter_of_dense_packets_does_not_add_up) {
    struct jitters m =
        measure_jitter(&(struct path_quality){.delay = duration_ms(40), .jitter = duration_ms(10)},
                       duration_us(50));
    cr_expect(m.mean > 5000 && m.mean < 6000, "mean %.0f", m.mean);
    cr_expect(m.deviation > 2400, "σ %.0f", m.deviation);
}

/* ---- order ---- */

Test(sim_path, keeps_order_also_when_the_quality_changes) {
    struct fixture f;
    const struct path_quality far = {.delay = duration_ms(80), .jitter = duration_ms(10)};
    const struct path_quality near = {.delay = duration_ms(5), .jitter = duration_ms(2)};
    struct instant before = instant_us(0);
    begin(&f, &far);
    for (int i = 0; i < 10000; i++) {
        if (i % 100 == 0)
            way_set_quality(&f.way, i % 200 == 0 ? &near : &far, f.now);
        cr_assert(send_after(&f, duration_ms(1)));
        cr_assert_not(instant_before(f.fate.arrivals[0].at, before), "packet %d overtakes", i);
        before = f.fate.arrivals[0].at;
    }
}

Test(sim_path, lets_as_many_packets_overtake_as_asked) {
    struct fixture f;
    const struct path_quality q = {.delay = duration_ms(40), .reorder_ppm = 50000};
    struct instant latest = instant_us(0);
    uint32_t overtook = 0, packets = 100000;
    begin(&f, &q);
    for (uint32_t i = 0; i < packets; i++) {
        cr_assert(send_after(&f, duration_us(900)));
        overtook += instant_before(f.fate.arrivals[0].at, latest);
        cr_assert(took_us(&f) >= 20000 && took_us(&f) <= 40000);
        latest = instant_max(latest, f.fate.arrivals[0].at);
    }
    cr_expect(fabs((double)overtook / packets - 0.05) < 0.003, "%u of %u", overtook, packets);
}

/* ---- rate ---- */

Test(sim_path, passes_no_more_than_its_rate_and_no_less) {
    struct fixture f;
    /* 1600 bits at 3 Mbit/s are 533⅓ µs: fractions must not get lost. */
    const struct path_quality q = {
        .delay = duration_ms(10), .rate_bps = 3000000, .queue = duration_ms(50)};
    struct instant first = INSTANT_NEVER, last = instant_us(0);
    uint32_t passed = 0, packets = 100000;
    begin(&f, &q);
    for (uint32_t i = 0; i < packets; i++) { /* twice the rate */
        if (!send_after(&f, duration_us(267))) {
            cr_assert_eq(f.fate.drop, WAY_DROP_QUEUE);
            continue;
        }
        passed++;
        last = f.fate.arrivals[0].at;
        first = instant_min(first, last);
        cr_assert(took_us(&f) <= 60000 + 534, "waited %ld µs", (long)took_us(&f));
    }
    double rate = (passed - 1) * BYTES * 8.0 / ((double)instant_since(last, first).us / 1e6);
    cr_expect(fabs(rate / 3e6 - 1) < 0.0001, "%.0f bit/s", rate);
    cr_expect(took_us(&f) > 59000 || f.fate.count == 0, "the queue is full");
}

Test(sim_path, what_waits_goes_on_at_the_new_rate) {
    struct fixture f;
    struct path_quality q = {.rate_bps = 1600000, .queue = duration_s(1)};
    begin(&f, &q);
    for (int i = 0; i < 100; i++) /* a millisecond each */
        cr_assert(send_after(&f, DURATION_ZERO));
    cr_expect_eq(took_us(&f), 100000);
    q.rate_bps = 16000000;
    way_set_quality(&f.way, &q, f.now);
    cr_assert(send_after(&f, DURATION_ZERO));
    cr_expect_eq(took_us(&f), 100000, "it was told so, and nobody overtakes");
    f.now = instant_add(f.now, duration_ms(200));
    cr_assert(send_after(&f, DURATION_ZERO));
    cr_expect_eq(took_us(&f), 100);
    q.rate_bps = 0;
    way_set_quality(&f.way, &q, f.now);
    cr_assert(send_after(&f, duration_ms(1)));
    cr_expect_eq(took_us(&f), 0);
}

/* ---- copies ---- */

Test(sim_path, duplicates_and_replays_as_many_as_asked) {
    struct fixture f;
    const struct path_quality q = {.delay = duration_ms(40),
                                   .duplicate_ppm = 30000,
                                   .replay_ppm = 10000,
                                   .replay_in = duration_s(60)};
    uint32_t counts[3] = {0}, packets = 200000;
    double late = 0;
    begin(&f, &q);
    for (uint32_t i = 0; i < packets; i++) {
        cr_assert(send_after(&f, duration_us(50)));
        cr_assert_eq(f.fate.arrivals[0].copy, WAY_COPY_ORIGINAL);
        cr_assert_eq(took_us(&f), 40000);
        for (uint32_t k = 0; k < f.fate.count; k++) {
            enum way_copy copy = f.fate.arrivals[k].copy;
            int64_t after = instant_since(f.fate.arrivals[k].at, f.fate.arrivals[0].at).us;
            counts[copy]++;
            cr_assert(after >= 0 && after <= (copy == WAY_COPY_REPLAY ? 60000000 : 1000));
            late += copy == WAY_COPY_REPLAY ? (double)after : 0;
        }
    }
    cr_expect_eq(counts[WAY_COPY_ORIGINAL], packets);
    cr_expect(fabs((double)counts[WAY_COPY_DUPLICATE] / packets - 0.03) < 0.003);
    cr_expect(fabs((double)counts[WAY_COPY_REPLAY] / packets - 0.01) < 0.003);
    cr_expect(fabs(late / counts[WAY_COPY_REPLAY] / 30e6 - 1) < 0.05, "within the minute");
}

/* ---- outages ---- */

struct outages {
    uint32_t count, long_ones; /* longer than ten times the shortest */
    double up, down, longest;  /* [s] in all; one */
};

static struct outages measure_outages(const struct path_quality *q, double hours) {
    struct fixture f;
    struct outages m = {0};
    struct instant began = INSTANT_NEVER;
    const double step = 0.01;
    begin(&f, q);
    for (uint64_t i = 0; i < (uint64_t)(hours * 3600 / step); i++) {
        bool out = !send_after(&f, duration_ms(10));
        m.up += out ? 0 : step;
        m.down += out ? step : 0;
        if (out == !instant_is_never(began))
            continue;
        if (!out) {
            double s = (double)instant_since(f.now, began).us / 1e6;
            m.long_ones += s > 10 * (double)q->outages.least.us / 1e6;
            m.longest = s > m.longest ? s : m.longest;
        }
        m.count += out;
        began = out ? f.now : INSTANT_NEVER;
    }
    return m;
}

Test(sim_path, outages_come_like_poisson_and_last_like_pareto) {
    /* α = 1.5: the mean is α/(α−1) = 3 times the shortest, one in 10^1.5 is ten times as long. */
    const struct path_quality q = {
        .outages = {duration_s(10), duration_ms(200), duration_s(3600), 1500}};
    struct outages m = measure_outages(&q, 100);
    cr_expect(fabs(m.up / m.count / 10 - 1) < 0.05, "every %.2f s", m.up / m.count);
    cr_expect(fabs(m.down / m.count / 0.6 - 1) < 0.15, "for %.3f s", m.down / m.count);
    double tail = (double)m.long_ones / m.count;
    cr_expect(fabs(tail / pow(10, -1.5) - 1) < 0.1, "%.4f of them ten times as long", tail);
    cr_expect(m.longest > 10, "a heavy tail: the longest was %.1f s", m.longest);
}

Test(sim_path, no_outage_is_longer_than_the_longest_or_shorter_than_the_shortest) {
    const struct path_quality q = {
        .outages = {duration_s(5), duration_ms(200), duration_s(2), 1000}};
    struct fixture f;
    uint32_t cut = 0, outages = 2000;
    begin(&f, &q);
    for (uint32_t i = 0; i < outages; i++) {
        f.now = f.way.outage_until;
        cr_assert_not(way_is_out(&f.way, &f.rng, f.now));
        cr_assert(way_is_out(&f.way, &f.rng, f.way.outage_from));
        struct duration lasts = instant_since(f.way.outage_until, f.way.outage_from);
        cr_assert(lasts.us >= 200000 && lasts.us <= 2000000, "%ld µs", (long)lasts.us);
        cut += lasts.us == 2000000;
    }
    cr_expect(fabs((double)cut / outages - 0.1) < 0.02, "%u were longer", cut); /* (0.2 s/2 s)^1 */
}

/* However long nobody asked, the next answer comes at once. */
Test(sim_path, outages_go_on_after_an_idle_age) {
    const struct path_quality q = {
        .outages = {duration_us(10), duration_us(10), duration_us(20), 1500}};
    struct fixture f;
    uint32_t out = 0;
    begin(&f, &q);
    way_is_out(&f.way, &f.rng, instant_add(f.now, duration_s(86400 * 365)));
    f.now = instant_add(f.now, duration_s(86400 * 365));
    for (int i = 0; i < 10000; i++)
        out += !send_after(&f, duration_us(5));
    cr_expect(out > 3000 && out < 7500, "%u of 10000", out);
}

Test(sim_path, knows_what_needs_no_state) {
    static const struct {
        const char *what;
        struct path_quality quality;
        bool plain;
    } rows[] = {
        {"delay", {.delay = {1}}, true},
        {"correlation of no jitter", {.jitter_correlation_ppm = 1}, true},
        {"a queue without rate", {.queue = {1}}, true},
        {"jitter", {.jitter = {1}}, false},
        {"loss", {.loss_ppm = 1}, false},
        {"bursts", {.bursts = {1, 1, 1, 1}}, false},
        {"outages", {.outages = {{1}, {1}, {1}, 1000}}, false},
        {"rate", {.rate_bps = 1}, false},
        {"reordering", {.reorder_ppm = 1}, false},
        {"duplicates", {.duplicate_ppm = 1}, false},
        {"replays", {.replay_ppm = 1}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(path_quality_is_delay(&rows[i].quality), rows[i].plain, "%s", rows[i].what);
}
