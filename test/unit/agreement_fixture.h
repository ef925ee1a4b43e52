/*
 * Clusters that come to agreements over a channel which may lose, double and reorder what they say,
 * each with a clock that runs a little fast or slow. Time is virtual.
 */
#ifndef TEST_UNIT_AGREEMENT_FIXTURE_H
#define TEST_UNIT_AGREEMENT_FIXTURE_H

#include "peerd/core/agreement.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define SIDES_MAX  8
#define FLIGHT_MAX 512
#define NO_SIDE    SIDES_MAX

/* One end of one agreement. Two of them, each other's `other`, are a pair. */
struct side {
    struct agreement machine;
    struct agreement_room *room;
    uint32_t other;
    struct name name, region;
    int64_t drift_ppm; /* its clock runs so much faster */
    uint64_t run;
    struct instant started; /* true time */
    bool down;
};

struct flight {
    uint32_t to;
    struct instant at; /* true time */
    bool asks;
    struct agreement_message message;
};

struct channel {
    struct rng rng;
    uint32_t lost_percent, doubled_percent;
    struct duration delay_min, delay_max;
    bool cut[SIDES_MAX]; /* nothing reaches it */
    struct flight flights[FLIGHT_MAX];
    uint32_t count;
    uint64_t sent;
};

struct world {
    struct instant now; /* true time */
    struct side sides[SIDES_MAX];
    uint32_t side_count;
    struct channel channel;
    struct trace trace;
    void (*check)(struct world *w); /* after every step; may be NULL */
};

static inline struct instant side_clock(const struct side *s, struct instant now) {
    struct duration since = instant_since(now, instant_us(0));
    return instant_add(now, duration_scale(since, s->drift_ppm, 1000000));
}

/* Gives and asks so many slots for radio, classes 0 and 1, at a cost of 7 of at most 9. */
static inline struct agreement_offer offer_of(const char *region, uint32_t gives, uint32_t asks) {
    struct agreement_offer o = {.region = sample_name(region)};
    o.gives.slots = gives;
    o.asks.slots = asks;
    o.gives.services.names[0] = o.asks.services.names[0] = sample_name("radio");
    o.gives.services.count = o.asks.services.count = 1;
    o.gives.classes = o.asks.classes = 3;
    o.gives.cost = 7;
    o.asks.cost_max = 9;
    return o;
}

static inline void world_send(struct world *w, uint32_t from,
                              const struct agreement_outbox *outbox) {
    struct channel *c = &w->channel;
    uint32_t copies = 1 + (rng_below(&c->rng, 100) < c->doubled_percent);
    c->sent++;
    for (uint32_t i = 0; i < copies; i++) {
        if (rng_below(&c->rng, 100) < c->lost_percent || c->count == FLIGHT_MAX)
            continue;
        struct duration delay = rng_duration(&c->rng, c->delay_min, c->delay_max);
        c->flights[c->count++] = (struct flight){.to = w->sides[from].other,
                                                 .at = instant_add(w->now, delay),
                                                 .asks = outbox->asks,
                                                 .message = outbox->message};
    }
}

static inline void world_step(struct world *w, uint32_t at, struct agreement_event *event) {
    struct side *s = &w->sides[at];
    struct agreement_outbox outbox;
    if (s->down)
        return;
    event->now = side_clock(s, w->now);
    agreement_step(&s->machine, event, &outbox);
    agreement_check_invariants(&s->machine);
    if (outbox.say)
        world_send(w, at, &outbox);
    if (w->check != NULL)
        w->check(w);
}

static inline void world_pass(struct world *w, uint32_t at) {
    world_step(w, at, &(struct agreement_event){.kind = AGREEMENT_PASSED});
}

static inline void world_wish(struct world *w, uint32_t at, const struct agreement_offer *offer,
                              struct duration lease) {
    world_step(
        w, at,
        &(struct agreement_event){
            .kind = AGREEMENT_WISHED, .wished = offer != NULL, .offer = offer, .lease = lease});
}

static inline void world_hear(struct world *w, uint32_t at, const struct agreement_message *m,
                              bool asked) {
    world_step(w, at,
               &(struct agreement_event){.kind = AGREEMENT_HEARD, .message = m, .asked = asked});
}

/* A fresh start, with nothing remembered. */
static inline void world_start(struct world *w, uint32_t at) {
    struct side *s = &w->sides[at];
    if (s->run != 0)
        agreement_free(&s->machine);
    s->run = rng_u64(&w->channel.rng) | 1;
    s->started = w->now;
    s->down = false;
    agreement_init(&s->machine, &(struct agreement_setup){.self = s->name,
                                                          .peer = w->sides[s->other].name,
                                                          .region = s->region,
                                                          .run = s->run,
                                                          .seed = s->run,
                                                          .room = s->room,
                                                          .trace = &w->trace});
}

static inline void world_init(struct world *w, uint64_t seed) {
    memset(w, 0, sizeof(*w));
    w->now = instant_us(1000000);
    w->channel.delay_min = w->channel.delay_max = duration_ms(20);
    rng_seed(&w->channel.rng, seed);
    trace_init(&w->trace);
}

/* Adds a pair; its first side's number. */
static inline uint32_t world_pair(struct world *w, const char *a, const char *b,
                                  struct agreement_room *room_a, struct agreement_room *room_b) {
    uint32_t first = w->side_count;
    w->side_count += 2;
    w->sides[first] = (struct side){
        .room = room_a, .other = first + 1, .name = sample_name(a), .region = sample_name("de")};
    w->sides[first + 1] = (struct side){
        .room = room_b, .other = first, .name = sample_name(b), .region = sample_name("nl")};
    world_start(w, first);
    world_start(w, first + 1);
    return first;
}

/* When a side wants to be stepped, in true time: a little late, as loops are. */
static inline struct instant side_due(const struct side *s) {
    struct instant due = agreement_deadline(&s->machine);
    if (s->down || instant_is_never(due))
        return INSTANT_NEVER;
    struct duration since = instant_since(due, instant_us(0));
    return instant_add(
        instant_us(0),
        duration_add(duration_scale(since, 1000000, 1000000 + s->drift_ppm), duration_us(2)));
}

static inline uint32_t next_flight(const struct world *w, struct instant *at) {
    uint32_t next = FLIGHT_MAX;
    for (uint32_t i = 0; i < w->channel.count; i++)
        if (instant_before(w->channel.flights[i].at, *at)) {
            *at = w->channel.flights[i].at;
            next = i;
        }
    return next;
}

static inline void arrive(struct world *w, uint32_t index) {
    struct flight f = w->channel.flights[index];
    w->channel.flights[index] = w->channel.flights[--w->channel.count];
    if (!w->channel.cut[f.to])
        world_hear(w, f.to, &f.message, f.asks);
}

static inline void world_run(struct world *w, struct duration d) {
    struct instant end = instant_add(w->now, d);
    for (;;) {
        struct instant at = instant_add(end, duration_us(1));
        uint32_t side = NO_SIDE, flight = next_flight(w, &at);
        for (uint32_t i = 0; i < w->side_count; i++)
            if (instant_before(side_due(&w->sides[i]), at)) {
                at = side_due(&w->sides[i]);
                side = i;
            }
        if (side == NO_SIDE && flight == FLIGHT_MAX)
            break;
        w->now = instant_max(w->now, at);
        if (side != NO_SIDE)
            world_pass(w, side);
        else
            arrive(w, flight);
    }
    w->now = end;
}

#endif
