#include "peerd/wire/agreement.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(agreement_message, round_trips) {
    struct agreement_message m = sample_agreement_message(), out;
    struct wire_fault fault;
    size_t len;
    char *text = agreement_message_encode(&m, &len);
    cr_assert_not_null(text);
    cr_assert_eq(agreement_message_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = agreement_message_encode(&out, NULL);
    cr_expect_str_eq(again, text);
    cr_expect(out.run == m.run && out.seq == 12 && out.kind == AGREEMENT_KIND_ACCEPT);
    cr_expect(out.heard_run == m.heard_run && out.heard_seq == 5 && out.slots == 45);
    cr_expect_str_eq(out.offer.region.text, "de");
    const struct agreement_gives *g = &out.offer.gives;
    cr_expect(g->slots == 50 && g->classes == 0x0b && g->cost == 7);
    cr_expect(g->services.count == 2 && strcmp(g->services.names[1].text, "voice") == 0);
    cr_expect(g->clients.only_count == 0 && g->clients.never[0].bits == 24);
    const struct agreement_asks *a = &out.offer.asks;
    cr_expect(a->slots == 40 && a->slots_min == 10 && a->classes == 3 && a->cost_max == 9);
    cr_expect(a->regions.only_count == 1 && strcmp(a->regions.never[0].text, "uk") == 0);
    cr_expect(a->clients.only_count == 2 && a->clients.only[1].bits == 48);
    free(again);
    free(text);
}

Test(agreement_message, each_kind_says_what_it_must_and_no_more) {
    struct agreement_message m = sample_agreement_message(), out;
    m.kind = AGREEMENT_KIND_END;
    m.why = AGREEMENT_WHY_COST;
    char *text = agreement_message_encode(&m, NULL);
    cr_expect_not_null(strstr(text, ",\"why\":\"cost\"}"));
    cr_assert_eq(agreement_message_decode(&out, text, strlen(text), NULL), ERR_OK);
    cr_expect(out.why == AGREEMENT_WHY_COST && out.slots == 0);
    free(text);
    m.kind = AGREEMENT_KIND_OFFER;
    m.heard_run = 0;
    text = agreement_message_encode(&m, NULL);
    cr_expect_null(strstr(text, "heard"));
    cr_assert_eq(agreement_message_decode(&out, text, strlen(text), NULL), ERR_OK);
    cr_expect(out.heard_run == 0 && out.heard_seq == 0 && out.slots == 0);
    cr_expect_eq(out.why, AGREEMENT_WHY_NONE);
    free(text);
}

Test(agreement_message, every_reason_has_a_word_of_its_own) {
    for (int i = 0; i <= AGREEMENT_WHY_LAST; i++)
        for (int j = 0; j < i; j++)
            cr_expect_str_neq(agreement_why_word((enum agreement_why)i),
                              agreement_why_word((enum agreement_why)j));
}

