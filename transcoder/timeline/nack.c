#include "transcoder/timeline/nack.h"

#include <assert.h>
#include <string.h>

#define OVERTAKEN_MS_MIN 2  /* [ms] that a frame which was overtaken gets to turn up, … */
#define OVERTAKEN_MS_MAX 20 /* … and at most: a frame time */
#define ANSWER_MS_MIN    10 /* [ms] over a round trip until a question is taken for lost, … */
#define ANSWER_MS_MAX    60
#define LAST_MS          4 /* [ms] before it is too late: the last copy that is sent */
#define GAP_MS           5 /* [ms] between copies while there is time, … */
#define GAP_MS_MIN       2 /* … and when there is none */
#define LOSSY                                                                                      \
    5 /* of the last 64 frames: a path that loses so many gets two of each question at once, … */
#define TOO_LOSSY 26 /* … and one that loses so many none */
#define IN_VAIN   4  /* of the last 32 holes: so many may stay */

static struct duration clamp(struct duration d, int64_t least_ms, int64_t most_ms) {
    return duration_min(duration_max(d, duration_ms(least_ms)), duration_ms(most_ms));
}

static void drop(struct nack *n, uint8_t run) {
    n->count--;
    memmove(&n->runs[run], &n->runs[run + 1], (n->count - run) * sizeof(n->runs[0]));
    memset(&n->runs[n->count], 0, sizeof(n->runs[0]));
}

void nack_heard(struct nack *n, uint64_t frame, uint64_t missed) {
    if (n->early <= frame + 1)
        n->early = 0;
    n->lost = missed < 63 ? (n->lost << missed | ((UINT64_C(1) << missed) - 1)) << 1 : ~UINT64_C(1);
    if (n->lost == 0)
        n->vain = 0;
}

static struct nack_run *add(struct nack *n, uint64_t from, uint64_t to) {
    assert(from < to);
    if (to - from > NACK_FRAMES_MAX)
        from = to - NACK_FRAMES_MAX;
    if (n->count == NACK_RUNS_MAX)
        drop(n, 0);
    struct nack_run *run = &n->runs[n->count++];
    memset(run, 0, sizeof(*run)); /* padding too: a record of it is compared byte by byte */
    run->from = from;
    run->count = (uint8_t)(to - from);
    return run;
}

void nack_missed(struct nack *n, uint64_t from, uint64_t to, const struct nack_path *path,
                 struct instant now) {
    from = from < n->early ? n->early : from; /* those before are asked for already */
    if (from >= to)
        return;
    struct nack_run *run = add(n, from, to);
    struct duration turn_up = duration_scale(path->jitter, 2, 1);
    turn_up = clamp(turn_up, OVERTAKEN_MS_MIN, OVERTAKEN_MS_MAX);
    run->again = instant_add(now, duration_add(turn_up, path->spread));
    if (!instant_is_never(path->other))
        run->again = instant_max(run->again, path->other);
}

