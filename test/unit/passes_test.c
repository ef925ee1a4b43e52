/* When a client knocks, and what it proves things with. */
#include "transcoder/timeline/passes.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

static struct passes passes;
static struct key_pair mine;

static struct instant at(int64_t ms) {
    return instant_us(1000000 + ms * 1000);
}

static struct addr server(uint8_t n) {
    return addr_ipv4((const uint8_t[]){127, 0, 0, n}, 5004);
}

static void begin(void) {
    mine = sample_pair(9);
    passes_init(&passes);
}

TestSuite(passes, .init = begin);

static bool wants(uint8_t n, int64_t ms) {
    struct addr who = server(n);
    struct cookie cookie;
    return passes_wants(&passes, &who, (uint64_t)ms + 1, at(ms), &cookie);
}

/* The answer to what was asked at `asked`. */
static enum err told(uint8_t n, int64_t asked, int64_t ms, const struct key_pair *to) {
    static const uint8_t secret[32] = {1}, entropy[32] = {2};
    struct addr who = server(n);
    struct message_pass m = {.mark = 1};
    struct pass pass;
    pass_make(&pass, secret, &to->public_key, 2);
    cr_assert_eq(pass_seal(m.sealed, &pass, &to->public_key, entropy), ERR_OK);
    return passes_told(&passes, &who, (uint64_t)asked + 1, &m, &mine, at(ms));
}

static bool has(uint8_t n, int64_t ms) {
    struct addr who = server(n);
    return passes_of(&passes, &who, at(ms)) != NULL;
}

Test(passes, it_signs_until_its_knock_is_answered) {
    cr_expect(!has(1, 0));
    cr_expect(wants(1, 0));
    cr_expect(!has(1, 10));
    cr_expect_eq(told(1, 0, 40, &mine), ERR_OK);
    cr_expect(has(1, 40));
    cr_expect(!has(2, 40), "of that server only");
    cr_expect(!wants(1, 50) && !wants(1, PASSES_RENEW_MS - 1), "it has one");
}

Test(passes, who_says_nothing_is_asked_ever_more_seldom) {
    int64_t next = 0, wait = PASSES_ASK_MS;
    for (int i = 0; i < 10; i++) {
        cr_expect(wants(1, next), "question %d", i);
        cr_expect(!wants(1, next + wait - 1), "question %d", i);
        next += wait;
        wait = 2 * wait < PASSES_ASK_MS_AT ? 2 * wait : PASSES_ASK_MS_AT;
    }
}

Test(passes, it_is_renewed_in_time_and_not_used_too_long) {
    cr_assert(wants(1, 0));
    told(1, 0, 0, &mine);
    cr_expect(!wants(1, PASSES_RENEW_MS - 1));
    cr_expect(wants(1, PASSES_RENEW_MS));
    cr_expect(has(1, PASSES_USED_MS - 1), "the old one is good meanwhile");
    cr_expect(!has(1, PASSES_USED_MS));
    cr_expect_eq(told(1, PASSES_RENEW_MS, PASSES_USED_MS, &mine), ERR_OK);
    cr_expect(has(1, PASSES_USED_MS));
    cr_expect(!wants(1, 2 * PASSES_RENEW_MS - 1), "as old as the question for it, not the answer");
    cr_expect(wants(1, 2 * PASSES_RENEW_MS));
}

/* Whoever holds an answer up must not make a client use it when it is good for nothing. */
Test(passes, an_answer_that_was_held_up_is_no_younger) {
    cr_assert(wants(1, 0));
    cr_expect_eq(told(1, 0, 60000, &mine), ERR_OK);
    cr_expect(has(1, PASSES_USED_MS - 1));
    cr_expect(!has(1, PASSES_USED_MS));
}

static void used(int64_t ms) {
    struct addr who = server(1);
    cr_assert(has(1, ms));
    passes_used(&passes, &who, at(ms));
}

