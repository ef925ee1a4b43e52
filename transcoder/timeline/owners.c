#include "transcoder/timeline/owners.h"

#include <assert.h>

static bool is_nobody(const struct key_hint *cluster) {
    static const struct key_hint nobody;
    return key_hint_equal(cluster, &nobody);
}

uint8_t owners_row(struct owners *o, const struct key_hint *cluster) {
    uint8_t free = OWNERS_NONE;
    if (is_nobody(cluster))
        return OWNERS_NONE;
    for (uint8_t i = 0; i < OWNERS_MAX; i++) {
        if (o->rows[i].sum > 0 && key_hint_equal(&o->rows[i].cluster, cluster))
            return i;
        if (o->rows[i].sum == 0 && free == OWNERS_NONE)
            free = i;
    }
    if (free != OWNERS_NONE)
        o->rows[free].cluster = *cluster;
    return free;
}

void owners_count(struct owners *o, uint8_t row, uint8_t priority, int change) {
    if (row == OWNERS_NONE)
        return;
    struct owner *owner = &o->rows[row];
    assert(row < OWNERS_MAX && priority < OWNERS_CLASSES);
    assert(change > 0 || owner->standing[priority] > 0);
    owner->standing[priority] += (uint32_t)change;
    owner->sum += (uint32_t)change;
}

bool owners_others(const struct owners *o, uint8_t priority, const struct key_hint *missed) {
    if (is_nobody(missed))
        return false;
    for (uint8_t i = 0; i < OWNERS_MAX; i++)
        if (o->rows[i].standing[priority] > 0 && !key_hint_equal(&o->rows[i].cluster, missed))
            return true;
    return false;
}
