#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/*
 * fra1 and what it agrees with peer0, which the test plays with a machine of its own.
 */

struct partner {
    struct agreement machine;
    struct agreement_room room;
    struct agreement_outbox outbox;
};

/* fra1 holds `reserved` for it; by `required` only what was agreed is taken and given. */
static struct fixture *ready(uint32_t reserved, bool required) {
    struct fixture *f = fixture_new(1, 2, 100);
    f->policy.peers[0].reserved_slots = reserved;
    if (required) {
        f->policy.agreement_count = 1;
        f->policy.agreements[0] = (struct policy_agreement){
            .pattern = "peer0", .asks = 20, .cost_max = 5, .lease = duration_s(60)};
    }
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    return f;
}

static struct agreement_offer offer(uint32_t gives, uint32_t asks) {
    struct agreement_offer o = {.gives = {.slots = gives}, .asks = {.slots = asks}};
    name_set(&o.region, "europe");
    name_set(&o.gives.services.names[0], "radio");
    o.gives.services.count = 1;
    o.asks.services = o.gives.services;
    o.gives.classes = o.asks.classes = 1;
    o.gives.cost = 3;
    return o;
}

static void partner_init(struct partner *p, uint32_t run) {
    memset(p, 0, sizeof(*p));
    p->room.slots = 1000;
    struct agreement_setup setup = {.run = run, .seed = 7, .room = &p->room};
    name_set(&setup.self, "peer0");
    name_set(&setup.peer, "fra1");
    agreement_init(&p->machine, &setup);
}

static void partner_step(struct fixture *f, struct partner *p, struct agreement_event *e) {
    e->now = f->now;
    agreement_step(&p->machine, e, &p->outbox);
}

/* What it says is heard, and it hears the answer; false if there is nothing to say or no answer. */
static bool partner_says(struct fixture *f, struct partner *p) {
    if (!p->outbox.say)
        return false;
    struct agreement_message said = p->outbox.message;
    struct core_event e = {.kind = CORE_AGREEMENT_HEARD};
    e.u.agreement = (struct core_agreement_heard){.request = 7, .asked = true, .message = &said};
    fixture_step(f, &e);
    cr_assert_eq(f->outbox.items[0].kind, CORE_ANSWER_AGREEMENT);
    cr_assert_eq(f->outbox.items[0].u.agreement.request, 7u);
    if (f->outbox.items[0].u.agreement.err != ERR_OK)
        return false;
    struct agreement_message answer = *f->outbox.items[0].u.agreement.message;
    partner_step(f, p, &(struct agreement_event){.kind = AGREEMENT_HEARD, .message = &answer});
    return true;
}

static void partner_wishes(struct fixture *f, struct partner *p, uint32_t gives, uint32_t asks) {
    const struct agreement_offer wish = offer(gives, asks);
    partner_step(
        f, p,
        &(struct agreement_event){
            .kind = AGREEMENT_WISHED, .wished = true, .offer = &wish, .lease = duration_s(60)});
    for (int i = 0; i < 8; i++) { /* less than the lease of a node */
        partner_says(f, p);
        fixture_wait(f, 100);
        partner_step(f, p, &(struct agreement_event){.kind = AGREEMENT_PASSED});
    }
}

static struct core_agreement_status status(const struct fixture *f) {
    return core_peer_agreement(f->core, 0);
}

static struct node_session of_peer(uint32_t number, enum resume_purpose purpose) {
    struct node_session s = fixture_session(number, 1, purpose);
    name_set(&s.issuer, "peer0");
    return s;
}

/* A node tells of so many sessions of peer0, the first of them `first`; how many it is told to end
 * and why. */
static uint32_t bring(struct fixture *f, uint32_t first, uint32_t count, enum err *why) {
    static struct node_session all[200];
    uint32_t ended = 0;
    for (uint32_t i = 0; i < first + count; i++)
        all[i] = of_peer(i + 1, RESUME_COMMIT);
    struct core_answer_node a = fixture_node(
        f, 0, &(struct fixture_report){.sessions = all, .session_count = first + count});
    for (uint32_t i = 0; i < a.order_count; i++) {
        ended += a.orders[i].what == NODE_ORDER_END;
        *why = a.orders[i].error;
    }
    return ended;
}

