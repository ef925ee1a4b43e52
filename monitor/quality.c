#include "monitor/quality.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* How fast each foreteller follows: at once, over the last few beats, over the last hundreds. */
static const double gains[QUALITY_FORETELLERS] = {1, 1.0 / 8, 1.0 / 128};

/* So many beats in a row that are far off are no outliers: the route has changed. A hand-over or a
 * full queue is over after a few more, and a mean that had gone there would be wrong twice: of
 * three foretellers one stays where the path usually is. */
static const uint8_t moved_after[QUALITY_FORETELLERS] = {4, 4, 20};

#define DEVIATION_GAIN 0.03
#define FAR_OFF        4    /* deviations: a route change, or an outlier … */
#define FAR_OFF_US     2000 /* … by so much at least */
#define SPREADS        1.5  /* a foretelling that jumps about costs detection time as well */

#define SENT_US_MAX (INT64_MAX / 8)

/* No path holds a beat back for so long and longer than any margin: the sender's clock has stepped,
 * or stood still with its machine. */
#define CLOCK_STEP_US 3e6

/* Statistics stand for this many times the wish, and within these limits. */
#define MEMORY_WISHES 2
#define MEMORY_MIN    duration_s(600)
#define MEMORY_MAX    duration_s(86400)
#define RECENT        3000 /* [beats] */
#define RECENT_DOUBT  10   /* times the usual in their shape: they are few, and serve for scale */
#define AFTER_DOUBT   10   /* beats after a loss: until so many have come, others speak for them */
#define AS_GOOD       1.05 /* margins whose mistakes differ by no more than this are equal … */
#define AS_BAD        1.25 /* … and by this where the wish is out of reach: it stops at the knee */
#define BARGAIN       0.03 /* so much longer a wait … */
#define BARGAIN_GAIN  2    /* … is worth it where it makes mistakes so many times rarer */
#define TOGETHER      4    /* beats that arrive within this part of an interval ended one silence */

/* A margin is held: detection time is judged by the longest that there was, and mistakes by the
 * shortest. Counts are of mistakes in the time in which the wish allows one. */
struct terms {
    double raise; /* more must be expected before a longer margin is thought of … */
    double take;  /* … which has no more than this */
    double lower; /* nor may a shorter one have more than this */
};

/* At first a margin that is too long is dear, since it may stay, and one too short cheap, since the
 * wish allows a mistake. Later the estimate is better and a change buys less. */
static const struct terms early_terms = {4, 2, 1};
static const struct terms late_terms = {1.25, 1 / 1.5, 0.2};

#define EARLY_SHARE 6               /* of false_alarm_every, that is early … */
#define EARLY_MAX   duration_s(600) /* … and no longer than this */
#define WORTH       3   /* out of reach of the wish, mistakes must become so many times rarer */
#define LESS        0.1 /* of the wait from beat to expiry: less is not worth a change */
#define EVIDENCE    0.5 /* mistakes beyond those that the wish allowed so far */
#define PREVENTED   2   /* the longer margin would have left one in so many, at most */

/* The sender's timers and ours are not exact, however quiet the path. */
#define MARGIN_SHARE  20 /* of the interval at least */
#define MARGIN_MIN_US 1000
#define MARGIN_GRAIN  0.01 /* of the interval, and as fine is the search */

void quality_init(struct quality *q) {
    memset(q, 0, sizeof(*q));
    q->answer.recurrence = q->answer.margin = q->answer.margin_need = DURATION_ENDLESS;
}

void quality_new_run(struct quality *q) {
    q->heard = false;
}

/* ---- learning -------------------------------------------------------------------------------- */

static void fade_recent(struct quality *q) {
    for (int i = 0; i < QUALITY_FORETELLERS; i++) {
        struct tail *t = &q->foretellers[i].recent;
        if (t->all > RECENT)
            tail_fade(t, RECENT / (double)t->all);
    }
}

