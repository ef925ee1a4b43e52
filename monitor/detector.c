#include "monitor/detector.h"

#include <assert.h>
#include <math.h>

/* Jacobson, "Congestion Avoidance and Control" (1988), appendix A: gains that are cheap and have
 * proven themselves for round trips serve arrivals as well. */
#define MEAN_GAIN      0.125
#define DEVIATION_GAIN 0.25
#define DEVIATIONS     4 /* a beat later than so many deviations is late */

/* Below half an interval a margin would call every scheduling hiccup a suspicion; these do not get
 * shorter with the interval. */
#define MARGIN_SHARE 2
#define MARGIN_LEAST duration_ms(5)
#define UNMET_SHARE  6 /* of false_alarm_every: so long it is said that the wish was unmet */
#define REFUTED_BY   3 /* mistakes: fewer may be bad luck */

void detector_init(struct detector *d, const struct detector_wish *wish) {
    *d = (struct detector){.wish = *wish,
                           .opinion = DETECTOR_UNKNOWN,
                           .life_at = INSTANT_NEVER,
                           .arrival = INSTANT_NEVER,
                           .unconfirmed_at = INSTANT_NEVER,
                           .slow_at = instant_us(INT64_MIN),
                           .first_at = INSTANT_NEVER,
                           .expired_at = INSTANT_NEVER,
                           .asked_at = INSTANT_NEVER,
                           .unmet_at = INSTANT_NEVER,
                           .announced = wish->interval};
    quality_init(&d->quality);
    cadence_init(&d->cadence);
}

void detector_wish_changed(struct detector *d, const struct detector_wish *wish) {
    bool same = wish->detect_within.us == d->wish.detect_within.us &&
                wish->false_alarm_every.us == d->wish.false_alarm_every.us;
    if (!same)
        d->unmet_at = INSTANT_NEVER;
    d->wish = *wish;
}

/* How long we were deaf after `from`. */
static struct duration deaf_since(const struct detector *d, struct instant from) {
    struct duration sum = DURATION_ZERO;
    for (uint8_t i = 0; i < d->stall_count; i++) {
        struct instant start = instant_max(from, d->stalls[i].from);
        if (instant_before(start, d->stalls[i].to))
            sum = duration_add(sum, instant_since(d->stalls[i].to, start));
    }
    return sum;
}

struct duration detector_age(const struct detector *d, struct instant since, struct instant now) {
    struct duration whole = instant_since(now, since), deaf = deaf_since(d, since);
    return duration_max(duration_sub(whole, deaf), DURATION_ZERO);
}

static struct duration margin(const struct detector *d) {
    struct duration least =
        duration_max(duration_scale(d->announced, 1, MARGIN_SHARE), MARGIN_LEAST);
    return duration_max(duration_us((int64_t)(DEVIATIONS * d->gap_dev_us)), least);
}

/* The wish, unless the path is too slow for it: a bound that the next regular beat cannot meet
 * would expire a healthy peer over and over. */
static struct duration bound(const struct detector *d) {
    struct duration lag = duration_us((int64_t)(d->lag_mean_us + 2 * d->lag_dev_us));
    struct duration least = duration_add(duration_add(lag, d->announced), margin(d));
    return duration_max(d->wish.detect_within, least);
}

/* Without a longer silence than the path accounts for; "never" while that is not known. A beat that
 * lay in our socket while we did not run is as fresh as when it came. */
static struct instant stale_at(const struct detector *d) {
    if (!d->quality.answer.known || !d->quality.heard)
        return INSTANT_NEVER;
    struct instant due = quality_foretold(&d->quality, d->quality.sent_us);
    struct instant since = instant_min(d->quality.arrival, due);
    return instant_add(quality_fresh_until(&d->quality), deaf_since(d, since));
}

static struct instant expire_at(const struct detector *d) {
    struct instant old = instant_add(d->life_at, bound(d));
    return instant_min(instant_add(old, deaf_since(d, d->life_at)), stale_at(d));
}

static struct instant suspect_at(const struct detector *d) {
    struct instant late = instant_add(instant_add(d->arrival, d->announced), margin(d));
    return instant_min(instant_add(late, deaf_since(d, d->arrival)), expire_at(d));
}

