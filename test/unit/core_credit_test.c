#include "test/unit/core_fixture.h"

#include "peerd/base/rng.h"

static uint32_t granted(const struct core_answer_node *a) {
    return a->credit.slots * FIXTURE_WORKERS;
}

Test(core_credit, each_node_has_its_share) {
    static const struct {
        const char *what;
        uint32_t nodes, capacity;
        uint32_t expected[3]; /* both workers of each node */
    } rows[] = {
        {"one node has all", 1, 100, {100}},
        {"two have half", 2, 100, {50, 50}},
        {"what does not divide by workers is not granted", 2, 50, {24, 24}},
        {"what does not divide by nodes goes to the first", 3, 14, {4, 4, 4}},
        {"nothing for anybody", 3, 2, {0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = fixture_new(rows[i].nodes, 0, rows[i].capacity);
        uint32_t sum = 0;
        for (uint32_t n = 0; n < rows[i].nodes; n++) {
            struct core_answer_node a = fixture_node(f, n, &(struct fixture_report){0});
            cr_expect_eq(granted(&a), rows[i].expected[n], "%s: node %u has %u", rows[i].what, n,
                         granted(&a));
            cr_expect_eq(a.credit.lease_ms, 300000u);
            sum += granted(&a);
        }
        cr_expect_leq(sum, rows[i].capacity, "%s", rows[i].what);
        fixture_free(f);
    }
}

static void change(struct fixture *f, const struct policy *p) {
    struct core_event e = {.kind = CORE_POLICY_CHANGED};
    f->policy = *p;
    e.u.policy = p;
    fixture_step(f, &e);
}

Test(core_credit, a_new_node_waits_until_the_others_have_let_go) {
    struct fixture *f = fixture_new(1, 0, 100);
    fixture_register(f);
    struct policy two = f->policy;
    two.node_count = 2;
    two.nodes[1] = (struct policy_node){.name = fixture_name("n", 1), .key = fixture_key(1, 1)};
    change(f, &two);
    struct core_answer_node a = fixture_node(f, 1, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 0u, "n0 believes in 100 still");
    a = fixture_node(f, 0, &(struct fixture_report){.lost_answer = true});
    cr_expect_eq(granted(&a), 50u);
    a = fixture_node(f, 1, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 0u, "the answer may not have reached it");
    a = fixture_node(f, 0, &(struct fixture_report){0});
    a = fixture_node(f, 1, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 0u, "it has, but n0 has not said so");
    a = fixture_node(f, 0, &(struct fixture_report){0});
    a = fixture_node(f, 1, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 50u);
    fixture_free(f);
}

Test(core_credit, a_removed_node_keeps_its_lease_to_the_end) {
    struct fixture *f = fixture_new(2, 0, 100);
    fixture_register(f);
    struct policy one = f->policy;
    one.node_count = 1;
    change(f, &one);
    struct core_answer_node a = fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 50u, "the other half is with a node that we no longer speak to");
    for (int i = 0; i < 305; i++) {
        f->now = instant_add(f->now, duration_ms(990));
        a = fixture_node(f, 0, &(struct fixture_report){0});
    }
    a = fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 100u);
    fixture_free(f);
}

/* A run of peerd before this one may have granted it its share. */
Test(core_credit, so_does_one_that_was_not_heard_since_the_start) {
    struct fixture *f = fixture_new(2, 0, 100);
    struct policy one = f->policy;
    one.node_count = 1;
    change(f, &one);
    struct core_answer_node a = fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 50u);
    for (int i = 0; i < 305; i++) {
        f->now = instant_add(f->now, duration_ms(990));
        a = fixture_node(f, 0, &(struct fixture_report){0});
    }
    a = fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 100u);
    fixture_free(f);
}

Test(core_credit, a_node_lost_from_sight_keeps_its_share) {
    struct fixture *f = fixture_new(2, 0, 100);
    fixture_register(f);
    fixture_wait(f, 500);
    fixture_node(f, 0, &(struct fixture_report){0});
    fixture_wait(f, 700);
    cr_expect_not(core_node_status(f->core, 1).registered);
    cr_expect_eq(core_status(f->core).free, 50u, "nothing is opened there");
    struct core_answer_node a = fixture_node(f, 0, &(struct fixture_report){0});
    cr_expect_eq(granted(&a), 50u);
    fixture_free(f);
}

/* What a node believes in, as its supervisor keeps it. */
struct belief {
    uint32_t slots;
    struct instant until;
    bool alive;
};

static uint32_t believed(const struct belief *b, uint32_t count, struct instant now) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!instant_reached(now, b[i].until))
            sum += b[i].slots;
    return sum;
}

/* Answers are lost, nodes fall silent, peerd is restarted, capacity changes: what all nodes
 * together believe in never exceeds the capacity in force, or what they were given lawfully
 * before it shrank. */
Test(core_credit, is_never_exceeded_in_sum_whatever_is_lost) {
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        uint32_t nodes = 1 + (uint32_t)rng_below(&g, 4),
                 capacity = 10 + (uint32_t)rng_below(&g, 90);
        struct belief b[4] = {{0}};
        struct fixture *f = fixture_new(nodes, 0, capacity);
        f->policy.limits.credit_lease = duration_s(20);
        core_free(f->core);
        fixture_start(f, 1);
        for (uint32_t i = 0; i < nodes; i++)
            b[i] = (struct belief){0, f->now, true};
        for (int step = 0; step < 600; step++) {
            f->now = instant_add(f->now, duration_ms((int64_t)rng_below(&g, 200)));
            uint32_t n = (uint32_t)rng_below(&g, nodes), before = believed(b, nodes, f->now);
            if (rng_below(&g, 40) == 0)
                b[n].alive = !b[n].alive;
            if (rng_below(&g, 100) == 0) {
                core_free(f->core);
                fixture_start(f, 2 + (uint64_t)step);
            }
            if (b[n].alive) {
                bool lost = rng_below(&g, 3) == 0;
                struct core_answer_node a =
                    fixture_node(f, n, &(struct fixture_report){.lost_answer = lost});
                if (!lost)
                    b[n] = (struct belief){granted(&a), instant_add(f->now, duration_s(20)), true};
            }
            uint32_t sum = believed(b, nodes, f->now);
            cr_assert(sum <= capacity || sum <= before, "seed %d step %d: %u of %u", (int)seed,
                      step, sum, capacity);
        }
        cr_expect_gt(believed(b, nodes, f->now), 0u, "seed %d: and something is granted",
                     (int)seed);
        fixture_free(f);
    }
}