Test(core_agreements, without_a_row_whoever_asks_has_one_at_once_and_nothing_changes) {
    struct fixture *f = ready(0, false);
    struct partner p;
    enum err why = ERR_OK;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_expect_eq(p.machine.state, AGREEMENT_STATE_AGREED);
    cr_expect_eq(p.machine.relied, 40u, "%u", p.machine.relied);
    cr_expect(!status(f).required && status(f).agreement->state == AGREEMENT_STATE_AGREED);
    cr_expect_eq(core_status(f->core).reserved, 0u, "nothing is set aside for it");
    cr_expect_eq(bring(f, 0, 45, &why), 0u, "nor is it held to that");
    fixture_free(f);
}

Test(core_agreements, what_was_agreed_is_held_and_no_more_is_taken) {
    struct fixture *f = ready(10, true);
    struct partner p;
    enum err why = ERR_OK;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_expect(p.machine.state == AGREEMENT_STATE_AGREED && p.machine.relied == 10);
    cr_expect(status(f).required && status(f).held == 10 && status(f).relied == 20);
    cr_expect_eq(core_agreement_room(f->core).held, 10u);
    cr_expect_eq(core_status(f->core).reserved, 10u);
    cr_expect_eq(bring(f, 0, 8, &why), 0u);
    cr_expect_eq(core_status(f->core).reserved, 2u);
    cr_expect_eq(bring(f, 8, 5, &why), 3u, "two of five fit");
    cr_expect_eq(why, ERR_NO_CREDIT);
    cr_expect_eq(status(f).here, 10u);
    cr_expect_eq(status(f).agreement->counters.overdrawn, 3u);
    cr_expect_eq(core_counters(f->core)->sessions_denied, 3u);
    fixture_free(f);
}

/* The lesser of what it holds for us and of what it says is free. */
Test(core_agreements, there_is_no_more_room_than_it_says) {
    struct fixture *f = ready(10, true);
    struct partner p;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_assert_eq(status(f).relied, 20u);
    f->core->peers[0]->said_free = 5;
    cr_expect_eq(agreements_room(f->core, f->core->peers[0]), 5u);
    f->core->peers[0]->said_free = 50;
    cr_expect_eq(agreements_room(f->core, f->core->peers[0]), 20u);
    fixture_free(f);
}

Test(core_agreements, who_moves_nobody_there_asks_for_nothing) {
    struct fixture *f = fixture_new(1, 2, 100);
    struct partner p;
    f->policy.peers[0].reserved_slots = 10;
    f->policy.peers[0].offer_moves = false;
    f->policy.agreement_count = 1;
    f->policy.agreements[0] = (struct policy_agreement){
        .pattern = "peer0", .asks = 20, .cost_max = 5, .lease = duration_s(60)};
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_expect(p.machine.relied == 10 && p.machine.held == 0);
    cr_expect(status(f).held == 10 && status(f).relied == 0);
    fixture_free(f);
}