static void learn(double *mean, double *deviation, double sample) {
    double error = sample - *mean;
    *mean += MEAN_GAIN * error;
    *deviation += DEVIATION_GAIN * (fabs(error) - *deviation);
}

static void learn_first(struct detector *d, double lag_us) {
    d->gap_mean_us = (double)d->announced.us;
    d->gap_dev_us = 0;
    d->lag_mean_us = lag_us;
    d->lag_dev_us = lag_us / 2;
}

/* A gap that ends a suspicion is loss or worse, not jitter: it would widen the margin just when
 * it should stay narrow. For the same reason a proof that is no newer than the last one says
 * nothing of the path: of a peer that no longer hears us they grow older and older, and learning
 * from them would put the expiry off for ever. New ones are learnt from in every opinion: were
 * those of an expired peer left out, one whose path has become slower would expire between any two
 * beats for ever. And what lay in our socket while we did not run is older by that much for no
 * fault of the path. */
static void learn_more(struct detector *d, struct instant now, struct instant life_at) {
    if (d->opinion == DETECTOR_TRUST)
        learn(&d->gap_mean_us, &d->gap_dev_us, (double)detector_age(d, d->arrival, now).us);
    if (instant_before(d->life_at, life_at))
        learn(&d->lag_mean_us, &d->lag_dev_us, (double)detector_age(d, life_at, now).us);
}

/* Held up in our own socket a proof is as fresh as when it came. */
static bool is_stale(const struct detector *d, struct instant life_at, struct instant now) {
    return !duration_less(detector_age(d, life_at, now), bound(d));
}

/* What is stale proves nothing about now, but that it is newer than all before says that the path
 * has become slow. That is learnt only of a peer without trust: it puts no expiry off. Of one that
 * has proven nothing yet it takes two: an only one, said again and again, may be from before a cut.
 * What lay in our socket while we were deaf says nothing of the path. */
static void learn_slow(struct detector *d, struct instant life_at, struct instant now) {
    struct duration lag = instant_since(now, life_at);
    bool without_trust = d->opinion == DETECTOR_UNKNOWN || d->opinion == DETECTOR_EXPIRED;
    if (!without_trust || deaf_since(d, life_at).us > 0 ||
        duration_less(duration_scale(d->wish.detect_within, DETECTOR_SLOW_MAX, 1), lag))
        return;
    bool newer = instant_before(d->slow_at, life_at), first = d->slow_at.us == INT64_MIN;
    if (d->proofs == 0 && newer && !first)
        learn_first(d, (double)lag.us);
    else if (d->proofs > 0 && newer && instant_before(d->life_at, life_at))
        learn(&d->lag_mean_us, &d->lag_dev_us, (double)lag.us);
    d->slow_at = instant_max(d->slow_at, life_at);
}

static struct cadence_wish cadence_wish(const struct detector *d) {
    const struct detector_wish *w = &d->wish;
    bool given = w->interval_min.us > 0 && w->interval_max.us > 0;
    return (struct cadence_wish){.least = given ? w->interval_min : w->interval,
                                 .most = given ? w->interval_max : w->interval,
                                 .usual = w->interval,
                                 .detect_within = w->detect_within,
                                 .false_alarm_every = w->false_alarm_every,
                                 .lag = duration_us((int64_t)d->lag_mean_us),
                                 .lag_dev = duration_us((int64_t)d->lag_dev_us)};
}

/* Of a peer that is not trusted nothing else is asked: it has other troubles. */
static void set_cadence(struct detector *d, struct instant now) {
    struct cadence_wish w = cadence_wish(d);
    struct duration before = d->cadence.asked;
    if (d->opinion == DETECTOR_TRUST)
        cadence_step(&d->cadence, &d->quality, &w, now);
    if (d->cadence.asked.us == before.us)
        return;
    d->mistakes_before = d->mistakes;
    d->asked_at = now;
    d->unmet_at = INSTANT_NEVER;
}

/* An estimate that experience with beats as often as now has refuted so often is none. */
static bool is_refuted(const struct detector *d, struct instant now) {
    uint64_t mistakes = d->mistakes - d->mistakes_before;
    if (mistakes < REFUTED_BY)
        return false;
    struct instant since = instant_is_never(d->asked_at) ? d->first_at : d->asked_at;
    struct duration each = duration_scale(detector_age(d, since, now), 1, (int64_t)mistakes);
    return duration_less(each, d->wish.false_alarm_every);
}

