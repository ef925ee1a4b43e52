#include "test/unit/agreement_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LEASE    duration_s(30)
#define A        0
#define B        1

static struct agreement_room rooms[4];
static struct world world;

/* fra1 (0) and ams1 (1), each with a hundred slots to hold. */
static struct world *two(void) {
    rooms[A] = rooms[B] = (struct agreement_room){.slots = 100};
    world_init(&world, 1);
    world_pair(&world, "fra1", "ams1", &rooms[A], &rooms[B]);
    return &world;
}

/* The same, agreed: fra1 holds 40 for ams1, ams1 30 for fra1. */
static struct world *two_agreed(void) {
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 30), b = offer_of("nl", 60, 40);
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    cr_assert_eq(w->sides[A].machine.state, AGREEMENT_STATE_AGREED);
    cr_assert_eq(w->sides[B].machine.state, AGREEMENT_STATE_AGREED);
    return w;
}

static const struct agreement *machine(uint32_t side) {
    return &world.sides[side].machine;
}

static void expect(const char *what, uint32_t side, enum agreement_state state, uint32_t held,
                   uint32_t relied) {
    const struct agreement *a = machine(side);
    cr_expect_eq(a->state, state, "%s: %s is %s", what, a->self.text,
                 agreement_state_word(a->state));
    cr_expect(a->held == held && a->relied == relied, "%s: %s holds %u, relies on %u", what,
              a->self.text, a->held, a->relied);
    cr_expect_eq(a->room->held, a->held, "%s: accounted", what);
}

Test(agreement, both_hold_the_lesser_of_what_is_given_and_asked) {
    struct world *w = two_agreed();
    expect("agreed", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("agreed", B, AGREEMENT_STATE_AGREED, 30, 40);
    cr_expect_lt(w->channel.sent, 12, "%llu messages", (unsigned long long)w->channel.sent);
    world_run(w, duration_s(3600));
    expect("an hour later", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("an hour later", B, AGREEMENT_STATE_AGREED, 30, 40);
    cr_expect_lt(w->channel.sent, 1200, "%llu messages", (unsigned long long)w->channel.sent);
}

Test(agreement, one_gives_and_the_other_takes) {
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 0), b = offer_of("nl", 0, 20);
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("giver", A, AGREEMENT_STATE_AGREED, 20, 0);
    expect("taker", B, AGREEMENT_STATE_AGREED, 0, 20);
}

Test(agreement, what_does_not_fit_is_refused_by_both_and_tried_again_rarely) {
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 30), b = offer_of("nl", 60, 40);
    a.asks.slots_min = 10;
    b.gives.cost = 10;
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("too dear", A, AGREEMENT_STATE_REFUSED, 0, 0);
    expect("too dear", B, AGREEMENT_STATE_REFUSED, 0, 0);
    cr_expect(machine(A)->why == AGREEMENT_WHY_COST && machine(B)->why == AGREEMENT_WHY_COST);
    cr_expect(machine(A)->counters.refused > 0);
    uint64_t sent = w->channel.sent;
    world_run(w, duration_s(86400));
    cr_expect_lt(w->channel.sent - sent, 1000, "%llu messages a day",
                 (unsigned long long)(w->channel.sent - sent));
    b.gives.cost = 9;
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("cheaper", A, AGREEMENT_STATE_AGREED, 40, 30);
}

/* B gives, takes it back, and gives again; how often A has begun to rely on it in an hour. */
static uint32_t relied_in_an_hour(struct world *w, struct agreement_offer *b,
                                  struct duration every) {
    uint32_t times = 0, before = machine(A)->relied;
    for (struct duration d = DURATION_ZERO; duration_less(d, duration_s(3600));
         d = duration_add(d, every)) {
        b->gives.slots = b->gives.slots == 0 ? 60 : 0;
        world_wish(w, B, b, LEASE);
        world_run(w, every);
        times += before == 0 && machine(A)->relied > 0;
        before = machine(A)->relied;
    }
    return times;
}