static void heard(int64_t ms) {
    struct addr who = server(1);
    passes_heard(&passes, &who, at(ms));
}

Test(passes, who_answers_nothing_is_signed_for) {
    cr_assert(wants(1, 0));
    told(1, 0, 0, &mine);
    used(1000);
    used(1500);
    heard(1510);
    used(2000);
    used(2000 + PASSES_UNHEARD_MS - 1);
    cr_expect(!has(1, 2000 + PASSES_UNHEARD_MS), "the first was long ago, though others follow");
    cr_expect(wants(1, 2000 + PASSES_UNHEARD_MS), "it may have been the path");
    heard(5500);
    cr_expect(!has(1, 5500), "it answers who signs");
    cr_expect_eq(told(1, 2000 + PASSES_UNHEARD_MS, 5600, &mine), ERR_OK);
    cr_expect(has(1, 5600 + PASSES_UNHEARD_MS), "nothing was proved by it yet");
}

Test(passes, what_is_forgotten_is_nowhere) {
    struct addr who = server(1);
    cr_assert(wants(1, 0));
    told(1, 0, 10, &mine);
    const struct pass *pass = passes_of(&passes, &who, at(20));
    struct pass none = {.mark = 0};
    cr_assert_not_null(pass);
    passes_forget(&passes, &who);
    cr_expect_eq(memcmp(pass, &none, sizeof(none)), 0, "it is a secret");
}

Test(passes, nobody_else_hands_one_out) {
    struct key_pair other = sample_pair(8);
    cr_expect_eq(told(1, 0, 0, &mine), ERR_BAD_FIELD, "nobody asked");
    cr_assert(wants(1, 0));
    cr_expect_eq(told(2, 0, 10, &mine), ERR_BAD_FIELD, "another server");
    cr_expect_eq(told(1, 5, 10, &mine), ERR_BAD_FIELD, "another nonce");
    cr_expect_eq(told(1, 0, 10, &other), ERR_BAD_SIGNATURE, "another client's");
    cr_expect(!has(1, 10));
    cr_expect_eq(told(1, 0, 20, &mine), ERR_OK);
    cr_expect_eq(told(1, 0, 30, &mine), ERR_BAD_FIELD, "once");
}

Test(passes, a_cookie_that_comes_for_a_knock_goes_with_the_next) {
    const struct cookie given = {{0xc0}}, none = {{0}};
    struct addr who = server(1);
    struct cookie cookie;
    cr_assert(passes_wants(&passes, &who, 7, at(0), &cookie));
    cr_expect_eq(memcmp(&cookie, &none, sizeof(none)), 0);
    cr_expect(!passes_cookie(&passes, &who, 8, &given, at(5)), "a hello's");
    cr_expect(passes_cookie(&passes, &who, 7, &given, at(5)));
    cr_expect(passes_wants(&passes, &who, 9, at(5), &cookie), "at once");
    cr_expect_eq(memcmp(&cookie, &given, sizeof(given)), 0);
    cr_expect(passes_cookie(&passes, &who, 9, &given, at(6)));
    cr_expect(!passes_wants(&passes, &who, 11, at(6), &cookie), "it takes none of its own");
}

Test(passes, what_is_refused_is_forgotten_and_asked_for_again) {
    struct addr who = server(1);
    cr_assert(wants(1, 0));
    told(1, 0, 10, &mine);
    passes_forget(&passes, &who);
    cr_expect(!has(1, 20));
    cr_expect(wants(1, 20));
}

Test(passes, of_more_servers_than_there_is_room_for_the_first_are_forgotten) {
    for (uint8_t n = 1; n <= PASSES_MAX + 1; n++) {
        cr_assert(wants(n, 0));
        cr_assert_eq(told(n, 0, 0, &mine), ERR_OK);
    }
    cr_expect(!has(1, 0));
    for (uint8_t n = 2; n <= PASSES_MAX + 1; n++)
        cr_expect(has(n, 0), "server %u", n);
}
