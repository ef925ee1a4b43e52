#include "peerd/policy/schema_diff.h"

#include "peerd/policy/policy_schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is told, a line each: "KEY: BEFORE -> AFTER". */
static char told[4096];

static void tell(void *data, const char *path, const char *before, const char *after) {
    size_t len = strlen(told);
    (void)data;
    snprintf(told + len, sizeof(told) - len, "%s: %s -> %s\n", path,
             before == NULL ? "none" : before, after == NULL ? "none" : after);
}

static void add_peer(struct policy *p, const char *name, uint32_t slots) {
    struct policy_peer *peer = &p->peers[p->peer_count++];
    *peer = (struct policy_peer){.accept_moves = true, .reserved_slots = slots};
    name_set(&peer->name, name);
}

static void add_prefix(struct policy *p, const char *prefix) {
    cr_assert(prefix_from_text(&p->grants[p->grant_count++].prefix, prefix));
}

static struct policy *sample(void) {
    struct policy *p = calloc(1, sizeof(*p));
    cr_assert_not_null(p);
    name_set(&p->cluster.name, "fra1");
    p->detection.detect_within = duration_ms(400);
    p->limits.opens_per_s = 200;
    p->limits.hedge_ms_max = 500;
    p->service_count = 1;
    name_set(&p->services[0].name, "radio");
    p->services[0].profile_count = 2;
    name_set(&p->services[0].profiles[0], "opus");
    name_set(&p->services[0].profiles[1], "pcmu");
    add_peer(p, "ams1", 10);
    add_peer(p, "lon1", 20);
    add_prefix(p, "192.0.2.0/24");
    p->grants[0].token_digest[0] = 7;
    return p;
}

Test(schema_diff, the_same_differs_in_nothing) {
    struct policy *a = sample(), *b = sample();
    told[0] = '\0';
    schema_diff(&policy_table, a, b, tell, NULL);
    cr_expect_str_eq(told, "");
    free(a);
    free(b);
}

Test(schema_diff, tells_each_difference_as_it_would_be_written) {
    struct policy *a = sample(), *b = sample();
    b->detection.detect_within = duration_ms(1500);
    b->limits.hedge_ms_max = 2000;
    name_set(&b->services[0].profiles[0], "gsm");
    b->peers[0].reserved_slots = 11;
    b->peers[0].accept_moves = false;
    name_set(&b->peers[1].name, "par1");
    b->grants[0].token_digest[0] = 8;
    cr_assert(prefix_from_text(&b->grants[0].prefix, "2001:db8::/32"));
    told[0] = '\0';
    schema_diff(&policy_table, a, b, tell, NULL);
    cr_expect_str_eq(told, "peers[ams1].accept_moves: true -> false\n"
                           "peers[ams1].reserved_slots: 10 -> 11\n"
                           "peers[lon1]: there -> none\n"
                           "peers[par1]: none -> there\n"
                           "services[radio].profiles: opus -> none\n"
                           "services[radio].profiles: none -> gsm\n"
                           "grants[0].token: one -> another\n"
                           "grants[0].prefix: 192.0.2.0/24 -> 2001:db8::/32\n"
                           "detection.detect_within: 400ms -> 1500ms\n"
                           "limits.hedge_max: 500ms -> 2s\n");
    free(a);
    free(b);
}

/* Of those who have a name the place does not count. */
Test(schema_diff, another_order_is_no_difference) {
    struct policy *a = sample(), *b = sample();
    struct policy_peer first = b->peers[0];
    struct name profile = b->services[0].profiles[0];
    b->peers[0] = b->peers[1];
    b->peers[1] = first;
    b->services[0].profiles[0] = b->services[0].profiles[1];
    b->services[0].profiles[1] = profile;
    told[0] = '\0';
    schema_diff(&policy_table, a, b, tell, NULL);
    cr_expect_str_eq(told, "");
    free(a);
    free(b);
}
