#include "test/unit/agreement_fixture.h"

/* A hub with three peers of its own room each, under a seed: messages are lost, doubled, reordered,
 * sides restart, and policies change. Then all heals. What agreement.h promises must hold after
 * every step, and in the end both sides of every pair mean the same. */

#define PAIRS   3
#define LEASE   duration_s(30)
#define SEEDS   60
#define FAULTS  400              /* in the first phase … */
#define EVERY   duration_s(3)    /* … one in this, on average */
#define HEALING duration_s(2400) /* longer than the longest wait after a refusal */

static struct agreement_room hub_room, rooms[PAIRS];
static struct world world;
static bool healed;
static struct instant differing_since[2 * PAIRS]; /* by the side that holds */

/* Rules 1 and 4. */
static void check_holding(const struct world *w) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < w->side_count; i++) {
        const struct side *s = &w->sides[i], *o = &w->sides[s->other];
        sum += s->room == &hub_room ? s->machine.held : 0;
        cr_assert_leq(s->room->held, s->room->slots, "more is held than there is");
        if (s->machine.relied == 0 || s->machine.relied <= o->machine.held)
            continue;
        cr_assert_neq(s->machine.peer_run, o->run, "%s relies on %u, %s holds %u", s->name.text,
                      s->machine.relied, o->name.text, o->machine.held);
        cr_assert(instant_before(w->now, instant_add(o->started, LEASE)),
                  "relies on what was before the restart, longer than a lease");
    }
    cr_assert_eq(sum, hub_room.held, "accounted");
}

/* Once all is well nobody holds for longer than a lease what the other does not rely upon. */
static void check_meaning(const struct world *w) {
    for (uint32_t i = 0; i < w->side_count; i++) {
        const struct side *s = &w->sides[i], *o = &w->sides[s->other];
        if (s->machine.held == o->machine.relied)
            differing_since[i] = INSTANT_NEVER;
        else if (instant_is_never(differing_since[i]))
            differing_since[i] = w->now;
        cr_assert(!healed || !instant_before(instant_add(differing_since[i], LEASE), w->now),
                  "%s holds %u, %s relies on %u, for longer than a lease", s->name.text,
                  s->machine.held, o->name.text, o->machine.relied);
    }
}

static void check(struct world *w) {
    check_holding(w);
    check_meaning(w);
}

static void wish_anything(struct world *w, uint32_t side) {
    struct rng *g = &w->channel.rng;
    struct agreement_offer o = offer_of(w->sides[side].region.text, (uint32_t)rng_below(g, 60),
                                        (uint32_t)rng_below(g, 60));
    if (rng_below(g, 4) == 0)
        o.asks.slots_min = (uint32_t)rng_below(g, o.asks.slots + 1);
    if (rng_below(g, 8) == 0)
        o.gives.cost = 10;
    world_wish(w, side, rng_below(g, 6) == 0 ? NULL : &o, LEASE);
}

static void fault(struct world *w) {
    struct rng *g = &w->channel.rng;
    uint32_t side = (uint32_t)rng_below(g, w->side_count);
    switch (rng_below(g, 6)) {
    case 0:
        world_start(w, side);
        break;
    case 1:
        w->channel.cut[side] = true;
        return;
    case 2:
        w->channel.cut[side] = false;
        return;
    case 3:
        w->channel.lost_percent = (uint32_t)rng_below(g, 60);
        w->channel.doubled_percent = (uint32_t)rng_below(g, 60);
        w->channel.delay_max = duration_ms((int64_t)rng_below(g, 5000));
        return;
    default:
        break;
    }
    wish_anything(w, side);
}

static void heal(struct world *w) {
    w->channel.lost_percent = w->channel.doubled_percent = 0;
    w->channel.delay_max = duration_ms(200);
    world_run(w, duration_s(10)); /* what was on its way */
    memset(w->channel.cut, 0, sizeof(w->channel.cut));
    world_run(w, LEASE); /* what was said before may take that long to be over */
    healed = true;
    world_run(w, HEALING);
}

static void begin(struct world *w, uint64_t seed) {
    static const char *const names[PAIRS] = {"ams1", "lon1", "par1"};
    healed = false;
    hub_room = (struct agreement_room){.slots = 90};
    world_init(w, seed);
    w->channel.delay_min = duration_ms(5);
    for (uint32_t i = 0; i < PAIRS; i++) {
        rooms[i] = (struct agreement_room){.slots = 50};
        uint32_t first = world_pair(w, "fra1", names[i], &hub_room, &rooms[i]);
        for (uint32_t j = first; j < first + 2; j++) {
            w->sides[j].drift_ppm = (int64_t)rng_below(&w->channel.rng, 10000) - 5000;
            differing_since[j] = INSTANT_NEVER;
        }
    }
    for (uint32_t j = 0; j < w->side_count; j++)
        wish_anything(w, j);
    w->check = check;
}