Test(core_agreements, what_is_not_in_the_terms_is_denied) {
    static const struct {
        const char *what;
        const char *service;
        uint8_t last; /* of the client's address */
        uint32_t priority;
        enum err why;
        uint32_t at_the_door; /* the services that workers let in, of radio and no other */
    } rows[] = {
        {"as agreed", "radio", 1, 0, ERR_OK, 1},
        {"another service", "voice", 1, 0, ERR_DENIED, 1},
        {"a class that it has not asked for", "radio", 1, 1, ERR_DENIED, 0},
        {"a client whom we do not serve for it", "radio", 129, 0, ERR_DENIED, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = ready(10, true);
        struct partner p;
        f->policy.services[0].priority = rows[i].priority;
        f->policy.agreements[0].serves_never.count = 1;
        prefix_from_text(&f->policy.agreements[0].serves_never.list[0], "192.0.2.128/25");
        if (rows[i].priority > 0) {
            f->policy.agreements[0].class_count = 2;
            f->policy.agreements[0].classes[1] = 1;
        }
        fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
        partner_init(&p, 11);
        partner_wishes(f, &p, 30, 40);
        struct node_session s = of_peer(1, RESUME_HEDGE);
        name_set(&s.service, rows[i].service);
        s.client.ip[3] = rows[i].last;
        struct core_answer_node a =
            fixture_node(f, 0, &(struct fixture_report){.sessions = &s, .session_count = 1});
        enum err why = a.order_count > 0 ? a.orders[0].error : ERR_OK;
        cr_expect_eq(why, rows[i].why, "%s: %s", rows[i].what, err_name(why));
        cr_assert_eq(a.guest_count, 1u);
        cr_expect_eq(a.guests[0].services, rows[i].at_the_door, "%s", rows[i].what);
        cr_expect_eq(status(f).agreement->counters.denied, rows[i].why == ERR_DENIED, "%s",
                     rows[i].what);
        fixture_free(f);
    }
}

Test(core_agreements, whoever_was_here_before_stays) {
    struct fixture *f = ready(2, true);
    struct partner p;
    static struct node_session all[5];
    for (uint32_t i = 0; i < 5; i++)
        all[i] = of_peer(i + 1, RESUME_COMMIT);
    core_free(f->core);
    fixture_start(f, 3); /* and its node has all of them already */
    struct core_answer_node a =
        fixture_node(f, 0, &(struct fixture_report){.sessions = all, .session_count = 5});
    cr_expect_eq(a.order_count, 0u);
    cr_expect_eq(status(f).here, 5u);
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_expect_eq(fixture_node(f, 0, &(struct fixture_report){.sessions = all, .session_count = 5})
                     .order_count,
                 0u, "nor does an agreement on less change that");
    fixture_free(f);
}

Test(core_agreements, a_peer_not_heard_since_the_start_brings_what_is_reserved_for_a_lease) {
    struct fixture *f = ready(3, true);
    enum err why = ERR_OK;
    cr_expect_eq(bring(f, 0, 4, &why), 1u);
    cr_expect_eq(why, ERR_NO_CREDIT);
    fixture_free(f);
    f = ready(3, true);
    fixture_wait(f, 60000);
    fixture_register(f);
    cr_expect_eq(bring(f, 0, 1, &why), 1u, "a lease after the start nothing can be in force");
    cr_expect_eq(why, ERR_DENIED);
    fixture_free(f);
}

Test(core_agreements, without_an_agreement_nothing_of_ours_is_given) {
    struct fixture *f = ready(10, true);
    struct standbys_group g = {.sessions = 4, .backup_count = 1};
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    name_set(&g.issuer, "peer0");
    name_set(&g.service, "radio");
    prefix_from_text(&g.location, "192.0.2.0/24");
    e.u.lodged = (struct core_standbys_lodged){
        .request = 7, .peer = 0, .ttl_ms = 900, .groups = &g, .group_count = 1};
    struct partner p;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 0); /* it asks for nothing */
    cr_expect(status(f).held == 0 && status(f).relied == 20);
    fixture_step(f, &e);
    cr_expect_eq(f->outbox.items[0].u.standbys.slots[0], 0u);
    partner_wishes(f, &p, 30, 5);
    fixture_register(f);
    fixture_step(f, &e);
    cr_expect_eq(f->outbox.items[0].u.standbys.slots[0], 4u);
    fixture_free(f);
}

Test(core_agreements, another_name_is_refused_and_counted) {
    struct fixture *f = ready(10, true);
    struct partner p;
    partner_init(&p, 11);
    name_set(&p.machine.self, "peer1");
    const struct agreement_offer wish = offer(30, 40);
    partner_step(
        f, &p,
        &(struct agreement_event){
            .kind = AGREEMENT_WISHED, .wished = true, .offer = &wish, .lease = duration_s(60)});
    cr_expect(!partner_says(f, &p));
    cr_expect_eq(f->outbox.items[0].u.agreement.err, ERR_FOREIGN);
    cr_expect_eq(status(f).agreement->counters.foreign, 1u);
    cr_expect_eq(status(f).held, 0u);
    fixture_free(f);
}

