#include "transcoder/hls/steering.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct steering two(void) {
    struct steering s = {.ttl_s = 2, .reload_uri = "https://ams1.example/v1/steer/film?a=1"};
    name_set(&s.pathways[0], "fra1");
    name_set(&s.pathways[1], "ams1");
    s.pathway_count = 2;
    return s;
}

Test(steering, in_full) {
    char text[STEERING_LEN_MAX];
    struct steering s = two();
    const char *expect = "{\"VERSION\":1,\"TTL\":2,"
                         "\"RELOAD-URI\":\"https://ams1.example/v1/steer/film?a=1\","
                         "\"PATHWAY-PRIORITY\":[\"fra1\",\"ams1\"]}";
    cr_expect_eq(steering_write(text, sizeof(text), &s), strlen(expect));
    cr_expect_str_eq(text, expect);
    for (size_t n = 0; n <= strlen(expect); n++)
        cr_expect_eq(steering_write(text, n, &s), 0, "%zu characters do not hold it", n);
}

Test(steering, what_players_stumble_over_is_never_written) {
    char text[STEERING_LEN_MAX];
    static const struct {
        const char *what;
        uint32_t ttl_s;
        const char *uri;
        size_t count;
        const char *second;
    } rows[] = {
        {"no TTL: hls.js asks without a pause", 0, "https://a/", 2, "ams1"},
        {"a TTL beyond what is asked for", STEERING_TTL_S_MAX + 1, "https://a/", 2, "ams1"},
        {"no RELOAD-URI", 2, NULL, 2, "ams1"},
        {"an empty one", 2, "", 2, "ams1"},
        {"one that ends the text", 2, "https://a/\"", 2, "ams1"},
        {"one with a blank", 2, "https://a/ b", 2, "ams1"},
        {"no pathway", 2, "https://a/", 0, "ams1"},
        {"more than there may be", 2, "https://a/", STEERING_PATHWAYS_MAX + 1, "ams1"},
        {"one twice", 2, "https://a/", 2, "fra1"},
        {"one without a name", 2, "https://a/", 2, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct steering s = two();
        s.ttl_s = rows[i].ttl_s;
        s.reload_uri = rows[i].uri;
        s.pathway_count = rows[i].count;
        s.pathways[1] = (struct name){{0}};
        (void)name_set(&s.pathways[1], rows[i].second);
        cr_expect_eq(steering_write(text, sizeof(text), &s), 0, "%s", rows[i].what);
    }
}

Test(steering, the_longest_fits) {
    char text[STEERING_LEN_MAX];
    char uri[STEERING_URI_MAX + 2] = "https://";
    memset(uri + 8, 'u', STEERING_URI_MAX - 8);
    struct steering s = {.ttl_s = STEERING_TTL_S_MAX, .reload_uri = uri};
    s.pathway_count = STEERING_PATHWAYS_MAX;
    for (int i = 0; i < STEERING_PATHWAYS_MAX; i++) {
        char name[NAME_LEN_MAX + 1];
        (void)snprintf(name, sizeof(name), "%02d-a-cluster-with-a-long-name-x", i);
        cr_assert(name_set(&s.pathways[i], name));
    }
    cr_expect_gt(steering_write(text, sizeof(text), &s), STEERING_URI_MAX);
    uri[STEERING_URI_MAX] = 'u';
    cr_expect_eq(steering_write(text, sizeof(text), &s), 0, "one character more is too many");
}
