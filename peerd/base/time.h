/*
 * Instants and durations, kept apart by the type checker.
 *
 * An instant is a point on a monotonic clock whose origin means nothing; a duration is the distance
 * between two of them. A wall time is a third thing, used for ticket expiry and live anchors only.
 * All three count microseconds in a signed 64-bit integer, which lasts 292,000 years, and saturate
 * at "never" in place of wrapping. Nobody else does arithmetic on `.us`.
 */
#ifndef PEERD_BASE_TIME_H
#define PEERD_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t us; /* [µs] since an arbitrary origin; INT64_MAX is "never" */
};

struct duration {
    int64_t us; /* [µs]; INT64_MAX is "without end" */
};

struct wall {
    int64_t us;             /* [µs] since 1970-01-01T00:00:00Z, without leap seconds */
    int64_t uncertainty_us; /* [µs] half-width of the interval that holds true time */
};

#define INSTANT_NEVER    ((struct instant){INT64_MAX})
#define DURATION_ENDLESS ((struct duration){INT64_MAX})
#define DURATION_ZERO    ((struct duration){0})

static inline struct instant instant_us(int64_t us) {
    return (struct instant){us};
}

static inline struct duration duration_us(int64_t us) {
    return (struct duration){us};
}

/* Saturating, so that an absurd figure in a policy becomes "without end". */
static inline struct duration duration_ms(int64_t ms) {
    return ms > INT64_MAX / 1000   ? DURATION_ENDLESS
           : ms < INT64_MIN / 1000 ? (struct duration){INT64_MIN}
                                   : (struct duration){ms * 1000};
}

static inline struct duration duration_s(int64_t s) {
    return s > INT64_MAX / 1000000   ? DURATION_ENDLESS
           : s < INT64_MIN / 1000000 ? (struct duration){INT64_MIN}
                                     : (struct duration){s * 1000000};
}

/* Rounded towards zero. */
static inline int64_t duration_in_ms(struct duration d) {
    return d.us / 1000;
}

static inline bool duration_is_endless(struct duration d) {
    return d.us == INT64_MAX;
}

static inline bool instant_is_never(struct instant t) {
    return t.us == INT64_MAX;
}

static inline bool instant_before(struct instant a, struct instant b) {
    return a.us < b.us;
}

/* True once `now` has reached `deadline`; never true for "never". */
static inline bool instant_reached(struct instant now, struct instant deadline) {
    return !instant_is_never(deadline) && now.us >= deadline.us;
}

static inline struct instant instant_min(struct instant a, struct instant b) {
    return a.us < b.us ? a : b;
}

static inline struct instant instant_max(struct instant a, struct instant b) {
    return a.us > b.us ? a : b;
}

/* a + b and a - b, saturating. They are inline, as is what stands on them, because machines do
 * little else. */
static inline int64_t time_sum_us(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static inline int64_t time_difference_us(int64_t a, int64_t b) {
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

/* t + d, saturating; "never" if `t` is never or `d` is endless. */
static inline struct instant instant_add(struct instant t, struct duration d) {
    if (instant_is_never(t) || duration_is_endless(d))
        return INSTANT_NEVER;
    return instant_us(time_sum_us(t.us, d.us));
}

/* t - d, saturating; the earliest instant if `d` is endless, "never" if `t` is. */
static inline struct instant instant_sub(struct instant t, struct duration d) {
    if (instant_is_never(t))
        return INSTANT_NEVER;
    if (duration_is_endless(d))
        return instant_us(INT64_MIN);
    return instant_us(time_difference_us(t.us, d.us));
}

/* later - earlier; negative if they are the other way round; endless if `later` is "never". */
static inline struct duration instant_since(struct instant later, struct instant earlier) {
    if (instant_is_never(later) || earlier.us == INT64_MIN)
        return DURATION_ENDLESS;
    return duration_us(time_difference_us(later.us, earlier.us));
}

static inline bool duration_less(struct duration a, struct duration b) {
    return a.us < b.us;
}

static inline struct duration duration_min(struct duration a, struct duration b) {
    return a.us < b.us ? a : b;
}

static inline struct duration duration_max(struct duration a, struct duration b) {
    return a.us > b.us ? a : b;
}

/* a + b, saturating; endless if either is. */
static inline struct duration duration_add(struct duration a, struct duration b) {
    if (duration_is_endless(a) || duration_is_endless(b))
        return DURATION_ENDLESS;
    return duration_us(time_sum_us(a.us, b.us));
}

/* a - b, saturating; endless if `a` is. */
static inline struct duration duration_sub(struct duration a, struct duration b) {
    if (duration_is_endless(a))
        return DURATION_ENDLESS;
    return duration_us(time_difference_us(a.us, b.us));
}

/* Of duration_scale(): by way of a product of twice the width. */
struct duration duration_scale_wide(struct duration d, int64_t num, int64_t den);

/* d × num ÷ den with den > 0, exact, rounded towards zero, saturating; endless stays endless (or
 * becomes its opposite if num is negative, or zero if num is zero). */
static inline struct duration duration_scale(struct duration d, int64_t num, int64_t den) {
    if (num == 1 && den > 0 && !duration_is_endless(d))
        return duration_us(d.us / den);
    return duration_scale_wide(d, num, den);
}

/* True once `now` is past the second `unix_s` by more than `slack`: the far end of a validity. */
bool wall_after(struct wall now, int64_t unix_s, struct duration slack);

/* True while `now` lacks more than `slack` until the second `unix_s`: the near end of one. */
bool wall_before(struct wall now, int64_t unix_s, struct duration slack);

#endif
