#include "test/live/copies.h"

#include <string.h>

void copies_seen(struct copies *c, const struct tap_packet *p, struct duration trip) {
    if (!p->to_listener) {
        if (p->resumes)
            overlap_sent(&c->overlap, p->site, p->purpose, trip, p->at);
        return;
    }
    if (!p->media || p->ssrc == ~c->ssrc) /* sent again: transcoder/rtp/rtx.h */
        return;
    if (p->ssrc != c->ssrc)
        memset(c->seen, 0, sizeof(c->seen));
    c->ssrc = p->ssrc;
    uint32_t *seen = &c->seen[p->seq % COPIES_BACK];
    c->apart += *seen == p->seq + 1U && !overlap_covers(&c->overlap, p->at);
    *seen = p->seq + 1U;
}