/* From the last instant of life to EXPIRED, on the path as it is. */
static struct duration bound_in_force(const struct detector *d) {
    if (!d->quality.answer.known || d->proofs == 0)
        return bound(d);
    struct duration lag = duration_us((int64_t)d->lag_mean_us);
    struct duration fresh = duration_add(d->announced, d->quality.answer.margin);
    return duration_min(bound(d), duration_add(lag, fresh));
}

static bool meets_now(const struct detector *d, struct instant now) {
    const struct quality_answer *a = &d->quality.answer;
    return !duration_less(d->wish.detect_within, bound_in_force(d)) && !is_refuted(d, now) &&
           (!a->known || a->reachable);
}

void detector_heard(struct detector *d, uint64_t seq, int64_t sent_us, struct instant now,
                    struct duration announced) {
    double rest_us = (double)bound(d).us - d->lag_mean_us - (double)announced.us;
    struct quality_wish wish = {.false_alarm_every = d->wish.false_alarm_every,
                                .margin_max = duration_us((int64_t)rest_us)};
    struct instant since = instant_min(d->quality.arrival, quality_foretold(&d->quality, sent_us));
    struct duration deaf = d->quality.heard ? deaf_since(d, since) : DURATION_ZERO;
    (void)detector_step(d, now); /* by what was known until now */
    quality_heard(&d->quality, seq, sent_us, now, announced, deaf, &wish);
    if (d->quality.since_answer == 0) {
        set_cadence(d, now);
        if (d->quality.answer.known && !meets_now(d, now))
            d->unmet_at = now;
    }
}

struct duration detector_interval_wished(const struct detector *d) {
    struct cadence_wish w = cadence_wish(d);
    return cadence_interval(&d->cadence, w.usual, w.least, w.most);
}

void detector_life_proven(struct detector *d, struct instant life_at, struct instant now,
                          struct duration announced) {
    assert(!instant_before(now, life_at) && announced.us > 0);
    if (is_stale(d, life_at, now)) {
        learn_slow(d, life_at, now);
        return;
    }
    d->announced = announced;
    if (d->proofs == 0) {
        learn_first(d, (double)instant_since(now, life_at).us);
        d->life_at = life_at;
        d->first_at = now;
    } else {
        learn_more(d, now, life_at);
    }
    if (instant_before(d->life_at, life_at)) {
        d->life_at = life_at;
        d->unconfirmed = 0;
    }
    d->arrival = now;
    d->proofs++;
    (void)detector_step(d, now);
}

void detector_new_run(struct detector *d) {
    d->excused = true;
    if (d->opinion == DETECTOR_EXPIRED)
        d->detected = instant_since(d->expired_at, d->life_at);
    quality_new_run(&d->quality);
}

void detector_unconfirmed(struct detector *d, struct instant now) {
    d->unconfirmed_at = now;
    d->unconfirmed++;
}

/* The two oldest become one as long as both: whoever stalls often is deaf all the same. Of one that
 * was long before the next nothing hangs any more. */
static void join_oldest_stalls(struct detector *d) {
    const struct detector_stall *a = &d->stalls[0];
    struct detector_stall *b = &d->stalls[1];
    if (!duration_less(d->wish.detect_within, instant_since(b->from, a->to)))
        b->from = instant_sub(b->from, instant_since(a->to, a->from));
    for (uint8_t i = 1; i < d->stall_count; i++)
        d->stalls[i - 1] = d->stalls[i];
    d->stall_count--;
}

void detector_own_stall(struct detector *d, struct instant from, struct instant to) {
    assert(!instant_before(to, from));
    if (d->stall_count == DETECTOR_STALLS_MAX)
        join_oldest_stalls(d);
    d->stalls[d->stall_count++] = (struct detector_stall){from, to};
}

struct instant detector_deadline(const struct detector *d) {
    switch (d->opinion) {
    case DETECTOR_UNKNOWN:
    case DETECTOR_EXPIRED:
        return INSTANT_NEVER;
    case DETECTOR_TRUST:
        return suspect_at(d);
    case DETECTOR_SUSPECT:
        return expire_at(d);
    }
    return INSTANT_NEVER;
}

struct instant detector_expires_at(const struct detector *d) {
    return d->proofs == 0 ? INSTANT_NEVER : expire_at(d);
}