static void fade(struct quality *q, const struct quality_wish *wish) {
    fade_recent(q);
    struct duration memory = duration_scale(wish->false_alarm_every, MEMORY_WISHES, 1);
    memory = duration_min(duration_max(memory, MEMORY_MIN), MEMORY_MAX);
    if (duration_less(q->observed, memory))
        return;
    double keep = (double)memory.us / (double)q->observed.us;
    runs_fade(&q->runs, keep);
    for (int i = 0; i < QUALITY_FORETELLERS; i++)
        tail_fade(&q->foretellers[i].tail, keep);
    for (int i = 0; i < QUALITY_FORETELLERS; i++)
        tail_fade(&q->foretellers[i].after, keep);
    q->observed = memory;
}

/* So many in a row are far off to one side: the path is another one now. */
static bool has_moved(struct quality_foreteller *f, double error_us, uint8_t beats) {
    if (fabs(error_us) < fmax(FAR_OFF * f->dev_us, FAR_OFF_US)) {
        f->off = 0;
        return false;
    }
    f->off = f->off > 0 && f->off_late == (error_us > 0) ? (uint8_t)(f->off + 1) : 1;
    f->off_late = error_us > 0;
    return f->off >= beats;
}

static void foreteller_learn(struct quality *q, int i, double transit_us, double slow_us) {
    struct quality_foreteller *f = &q->foretellers[i];
    double error = transit_us - f->transit_us;
    if (has_moved(f, error, moved_after[i])) {
        f->transit_us = transit_us;
        f->off = 0;
        return;
    }
    f->transit_us += gains[i] * error;
    if (f->off <= 1) /* what may be a move is no jitter, or it would soon seem near */
        f->dev_us += DEVIATION_GAIN * (fabs(error) - f->dev_us);
    f->spread_us += DEVIATION_GAIN * (fabs(f->transit_us - slow_us) - f->spread_us);
}

static void learn_gap(struct quality *q, uint64_t seq, double transit_us, double sender_late_us,
                      struct duration gap) {
    uint64_t lost = seq - q->seq - 1;
    double slow_us = q->foretellers[QUALITY_FORETELLERS - 1].transit_us;
    /* Between them there was no silence, whatever the later of them missed. */
    bool together = duration_less(duration_scale(gap, TOGETHER, 1), q->interval);
    runs_add(&q->runs, together ? 0 : lost);
    for (int i = 0; i < QUALITY_FORETELLERS; i++) {
        struct quality_foreteller *f = &q->foretellers[i];
        double late_us = together ? 0 : transit_us - f->transit_us + sender_late_us;
        tail_add(&f->tail, late_us);
        tail_add(&f->recent, late_us);
        if (lost > 0 && !together)
            tail_add(&f->after, late_us);
        foreteller_learn(q, i, transit_us, slow_us);
    }
    q->observed = duration_add(q->observed, gap);
    q->beats++;
}

static void start_run(struct quality *q, double transit_us) {
    for (int i = 0; i < QUALITY_FORETELLERS; i++) {
        q->foretellers[i].transit_us = transit_us;
        q->foretellers[i].off = 0;
    }
    q->heard = true;
}

/* ---- answering ------------------------------------------------------------------------------- */

struct model {
    double per_s;                /* gaps a second */
    double interval_us;          /* [µs] */
    double shares[RUNS_MAX + 1]; /* of gaps with 0, 1, 2 … lost */
    struct tail_fit fit, recent, after;
    bool grown;         /* the recent ones are worse than all */
    double after_share; /* of belief in the last */
};

static double mistakes_per_s(const struct model *m, double margin_us) {
    double sum = 0;
    for (int k = 0; k <= RUNS_MAX; k++) {
        double left = margin_us - k * m->interval_us;
        double late = tail_share_beyond(&m->fit, left);
        if (m->grown)
            late = fmax(late, tail_share_beyond(&m->recent, left));
        if (k > 0)
            late += m->after_share * (tail_share_beyond(&m->after, left) - late);
        sum += m->shares[k] * late;
    }
    return sum * m->per_s;
}

/* The smallest margin up to `most` with no more mistakes than that; mistakes fall as margins grow,
 * in stairs. `most` if none has so few. */
