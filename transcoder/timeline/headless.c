#include "transcoder/timeline/headless.h"

void headless_init(struct headless *h) {
    *h = (struct headless){.heard = INSTANT_NEVER};
}

void headless_answered(struct headless *h, struct duration poll, struct instant now) {
    h->heard = now;
    h->patience =
        duration_max(duration_ms(HEADLESS_SILENT_MS), duration_scale(poll, HEADLESS_POLLS, 1));
    h->refused = false;
}

void headless_refused(struct headless *h) {
    h->refused = true;
}

bool headless_is(const struct headless *h, struct instant now) {
    if (instant_is_never(h->heard))
        return false;
    return h->refused || !duration_less(instant_since(now, h->heard), h->patience);
}