Test(core_agreements, whoever_goes_on_and_on_does_not_fill_the_log) {
    struct fixture *f = ready(10, true);
    struct agreement_message m = {.run = 5, .seq = 1, .kind = AGREEMENT_KIND_OFFER};
    name_set(&m.cluster, "peer1");
    m.lease_ms = 5000;
    uint32_t before = f->trace.count;
    for (int i = 0; i < 100; i++) {
        struct core_event e = {.kind = CORE_AGREEMENT_HEARD};
        e.u.agreement = (struct core_agreement_heard){.asked = true, .message = &m};
        fixture_step(f, &e);
    }
    cr_expect_eq(status(f).agreement->counters.foreign, 100u);
    cr_expect_leq(f->trace.count - before, 10u, "%u lines", f->trace.count - before);
    fixture_free(f);
}

Test(core_agreements, it_ends_when_the_policy_wants_it_no_more) {
    struct fixture *f = ready(10, true);
    struct partner p;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    cr_assert_eq(p.machine.state, AGREEMENT_STATE_AGREED);
    f->policy.peers[0].reserved_slots = 0;
    f->policy.agreements[0].asks = 0;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    for (int i = 0; i < 10; i++)
        fixture_wait(f, 50);
    cr_expect_eq(status(f).agreement->state, AGREEMENT_STATE_REFUSED);
    cr_expect_eq(status(f).relied, 0u);
    partner_wishes(f, &p, 30, 40);
    cr_expect_eq(p.machine.state, AGREEMENT_STATE_REFUSED);
    cr_expect_eq(p.machine.relied, 0u);
    fixture_wait(f, 61000);
    cr_expect_eq(status(f).held, 0u);
    fixture_free(f);
}

Test(core_agreements, it_ends_with_the_lease) {
    struct fixture *f = ready(10, true);
    struct partner p;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    fixture_wait(f, 50000);
    cr_expect(status(f).held == 10 && status(f).relied == 20);
    fixture_wait(f, 11000);
    cr_expect(status(f).held == 0 && status(f).relied == 0, "%u %u", status(f).held,
              status(f).relied);
    cr_expect_eq(core_agreement_room(f->core).held, 0u);
    fixture_free(f);
}

/* It did not run while the lease ended, and what wakes it is the peer that counts on us still. */
Test(core_agreements, it_has_ended_before_what_wakes_us_is_answered) {
    struct fixture *f = ready(10, true);
    struct standbys_group g = {.sessions = 4, .backup_count = 1};
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    struct partner p;
    partner_init(&p, 11);
    name_set(&g.issuer, "peer0");
    name_set(&g.service, "radio");
    prefix_from_text(&g.location, "192.0.2.0/24");
    e.u.lodged = (struct core_standbys_lodged){
        .request = 7, .peer = 0, .ttl_ms = 900, .groups = &g, .group_count = 1};
    partner_wishes(f, &p, 30, 40);
    f->now = instant_add(f->now, duration_s(57));
    fixture_step(f, &e);
    cr_expect_eq(f->outbox.items[0].u.standbys.slots[0], 4u, "the lease runs yet");
    f->now = instant_add(f->now, duration_s(5));
    fixture_step(f, &e);
    cr_expect_eq(f->outbox.items[0].u.standbys.slots[0], 0u);
    cr_expect(status(f).held == 0 && status(f).relied == 0);
    fixture_free(f);
}

Test(core_agreements, a_row_that_is_taken_out_leaves_it_trusted) {
    struct fixture *f = ready(10, true);
    struct partner p;
    enum err why = ERR_OK;
    partner_init(&p, 11);
    partner_wishes(f, &p, 30, 40);
    f->policy.agreement_count = 0;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect(status(f).agreement == NULL && !status(f).required);
    cr_expect_eq(core_agreement_room(f->core).held, 0u);
    cr_expect_eq(core_status(f->core).reserved, 10u, "as its policy says");
    cr_expect_eq(bring(f, 0, 15, &why), 0u);
    fixture_free(f);
}
