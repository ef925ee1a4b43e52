#include "peerd/wire/standbys.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(standbys, request_round_trips) {
    struct standbys_request r = sample_standbys_request(), out;
    struct wire_fault fault;
    size_t len;
    char *text = standbys_request_encode(&r, &len);
    cr_assert_not_null(text);
    cr_assert_eq(standbys_request_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = standbys_request_encode(&out, NULL);
    cr_expect_str_eq(again, text);
    cr_expect(out.ttl_ms == 30000 && out.group_count == 2);
    const struct standbys_group *g = &out.groups[0];
    cr_expect(g->backup_count == 2 && strcmp(g->backups[1].text, "lon1") == 0);
    cr_expect(g->sessions == 900 && g->digest.bytes[1] == 6);
    cr_expect(g->location.bits == 24 && g->location.addr.family == 4);
    cr_expect(out.groups[1].location.bits == 48 && out.groups[1].location.addr.family == 6);
    free(again);
    free(text);
    standbys_request_free(&out);
    cr_expect_null(out.groups);
    standbys_request_free(NULL);
}

Test(standbys, location_has_one_form_or_is_left_out) {
    static const struct {
        const char *text;
        bool taken;
    } rows[] = {{"192.0.2.0/24", true},      {"0.0.0.0/0", true},
                {"192.0.2.1/32", true},      {"192.0.2.1/24", false},
                {"192.0.2.0/33", false},     {"2001:db8:7::/48", true},
                {"2001:db8:7::1/48", false}, {"de", false}};
    struct standbys_request r = sample_standbys_request(), out;
    char *text = standbys_request_encode(&r, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *edited = sample_edit(text, "192.0.2.0/24", rows[i].text);
        enum err e = standbys_request_decode(&out, edited, strlen(edited), NULL);
        cr_expect_eq(e == ERR_OK, rows[i].taken, "%s", rows[i].text);
        if (e == ERR_OK) {
            char *again = standbys_request_encode(&out, NULL);
            cr_expect_str_eq(again, edited);
            free(again);
            standbys_request_free(&out);
        }
        free(edited);
    }
    char *without = sample_edit(text, "\"location\":\"192.0.2.0/24\",", "");
    cr_assert_eq(standbys_request_decode(&out, without, strlen(without), NULL), ERR_OK);
    cr_expect(addr_is_none(&out.groups[0].location.addr));
    char *again = standbys_request_encode(&out, NULL);
    cr_expect_str_eq(again, without);
    free(again);
    free(without);
    free(text);
    standbys_request_free(&out);
}

Test(standbys, request_is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum err err;
        const char *fault;
    } rows[] = {
        {"no time to live", "\"ttl_ms\":30000", "\"ttl_ms\":0", ERR_BAD_FIELD, "ttl_ms: expected"},
        {"a day to live", "\"ttl_ms\":30000", "\"ttl_ms\":86400000", ERR_BAD_FIELD, "ttl_ms:"},
        {"no groups", "\"groups\"", "\"crowds\"", ERR_BAD_FIELD,
         "groups: expected an array of at most 4096, found nothing"},
        {"a group without backups", "\"backups\":[\"ams1\",\"lon1\"]", "\"backups\":[]",
         ERR_BAD_FIELD, "groups[0].backups: expected at least one backup, found an array of 0"},
        {"five backups", "\"ams1\",\"lon1\"", "\"a\",\"b\",\"c\",\"d\",\"e\"", ERR_OVERSIZED,
         "groups[0].backups: expected an array of at most 4"},
        {"a backup that is no name", "\"lon1\"", "17", ERR_BAD_FIELD,
         "groups[0].backups[1]: expected a name of 1 to 31 characters a-z 0-9 - _ ., found 17"},
        {"sessions below zero", "\"sessions\":900", "\"sessions\":-900", ERR_BAD_FIELD,
         "groups[0].sessions"},
        {"a short digest", "\"digest\":\"BQ", "\"digest\":\"", ERR_BAD_FIELD,
         "groups[0].digest: expected 16 bytes in base64url"},
    };
    struct standbys_request r = sample_standbys_request();
    char *text = standbys_request_encode(&r, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct standbys_request, standbys_request_decode, text, &rows[i],
                       rows[i].err);
    free(text);
}

Test(standbys, answer_has_one_figure_a_group) {
    uint32_t slots[] = {900, 0};
    struct standbys_answer a = {.lease_ms = 25000, .slots = slots, .slot_count = 2}, out;
    struct wire_fault fault;
    size_t len;
    char *text = standbys_answer_encode(&a, &len);
    cr_expect_str_eq(text, "{\"lease_ms\":25000,\"slots\":[900,0]}");
    cr_assert_eq(standbys_answer_decode(&out, text, len, 2, &fault), ERR_OK, "%s", fault.text);
    cr_expect(out.lease_ms == 25000 && out.slots[0] == 900 && out.slots[1] == 0);
    standbys_answer_free(&out);
    standbys_answer_free(NULL);
    cr_expect_eq(standbys_answer_decode(&out, text, len, 3, &fault), ERR_BAD_FIELD);
    cr_expect_str_eq(fault.text,
                     "slots: expected as many figures as there are groups, found an array of 2");
    char *wrong = sample_edit(text, "900", "-9");
    cr_expect_eq(standbys_answer_decode(&out, wrong, strlen(wrong), 2, &fault), ERR_BAD_FIELD);
    cr_expect_str_eq(fault.text, "slots[0]: expected an integer from 0 to 4294967295, found -9");
    free(wrong);
    free(text);
}

Test(standbys, refuses_each_truncation_and_one_group_too_many) {
    struct standbys_request r = sample_standbys_request(), out;
    size_t len;
    char *text = standbys_request_encode(&r, &len);
    for (size_t cut = 0; cut < len; cut++)
        cr_expect_neq(standbys_request_decode(&out, text, cut, NULL), ERR_OK, "cut to %zu", cut);
    free(text);
    struct standbys_group *groups = calloc(STANDBYS_GROUPS_MAX + 1, sizeof(*groups));
    for (size_t i = 0; i <= STANDBYS_GROUPS_MAX; i++)
        groups[i] = r.groups[0];
    r.groups = groups;
    r.group_count = STANDBYS_GROUPS_MAX;
    text = standbys_request_encode(&r, &len);
    cr_assert_not_null(text);
    cr_assert_eq(standbys_request_decode(&out, text, len, NULL), ERR_OK);
    cr_expect_eq(out.group_count, STANDBYS_GROUPS_MAX);
    standbys_request_free(&out);
    free(text);
    r.group_count++;
    cr_expect_null(standbys_request_encode(&r, &len));
    free(groups);
}