Test(agreement_random, what_is_relied_upon_is_held_and_in_the_end_both_mean_the_same) {
    uint32_t agreed = 0, refused = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = &world;
        begin(w, seed);
        for (int i = 0; i < FAULTS; i++) {
            world_run(w, rng_duration(&w->channel.rng, DURATION_ZERO, duration_scale(EVERY, 2, 1)));
            fault(w);
        }
        heal(w);
        for (uint32_t i = 0; i < w->side_count; i++) {
            const struct agreement *a = &w->sides[i].machine,
                                   *b = &w->sides[w->sides[i].other].machine;
            bool wanted = a->state != AGREEMENT_STATE_IDLE && b->state != AGREEMENT_STATE_IDLE;
            cr_assert_eq(a->state == AGREEMENT_STATE_AGREED, b->state == AGREEMENT_STATE_AGREED,
                         "seed %llu: %s is %s, %s is %s", (unsigned long long)seed, a->self.text,
                         agreement_state_word(a->state), b->self.text,
                         agreement_state_word(b->state));
            cr_assert_eq(a->held, b->relied, "seed %llu", (unsigned long long)seed);
            agreed += a->state == AGREEMENT_STATE_AGREED;
            refused += wanted && a->state == AGREEMENT_STATE_REFUSED;
        }
    }
    cr_expect(agreed > SEEDS && refused > SEEDS / 4, "%u agreed, %u refused", agreed, refused);
}

/* ---- a peer that says anything -------------------------------------------------------------- */

static uint64_t around(struct rng *g, uint64_t n) {
    uint64_t at = n + rng_below(g, 6);
    return at > 3 ? at - 3 : 1;
}

/* Well-formed, as the decoder leaves it, and made to be near what would be believed. */
static struct agreement_message anything(struct rng *g, const struct agreement *a) {
    struct agreement_message m = {.cluster = rng_below(g, 20) == 0 ? a->self : a->peer,
                                  .run = 1 + rng_below(g, 3),
                                  .seq = around(g, a->peer_seq + 2),
                                  .kind = (enum agreement_kind)(1 + rng_below(g, 3)),
                                  .lease_ms = 1000 + (uint32_t)rng_below(g, 60000),
                                  .heard_run = rng_below(g, 5) == 0 ? rng_below(g, 9) : a->run,
                                  .heard_seq = around(g, a->next_seq)};
    m.offer = offer_of("nl", (uint32_t)rng_below(g, 100), (uint32_t)rng_below(g, 100));
    m.offer.asks.slots_min = (uint32_t)rng_below(g, m.offer.asks.slots + 1);
    m.offer.gives.cost = (uint32_t)rng_below(g, 12);
    m.slots = (uint32_t)rng_below(g, m.offer.gives.slots + 1);
    m.why = (enum agreement_why)(1 + rng_below(g, AGREEMENT_WHY_LAST));
    return m;
}

Test(agreement_random, whatever_a_peer_says_nothing_breaks_and_no_more_is_held_than_there_is) {
    uint32_t agreed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *w = &world;
        struct rng *g = &w->channel.rng;
        rooms[0] = rooms[1] = (struct agreement_room){.slots = 50};
        world_init(w, seed);
        world_pair(w, "fra1", "ams1", &rooms[0], &rooms[1]);
        w->channel.cut[0] = w->channel.cut[1] = true;
        for (int i = 0; i < 2000; i++) {
            if (rng_below(g, 50) == 0)
                wish_anything(w, 0);
            struct agreement_message m = anything(g, &w->sides[0].machine);
            world_hear(w, 0, &m, rng_below(g, 2) == 0);
            w->channel.count = 0; /* what it answers goes nowhere */
            w->now = instant_add(w->now, rng_duration(g, DURATION_ZERO, duration_s(2)));
            world_pass(w, 0);
            cr_assert(rooms[0].held == w->sides[0].machine.held && rooms[0].held <= 50);
            cr_assert_leq(w->sides[0].machine.relied, w->sides[0].machine.terms.ours.slots);
            agreed += w->sides[0].machine.state == AGREEMENT_STATE_AGREED;
        }
    }
    cr_expect_gt(agreed, 1000, "%u steps", agreed);
}
