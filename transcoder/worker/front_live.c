/* Channels: what is made ahead, and what may be asked for. See transcoder/hls/live.h. */
#include "transcoder/worker/front_inner.h"

#include "peerd/net/clock.h"

#define AT_FIRST  3 /* segments behind the newest listed one, where players begin */
#define FORGOTTEN 4 /* segments behind those: of each turn, which are one a segment at least */

struct wall front_wall(const struct front *f) {
    struct wall now = net_wall();
    if (f->options->clock_within_ms != 0)
        now.uncertainty_us = (int64_t)f->options->clock_within_ms * 1000;
    return now;
}

static void tell(struct front *f, struct front_stream *s, bool there, struct wall now) {
    enum front_word word = there ? FRONT_SAID_OFFERED : FRONT_SAID_NOT_OFFERED;
    if (s->said == word)
        return;
    s->said = word;
    bool uncertain = now.uncertainty_us > INT64_C(1000) * LIVE_UNCERTAINTY_MS;
    net_log(f->log, there ? NET_LOG_INFO : NET_LOG_WARNING,
            there                         ? "channel is offered"
            : uncertain                   ? "channel is not offered: the clock is too uncertain"
            : s->channel.incoming != NULL ? "channel is not offered: nothing comes in, or too late"
                                          : "channel is not offered: it has not begun",
            NET_TEXT("stream", s->source.spec.name.text),
            NET_NUMBER("uncertainty_ms", now.uncertainty_us / 1000));
}

/* In the order of time, so that no rendition waits for all of another. What could not be made until
 * players are past it is not wanted any more: a machine that is too slow is not late for ever. */
static void want(struct front *f, struct front_stream *s, uint32_t newest) {
    uint32_t oldest = newest > LIVE_AHEAD + AT_FIRST ? newest - LIVE_AHEAD - AT_FIRST : 0;
    if (s->ahead < oldest || s->ahead > newest + 1)
        s->ahead = oldest;
    for (uint32_t n = oldest > FORGOTTEN ? oldest - FORGOTTEN : 0; n < oldest; n++)
        for (size_t i = 0; i < s->count; i++)
            shelf_forget(&f->shelf, (struct shelf_key){s->lines[i], n});
    for (; s->ahead <= newest; s->ahead++)
        for (size_t i = 0; i < s->count; i++) {
            const struct shelf_key key = {s->lines[i], s->ahead};
            shelf_expect(&f->shelf, key, front_cost_us(f, key));
        }
}

struct instant front_live_ahead(struct front *f, struct instant now) {
    struct instant next = INSTANT_NEVER;
    const struct wall wall = front_wall(f);
    for (size_t i = 0; i < f->stream_count; i++) {
        struct front_stream *s = &f->streams[i];
        uint32_t newest;
        if (s->state != FRONT_KNOWN || !front_is_channel(s))
            continue;
        bool there = live_offered(&s->channel, wall) == ERR_OK;
        if (s->channel.incoming == NULL && live_newest(&newest, &s->channel, wall))
            want(f, s, newest);
        tell(f, s, there, wall);
        next = instant_min(next, instant_add(now, live_next(&s->channel, wall)));
    }
    return next;
}

enum err front_live_serves(const struct front *f, const struct front_stream *s, uint32_t number) {
    if (number == SEGMENT_INIT)
        return ERR_OK;
    char location[NODE_LOCATION_LEN_MAX + 1];
    enum err e = front_is_channel(s) ? live_serves(&s->channel, front_wall(f), number) : ERR_OK;
    if (e == ERR_OK && s->in != NULL && !front_incoming_find(s->in, number, location))
        return ERR_NOT_FOUND; /* here, that is: another cluster may have it */
    if (front_is_channel(s))
        return e;
    return segment_ms(s->facts.duration_ms, number) > 0 ? ERR_OK : ERR_NOT_FOUND;
}