Test(agreement, who_gives_and_takes_back_again_and_again_is_relied_on_ever_more_rarely) {
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 30), b = offer_of("nl", 60, 40);
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    for (int i = 0; i < 2; i++) { /* a policy may change its mind twice */
        world_wish(w, B, NULL, LEASE);
        world_run(w, duration_s(5));
        cr_expect_eq(machine(A)->relied, 0u);
        world_wish(w, B, &b, LEASE);
        world_run(w, duration_s(5));
        expect("again", A, AGREEMENT_STATE_AGREED, 40, 30);
    }
    uint32_t times = relied_in_an_hour(w, &b, duration_s(10));
    cr_expect(times >= 1 && times <= 9, "%u of 180 times", times);
    cr_expect_eq(machine(A)->counters.fallen, 2u + times + (machine(A)->relied == 0),
                 "each counts");
    cr_expect(machine(A)->held == 40, "what it may rely on here is none of that");
    b.gives.slots = 60;
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(1800));
    expect("it has settled", A, AGREEMENT_STATE_AGREED, 40, 30);
    world_wish(w, B, NULL, LEASE);
    world_run(w, duration_s(5));
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("and that is forgiven", A, AGREEMENT_STATE_AGREED, 40, 30);
}

Test(agreement, who_ends_it_holds_until_the_other_has_heard) {
    struct world *w = two_agreed();
    w->channel.cut[B] = true;
    world_wish(w, A, NULL, LEASE);
    world_run(w, duration_s(2));
    expect("not heard", A, AGREEMENT_STATE_ENDING, 40, 0);
    expect("not heard", B, AGREEMENT_STATE_AGREED, 30, 40);
    w->channel.cut[B] = false;
    world_run(w, duration_s(12));
    expect("heard", A, AGREEMENT_STATE_IDLE, 0, 0);
    expect("heard", B, AGREEMENT_STATE_REFUSED, 0, 0);
    cr_expect(machine(B)->why == AGREEMENT_WHY_POLICY && machine(B)->ended_by_peer);
}

