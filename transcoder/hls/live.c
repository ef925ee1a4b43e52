#include "transcoder/hls/live.h"

#define SEGMENT_US     ((int64_t)SEGMENT_MS * 1000)
#define UNCERTAINTY_US ((int64_t)LIVE_UNCERTAINTY_MS * 1000)
#define LOOK_AGAIN_MS  1000 /* at a clock that is too uncertain */

uint32_t live_pass(uint64_t duration_ms) {
    return segments_of(duration_ms) > 0 ? (uint32_t)(duration_ms / SEGMENT_MS) : 0;
}

int64_t live_begins_us(const struct live_channel *c, uint32_t number) {
    return c->since_us + (int64_t)number * SEGMENT_US;
}

/* How many have ended by then: the next number to come. */
static int64_t ended_by(const struct live_channel *c, int64_t us) {
    return us < c->since_us ? 0 : (us - c->since_us) / SEGMENT_US;
}

static enum err look(const struct live_channel *c, struct wall now) {
    if (now.uncertainty_us > UNCERTAINTY_US)
        return ERR_TIMEOUT;
    int64_t ended = ended_by(c, now.us);
    return ended < 1 || ended > LIVE_NUMBER_MAX ? ERR_NOT_YET : ERR_OK;
}

enum err live_window(struct live_window *out, const struct live_channel *c, struct wall now) {
    enum err e = look(c, now);
    if (e != ERR_OK)
        return e;
    int64_t ended = ended_by(c, now.us);
    out->count = (uint32_t)(ended < LIVE_LISTED ? ended : LIVE_LISTED);
    out->first = (uint32_t)(ended - out->count);
    return ERR_OK;
}

/* Two clocks within the bound are at most twice that apart. */
enum err live_serves(const struct live_channel *c, struct wall now, uint32_t number) {
    enum err e = look(c, now);
    if (e != ERR_OK)
        return e;
    int64_t oldest = ended_by(c, now.us) - LIVE_LISTED - LIVE_KEPT;
    bool there = number < ended_by(c, now.us + 2 * UNCERTAINTY_US) && number >= oldest;
    return there ? ERR_OK : ERR_NOT_FOUND;
}

bool live_newest(uint32_t *number, const struct live_channel *c, struct wall now) {
    if (look(c, now) != ERR_OK)
        return false;
    *number = (uint32_t)(ended_by(c, now.us) - 1 + LIVE_AHEAD);
    return true;
}

struct duration live_next(const struct live_channel *c, struct wall now) {
    if (now.uncertainty_us > UNCERTAINTY_US)
        return duration_ms(LOOK_AGAIN_MS);
    int64_t due = c->since_us + (ended_by(c, now.us) + 1) * SEGMENT_US;
    int64_t left = due - now.us;
    return duration_us(left < 1000 ? 1000 : left);
}
