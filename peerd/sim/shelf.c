#include "peerd/sim/shelf.h"

#include "peerd/base/fetch.h"
#include "peerd/sim/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct place {
    struct sim_slot *open; /* NULL: folded, or never used */
    uint8_t *folded;
};

struct sim_shelf {
    struct place *places;
    uint32_t count;
    struct sim_slot *patterns[2]; /* of those who wait, and of those who send */
};

struct sim_shelf *sim_shelf_new(void) {
    return sim_alloc(1, sizeof(struct sim_shelf));
}

void sim_shelf_free(struct sim_shelf *shelf) {
    if (shelf == NULL)
        return;
    for (uint32_t i = 0; i < shelf->count; i++) {
        if (shelf->places[i].open != NULL)
            free(shelf->places[i].open->watch.frames);
        free(shelf->places[i].open);
        free(shelf->places[i].folded);
    }
    free(shelf->patterns[0]);
    free(shelf->patterns[1]);
    free(shelf->places);
    free(shelf);
}

void sim_shelf_room(struct sim_shelf *shelf, uint32_t slots) {
    assert(slots >= shelf->count);
    shelf->places = sim_grow(shelf->places, slots, sizeof(*shelf->places));
    memset(&shelf->places[shelf->count], 0, (slots - shelf->count) * sizeof(*shelf->places));
    shelf->count = slots;
}

/* ---- instants -------------------------------------------------------------------------------- */

/* Instants are told from when the session began, which differs most. What is no instant of the run
 * (never, none yet) stays; the others end up around RELATIVE, where no instant is. */
#define RELATIVE (INT64_C(1) << 60)
#define PLAIN    (INT64_C(1) << 58)

static bool is_plain(int64_t us) {
    return us != 0 && us > -PLAIN && us < PLAIN;
}

static void shift(struct sim_slot *s, bool relative) {
    struct pace *p = &s->session.pace;
    struct instant *const all[] = {&p->base,          &p->fill_at,         &p->asked_at,
                                   &s->session.warm,  &s->session.told_at, &s->entry.at,
                                   &s->entry.told_at, &s->entry.live_at,   &s->watch.hedge,
                                   &s->watch.renewed, &s->watch.promised};
    int64_t since_us = is_plain(s->watch.since.us) ? s->watch.since.us : 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int64_t us = all[i]->us;
        if (relative && is_plain(us))
            all[i]->us = us - since_us + RELATIVE;
        else if (!relative && us > RELATIVE / 2 && is_plain(us - RELATIVE + since_us))
            all[i]->us = us - RELATIVE + since_us;
    }
}

/* ---- folding --------------------------------------------------------------------------------- */

static void unfold(const struct sim_shelf *shelf, const uint8_t *folded, struct sim_slot *out) {
    packed_read(folded + 1, shelf->patterns[folded[0]], out, sizeof(*out));
    shift(out, false);
}

struct sim_slot *sim_shelf_at(struct sim_shelf *shelf, uint32_t slot) {
    assert(slot < shelf->count);
    struct place *p = &shelf->places[slot];
    if (p->open != NULL)
        return p->open;
    p->open = sim_alloc(1, sizeof(*p->open));
    if (p->folded != NULL)
        unfold(shelf, p->folded, p->open);
    free(p->folded);
    p->folded = NULL;
    return p->open;
}

void sim_shelf_foresee(const struct sim_shelf *shelf, uint32_t slot) {
    fetch(&shelf->places[slot], sizeof(shelf->places[0]));
}

void sim_shelf_foresee_slot(const struct sim_shelf *shelf, uint32_t slot) {
    const struct place *p = &shelf->places[slot];
    if (p->open != NULL)
        fetch(p->open, sizeof(*p->open));
    else if (p->folded != NULL)
        fetch(p->folded, FETCH_LINE);
}

const struct sim_slot *sim_shelf_look(const struct sim_shelf *shelf, uint32_t slot,
                                      struct sim_slot *room) {
    assert(slot < shelf->count);
    const struct place *p = &shelf->places[slot];
    if (p->folded == NULL)
        return p->open;
    unfold(shelf, p->folded, room);
    return room;
}

static const struct sim_slot *pattern_of(struct sim_shelf *shelf, uint8_t kind,
                                         const struct sim_slot *first) {
    if (shelf->patterns[kind] == NULL) {
        shelf->patterns[kind] = sim_alloc(1, sizeof(*first));
        memcpy(shelf->patterns[kind], first, sizeof(*first));
    }
    return shelf->patterns[kind];
}

void sim_shelf_fold(struct sim_shelf *shelf, uint32_t slot) {
    uint8_t out[1 + PACKED_MAX(sizeof(struct sim_slot))];
    struct place *p = &shelf->places[slot];
    if (p->open == NULL)
        return;
    assert(p->open->watch.frames == NULL);
    shift(p->open, true);
    out[0] = p->open->session.pace.running;
    size_t size =
        1 + packed_write(out + 1, p->open, pattern_of(shelf, out[0], p->open), sizeof(*p->open));
    free(p->open);
    p->open = NULL;
    p->folded = sim_alloc(size, 1);
    memcpy(p->folded, out, size);
}
