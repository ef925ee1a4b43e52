#include "monitor/runs.h"

#include <math.h>
#include <string.h>

/* That loss has a memory is believed only if it stands out so many deviations from none: else the
 * little that chance leaves would look like much at a short interval. */
#define MEMORY_DEVIATIONS 2
#define OUTAGES           2 /* times as often as bursts explain, runs are something else */

/* A length continues as all of them do until so many of it have been seen. */
#define CONTINUES_DOUBT   3
#define CHANCE_DEVIATIONS 1 /* from what independent losses let expect … */
#define CHANCE_LEAST      1 /* … and so many runs more or fewer may be chance */
#define OUTAGE            6 /* beats: what goes on for longer says nothing of shorter ones */

void runs_add(struct runs *r, uint64_t lost) {
    for (uint64_t k = 0; k <= lost && k <= RUNS_MAX; k++)
        r->beyond[k] += 1;
}

void runs_fade(struct runs *r, double keep) {
    for (int k = 0; k <= RUNS_MAX; k++)
        r->beyond[k] *= (float)keep;
}

bool runs_any(const struct runs *r) {
    return r->beyond[1] > 0;
}

/* Of runs of any length, the share that goes on for one more; independent loss unless shown. */
static double continues_in_all(const struct runs *r, double loss) {
    double shorter = CONTINUES_DOUBT, longer = CONTINUES_DOUBT * loss;
    for (int k = 1; k < OUTAGE; k++) {
        shorter += (double)r->beyond[k];
        longer += (double)r->beyond[k + 1];
    }
    return longer / shorter;
}

/* Independent losses fall in a row now and then, or have not done so yet: one that did is no burst,
 * and none among a hundred no proof that there is never one. The margin would be too short until
 * the first two in a row, and then too long for hours. */
static bool may_be_independent(const struct runs *r, double loss) {
    double shorter = 0, longer = 0;
    for (int k = 1; k < OUTAGE; k++) {
        shorter += (double)r->beyond[k];
        longer += (double)r->beyond[k + 1];
    }
    double expected = shorter * loss;
    return fabs(longer - expected) <= CHANCE_DEVIATIONS * sqrt(expected) + CHANCE_LEAST;
}

void runs_shares(const struct runs *r, double shares[RUNS_MAX + 1]) {
    double all = fmax((double)r->beyond[0], 1);
    double at_least[RUNS_MAX + 2] = {1, (double)r->beyond[1] / all};
    double guess = CONTINUES_DOUBT * continues_in_all(r, at_least[1]);
    bool independent = may_be_independent(r, at_least[1]);
    for (int k = 1; k < RUNS_MAX; k++) {
        double continues =
            ((double)r->beyond[k + 1] + guess) / ((double)r->beyond[k] + CONTINUES_DOUBT);
        if (independent)
            continues = at_least[1];
        at_least[k + 1] = at_least[k] * continues;
    }
    for (int k = 0; k <= RUNS_MAX; k++)
        shares[k] = at_least[k] - at_least[k + 1];
}

double runs_beats_per_gap(const struct runs *r) {
    double lost = 0;
    for (int k = 1; k <= RUNS_MAX; k++)
        lost += (double)r->beyond[k];
    return 1 + lost / fmax((double)r->beyond[0], 1);
}

/* Gilbert's chain with loss `share`: each beat fares as the one before with probability `memory`,
 * else by chance. */
struct chain {
    double share, memory;
};

static double chain_at_least(const struct chain *c, int length) {
    double again = c->share + (1 - c->share) * c->memory;
    return c->share * (1 - c->memory) * pow(again, length - 1);
}

/* From how often runs begin and go on. */
static struct chain chain_of(const struct runs *r, bool finer) {
    double begin = (double)r->beyond[1] / fmax((double)r->beyond[0], 1);
    double again = fmin(continues_in_all(r, begin), 0.99);
    double lost = begin / (1 - again);
    double share = lost / (1 + lost);
    double chance = sqrt(share * (1 - share) / fmax((double)r->beyond[1], 1));
    double memory = fmax(again - share, 0) / (1 - share);
    if (finer && again - share < MEMORY_DEVIATIONS * chance)
        memory = 0;
    return (struct chain){share, fmin(memory, 0.99)};
}

/* Runs beyond what bursts explain last as long as they do, however many beats are sent. */
static double outages_at_least(const struct runs *r, const struct chain *then, double length) {
    int k = (int)ceil(length);
    if (k > RUNS_MAX)
        return 0;
    k = k < 2 ? 2 : k;
    double seen = (double)r->beyond[k] / fmax((double)r->beyond[0], 1);
    return seen > OUTAGES * chain_at_least(then, k) ? seen : 0;
}

void runs_rescale(struct runs *r, int64_t num, int64_t den) {
    double ratio = (double)num / (double)den;
    struct chain then = chain_of(r, num < den);
    struct chain now = {then.share, pow(then.memory, ratio)};
    struct runs old = *r;
    double gaps = (double)old.beyond[0] / ratio;
    r->beyond[0] = (float)gaps;
    for (int k = 1; k <= RUNS_MAX; k++) {
        double outages = fmin(outages_at_least(&old, &then, k * ratio) * ratio, 1);
        double at_least = fmax(chain_at_least(&now, k), outages);
        r->beyond[k] = fminf((float)(gaps * at_least), r->beyond[k - 1]);
    }
}

void runs_are_foretold(struct runs *r) {
    if (r->beyond[1] > RUNS_FORETOLD)
        runs_fade(r, RUNS_FORETOLD / (double)r->beyond[1]);
}
