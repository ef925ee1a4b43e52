#include "peerd/policy/schema_diff.h"

#include "peerd/io/policy_file.h"
#include "peerd/policy/policy_schema.h"

#include <criterion/criterion.h>
#include <glob.h>
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

#define SAMPLES_MAX 32

/* What was told, in whatever order: how many keys, and a sum over them and both of their values. */
struct digest {
    uint32_t count;
    uint64_t sum;
    bool back; /* the way back is looked at: what was before comes after */
};

static uint64_t hash(uint64_t h, const char *text) {
    for (; text != NULL && *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3;
    return (h ^ 0xff) * 0x100000001b3;
}

static void digest(void *data, const char *path, const char *before, const char *after) {
    struct digest *d = data;
    bool secret = before != NULL && strcmp(before, "one") == 0; /* and `after` is "another" */
    d->count++;
    if (secret)
        before = after = NULL;
    d->sum += hash(hash(hash(1, path), d->back ? after : before), d->back ? before : after);
}

/* `peerctl diff` over each pair of samples: whatever one would change, the other would change back.
 */
Test(schema_diff, samples_differ_from_one_another_and_not_from_themselves) {
    static struct faults faults;
    struct policy *all[SAMPLES_MAX];
    size_t count = 0;
    glob_t files;
    cr_assert_eq(glob("conf/*.yaml", 0, NULL, &files), 0, "run this at the top of the sources");
    cr_assert_eq(glob("conf/*/*.yaml", GLOB_APPEND, NULL, &files), 0);
    cr_assert_leq(files.gl_pathc, (size_t)SAMPLES_MAX);
    for (; count < files.gl_pathc; count++)
        cr_assert_not_null(all[count] = policy_file_load_alone(files.gl_pathv[count], &faults));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            struct digest there = {.back = false}, back = {.back = true};
            schema_diff(&policy_table, all[i], all[k], digest, &there);
            schema_diff(&policy_table, all[k], all[i], digest, &back);
            cr_expect_eq(there.count == 0, i == k, "%s, %s: %u", files.gl_pathv[i],
                         files.gl_pathv[k], there.count);
            cr_expect(there.count == back.count && there.sum == back.sum, "%s, %s",
                      files.gl_pathv[i], files.gl_pathv[k]);
        }
    for (size_t i = 0; i < count; i++)
        policy_file_free(all[i]);
    globfree(&files);
}
