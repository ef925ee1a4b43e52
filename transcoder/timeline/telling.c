#include "transcoder/timeline/telling.h"

void telling_ordered(struct telling *t, uint32_t mark) {
    *t = (struct telling){.mark = mark, .left = TELLING_TIMES};
}

enum telling_next telling_reported(struct telling *t, uint32_t mark) {
    if (t->mark == 0)
        return TELLING_NOTHING;
    if (mark == t->mark) {
        *t = (struct telling){0};
        return TELLING_TAKEN;
    }
    if (t->left == 0)
        return TELLING_NOTHING;
    t->left--;
    return TELLING_TELL;
}
