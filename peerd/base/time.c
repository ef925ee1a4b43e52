#include "peerd/base/time.h"

#include <assert.h>

/* Products of two 64-bit integers must not overflow on the way; every compiler we build with has
 * the double width on 64-bit machines. */
__extension__ typedef __int128 wide;

static int64_t clamp(wide v) {
    if (v > INT64_MAX)
        return INT64_MAX;
    return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static bool endless(struct duration d) {
    return d.us == INT64_MAX;
}

struct instant instant_add(struct instant t, struct duration d) {
    if (instant_is_never(t) || endless(d))
        return INSTANT_NEVER;
    return instant_us(clamp((wide)t.us + d.us));
}

struct instant instant_sub(struct instant t, struct duration d) {
    if (instant_is_never(t))
        return INSTANT_NEVER;
    if (endless(d))
        return instant_us(INT64_MIN);
    return instant_us(clamp((wide)t.us - d.us));
}

struct duration instant_since(struct instant later, struct instant earlier) {
    if (instant_is_never(later) || earlier.us == INT64_MIN)
        return DURATION_ENDLESS;
    return duration_us(clamp((wide)later.us - earlier.us));
}

struct duration duration_add(struct duration a, struct duration b) {
    if (endless(a) || endless(b))
        return DURATION_ENDLESS;
    return duration_us(clamp((wide)a.us + b.us));
}

struct duration duration_sub(struct duration a, struct duration b) {
    if (endless(a))
        return DURATION_ENDLESS;
    return duration_us(clamp((wide)a.us - b.us));
}

struct duration duration_scale(struct duration d, int64_t num, int64_t den) {
    assert(den > 0);
    if (endless(d) && num != 0)
        return duration_us(num > 0 ? INT64_MAX : INT64_MIN);
    return duration_us(clamp((wide)d.us * num / den));
}

bool wall_after(struct wall now, int64_t unix_s, struct duration slack) {
    return (wide)now.us > (wide)unix_s * 1000000 + slack.us;
}

bool wall_before(struct wall now, int64_t unix_s, struct duration slack) {
    return (wide)now.us < (wide)unix_s * 1000000 - slack.us;
}