Test(agreement_message, is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum err err;
        const char *fault;
    } rows[] = {
        {"a run of zero", "\"run\":\"AQIDBAUGBwg\"", "\"run\":\"AAAAAAAAAAA\"", ERR_BAD_FIELD,
         "run: expected a run other than zero"},
        {"a message before the first", "\"seq\":12", "\"seq\":0", ERR_BAD_FIELD, "seq: expected"},
        {"a kind unheard of", "\"accept\"", "\"demand\"", ERR_BAD_FIELD,
         "kind: expected one of offer accept end, found \"demand\""},
        {"a lease of a day", "\"lease_ms\":60000", "\"lease_ms\":86400000", ERR_BAD_FIELD,
         "lease_ms: expected"},
        {"no region", "\"region\":\"de\"", "\"region\":\"\"", ERR_BAD_FIELD, "region: expected"},
        {"slots below zero", "\"slots\":50", "\"slots\":-50", ERR_BAD_FIELD, "gives.slots"},
        {"needs more than it asks", "\"slots_min\":10", "\"slots_min\":41", ERR_BAD_FIELD,
         "asks.slots_min: expected an integer from 0 to 40, found 41"},
        {"holds more than it gives", "\"slots\":45", "\"slots\":51", ERR_BAD_FIELD,
         "slots: expected an integer from 0 to 50, found 51"},
        {"classes that fall", "[0,1,3]", "[1,0,3]", ERR_BAD_FIELD,
         "gives.classes: expected rising classes from 0 to 7"},
        {"a class too many", "[0,1,3]", "[0,1,8]", ERR_BAD_FIELD, "gives.classes"},
        {"a service that is no name", "\"voice\"", "\"Voice\"", ERR_BAD_FIELD,
         "gives.services[1]: expected a name"},
        {"a prefix with bits beyond its length", "198.51.100.0/24", "198.51.100.1/24",
         ERR_BAD_FIELD, "gives.clients.never[0]: expected a prefix such as"},
        {"accepts what it has not heard", "\"heard\"", "\"hoard\"", ERR_BAD_FIELD,
         "heard: expected what is accepted, found nothing"},
        {"nine regions", "\"only\":[\"nl\"]",
         "\"only\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]", ERR_OVERSIZED,
         "asks.regions.only: expected an array of at most 8"},
    };
    struct agreement_message m = sample_agreement_message();
    char *text = agreement_message_encode(&m, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct agreement_message, agreement_message_decode, text, &rows[i],
                       rows[i].err);
    free(text);
}

Test(agreement_message, the_longest_fits) {
    struct agreement_message m = sample_agreement_message(), out;
    struct name longest;
    struct prefix prefix;
    name_set(&longest, "abcdefghijklmnopqrstuvwxyz-0123");
    prefix_from_text(&prefix, "2001:db8:1111:2222:3333:4444:5555:6666/128");
    struct agreement_gives *g = &m.offer.gives;
    struct agreement_asks *a = &m.offer.asks;
    for (int i = 0; i < AGREEMENT_SERVICES_MAX; i++)
        g->services.names[i] = a->services.names[i] = longest;
    for (int i = 0; i < AGREEMENT_REGIONS_MAX; i++)
        a->regions.only[i] = a->regions.never[i] = longest;
    for (int i = 0; i < AGREEMENT_PREFIXES_MAX; i++)
        g->clients.only[i] = g->clients.never[i] = a->clients.only[i] = a->clients.never[i] =
            prefix;
    g->services.count = a->services.count = AGREEMENT_SERVICES_MAX;
    a->regions.only_count = a->regions.never_count = AGREEMENT_REGIONS_MAX;
    g->clients.only_count = g->clients.never_count = AGREEMENT_PREFIXES_MAX;
    a->clients.only_count = a->clients.never_count = AGREEMENT_PREFIXES_MAX;
    size_t len = 0;
    char *text = agreement_message_encode(&m, &len);
    cr_assert_not_null(text);
    cr_expect_eq(agreement_message_decode(&out, text, len, NULL), ERR_OK);
    free(text);
    g->services.count++;
    cr_expect_null(agreement_message_encode(&m, NULL), "a list too long");
}

Test(agreement_message, memory_that_fails_leaves_nothing_behind) {
    struct agreement_message m = sample_agreement_message(), out;
    size_t len, needed = 0;
    char *whole = agreement_message_encode(&m, &len), *text = NULL;
    for (; text == NULL && needed < 1000; needed++) {
        sample_memory(needed);
        text = agreement_message_encode(&m, NULL);
        sample_memory_all();
    }
    cr_expect(needed > 10);
    cr_expect_str_eq(text, whole);
    enum err e = ERR_NO_MEMORY;
    for (needed = 0; e != ERR_OK && needed < 1000; needed++) {
        sample_memory(needed);
        e = agreement_message_decode(&out, whole, len, NULL);
        sample_memory_all();
    }
    cr_expect(needed > 10 && e == ERR_OK);
    free(text);
    free(whole);
}
