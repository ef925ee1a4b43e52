#include "test/bench/drawn.h"

#include "peerd/base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PI 3.14159265358979

enum jitter {
    JITTER_NORMAL,
    JITTER_GAMMA,
    JITTER_LOGNORMAL,
    JITTER_WEIBULL,
    JITTER_PARETO,
    JITTER_COUNT
};

enum habit {
    HABIT_NONE,
    HABIT_SWINGS,
    HABIT_WANDERS,
    HABIT_STEPS,
    HABIT_HANDS_OVER,
    HABIT_QUEUES,
    HABIT_LATE_SENDER,
    HABIT_COUNT
};

static const char *const jitters[] = {"normal", "gamma", "lognormal", "weibull", "pareto"};
static const char *const habits[] = {"-",          "swings", "wanders",    "steps",
                                     "hands over", "queues", "late sender"};

struct path {
    struct rng rng;
    enum jitter jitter;
    double base_ms, scale_ms, shape;
    double loss, burst_s; /* share; mean length in time, zero for independent */
    bool bad;
    double turn_s; /* of that */
    bool has[HABIT_COUNT];
    double size_ms[HABIT_COUNT]; /* what it adds to the delay at most */
    double every_s[HABIT_COUNT]; /* its period, or mean distance */
    double lasts_s[HABIT_COUNT]; /* once */
    double next_s[HABIT_COUNT], now_ms[HABIT_COUNT], end_s[HABIT_COUNT];
};

static double between(struct path *p, double low, double high) {
    return low + (high - low) * rng_unit(&p->rng);
}

/* Evenly by ratio. */
static double scaled(struct path *p, double low, double high) {
    return low * pow(high / low, rng_unit(&p->rng));
}

