#include "transcoder/timeline/position.h"

#include <assert.h>

struct position position_of_leg(const struct leg *leg, uint32_t samples) {
    assert(samples > 0);
    return (struct position){
        .ssrc = leg->ssrc, .seq0 = leg->seq0, .ts0 = leg->ts0, .samples = samples};
}

uint16_t position_seq(const struct position *p, uint64_t frame) {
    return (uint16_t)(p->seq0 + frame);
}

uint32_t position_timestamp(const struct position *p, uint64_t frame) {
    return (uint32_t)(p->ts0 + frame * p->samples);
}

bool position_frame(const struct position *p, uint32_t ssrc, uint16_t seq, uint32_t timestamp,
                    uint64_t near, uint64_t *frame) {
    if (ssrc != p->ssrc)
        return false;
    int32_t off = (int16_t)(uint16_t)(seq - position_seq(p, near));
    if (off < 0 && near < (uint64_t)-off)
        return false;
    uint64_t found = near + (uint64_t)(int64_t)off;
    if (position_timestamp(p, found) != timestamp)
        return false;
    *frame = found;
    return true;
}