Test(agreement, silence_ends_it_with_the_lease_and_reliance_first) {
    struct world *w = two_agreed();
    w->channel.cut[A] = w->channel.cut[B] = true;
    world_run(w, duration_s(10));
    expect("cut", A, AGREEMENT_STATE_AGREED, 40, 30);
    bool relied = true;
    for (int ms = 0; ms < 21000; ms += 10) {
        world_run(w, duration_ms(10));
        relied = machine(A)->relied > 0;
        cr_assert(!relied || machine(B)->held == 30, "relies on what is not held");
        cr_assert(machine(B)->relied == 0 || machine(A)->held == 40, "the other way round");
    }
    expect("over", A, AGREEMENT_STATE_OFFERING, 0, 0);
    expect("over", B, AGREEMENT_STATE_OFFERING, 0, 0);
    w->channel.cut[A] = w->channel.cut[B] = false;
    world_run(w, duration_s(15));
    expect("healed", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("healed", B, AGREEMENT_STATE_AGREED, 30, 40);
}

Test(agreement, a_restart_is_noticed_by_its_first_word) {
    struct world *w = two_agreed();
    struct agreement_offer b = offer_of("nl", 60, 40);
    world_start(w, B);
    expect("it holds nothing", B, AGREEMENT_STATE_IDLE, 0, 0);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_ms(200));
    cr_expect_eq(machine(A)->peer_run, machine(B)->run);
    world_run(w, duration_s(5));
    expect("again", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("again", B, AGREEMENT_STATE_AGREED, 30, 40);
}

Test(agreement, what_an_old_run_said_does_not_come_true_again) {
    struct world *w = two_agreed();
    struct agreement_message old = {.cluster = machine(B)->self,
                                    .run = machine(B)->run,
                                    .seq = machine(B)->next_seq,
                                    .kind = AGREEMENT_KIND_ACCEPT,
                                    .lease_ms = 30000,
                                    .offer = machine(B)->mine,
                                    .heard_run = machine(A)->run,
                                    .heard_seq = machine(A)->next_seq - 1,
                                    .slots = 30};
    struct agreement_offer b = offer_of("nl", 60, 10);
    world_start(w, B);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("new run", A, AGREEMENT_STATE_AGREED, 10, 30);
    w->channel.cut[B] = true;
    world_hear(w, A, &old, false);
    expect("nothing follows", A, AGREEMENT_STATE_AGREED, 10, 30);
    cr_expect_eq(machine(A)->peer_run, machine(B)->run);
    cr_expect_geq(machine(A)->counters.unconfirmed, 1);
}

Test(agreement, fewer_slots_are_held_only_when_the_other_knows) {
    struct world *w = two_agreed();
    struct agreement_offer a = offer_of("de", 15, 30);
    w->channel.cut[B] = true;
    world_wish(w, A, &a, LEASE);
    world_run(w, duration_s(2));
    expect("not heard", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("not heard", B, AGREEMENT_STATE_AGREED, 30, 40);
    w->channel.cut[B] = false;
    world_run(w, duration_s(12));
    expect("heard", A, AGREEMENT_STATE_AGREED, 15, 30);
    expect("heard", B, AGREEMENT_STATE_AGREED, 30, 15);
}

/* More is said than is remembered; the oldest of it was heard, and perhaps nothing since. */
Test(agreement, what_was_heard_last_is_held_however_much_was_said_since) {
    struct world *w = two_agreed();
    w->channel.cut[B] = true;
    for (uint32_t i = 0; i < 2 * AGREEMENT_SAID_MAX; i++) {
        struct agreement_offer a = offer_of("de", 15 - i % 2, 30);
        world_wish(w, A, &a, LEASE);
        world_run(w, duration_ms(200));
    }
    cr_expect_eq(machine(A)->said_count, AGREEMENT_SAID_MAX);
    expect("not heard", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("not heard", B, AGREEMENT_STATE_AGREED, 30, 40);
}

Test(agreement, just_what_one_cannot_do_without_is_enough) {
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 30), b = offer_of("nl", 30, 40);
    rooms[A].slots = b.asks.slots_min = 40;
    rooms[B].slots = a.asks.slots_min = 30;
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    world_run(w, duration_s(5));
    expect("just enough", A, AGREEMENT_STATE_AGREED, 40, 30);
    expect("just enough", B, AGREEMENT_STATE_AGREED, 30, 40);
}

Test(agreement, who_said_end_counts_on_no_older_promise) {
    struct world *w = two_agreed();
    struct agreement_offer a = offer_of("de", 50, 30);
    struct agreement_message late = {.cluster = machine(B)->self,
                                     .run = machine(B)->run,
                                     .seq = machine(B)->next_seq + 100,
                                     .kind = AGREEMENT_KIND_ACCEPT,
                                     .lease_ms = 30000,
                                     .offer = machine(B)->mine,
                                     .heard_run = machine(A)->run,
                                     .heard_seq = machine(A)->next_seq - 1,
                                     .slots = 30};
    world_wish(w, A, NULL, LEASE);
    w->now = instant_add(w->now, duration_ms(200));
    world_pass(w, A); /* "end" leaves */
    world_wish(w, A, &a, LEASE);
    world_hear(w, A, &late, false);
    cr_expect_eq(machine(A)->state, AGREEMENT_STATE_HOLDING);
    cr_expect_eq(machine(A)->relied, 0, "relies on %u", machine(A)->relied);
}

Test(agreement, what_is_wrong_is_counted_dropped_and_not_answered) {
    static const struct {
        const char *what;
        const char *name;
        uint64_t seq_ahead, heard_ahead;
        size_t counter;
    } rows[] = {
        {"another's name", "lon1", 1, 0, offsetof(struct agreement_counters, foreign)},
        {"what was never said", "ams1", 1, 9, offsetof(struct agreement_counters, impossible)},
        {"the same again", "ams1", 0, 0, offsetof(struct agreement_counters, stale)},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = two_agreed();
        uint64_t sent = w->channel.sent;
        struct agreement_message m = {.cluster = sample_name(rows[i].name),
                                      .run = machine(B)->run,
                                      .seq = machine(A)->peer_seq + rows[i].seq_ahead,
                                      .kind = AGREEMENT_KIND_END,
                                      .why = AGREEMENT_WHY_POLICY,
                                      .lease_ms = 30000,
                                      .offer = machine(B)->mine,
                                      .heard_run = machine(A)->run,
                                      .heard_seq = machine(A)->next_seq - 1 + rows[i].heard_ahead};
        world_hear(w, A, &m, rows[i].seq_ahead > 0);
        expect(rows[i].what, A, AGREEMENT_STATE_AGREED, 40, 30);
        cr_expect_eq(w->channel.sent, sent, "%s: answered", rows[i].what);
        cr_expect_eq(*(const uint64_t *)((const char *)&machine(A)->counters + rows[i].counter), 1,
                     "%s: not counted", rows[i].what);
    }
}

Test(agreement, a_promise_beyond_the_terms_is_cut_to_them) {
    struct world *w = two_agreed();
    struct agreement_message m = {.cluster = machine(B)->self,
                                  .run = machine(B)->run,
                                  .seq = machine(A)->peer_seq + 1,
                                  .kind = AGREEMENT_KIND_ACCEPT,
                                  .lease_ms = 30000,
                                  .offer = machine(B)->mine,
                                  .heard_run = machine(A)->run,
                                  .heard_seq = machine(A)->next_seq - 1,
                                  .slots = 55};
    world_hear(w, A, &m, false);
    expect("cut", A, AGREEMENT_STATE_AGREED, 40, 30);
    cr_expect_eq(machine(A)->counters.overstated, 1);
}

Test(agreement, only_what_is_agreed_is_admitted) {
    static const struct {
        const char *what, *service, *client;
        uint8_t class;
        uint32_t used;
        enum err err;
    } rows[] = {
        {"the last one", "radio", "192.0.2.7:1", 1, 39, ERR_OK},
        {"one too many", "radio", "192.0.2.7:1", 1, 40, ERR_NO_CREDIT},
        {"another service", "voice", "192.0.2.7:1", 1, 0, ERR_DENIED},
        {"another class", "radio", "192.0.2.7:1", 2, 0, ERR_DENIED},
        {"no class at all", "radio", "192.0.2.7:1", 9, 0, ERR_DENIED},
        {"a client who must not be moved", "radio", "198.51.100.7:1", 1, 0, ERR_DENIED},
        {"a client who is not taken", "radio", "203.0.113.7:1", 1, 0, ERR_DENIED},
    };
    struct world *w = two();
    struct agreement_offer a = offer_of("de", 50, 30), b = offer_of("nl", 60, 40);
    struct addr client;
    prefix_from_text(&a.gives.clients.never[0], "203.0.113.0/24");
    prefix_from_text(&b.asks.clients.never[0], "198.51.100.0/24");
    a.gives.clients.never_count = b.asks.clients.never_count = 1;
    world_wish(w, A, &a, LEASE);
    world_wish(w, B, &b, LEASE);
    struct name radio = sample_name("radio");
    addr_from_text(&client, "192.0.2.7:1");
    cr_expect_eq(agreement_admits(&w->sides[A].machine, &radio, 1, &client, 0), ERR_DENIED,
                 "before there is an agreement");
    world_run(w, duration_s(5));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct name service = sample_name(rows[i].service);
        addr_from_text(&client, rows[i].client);
        enum err e =
            agreement_admits(&w->sides[A].machine, &service, rows[i].class, &client, rows[i].used);
        cr_expect_eq(e, rows[i].err, "%s: %s", rows[i].what, err_name(e));
        cr_expect_eq(agreement_offers(machine(B), &service, rows[i].class, &client),
                     rows[i].err != ERR_DENIED, "%s: the other side", rows[i].what);
    }
    cr_expect_eq(machine(A)->counters.overdrawn, 1);
    cr_expect_eq(machine(A)->counters.denied, 6);
}

Test(agreement, who_comes_last_gets_what_is_left) {
    struct world *w = two();
    rooms[2] = rooms[3] = (struct agreement_room){.slots = 100};
    rooms[A].slots = 60;
    uint32_t more = world_pair(w, "fra1", "lon1", &rooms[A], &rooms[2]);
    uint32_t most = world_pair(w, "fra1", "par1", &rooms[A], &rooms[3]);
    struct agreement_offer hub = offer_of("de", 40, 0), taker = offer_of("nl", 0, 40);
    struct agreement_offer needy = taker;
    needy.asks.slots_min = 1;
    world_wish(w, A, &hub, LEASE);
    world_wish(w, B, &taker, LEASE);
    world_run(w, duration_s(5));
    world_wish(w, more, &hub, LEASE);
    world_wish(w, more + 1, &taker, LEASE);
    world_run(w, duration_s(5));
    world_wish(w, most, &hub, LEASE);
    world_wish(w, most + 1, &needy, LEASE);
    world_run(w, duration_s(5));
    cr_expect(machine(A)->held == 40 && machine(more)->held == 20 && rooms[A].held == 60);
    cr_expect(machine(B)->relied == 40 && machine(more + 1)->relied == 20);
    cr_expect_eq(machine(most + 1)->state, AGREEMENT_STATE_REFUSED);
    cr_expect_eq(machine(most)->why, AGREEMENT_WHY_SLOTS);
}