static double normal(struct path *p) {
    double u = 1 - rng_unit(&p->rng), v = rng_unit(&p->rng);
    return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

static double exponential(struct path *p) {
    return -log(1 - rng_unit(&p->rng));
}

/* ---- drawing a path -------------------------------------------------------------------------- */

static void draw_loss(struct path *p) {
    static const double losses[] = {0, 0, 0.0005, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1};
    p->loss = losses[rng_below(&p->rng, sizeof(losses) / sizeof(losses[0]))];
    p->burst_s = rng_below(&p->rng, 3) == 0 ? scaled(p, 0.05, 0.6) : 0;
}

static void draw_habit(struct path *p) {
    enum habit h = (enum habit)rng_below(&p->rng, HABIT_COUNT);
    p->has[h] = true;
    p->size_ms[h] = scaled(p, 10, 120);
    p->lasts_s[h] = scaled(p, 0.1, 0.8);
    switch (h) {
    case HABIT_SWINGS:
        p->every_s[h] = scaled(p, 900, 10000);
        break;
    case HABIT_WANDERS:
        p->size_ms[h] = scaled(p, 0.05, 1); /* from beat to beat */
        break;
    case HABIT_STEPS:
        p->every_s[h] = scaled(p, 60, 900);
        break;
    case HABIT_HANDS_OVER:
        p->every_s[h] = scaled(p, 5, 60);
        break;
    case HABIT_QUEUES:
        p->every_s[h] = scaled(p, 5, 120);
        break;
    case HABIT_LATE_SENDER:
        p->every_s[h] = scaled(p, 5, 300);
        break;
    case HABIT_NONE:
    case HABIT_COUNT:
        break;
    }
}

static void draw(struct path *p, uint64_t seed) {
    memset(p, 0, sizeof(*p));
    rng_seed(&p->rng, seed);
    p->jitter = (enum jitter)rng_below(&p->rng, JITTER_COUNT);
    p->base_ms = scaled(p, 5, 100);
    p->scale_ms = scaled(p, 0.1, 10);
    p->shape = between(p, 0, 1);
    draw_loss(p);
    draw_habit(p);
    if (rng_below(&p->rng, 2) == 0)
        draw_habit(p);
}

/* ---- one beat -------------------------------------------------------------------------------- */

static double jitter_ms(struct path *p) {
    switch (p->jitter) {
    case JITTER_NORMAL:
        return p->scale_ms * fabs(normal(p));
    case JITTER_GAMMA:
        return p->scale_ms * (exponential(p) + exponential(p));
    case JITTER_LOGNORMAL:
        return p->scale_ms * exp((0.3 + 0.7 * p->shape) * normal(p));
    case JITTER_WEIBULL:
        return p->scale_ms * pow(exponential(p), 0.5 + 1.2 * p->shape);
    case JITTER_PARETO:
        return p->scale_ms * (pow(1 - rng_unit(&p->rng), -1 / (2 + 3 * p->shape)) - 1);
    case JITTER_COUNT:
        break;
    }
    return 0;
}

/* True while something that comes now and then is there; it begins every so often. */
static bool is_on(struct path *p, enum habit h, double now_s, bool regular) {
    if (now_s >= p->next_s[h]) {
        double wait = regular ? p->every_s[h] : p->every_s[h] * exponential(p);
        p->end_s[h] = p->next_s[h] + p->lasts_s[h];
        p->next_s[h] += fmax(wait, p->lasts_s[h]);
        p->now_ms[h] = p->size_ms[h] * between(p, 0.5, 1);
    }
    return now_s < p->end_s[h];
}

static double habits_ms(struct path *p, double now_s) {
    double sum = 0;
    if (p->has[HABIT_SWINGS])
        sum += p->size_ms[HABIT_SWINGS] * (1 - cos(2 * PI * now_s / p->every_s[HABIT_SWINGS])) / 2;
    if (p->has[HABIT_WANDERS]) {
        double *at = &p->now_ms[HABIT_WANDERS];
        *at += p->size_ms[HABIT_WANDERS] * normal(p) - 0.002 * *at;
        sum += fmax(*at + 20 * p->size_ms[HABIT_WANDERS], 0);
    }
    if (p->has[HABIT_STEPS]) {
        if (now_s >= p->next_s[HABIT_STEPS]) {
            p->next_s[HABIT_STEPS] = now_s + p->every_s[HABIT_STEPS] * exponential(p);
            p->now_ms[HABIT_STEPS] = between(p, 0, p->size_ms[HABIT_STEPS]);
        }
        sum += p->now_ms[HABIT_STEPS];
    }
    if (p->has[HABIT_HANDS_OVER] && is_on(p, HABIT_HANDS_OVER, now_s, true))
        sum += p->now_ms[HABIT_HANDS_OVER];
    if (p->has[HABIT_QUEUES] && is_on(p, HABIT_QUEUES, now_s, false)) /* and drains */
        sum +=
            p->now_ms[HABIT_QUEUES] * (p->end_s[HABIT_QUEUES] - now_s) / p->lasts_s[HABIT_QUEUES];
    return sum;
}

static bool is_lost(struct path *p, double now_s) {
    if (p->burst_s <= 0 || p->loss <= 0)
        return rng_unit(&p->rng) < p->loss;
    while (now_s >= p->turn_s) {
        p->bad = !p->bad;
        p->turn_s += exponential(p) * (p->bad ? p->burst_s : p->burst_s * (1 / p->loss - 1));
    }
    return p->bad;
}

static double sender_late_ms(struct path *p, double now_s, double interval_ms) {
    double late = 0.5 * rng_unit(&p->rng);
    if (p->has[HABIT_LATE_SENDER] && is_on(p, HABIT_LATE_SENDER, now_s, false))
        late += fmin(p->now_ms[HABIT_LATE_SENDER], 0.9 * interval_ms);
    return late;
}

/* ---- a trace --------------------------------------------------------------------------------- */

static void say(const struct path *p, char *what, size_t size) {
    int len = snprintf(what, size, "%s %.1f", jitters[p->jitter], p->scale_ms);
    if (p->loss > 0)
        len += snprintf(what + len, size - (size_t)len, ", %.4g %%%s", p->loss * 100,
                        p->burst_s > 0 ? " in bursts" : "");
    for (int h = 1; h < HABIT_COUNT && (size_t)len < size; h++)
        if (p->has[h])
            len += snprintf(what + len, size - (size_t)len, ", %s", habits[h]);
}

void drawn_beats(struct beats *b, double hours, double interval_ms, uint64_t seed, char *what,
                 size_t what_size) {
    struct path p;
    double last_ms = 0;
    draw(&p, seed);
    say(&p, what, what_size);
    *b = (struct beats){0};
    size_t count = (size_t)(hours * 3600e3 / interval_ms);
    for (size_t i = 0; i < count; i++) {
        double now_ms = (double)i * interval_ms;
        now_ms += sender_late_ms(&p, now_ms / 1e3, interval_ms);
        double delay = p.base_ms + jitter_ms(&p) + habits_ms(&p, now_ms / 1e3);
        double arrival = fmax(now_ms + delay, last_ms + 0.01);
        bool lost = is_lost(&p, now_ms / 1e3);
        beats_put(b, (struct beats_line){i + 1, (int64_t)(now_ms * 1e3),
                                         lost ? BEATS_LOST : (int64_t)(arrival * 1e3)});
        last_ms = lost ? last_ms : arrival;
    }
}
