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

struct duration duration_scale_wide(struct duration d, int64_t num, int64_t den) {
    assert(den > 0);
    if (duration_is_endless(d) && num != 0)
        return duration_us(num > 0 ? INT64_MAX : INT64_MIN);
    int64_t product;
    if (!__builtin_mul_overflow(d.us, num, &product))
        return duration_us(product / den);
    return duration_us(clamp((wide)d.us * num / den));
}

bool wall_after(struct wall now, int64_t unix_s, struct duration slack) {
    return (wide)now.us > (wide)unix_s * 1000000 + slack.us;
}

bool wall_before(struct wall now, int64_t unix_s, struct duration slack) {
    return (wide)now.us < (wide)unix_s * 1000000 - slack.us;
}
