#include "transcoder/timeline/nack.h"

#include <assert.h>
#include <string.h>

#define OVERTAKEN_MS_MIN 2  /* [ms] that a frame which was overtaken gets to turn up, … */
#define OVERTAKEN_MS_MAX 20 /* … and at most: a frame time */
#define ANSWER_MS_MIN    10 /* [ms] over a round trip until a question is taken for lost, … */
#define ANSWER_MS_MAX    60
#define LAST_MS          4  /* [ms] before it is too late: the last call for a frame, … */
#define LAST_APART_MS    10 /* … if the question before it is that old: a burst takes both */

static struct duration clamp(struct duration d, int64_t least_ms, int64_t most_ms) {
    return duration_min(duration_max(d, duration_ms(least_ms)), duration_ms(most_ms));
}

static void drop(struct nack *n, uint8_t run) {
    n->count--;
    memmove(&n->runs[run], &n->runs[run + 1], (n->count - run) * sizeof(n->runs[0]));
    memset(&n->runs[n->count], 0, sizeof(n->runs[0]));
}

void nack_missed(struct nack *n, uint64_t from, uint64_t to, const struct nack_path *path,
                 struct instant now) {
    assert(from < to);
    if (to - from > NACK_FRAMES_MAX)
        from = to - NACK_FRAMES_MAX;
    if (n->count == NACK_RUNS_MAX)
        drop(n, 0);
    struct duration turn_up = duration_scale(path->jitter, 2, 1);
    struct nack_run *run = &n->runs[n->count++];
    memset(run, 0, sizeof(*run)); /* padding too: a record of it is compared byte by byte */
    run->from = from;
    run->count = (uint8_t)(to - from);
    turn_up = clamp(turn_up, OVERTAKEN_MS_MIN, OVERTAKEN_MS_MAX);
    run->again = instant_add(now, duration_add(turn_up, path->spread));
    if (!instant_is_never(path->other))
        run->again = instant_max(run->again, path->other);
}

/* Those that are not there and can still be in time. */
static uint64_t missing_of(const struct nack_run *run, const struct playout *p,
                           const struct nack_path *path, struct instant now) {
    struct instant arrives = instant_add(now, path->rtt_min);
    uint64_t missing = 0;
    for (uint8_t i = 0; i < run->count; i++)
        if (!playout_holds(p, run->from + i) &&
            instant_before(arrives, playout_due(p, run->from + i)))
            missing |= UINT64_C(1) << i;
    return missing;
}

/* When a frame of those asked for now can be asked for once more and be in time, for the last time:
 * before its answer is overdue, if need be. */
static struct instant last_call(const struct nack_run *run, uint64_t missing,
                                const struct playout *p, const struct nack_path *path,
                                struct instant now) {
    struct duration ahead = duration_add(path->rtt, duration_ms(LAST_MS));
    struct instant soonest = instant_add(now, duration_ms(LAST_APART_MS));
    for (uint8_t i = 0; i < run->count; i++) {
        struct instant due = playout_due(p, run->from + i);
        if ((missing >> i & 1) == 0 || instant_is_never(due))
            continue;
        struct instant at = instant_sub(due, ahead);
        if (!instant_before(at, soonest))
            return at;
    }
    return INSTANT_NEVER;
}

bool nack_take(struct nack *n, const struct playout *p, const struct nack_path *path,
               struct instant now, struct nack_question *out) {
    for (uint8_t i = 0; i < n->count;) {
        struct nack_run *run = &n->runs[i];
        if (!instant_reached(now, run->again)) {
            i++;
            continue;
        }
        uint64_t missing = run->asked < NACK_ASKS_MAX ? missing_of(run, p, path, now) : 0;
        if (missing == 0) {
            drop(n, i);
            continue;
        }
        struct duration slack = duration_scale(path->jitter, 4, 1);
        run->asked++;
        run->again =
            instant_add(now, duration_add(path->rtt, clamp(slack, ANSWER_MS_MIN, ANSWER_MS_MAX)));
        run->again = instant_min(run->again, last_call(run, missing, p, path, now));
        *out = (struct nack_question){.from = run->from, .missing = missing};
        return true;
    }
    return false;
}

struct instant nack_deadline(const struct nack *n) {
    struct instant at = INSTANT_NEVER;
    for (uint8_t i = 0; i < n->count; i++)
        at = instant_min(at, n->runs[i].again);
    return at;
}

void nack_forget(struct nack *n) {
    memset(n, 0, sizeof(*n));
}

void nack_check_invariants(const struct nack *n) {
    static const struct nack_run none;
    assert(n->count <= NACK_RUNS_MAX);
    for (uint8_t i = 0; i < NACK_RUNS_MAX; i++) {
        const struct nack_run *run = &n->runs[i];
        if (i >= n->count) {
            assert(memcmp(run, &none, sizeof(none)) == 0);
            continue;
        }
        assert(run->count > 0 && run->count <= NACK_FRAMES_MAX && run->asked <= NACK_ASKS_MAX);
        assert(!instant_is_never(run->again));
    }
}
