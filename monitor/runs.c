#include "monitor/runs.h"

#include <math.h>
#include <string.h>

/* A length continues as all of them do until so many of it have been seen. */
#define CONTINUES_DOUBT 3
#define OUTAGE          6 /* beats: what goes on for longer says nothing of shorter ones */

void runs_add(struct runs *r, uint64_t lost) {
    for (uint64_t k = 0; k <= lost && k <= RUNS_MAX; k++)
        r->beyond[k] += 1;
}

void runs_fade(struct runs *r, double keep) {
    for (int k = 0; k <= RUNS_MAX; k++)
        r->beyond[k] *= (float)keep;
}

void runs_rescale(struct runs *r, int64_t num, int64_t den) {
    struct runs old = *r;
    memset(r, 0, sizeof(*r));
    r->beyond[0] = old.beyond[0];
    for (int k = 1; k <= RUNS_MAX; k++) {
        int64_t then = k * num / den;
        r->beyond[k] = old.beyond[then < 1 ? 1 : then > RUNS_MAX ? RUNS_MAX : then];
    }
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

void runs_shares(const struct runs *r, double shares[RUNS_MAX + 1]) {
    double all = fmax((double)r->beyond[0], 1);
    double at_least[RUNS_MAX + 2] = {1, (double)r->beyond[1] / all};
    double guess = CONTINUES_DOUBT * continues_in_all(r, at_least[1]);
    for (int k = 1; k < RUNS_MAX; k++) {
        double continues =
            ((double)r->beyond[k + 1] + guess) / ((double)r->beyond[k] + CONTINUES_DOUBT);
        at_least[k + 1] = at_least[k] * continues;
    }
    for (int k = 0; k <= RUNS_MAX; k++)
        shares[k] = at_least[k] - at_least[k + 1];
}
