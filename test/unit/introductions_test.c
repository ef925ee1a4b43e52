#include "peerd/wire/introductions.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct description known[INTRODUCTIONS_MAX];
static size_t count, refused;
static struct public_key next;

static char *envelope_of(const char *name, uint8_t number) {
    struct key_pair pair = sample_pair(number);
    struct description d = sample_description();
    d.cluster = sample_name(name);
    d.key = pair.public_key;
    size_t len;
    return description_seal(&d, &pair, &len);
}

static enum err decode(const char *text, size_t len) {
    enum err err = introductions_decode(known, &count, &refused, &next, text, len, NULL);
    for (size_t i = 0; i < count; i++)
        known[i].issued_s = 0;
    return err;
}

static void release(void) {
    for (size_t i = 0; i < count; i++)
        description_free(&known[i]);
}

Test(introductions, hand_on_what_others_signed_and_nothing_else) {
    char *good = envelope_of("ams1", 2), *also = envelope_of("lon1", 3);
    char *changed = sample_edit(good, "acme", "evil");
    char *large = malloc(INTRODUCTION_LEN_MAX + 2);
    memset(large, 'x', INTRODUCTION_LEN_MAX + 1);
    large[INTRODUCTION_LEN_MAX + 1] = '\0';
    const char *const all[] = {good, NULL, changed, large, also, "no envelope"};
    size_t len;
    char *text = introductions_encode(all, COUNT(all), NULL, &len);
    cr_assert_not_null(text);
    cr_expect_eq(decode(text, len), ERR_OK);
    cr_expect_eq(count, 2);
    cr_expect_eq(refused, 2, "one changed on the way, one that is none; long ones do not travel");
    cr_expect_str_eq(known[0].cluster.text, "ams1");
    cr_expect_str_eq(known[1].cluster.text, "lon1");
    cr_expect_str_eq(known[1].doors->control, "192.0.2.1:7601");
    release();
    free(text);
    free(large);
    free(changed);
    free(also);
    free(good);
}

Test(introductions, are_bounded) {
    char *one = envelope_of("ams1", 2);
    const char *many[INTRODUCTIONS_MAX + 5];
    struct public_key known_last = sample_pair(3).public_key, none = {{0}};
    size_t len;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = one;
    char *text = introductions_encode(many, COUNT(many), &known_last, &len);
    cr_assert_not_null(text);
    cr_expect_eq(decode(text, len), ERR_OK);
    cr_expect_eq(count, INTRODUCTIONS_MAX);
    cr_expect(public_key_equal(&next, &known_last), "where to go on");
    release();
    cr_expect_eq(decode(text, len - 1), ERR_TRUNCATED);
    cr_expect_eq(count, 0);
    free(text);
    static const struct {
        const char *what, *text;
        enum err err;
    } rows[] = {
        {"none", "{\"descriptions\":[]}", ERR_OK},
        {"no list", "{\"descriptions\":7}", ERR_BAD_FIELD},
        {"no key to go on after", "{\"descriptions\":[],\"next\":\"there\"}", ERR_BAD_FIELD},
        {"a number in it", "{\"descriptions\":[7]}", ERR_BAD_FIELD},
        {"nothing", "", ERR_TRUNCATED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum err err = decode(rows[i].text, strlen(rows[i].text));
        cr_expect_eq(err, rows[i].err, "%s: %s", rows[i].what, err_name(err));
        cr_expect_eq(count, 0);
        cr_expect(public_key_equal(&next, &none), "%s", rows[i].what);
    }
    char *blank = malloc(INTRODUCTIONS_LEN_MAX + 1);
    memset(blank, ' ', INTRODUCTIONS_LEN_MAX + 1);
    cr_expect_eq(decode(blank, INTRODUCTIONS_LEN_MAX + 1), ERR_OVERSIZED);
    free(blank);
    free(one);
}
