#include "transcoder/hls/capacity.h"

#include <string.h>

#define RING      (CAPACITY_PARTS + 1)
#define KNOWN_US  500000 /* [µs] of work say how much of it is CPU … */
#define FORGET    8      /* … and without any an eighth of the rest is given back each part */
#define ALL_OF_IT 1000U  /* [1/1000] */

void capacity_init(struct capacity *c, struct instant now) {
    *c = (struct capacity){.since = now, .at = now, .permille = ALL_OF_IT};
}

static struct capacity_part *present(struct capacity *c) {
    return &c->parts[c->number % RING];
}

static void add_until(struct capacity *c, struct instant until) {
    present(c)->busy_us += (uint64_t)instant_since(until, c->at).us * c->busy;
    c->at = until;
}

/* All but the present part. */
static struct capacity_part whole(const struct capacity *c) {
    struct capacity_part sum = {0, 0};
    for (uint64_t i = 1; i <= CAPACITY_PARTS && i <= c->number; i++) {
        sum.busy_us += c->parts[(c->number - i) % RING].busy_us;
        sum.cpu_us += c->parts[(c->number - i) % RING].cpu_us;
    }
    return sum;
}

/* What is made now was partly worked for before, so that more CPU than time may seem to have been
 * had. */
static void learn(struct capacity *c) {
    const struct capacity_part sum = whole(c);
    uint64_t permille = sum.busy_us > 0 ? sum.cpu_us * ALL_OF_IT / sum.busy_us : 0;
    if (sum.busy_us >= KNOWN_US && sum.cpu_us > 0)
        c->permille = permille < ALL_OF_IT ? (uint32_t)permille : ALL_OF_IT;
    else /* nobody says that it is still so */
        c->permille += (ALL_OF_IT - c->permille) / FORGET + (c->permille < ALL_OF_IT);
}

static void go_on(struct capacity *c, struct instant now) {
    struct instant end = instant_add(c->since, CAPACITY_PART);
    while (instant_reached(now, end)) {
        add_until(c, end);
        c->since = end;
        c->number++;
        *present(c) = (struct capacity_part){0, 0};
        learn(c);
        end = instant_add(c->since, CAPACITY_PART);
    }
    add_until(c, now);
}

void capacity_busy(struct capacity *c, uint32_t busy, struct instant now) {
    go_on(c, now);
    c->busy = busy;
}

void capacity_made(struct capacity *c, uint64_t cpu_us, struct instant now) {
    go_on(c, now);
    present(c)->cpu_us += cpu_us;
}

uint32_t capacity_spare_ms(struct capacity *c, uint32_t makers, struct instant now) {
    go_on(c, now);
    uint64_t parts = c->number < CAPACITY_PARTS ? c->number : CAPACITY_PARTS;
    uint64_t all_us = parts * makers * (uint64_t)CAPACITY_PART.us;
    uint64_t busy_us = whole(c).busy_us;
    if (parts == 0)
        return makers * 1000;
    uint64_t idle_us = busy_us < all_us ? all_us - busy_us : 0;
    return (uint32_t)(idle_us * c->permille / ALL_OF_IT / parts / 1000);
}

uint32_t capacity_player_ms(const struct rendition *const renditions[],
                            const struct cost *const costs[], size_t count) {
    uint32_t most[2] = {0, 0}; /* of pictures, of sound */
    for (size_t i = 0; i < count; i++) {
        uint32_t ms = cost_media_ms(costs[i]);
        uint32_t *of = &most[rendition_is_sound(renditions[i])];
        *of = ms > *of ? ms : *of;
    }
    return most[0] + most[1];
}
