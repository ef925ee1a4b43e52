#include "peerd/core/agreement_terms.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Gives and asks 50 slots for radio, classes 0 and 1, at a cost of 7 of at most 9. */
static struct agreement_offer usual(const char *region) {
    struct agreement_offer o = {.region = sample_name(region)};
    o.gives.slots = o.asks.slots = 50;
    o.gives.services.names[0] = o.asks.services.names[0] = sample_name("radio");
    o.gives.services.count = o.asks.services.count = 1;
    o.gives.classes = o.asks.classes = 3;
    o.gives.cost = 7;
    o.asks.cost_max = 9;
    return o;
}

static void gives_nothing(struct agreement_offer *giver, struct agreement_offer *asker) {
    (void)asker;
    giver->gives.slots = 0;
}

static void elsewhere(struct agreement_offer *giver, struct agreement_offer *asker) {
    asker->asks.regions.only[0] = sample_name("fr");
    asker->asks.regions.only_count = 1;
    (void)giver;
}

static void not_there(struct agreement_offer *giver, struct agreement_offer *asker) {
    asker->asks.regions.never[0] = giver->region;
    asker->asks.regions.never_count = 1;
}

static void other_service(struct agreement_offer *giver, struct agreement_offer *asker) {
    (void)asker;
    giver->gives.services.names[0] = sample_name("voice");
}

static void other_classes(struct agreement_offer *giver, struct agreement_offer *asker) {
    giver->gives.classes = 0xf0;
    (void)asker;
}

static void too_dear(struct agreement_offer *giver, struct agreement_offer *asker) {
    giver->gives.cost = asker->asks.cost_max + 1;
}

static void too_few(struct agreement_offer *giver, struct agreement_offer *asker) {
    giver->gives.slots = 20;
    asker->asks.slots_min = 21;
}

typedef void spoil_fn(struct agreement_offer *giver, struct agreement_offer *asker);

static const struct {
    const char *what;
    spoil_fn *spoil, *before; /* `before` is spoilt, too, and decides less than `spoil` */
    enum agreement_why why;
} rules[] = {
    {"1 nothing is given", gives_nothing, not_there, AGREEMENT_WHY_NOTHING},
    {"2 another region only", elsewhere, other_service, AGREEMENT_WHY_REGION},
    {"2 never that region", not_there, other_service, AGREEMENT_WHY_REGION},
    {"3 no service in common", other_service, other_classes, AGREEMENT_WHY_SERVICES},
    {"4 no class in common", other_classes, too_dear, AGREEMENT_WHY_CLASSES},
    {"5 it costs more", too_dear, too_few, AGREEMENT_WHY_COST},
    {"6 not enough", too_few, too_few, AGREEMENT_WHY_SLOTS},
};

Test(agreement_terms, what_fits_is_the_lesser_of_both) {
    struct agreement_offer a = usual("de"), b = usual("nl");
    struct agreement_terms t;
    b.gives.slots = 30;
    b.asks.slots = 80;
    b.asks.services.names[1] = sample_name("voice");
    b.asks.services.count = 2;
    b.asks.classes = 0x06;
    cr_assert_eq(agreement_terms_of(&t, &a, &b), AGREEMENT_WHY_NONE);
    cr_expect(t.theirs.slots == 50 && t.ours.slots == 30);
    cr_expect(t.theirs.classes == 2 && t.ours.classes == 3);
    cr_expect(t.theirs.services.count == 1 && t.theirs.cost == 7);
}

Test(agreement_terms, each_rule_refuses_by_its_name) {
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct agreement_offer a = usual("de"), b = usual("nl");
        struct agreement_terms t;
        rules[i].spoil(&b, &a);
        rules[i].before(&b, &a);
        enum agreement_why why = agreement_terms_of(&t, &a, &b);
        cr_expect_eq(t.ours.why, rules[i].why, "%s: %s", rules[i].what,
                     agreement_why_word(t.ours.why));
        cr_expect(t.ours.slots == 0 && t.theirs.slots == 50, "%s", rules[i].what);
        cr_expect_eq(why, a.asks.slots_min > 0 ? rules[i].why : AGREEMENT_WHY_NONE,
                     "%s: what is not needed does not hinder what the other gets", rules[i].what);
    }
}

Test(agreement_terms, what_one_cannot_do_without_hinders_both) {
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct agreement_offer a = usual("de"), b = usual("nl");
        struct agreement_terms mine, theirs;
        a.asks.slots_min = 1;
        rules[i].spoil(&b, &a);
        cr_expect_eq(agreement_terms_of(&mine, &a, &b), rules[i].why, "%s", rules[i].what);
        cr_expect_eq(agreement_terms_of(&theirs, &b, &a), rules[i].why, "%s: the other side",
                     rules[i].what);
    }
}

Test(agreement_terms, nobody_gives_anything) {
    struct agreement_offer a = usual("de"), b = usual("nl");
    struct agreement_terms t;
    a.asks.slots = b.asks.slots = 0;
    cr_expect_eq(agreement_terms_of(&t, &a, &b), AGREEMENT_WHY_NOTHING, "nobody asks");
    a.asks.slots = 5;
    cr_expect_eq(agreement_terms_of(&t, &a, &b), AGREEMENT_WHY_NONE, "one asks");
    cr_expect(t.ours.slots == 5 && t.theirs.slots == 0 && t.theirs.why == AGREEMENT_WHY_NONE);
    too_dear(&b, &a);
    cr_expect_eq(agreement_terms_of(&t, &a, &b), AGREEMENT_WHY_COST, "and does not pay for it");
}

Test(agreement_terms, the_longest_prefix_decides) {
    static const struct {
        const char *what, *only, *never, *client;
        bool may;
    } rows[] = {
        {"nothing is said", NULL, NULL, "192.0.2.7:9", true},
        {"in what may", "192.0.2.0/24", NULL, "192.0.2.7:9", true},
        {"not in what may", "192.0.2.0/24", NULL, "192.0.3.7:9", false},
        {"of the other family", "192.0.2.0/24", NULL, "[2001:db8::1]:9", false},
        {"in what must not", NULL, "192.0.2.0/24", "192.0.2.7:9", false},
        {"not in what must not", NULL, "192.0.2.0/24", "192.0.3.7:9", true},
        {"an exception from what may", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.200:9", false},
        {"beside that exception", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.7:9", true},
        {"an exception from what must not", "192.0.2.0/24", "192.0.0.0/16", "192.0.2.7:9", true},
        {"both are as long", "192.0.2.0/24", "192.0.2.0/24", "192.0.2.7:9", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct agreement_clients c = {.only_count = rows[i].only != NULL,
                                      .never_count = rows[i].never != NULL};
        struct addr client;
        cr_assert(rows[i].only == NULL || prefix_from_text(&c.only[0], rows[i].only));
        cr_assert(rows[i].never == NULL || prefix_from_text(&c.never[0], rows[i].never));
        cr_assert(addr_from_text(&client, rows[i].client));
        cr_expect_eq(agreement_clients_hold(&c, &client), rows[i].may, "%s", rows[i].what);
    }
}