static enum detector_opinion judge(const struct detector *d, struct instant now) {
    if (d->proofs == 0)
        return DETECTOR_UNKNOWN;
    if (instant_reached(now, expire_at(d)))
        return DETECTOR_EXPIRED;
    return instant_reached(now, suspect_at(d)) ? DETECTOR_SUSPECT : DETECTOR_TRUST;
}

/* An expired peer is back: it was alive all the time, or has been started anew. */
static void note_return(struct detector *d, struct instant now) {
    if (d->excused)
        return;
    d->mistakes++;
    d->mistaken = duration_add(d->mistaken, instant_since(now, d->expired_at));
}

enum detector_opinion detector_step(struct detector *d, struct instant now) {
    enum detector_opinion before = d->opinion, after = judge(d, now);
    bool trusted = before == DETECTOR_TRUST, expired = before == DETECTOR_EXPIRED;
    if (trusted && after != DETECTOR_TRUST)
        d->suspicions++;
    if (!expired && after == DETECTOR_EXPIRED) {
        d->expiries++;
        d->expired_at = now;
    }
    if (expired && after != DETECTOR_EXPIRED)
        note_return(d, now);
    if (after == DETECTOR_TRUST)
        d->excused = false;
    d->opinion = after;
    return after;
}

bool detector_is_measured(const struct detector *d) {
    return d->quality.answer.known;
}

/* Said until it could have been met for a while: one good minute proves nothing. */
bool detector_meets_wish(const struct detector *d, struct instant now) {
    bool lately = !instant_is_never(d->unmet_at) &&
                  duration_less(detector_age(d, d->unmet_at, now),
                                duration_scale(d->wish.false_alarm_every, 1, UNMET_SHARE));
    return !lately && meets_now(d, now);
}

static void achieved(const struct detector *d, struct instant now, struct detector_figures *f) {
    struct duration whole = d->proofs > 0 ? detector_age(d, d->first_at, now) : DURATION_ZERO;
    f->mistake_every =
        d->mistakes == 0 ? DURATION_ENDLESS : duration_scale(whole, 1, (int64_t)d->mistakes);
    f->mistake_lasts =
        d->mistakes == 0 ? DURATION_ZERO : duration_scale(d->mistaken, 1, (int64_t)d->mistakes);
    f->accuracy = whole.us <= 0 ? 1 : fmax(0, 1 - (double)d->mistaken.us / (double)whole.us);
    f->detected = d->detected;
}

struct detector_figures detector_figures(const struct detector *d, struct instant now) {
    bool heard = d->proofs > 0;
    const struct quality_answer *a = &d->quality.answer;
    struct duration lag = duration_us((int64_t)d->lag_mean_us);
    struct detector_figures f = {
        .silent = heard ? detector_age(d, d->arrival, now) : DURATION_ENDLESS,
        .life_age = heard ? detector_age(d, d->life_at, now) : DURATION_ENDLESS,
        .expected = d->announced,
        .margin = margin(d),
        .bound = bound_in_force(d),
        .proof_max = bound(d),
        .meets_wish = detector_meets_wish(d, now),
        .asked = detector_interval_wished(d),
        .measured = a->known,
        .loses = runs_any(&d->quality.runs),
        .fresh = a->margin,
        .recurs = a->recurrence,
        .needs = duration_add(duration_add(lag, d->announced), a->margin_need)};
    achieved(d, now, &f);
    return f;
}

const char *detector_opinion_name(enum detector_opinion o) {
    static const char *const names[] = {"unknown", "trust", "suspect", "expired"};
    return (unsigned)o < sizeof(names) / sizeof(names[0]) ? names[o] : "?";
}

void detector_check_invariants(const struct detector *d) {
    assert((d->proofs == 0) == instant_is_never(d->life_at));
    assert((d->proofs == 0) == (d->opinion == DETECTOR_UNKNOWN));
    assert(d->proofs == 0 || !instant_before(d->arrival, d->life_at));
    assert(d->gap_dev_us >= 0 && d->lag_dev_us >= 0 && d->lag_mean_us >= 0);
    assert(d->mistakes_before <= d->mistakes);
    assert(d->mistakes <= d->expiries && d->stall_count <= DETECTOR_STALLS_MAX);
    assert(d->wish.interval.us > 0 && d->wish.detect_within.us > 0);
}