static double smallest_margin(const struct model *m, double least, double most, double per_s) {
    double low = least, high = most;
    if (mistakes_per_s(m, low) <= per_s)
        return low;
    while (high - low > fmax(m->interval_us * MARGIN_GRAIN, 100)) {
        double middle = (low + high) / 2;
        if (mistakes_per_s(m, middle) <= per_s)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static void model_runs(const struct runs *r, struct duration interval, struct model *m) {
    m->interval_us = (double)interval.us;
    m->per_s = 1e6 / m->interval_us / runs_beats_per_gap(r);
    runs_shares(r, m->shares);
}

static void model_tails(const struct quality_foreteller *f, struct model *m) {
    tail_fit(&f->tail, &m->fit, 1, m->interval_us);
    m->grown = tail_has_grown(&f->recent, &f->tail);
    if (m->grown)
        tail_fit(&f->recent, &m->recent, RECENT_DOUBT, m->interval_us);
    tail_fit(&f->after, &m->after, 1, m->interval_us);
    m->after_share = (double)f->after.all / ((double)f->after.all + AFTER_DOUBT);
}

static struct duration duration_from(double us) {
    return us >= 9e15 ? DURATION_ENDLESS : duration_us((int64_t)us);
}

/* Close above a stair or in a steep tail, a little more time buys much: the estimate may be wrong
 * by as much, and in the middle of a stair it buys nothing. */
static double bargain(const struct model *m, double margin_us, double most) {
    double more_us = fmin(margin_us + BARGAIN * (m->interval_us + margin_us), most);
    bool worth = mistakes_per_s(m, more_us) * BARGAIN_GAIN <= mistakes_per_s(m, margin_us);
    return worth ? more_us : margin_us;
}

/* Out of reach of the wish a few more mistakes are borne where that saves much of the wait. */
static double knee(const struct model *m, double least, double margin_us, double per_s) {
    double shorter_us = smallest_margin(m, least, margin_us, per_s);
    return margin_us - shorter_us > LESS * (m->interval_us + margin_us) ? shorter_us : margin_us;
}

/* The best that one foreteller can do, for so many mistakes where the wish allows one. */
static struct quality_answer answer_of(struct model *m, const struct quality_wish *wish,
                                       double count) {
    double least = fmax(m->interval_us / MARGIN_SHARE, MARGIN_MIN_US);
    double most = fmax((double)wish->margin_max.us, least);
    double wished = 1e6 / (double)wish->false_alarm_every.us, asked = wished * count;
    double best = mistakes_per_s(m, most);
    double margin = smallest_margin(m, least, most, fmax(asked, best * AS_GOOD));
    if (best > wished)
        margin = knee(m, least, margin, fmax(asked, best * AS_BAD));
    double need = best <= asked ? margin : smallest_margin(m, most, TAIL_US_MAX * 2.0, asked);
    margin = bargain(m, margin, most);
    double per_s = mistakes_per_s(m, margin);
    return (struct quality_answer){.margin = duration_from(margin),
                                   .margin_need = duration_from(need),
                                   .recurrence = duration_from(1e6 / fmax(per_s, 1e-12)),
                                   .reachable = best <= wished,
                                   .known = true};
}

/* Fewer mistakes first, down to the wish; then the earlier detection. */
static bool is_better(const struct quality_answer *a, double a_cost, const struct quality_answer *b,
                      double b_cost, struct duration every) {
    double ours = fmin((double)a->recurrence.us, (double)every.us);
    double theirs = fmin((double)b->recurrence.us, (double)every.us);
    if (ours > theirs * AS_GOOD || theirs > ours * AS_GOOD)
        return ours > theirs;
    return a_cost < b_cost;
}

static bool is_other_interval(struct duration a, struct duration b) {
    struct duration longer = duration_max(a, b), shorter = duration_min(a, b);
    return duration_less(duration_scale(shorter, 9, 8), longer);
}

/* Mistakes in the time in which the wish allows one. */
static double count_of(const struct quality_answer *a, const struct quality_wish *wish) {
    return (double)wish->false_alarm_every.us / (double)a->recurrence.us;
}

static double cost(const struct quality *q, const struct quality_answer *a) {
    return (double)a->margin.us + SPREADS * q->foretellers[a->foreteller].spread_us;
}

static struct quality_answer best_answer(const struct quality *q, const struct quality_wish *wish,
                                         double count) {
    struct model m;
    struct quality_answer best = {.known = false};
    model_runs(&q->runs, q->interval, &m);
    for (uint8_t i = 0; i < QUALITY_FORETELLERS; i++) {
        model_tails(&q->foretellers[i], &m);
        struct quality_answer a = answer_of(&m, wish, count);
        a.foreteller = i;
        if (!best.known ||
            is_better(&a, cost(q, &a), &best, cost(q, &best), wish->false_alarm_every))
            best = a;
    }
    return best;
}

/* So many mistakes there would have been with that margin, of those gaps that are remembered. */
static double mistakes_seen(const struct quality *q, const struct quality_answer *a) {
    struct model m;
    double sum = 0;
    model_runs(&q->runs, q->interval, &m);
    model_tails(&q->foretellers[a->foreteller], &m);
    for (int k = 0; k <= RUNS_MAX; k++) {
        double longer = k < RUNS_MAX ? (double)q->runs.beyond[k + 1] : 0;
        double left = (double)a->margin.us - k * m.interval_us;
        sum +=
            ((double)q->runs.beyond[k] - longer) * tail_share_seen(k > 0 ? &m.after : &m.fit, left);
    }
    return sum;
}

/* Mistakes that the wish has not allowed have been seen, and the other margin would have prevented
 * them. What a model says of the margin is right only as far as it has been seen: one that is
 * raised too soon has cost detection time, and one too late another mistake. */
static bool is_evident(const struct quality *q, const struct quality_answer *held,
                       const struct quality_answer *fresh, const struct quality_wish *wish) {
    double seen = mistakes_seen(q, held);
    double allowed = (double)q->observed.us / (double)wish->false_alarm_every.us;
    return seen > allowed + EVIDENCE && mistakes_seen(q, fresh) * PREVENTED <= seen;
}

static bool is_early(const struct quality *q, const struct quality_wish *wish) {
    struct duration share = duration_scale(wish->false_alarm_every, 1, EARLY_SHARE);
    return duration_less(q->observed, duration_min(share, EARLY_MAX));
}

static bool is_raised(const struct quality *q, const struct quality_answer *held,
                      const struct quality_answer *fresh, const struct quality_wish *wish) {
    double is = count_of(held, wish), would = count_of(fresh, wish);
    if (would > 1 && would * WORTH > is)
        return false;
    bool nothing_seen = is_early(q, wish) && mistakes_seen(q, held) <= EVIDENCE;
    return nothing_seen || is_evident(q, held, fresh, wish);
}

static bool is_lowered(const struct quality *q, const struct quality_answer *held,
                       const struct quality_answer *fresh, double most,
                       const struct quality_wish *wish) {
    double is = count_of(held, wish), would = count_of(fresh, wish);
    double wait_us = (double)q->interval.us + (double)held->margin.us;
    return (would <= most || would <= is * AS_GOOD) &&
           cost(q, held) - cost(q, fresh) > LESS * wait_us;
}

static void compute_answer(struct quality *q, const struct quality_wish *wish) {
    const struct terms *t = is_early(q, wish) ? &early_terms : &late_terms;
    struct quality_answer held = q->answer, fresh;
    q->since_answer = 0;
    if (!held.known || is_other_interval(q->interval, q->answered)) {
        q->answer = best_answer(q, wish, t->take);
        q->answered = q->interval;
        return;
    }
    double per_s = quality_mistakes_per_s(q, duration_min(held.margin, wish->margin_max));
    held.recurrence = duration_from(1e6 / fmax(per_s, 1e-12));
    bool few = count_of(&held, wish) <= t->raise;
    fresh = best_answer(q, wish, few ? t->lower : t->take);
    held.margin_need = fresh.margin_need;
    held.reachable = fresh.reachable;
    bool change = (!few && is_raised(q, &held, &fresh, wish)) ||
                  is_lowered(q, &held, &fresh, few ? t->lower : t->take, wish);
    q->answer = change ? fresh : held;
}

double quality_mistakes_per_s(const struct quality *q, struct duration margin) {
    struct model m;
    model_runs(&q->runs, q->interval, &m);
    model_tails(&q->foretellers[q->answer.foreteller], &m);
    return mistakes_per_s(&m, (double)margin.us);
}

double quality_mistakes_per_s_at(const struct quality *q, struct duration interval,
                                 struct duration margin) {
    struct model m;
    struct runs runs = q->runs;
    if (is_other_interval(q->interval, interval))
        runs_rescale(&runs, interval.us, q->interval.us);
    model_runs(&runs, interval, &m);
    model_tails(&q->foretellers[q->answer.foreteller], &m);
    m.fit.most_us = m.recent.most_us = m.after.most_us = INFINITY;
    return mistakes_per_s(&m, (double)margin.us);
}

/* What has just come was rare enough to change the answer. */
static bool is_telling(const struct quality *q, double late_us) {
    return q->answer.known && late_us * 2 > (double)q->answer.margin.us;
}

static bool has_stepped(const struct quality *q, double transit_us,
                        const struct quality_wish *wish) {
    double usual_us = q->foretellers[QUALITY_FORETELLERS - 1].transit_us;
    return fabs(transit_us - usual_us) > fmax(CLOCK_STEP_US, 2 * (double)wish->margin_max.us);
}

static void change_interval(struct quality *q, struct duration interval) {
    runs_rescale(&q->runs, interval.us, q->interval.us);
    runs_are_foretold(&q->runs);
}

void quality_heard(struct quality *q, uint64_t seq, int64_t sent_us, struct instant now,
                   struct duration interval, struct duration deaf,
                   const struct quality_wish *wish) {
    assert(interval.us > 0);
    if (q->heard && seq <= q->seq)
        return;
    if (sent_us > SENT_US_MAX || sent_us < -SENT_US_MAX) {
        q->heard = false; /* no clock runs for so long: the life clock alone decides */
        return;
    }
    double transit_us = (double)(now.us - sent_us);
    bool telling = false;
    if (!q->heard || (deaf.us == 0 && has_stepped(q, transit_us, wish))) {
        start_run(q, transit_us);
    } else if (deaf.us == 0) {
        uint64_t lost = seq - q->seq - 1;
        double gap_us = (double)(sent_us - q->sent_us);
        /* Those lost may have promised the longer interval already. */
        double lost_us = (double)lost * (double)duration_max(q->interval, interval).us;
        double due_us = lost_us + (double)q->interval.us;
        double expected = q->foretellers[q->answer.foreteller].transit_us;
        telling = is_telling(q, transit_us - expected + gap_us - (double)q->interval.us);
        learn_gap(q, seq, transit_us, gap_us - due_us, instant_since(now, q->arrival));
    }
    if (q->interval.us > 0 && is_other_interval(q->interval, interval))
        change_interval(q, interval);
    q->seq = seq;
    q->sent_us = sent_us;
    q->arrival = now;
    q->interval = interval;
    bool measured = !duration_less(q->observed, QUALITY_LEARN) && q->beats >= QUALITY_LEARN_BEATS;
    if (measured && (telling || !q->answer.known || ++q->since_answer >= QUALITY_AGAIN)) {
        fade(q, wish);
        compute_answer(q, wish);
    }
}

struct instant quality_foretold(const struct quality *q, int64_t sent_us) {
    if (!q->heard || sent_us > SENT_US_MAX || sent_us < -SENT_US_MAX)
        return INSTANT_NEVER;
    return instant_us(sent_us + (int64_t)q->foretellers[q->answer.foreteller].transit_us);
}

struct instant quality_expected(const struct quality *q) {
    return instant_add(quality_foretold(q, q->sent_us), q->interval);
}

struct instant quality_fresh_until(const struct quality *q) {
    return instant_add(quality_expected(q), q->answer.margin);
}

void quality_check_invariants(const struct quality *q) {
    assert(q->answer.foreteller < QUALITY_FORETELLERS);
    assert(q->observed.us >= 0 && q->answer.margin.us >= 0);
    assert(!q->heard || q->interval.us > 0);
    for (int k = 0; k < RUNS_MAX; k++)
        assert(q->runs.beyond[k] >= q->runs.beyond[k + 1]);
}
