#include "peerd/core/falls.h"

#include "peerd/core/fares.h"
#include "peerd/core/state.h"

#include <stdio.h>
#include <stdlib.h>

void fall_add(struct fares *f, const struct core_fall *fall, const char *evidence) {
    if (f->falls == NULL)
        f->falls = calloc(1, sizeof(*f->falls));
    if (f->falls == NULL)
        return;
    struct core_fall *place = &f->falls->items[f->falls->count++ % FALLS_MAX];
    *place = *fall;
    snprintf(place->evidence, sizeof(place->evidence), "%s", evidence);
}

const struct core_fall *core_fall(const struct core *core, uint32_t n) {
    const struct falls *falls = core->fares.falls;
    if (falls == NULL || n >= FALLS_MAX || n >= falls->count)
        return NULL;
    return &falls->items[(falls->count - 1 - n) % FALLS_MAX];
}
