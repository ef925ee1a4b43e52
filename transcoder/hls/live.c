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
    int64_t from = c->since_us + c->late_us;
    return us < from ? 0 : (us - from) / SEGMENT_US;
}

static enum err look(const struct live_channel *c, struct wall now) {
    if (now.uncertainty_us > UNCERTAINTY_US)
        return ERR_TIMEOUT;
    int64_t ended = ended_by(c, now.us);
    return ended < 1 || ended > LIVE_NUMBER_MAX ? ERR_NOT_YET : ERR_OK;
}

/* What is not here yet. The feed tells of LIVE_LISTED and more, so what it does not tell of within
 * a list is a gap. */
static enum err leave_out(struct live_window *w, const struct live_channel *c) {
    if (c->here == 0)
        return ERR_NOT_YET;
    const uint32_t end = w->first + w->count;
    const uint32_t least = end < LIVE_LEAST ? end : LIVE_LEAST;
    if (c->here < end)
        w->count = c->here > w->first ? c->here - w->first : 0;
    while (w->count > 0 && live_is_gap(c, w->first + w->count - 1))
        w->count--;
    return w->count >= least || (w->count > 0 && w->first == 0) ? ERR_OK : ERR_SOURCE_FAILED;
}

enum err live_window(struct live_window *out, const struct live_channel *c, struct wall now) {
    enum err e = look(c, now);
    if (e != ERR_OK)
        return e;
    int64_t ended = ended_by(c, now.us);
    out->count = (uint32_t)(ended < LIVE_LISTED ? ended : LIVE_LISTED);
    out->first = (uint32_t)(ended - out->count);
    return c->incoming == NULL ? ERR_OK : leave_out(out, c);
}

enum err live_offered(const struct live_channel *c, struct wall now) {
    struct live_window w;
    enum err e = live_window(&w, c, now);
    if (e != ERR_OK || c->incoming == NULL)
        return e;
    return (int64_t)w.first + w.count + LIVE_BEHIND < ended_by(c, now.us) ? ERR_SOURCE_FAILED
                                                                          : ERR_OK;
}

bool live_is_gap(const struct live_channel *c, uint32_t number) {
    return c->incoming != NULL && incoming_find(c->incoming, number) == NULL;
}

/* Two clocks within the bound are at most twice that apart. */
enum err live_serves(const struct live_channel *c, struct wall now, uint32_t number) {
    enum err e = look(c, now);
    if (e != ERR_OK)
        return e;
    int64_t oldest = ended_by(c, now.us) - LIVE_LISTED - LIVE_KEPT;
    bool there = number < ended_by(c, now.us + 2 * UNCERTAINTY_US) && number >= oldest &&
                 !live_is_gap(c, number) && (c->incoming == NULL || number < c->here);
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
    int64_t due = c->since_us + c->late_us + (ended_by(c, now.us) + 1) * SEGMENT_US;
    int64_t left = due - now.us;
    return duration_us(left < 1000 ? 1000 : left);
}
