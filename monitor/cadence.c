#include "monitor/cadence.h"

#include <math.h>

#define STEP_NUM 4 /* each interval tried is so much … */
#define STEP_DEN 5 /* … of the one before */

#define PRUDENCE      1.5 /* the estimate must be so much better than the wish */
#define PRUDENCE_SLOW 6   /* and so much for a longer interval than now, lest it be left again */
#define WORTH         2   /* twice the beats must make mistakes so many times rarer */
#define SLOWER_MAX    2   /* times the interval of now, at once */
#define DEVIATIONS    2   /* of lag, as in the detector's bound */
#define ROOM_NUM      9   /* of detect_within may be used up … */
#define ROOM_DEN      10  /* … by what a longer interval needs at least */

void cadence_init(struct cadence *p) {
    *p = (struct cadence){.tried_at = INSTANT_NEVER,
                          .changed_at = INSTANT_NEVER,
                          .relax_since = INSTANT_NEVER,
                          .hold = CADENCE_HOLD_MIN};
}

struct duration cadence_interval(const struct cadence *p, struct duration usual,
                                 struct duration least, struct duration most) {
    struct duration d = p->asked.us > 0 ? p->asked : usual;
    return duration_max(duration_min(d, most), least);
}

/* The age of a proof with beats so far apart: ours go out as rarely, and one waits for the next. */
static double lag_us(const struct quality *q, const struct cadence_wish *w,
                     struct duration interval) {
    return (double)w->lag.us + fmax(0, (double)interval.us - (double)q->interval.us);
}

static double margin_us(const struct quality *q, const struct cadence_wish *w,
                        struct duration interval) {
    return (double)w->detect_within.us - lag_us(q, w, interval) - (double)interval.us;
}

/* The life clock must not expire who beats regularly. */
static bool leaves_room(const struct quality *q, const struct cadence_wish *w,
                        struct duration interval) {
    double least =
        lag_us(q, w, interval) + DEVIATIONS * (double)w->lag_dev.us + 1.5 * (double)interval.us;
    return least * ROOM_DEN <= (double)w->detect_within.us * ROOM_NUM;
}

/* Mistakes in the time in which the wish allows one, at least. */
static double mistakes(const struct quality *q, const struct cadence_wish *w,
                       struct duration interval) {
    double margin = fmax(margin_us(q, w, interval), 0);
    return quality_mistakes_per_s_at(q, interval, duration_us((int64_t)margin)) *
           ((double)w->false_alarm_every.us / 1e6);
}

/* The usual one is always among those tried. */
static struct duration next_step(struct duration step, const struct cadence_wish *w) {
    struct duration next = duration_max(duration_scale(step, STEP_NUM, STEP_DEN), w->least);
    bool passes = duration_less(next, w->usual) && duration_less(w->usual, step);
    return passes ? duration_max(w->usual, w->least) : next;
}

/* Mistakes must become rarer by as much as beats become more, and by half at least. */
static bool is_worth(double count, struct duration step, double best_count, struct duration best) {
    double more = fmax((double)best.us / (double)step.us, WORTH);
    return count * more <= best_count;
}

struct duration cadence_best(const struct quality *q, const struct cadence_wish *w,
                             struct duration asked) {
    struct duration best = DURATION_ZERO, step = w->most;
    double best_count = INFINITY;
    for (int i = 0; i < CADENCE_STEPS_MAX; i++) {
        double count = mistakes(q, w, step);
        bool longer = duration_less(asked, step);
        if (count * (longer ? PRUDENCE_SLOW : PRUDENCE) <= 1 &&
            (!longer || leaves_room(q, w, step)))
            return step;
        if (!duration_less(w->usual, step) &&
            (best.us == 0 || is_worth(count, step, best_count, best))) {
            best = step;
            best_count = count;
        }
        if (!duration_less(w->least, step))
            break;
        step = next_step(step, w);
    }
    return best.us == 0 ? w->least : best;
}

static bool may_change(const struct cadence *p, bool faster, struct instant now) {
    if (instant_is_never(p->changed_at))
        return true;
    struct duration wait = faster == p->was_faster ? CADENCE_SETTLE : p->hold;
    return instant_reached(now, instant_add(p->changed_at, wait));
}

static void change(struct cadence *p, struct duration to, bool faster, struct instant now) {
    bool again = !instant_is_never(p->changed_at) && faster != p->was_faster;
    bool soon =
        again && !instant_reached(now, instant_add(p->changed_at, duration_scale(p->hold, 4, 1)));
    if (soon)
        p->hold = duration_min(duration_scale(p->hold, 2, 1), CADENCE_HOLD_MAX);
    else if (again)
        p->hold = CADENCE_HOLD_MIN;
    p->asked = to;
    p->was_faster = faster;
    p->changed_at = now;
    p->relax_since = INSTANT_NEVER;
}

void cadence_step(struct cadence *p, const struct quality *q, const struct cadence_wish *w,
                  struct instant now) {
    bool early = !instant_is_never(p->tried_at) &&
                 !instant_reached(now, instant_add(p->tried_at, CADENCE_EVERY));
    if (!q->answer.known || early || !duration_less(w->least, w->most))
        return;
    p->tried_at = now;
    struct duration asked = cadence_interval(p, w->usual, w->least, w->most);
    struct duration best = cadence_best(q, w, asked);
    bool faster = duration_less(best, asked);
    if (faster || !duration_less(asked, best))
        p->relax_since = INSTANT_NEVER;
    if (faster && may_change(p, true, now)) {
        change(p, best, true, now);
    } else if (duration_less(asked, best)) {
        if (instant_is_never(p->relax_since))
            p->relax_since = now;
        if (instant_reached(now, instant_add(p->relax_since, CADENCE_RELAX)) &&
            may_change(p, false, now))
            change(p, duration_min(best, duration_scale(asked, SLOWER_MAX, 1)), false, now);
    }
}
