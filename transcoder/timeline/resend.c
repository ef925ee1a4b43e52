#include "transcoder/timeline/resend.h"

/* Sent by this run of the pace, as far as it knows. */
static bool was_sent(const struct pace *p, uint64_t frame) {
    bool to_come = frame >= p->fill_next && frame < p->fill_end;
    return p->running && frame >= p->covered_from && frame < p->next && !to_come &&
           p->next - frame <= RESEND_FRAMES_BACK;
}

bool resend_may(struct resend *r, const struct pace *p, uint64_t frame, struct instant now) {
    if (!was_sent(p, frame))
        return false;
    struct duration each = duration_scale(p->frame, RESEND_FRAMES_EACH, 1);
    struct instant paid = instant_max(r->paid_until, now);
    struct duration most = duration_scale(each, RESEND_BURST - 1, 1);
    if (duration_less(most, instant_since(paid, now)))
        return false;
    r->paid_until = instant_add(paid, each);
    return true;
}