void nack_late(struct nack *n, uint64_t from, uint64_t to, struct instant now) {
    add(n, from, to)->again = now;
    n->early = to;
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

/* When a question for the first of them goes out at the latest. */
static struct instant last_call(const struct nack_run *run, uint64_t missing,
                                const struct playout *p, const struct nack_path *path) {
    struct instant due = playout_due(p, run->from + (unsigned)__builtin_ctzll(missing));
    if (instant_is_never(due))
        return INSTANT_NEVER;
    struct duration late = duration_scale(path->jitter, 2, 1);
    return instant_sub(due, duration_add(path->rtt, duration_max(late, duration_ms(LAST_MS))));
}

static bool copies_help(const struct nack *n) {
    return __builtin_popcountll(n->lost) < TOO_LOSSY && __builtin_popcount(n->vain) <= IN_VAIN;
}

static struct duration answer_time(const struct nack_path *path) {
    struct duration slack = duration_scale(path->jitter, 4, 1);
    return duration_add(path->rtt, clamp(slack, ANSWER_MS_MIN, ANSWER_MS_MAX));
}

/* Of the copies that are left, so many as go out in time. */
static uint8_t in_time(uint8_t left, struct instant now, struct instant last) {
    int64_t most = instant_since(last, now).us / duration_ms(GAP_MS_MIN).us + 1;
    return most < 2 ? 2 : most < left ? (uint8_t)most : left;
}

/* A round that begins then is worth waiting for if so many copies of it go out in time. */
static bool is_in_time(int copies, struct instant next, struct instant last) {
    struct duration takes = duration_scale(duration_ms(GAP_MS_MIN), copies > 1 ? copies - 1 : 0, 1);
    return instant_is_never(last) || !instant_before(last, instant_add(next, takes));
}

/* How often the next question is asked, and how far apart. A question that was lost, or its answer,
 * says that the path loses more than was seen of it. */
static void begin_round(const struct nack *n, struct nack_run *run, uint64_t missing,
                        const struct playout *p, const struct nack_path *path, struct instant now) {
    bool helps = copies_help(n);
    int lost = __builtin_popcountll(n->lost);
    uint8_t most = !helps ? NACK_ASKS_PLAIN : run->asked > 0 ? NACK_ASKS_MAX : NACK_ASKS_ONCE;
    uint8_t left = (uint8_t)(run->asked < most ? most - run->asked : 0);
    run->copies = helps && (run->asked > 0 || lost >= LOSSY) ? 2 : 1;
    run->rounds++; /* of NACK_ASKS_MAX at most */
    run->gap = duration_ms(GAP_MS);
    struct instant last = last_call(run, missing, p, path);
    struct instant next = instant_add(now, duration_add(answer_time(path), run->gap));
    int wanted = helps ? NACK_ASKS_ONCE - run->asked - run->copies : 0; /* as if there were one */
    if (!is_in_time(wanted, next, last)) {                              /* no other round is */
        run->copies = !helps ? 2 : run->asked > 0 ? in_time(left, now, last) : left;
        run->gap =
            duration_scale(instant_since(last, now), 1, run->copies > 1 ? run->copies - 1 : 1);
        run->gap = duration_max(run->gap, duration_ms(GAP_MS_MIN));
    }
    run->copies = run->copies < left ? run->copies : left;
}

/* It is over: has it helped? */
static void end_run(struct nack *n, uint8_t run, const struct playout *p) {
    bool vain = false;
    for (uint8_t i = 0; i < n->runs[run].count; i++)
        vain |= !playout_holds(p, n->runs[run].from + i);
    if (n->lost != 0)
        n->vain = n->vain << 1 | vain;
    drop(n, run);
}

bool nack_take(struct nack *n, const struct playout *p, const struct nack_path *path,
               struct instant now, struct nack_question *out) {
    for (uint8_t i = 0; i < n->count;) {
        struct nack_run *run = &n->runs[i];
        if (!instant_reached(now, run->again)) {
            i++;
            continue;
        }
        uint64_t missing = missing_of(run, p, path, now);
        if (missing != 0 && run->copies == 0)
            begin_round(n, run, missing, p, path, now);
        if (missing == 0 || run->copies == 0) {
            end_run(n, i, p);
            continue;
        }
        run->asked++;
        run->copies--;
        run->again = instant_add(now, run->copies > 0 ? run->gap : answer_time(path));
        *out = (struct nack_question){
            .from = run->from, .missing = missing, .hard = run->rounds >= NACK_HARD_ROUND};
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
    memset(n->runs, 0, sizeof(n->runs));
    n->count = 0;
    n->early = 0;
}

void nack_restart(struct nack *n) {
    n->lost = 0;
    n->vain = 0;
    n->early = 0;
}

bool nack_is_quiet(const struct nack *n) {
    return n->count == 0 && n->lost == 0;
}

void nack_check_invariants(const struct nack *n) {
    static const struct nack_run none;
    assert(n->count <= NACK_RUNS_MAX);
    assert(n->lost != 0 || n->vain == 0);
    for (uint8_t i = 0; i < NACK_RUNS_MAX; i++) {
        const struct nack_run *run = &n->runs[i];
        if (i >= n->count) {
            assert(memcmp(run, &none, sizeof(none)) == 0);
            continue;
        }
        assert(run->count > 0 && run->count <= NACK_FRAMES_MAX && run->asked <= NACK_ASKS_MAX);
        assert(run->copies + run->asked <= NACK_ASKS_MAX);
        assert(!instant_is_never(run->again));
    }
}
