#include "topo/coord.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Shares of a step and of an error that one sample may change (c_c and c_e of the paper). */
#define MOVE_SHARE  0.25
#define ERROR_SHARE 0.25
#define ERROR_MIN   0.01  /* nobody is surer than that: paths change */
#define HEIGHT_MIN  0.01  /* [ms] two nodes on one switch */
#define NEAR_MS     1e-6  /* [ms] closer means: no direction to tell */
#define GRAVITY_MS  5000. /* [ms] at this distance the origin pulls as hard as a spring of 1 ms */
#define SURPRISE    10.0  /* relative error beyond which a sample tells nothing more */

void coord_init(struct coord_map *m) {
    memset(m, 0, sizeof(*m));
    m->self.height_ms = HEIGHT_MIN;
    m->self.error = 1;
}

bool coord_is_valid(const struct coord *c) {
    for (size_t i = 0; i < COORD_DIMENSIONS; i++)
        if (!(fabs(c->at_ms[i]) <= COORD_FAR_MS)) /* NaN compares false, too */
            return false;
    return c->height_ms > 0 && c->height_ms <= COORD_FAR_MS && c->error > 0 &&
           c->error <= COORD_ERROR_MAX;
}

/* From `b` to `a`; returns its length [ms]. */
static double vector_between(const struct coord *a, const struct coord *b,
                             double out[COORD_DIMENSIONS]) {
    double sum = 0;
    for (size_t i = 0; i < COORD_DIMENSIONS; i++) {
        out[i] = a->at_ms[i] - b->at_ms[i];
        sum += out[i] * out[i];
    }
    return sqrt(sum);
}

static double distance_ms(const struct coord *a, const struct coord *b) {
    double unused[COORD_DIMENSIONS];
    return vector_between(a, b, unused) + a->height_ms + b->height_ms;
}

struct duration coord_rtt(const struct coord *a, const struct coord *b) {
    return duration_us((int64_t)(distance_ms(a, b) * 1000 + 0.5));
}

/* A direction of length 1 out of sixteen bits a dimension; never none. */
static void direction_of(uint64_t entropy, double out[COORD_DIMENSIONS]) {
    double sum = 0;
    for (size_t i = 0; i < COORD_DIMENSIONS; i++) {
        out[i] = (double)((entropy >> (16 * i)) & 0xffff) - 32767.5;
        sum += out[i] * out[i];
    }
    for (size_t i = 0; i < COORD_DIMENSIONS; i++)
        out[i] /= sqrt(sum);
}

static double median_ms(const struct coord_neighbour *n) {
    double sorted[COORD_SAMPLES];
    assert(n->samples > 0);
    for (size_t i = 0; i < n->samples; i++) {
        size_t k = i;
        for (; k > 0 && sorted[k - 1] > n->sample_ms[i]; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = n->sample_ms[i];
    }
    return sorted[(n->samples - 1) / 2]; /* the lower one of two: delay only adds */
}

static double clamped(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

static void pull_to_origin(struct coord *self) {
    static const struct coord origin;
    double away[COORD_DIMENSIONS], length = vector_between(self, &origin, away);
    double pull_ms = length * length / (GRAVITY_MS * GRAVITY_MS);
    for (size_t i = 0; length > 0 && i < COORD_DIMENSIONS; i++)
        self->at_ms[i] -= away[i] / length * fmin(pull_ms, length);
}

/* One spring pulls or pushes. */
static void relax(struct coord *self, const struct coord_neighbour *n, uint64_t entropy) {
    double direction[COORD_DIMENSIONS], rtt_ms = median_ms(n);
    double length = vector_between(self, &n->at, direction);
    double expected_ms = length + self->height_ms + n->at.height_ms;
    double weight = self->error / (self->error + n->at.error);
    double wrong = fmin(fabs(expected_ms - rtt_ms) / rtt_ms, SURPRISE);
    double force_ms = MOVE_SHARE * weight * (rtt_ms - expected_ms);
    self->error = clamped(wrong * ERROR_SHARE * weight + self->error * (1 - ERROR_SHARE * weight),
                          ERROR_MIN, COORD_ERROR_MAX);
    if (length > NEAR_MS) {
        for (size_t i = 0; i < COORD_DIMENSIONS; i++)
            direction[i] /= length;
        self->height_ms += (self->height_ms + n->at.height_ms) * force_ms / expected_ms;
    } else {
        direction_of(entropy, direction);
    }
    for (size_t i = 0; i < COORD_DIMENSIONS; i++)
        self->at_ms[i] =
            clamped(self->at_ms[i] + direction[i] * force_ms, -COORD_FAR_MS, COORD_FAR_MS);
    self->height_ms = clamped(self->height_ms, HEIGHT_MIN, COORD_FAR_MS);
}

/* The neighbour's record, made in the place of the one silent for longest if there is no room. */
static struct coord_neighbour *neighbour_of(struct coord_map *m, uint64_t who) {
    struct coord_neighbour *oldest = &m->neighbours[0];
    for (size_t i = 0; i < m->count; i++) {
        if (m->neighbours[i].who == who)
            return &m->neighbours[i];
        if (m->neighbours[i].last_turn < oldest->last_turn)
            oldest = &m->neighbours[i];
    }
    if (m->count < COORD_NEIGHBOURS_MAX)
        oldest = &m->neighbours[m->count++];
    *oldest = (struct coord_neighbour){.who = who};
    return oldest;
}

bool coord_measured(struct coord_map *m, uint64_t who, const struct coord *at, struct duration rtt,
                    uint64_t entropy) {
    double rtt_ms = (double)rtt.us / 1000;
    if (!coord_is_valid(at) || rtt.us < 1 || rtt_ms > COORD_FAR_MS)
        return false;
    struct coord_neighbour *n = neighbour_of(m, who);
    n->at = *at;
    n->sample_ms[n->next] = rtt_ms;
    n->next = (uint8_t)((n->next + 1) % COORD_SAMPLES);
    n->samples += n->samples < COORD_SAMPLES;
    n->last_turn = ++m->turn;
    for (size_t i = 0; i < m->count; i++) {
        relax(&m->self, &m->neighbours[i], entropy);
        pull_to_origin(&m->self);
    }
    return true;
}

void coord_forget(struct coord_map *m, uint64_t who) {
    for (size_t i = 0; i < m->count; i++)
        if (m->neighbours[i].who == who) {
            m->neighbours[i] = m->neighbours[--m->count];
            return;
        }
}

bool coord_check_invariants(const struct coord_map *m) {
    if (!coord_is_valid(&m->self) || m->count > COORD_NEIGHBOURS_MAX)
        return false;
    for (size_t i = 0; i < m->count; i++) {
        const struct coord_neighbour *n = &m->neighbours[i];
        if (!coord_is_valid(&n->at) || n->samples == 0 || n->samples > COORD_SAMPLES ||
            n->next >= COORD_SAMPLES || n->last_turn > m->turn)
            return false;
    }
    return true;
}
