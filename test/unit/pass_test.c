/* Passes, and the messages that they prove. */
#include "peerd/wire/pass.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define PERIOD 6000

static const uint8_t secret[32] = {1, 2, 3}, other_secret[32] = {1, 2, 4}, entropy[32] = {7};

static struct pass pass_in(uint64_t period, uint8_t client) {
    struct key_pair pair = sample_pair(client);
    struct pass pass;
    pass_make(&pass, secret, &pair.public_key, period);
    return pass;
}

static bool same(const struct pass *a, const struct pass *b) {
    return a->mark == b->mark && memcmp(a->bytes, b->bytes, PASS_BYTES) == 0;
}

Test(pass, is_of_one_secret_one_client_and_one_period) {
    struct key_pair pair = sample_pair(9);
    struct pass pass = pass_in(PERIOD, 9), again = pass_in(PERIOD, 9), other;
    cr_expect(same(&pass, &again));
    other = pass_in(PERIOD, 8);
    cr_expect(!same(&pass, &other), "another client");
    other = pass_in(PERIOD + 2, 9);
    cr_expect(!same(&pass, &other), "another period");
    pass_make(&other, other_secret, &pair.public_key, PERIOD);
    cr_expect(!same(&pass, &other), "another secret");
}

/* What it is made of, by the header, not by the code. */
Test(pass, follows_the_documented_rule) {
    struct key_pair pair = sample_pair(9);
    struct pass pass = pass_in(PERIOD, 9);
    uint8_t text[14 + 32 + 8] = "peerd pass v1", right[32];
    memcpy(text + 14, pair.public_key.bytes, 32);
    memcpy(text + 46, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0x17, 0x70}, 8);
    crypto_generichash(right, 32, text, sizeof(text), secret, 32);
    cr_expect_eq(memcmp(right, pass.bytes, 32), 0);
}

Test(pass, is_known_by_its_mark_in_its_period_and_the_next) {
    struct key_pair pair = sample_pair(9);
    struct pass before = pass_in(PERIOD - 1, 9), now = pass_in(PERIOD, 9), found;
    cr_expect_eq(now.mark, 1, "an even period");
    cr_expect_eq(before.mark, 2, "an odd one");
    pass_marked(&found, secret, &pair.public_key, 1, PERIOD);
    cr_expect(same(&found, &now));
    pass_marked(&found, secret, &pair.public_key, 2, PERIOD);
    cr_expect(same(&found, &before));
    pass_marked(&found, secret, &pair.public_key, 1, PERIOD + 1);
    cr_expect(same(&found, &now));
    pass_marked(&found, secret, &pair.public_key, 1, PERIOD + 2);
    cr_expect(!same(&found, &now), "two periods later");
}

Test(pass, only_its_client_can_open_it) {
    struct key_pair pair = sample_pair(9), thief = sample_pair(8);
    struct pass pass = pass_in(PERIOD, 9), got, untouched;
    uint8_t sealed[PASS_SEALED_BYTES];
    cr_assert_eq(pass_seal(sealed, &pass, &pair.public_key, entropy), ERR_OK);
    for (size_t i = 0; i + PASS_BYTES <= sizeof(sealed); i++)
        cr_expect_neq(memcmp(sealed + i, pass.bytes, PASS_BYTES), 0, "it is not in there plainly");
    memset(&got, 0xab, sizeof(got));
    untouched = got;
    cr_expect_eq(pass_open(&got, sealed, 1, &thief), ERR_BAD_SIGNATURE);
    cr_expect_eq(pass_open(&got, sealed, 0, &pair), ERR_BAD_SIGNATURE);
    cr_expect_eq(pass_open(&got, sealed, 3, &pair), ERR_BAD_SIGNATURE);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 0x10;
        cr_expect_eq(pass_open(&got, sealed, 1, &pair), ERR_BAD_SIGNATURE, "byte %zu", i);
        sealed[i] ^= 0x10;
    }
    cr_expect_eq(memcmp(&got, &untouched, sizeof(got)), 0);
    cr_assert_eq(pass_open(&got, sealed, 1, &pair), ERR_OK);
    cr_expect(same(&got, &pass));
}

Test(pass, is_sealed_as_libsodium_does) {
    struct key_pair pair = sample_pair(9);
    struct pass pass = pass_in(PERIOD, 9), got = {.mark = 1};
    uint8_t sealed[PASS_SEALED_BYTES], to[32];
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(to, pair.public_key.bytes), 0);
    cr_assert_eq(crypto_box_seal(sealed, pass.bytes, PASS_BYTES, to), 0);
    cr_assert_eq(pass_open(&got, sealed, 1, &pair), ERR_OK);
    cr_expect(same(&got, &pass));
}

Test(pass, each_is_sealed_by_another_key) {
    struct key_pair pair = sample_pair(9);
    struct pass pass = pass_in(PERIOD, 9);
    uint8_t one[PASS_SEALED_BYTES], two[PASS_SEALED_BYTES];
    pass_seal(one, &pass, &pair.public_key, entropy);
    pass_seal(two, &pass, &pair.public_key, secret);
    cr_expect_neq(memcmp(one, two, 32), 0);
    cr_expect_neq(memcmp(one + 32, two + 32, 48), 0);
}

Test(pass, is_sealed_to_no_key_that_is_no_point) {
    struct public_key none = {{0}};
    struct pass pass = pass_in(PERIOD, 9);
    uint8_t sealed[PASS_SEALED_BYTES];
    cr_expect_eq(pass_seal(sealed, &pass, &none, entropy), ERR_BAD_FIELD);
}

/* ---- under messages -------------------------------------------------------------------------- */

static enum err take(struct message *out, const uint8_t *datagram, size_t len, uint64_t period) {
    struct key_pair pair = sample_pair(9);
    struct key_hint me = sample_hint(0x7a);
    enum err e = message_decode(out, datagram, len);
    return e != ERR_OK ? e : message_verify_passed(out, &pair.public_key, &me, secret, period);
}

static struct message moved_report(void) {
    struct message m = sample_message(MESSAGE_REPORT);
    m.u.report.moved = (struct message_moved){.epoch = 4, .detect_ms = 30, .lost = 1};
    return m;
}

static struct message telling_report(void) {
    struct message m = sample_message(MESSAGE_REPORT);
    m.u.report.backups = 0x12345678;
    return m;
}

Test(pass, makes_each_form_of_a_message_48_bytes_shorter_and_changes_nothing_else) {
    const struct message forms[] = {sample_message(MESSAGE_RESUME), sample_message(MESSAGE_REPORT),
                                    moved_report(), telling_report()};
    struct key_pair pair = sample_pair(9);
    struct pass pass = pass_in(PERIOD, 9);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint8_t with_signature[MESSAGE_LEN_MAX], passed[MESSAGE_LEN_MAX];
        struct message out;
        size_t len = message_encode(with_signature, sizeof(with_signature), &forms[i], &pair);
        size_t less = message_encode_passed(passed, sizeof(passed), &forms[i], &pass);
        cr_assert_eq(less + 48, len, "form %zu", i);
        cr_expect_eq(passed[3], pass.mark);
        passed[3] = 0;
        cr_expect_eq(memcmp(passed, with_signature, less - PASS_PROOF_BYTES), 0, "form %zu", i);
        passed[3] = pass.mark;
        cr_assert_eq(take(&out, passed, less, PERIOD), ERR_OK, "form %zu", i);
        cr_expect_eq(out.mark, pass.mark);
        cr_expect_eq(out.nonce, forms[i].nonce);
        if (out.kind == MESSAGE_REPORT)
            cr_expect_eq(memcmp(&out.u.report, &forms[i].u.report, sizeof(out.u.report)), 0);
        else
            cr_expect_eq(out.u.resume.counter, forms[i].u.resume.counter);
        for (size_t cut = 0; cut < less; cut++)
            cr_expect_neq(take(&out, passed, cut, PERIOD), ERR_OK, "form %zu of %zu", i, cut);
    }
}

Test(pass, what_asks_for_one_and_hands_it_out_has_one_form) {
    struct message knock = sample_message(MESSAGE_KNOCK), pass = sample_message(MESSAGE_PASS), out;
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode(datagram, sizeof(datagram), &knock, NULL);
    cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
    datagram[len - 1] = 1;
    cr_expect_eq(message_decode(&out, datagram, len), ERR_BAD_FIELD, "padding says something");
    len = message_encode(datagram, sizeof(datagram), &pass, NULL);
    cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
    datagram[12] = PASS_MARK_MAX + 1;
    cr_expect_eq(message_decode(&out, datagram, len), ERR_BAD_FIELD, "a third mark");
}

Test(pass, no_bit_of_a_message_may_change) {
    struct message m = sample_message(MESSAGE_REPORT), out;
    struct pass pass = pass_in(PERIOD, 9);
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode_passed(datagram, sizeof(datagram), &m, &pass);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        datagram[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_expect_neq(take(&out, datagram, len, PERIOD), ERR_OK, "bit %zu", bit);
        datagram[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    cr_expect_eq(take(&out, datagram, len, PERIOD), ERR_OK);
}

Test(pass, proves_to_one_machine_for_a_while) {
    struct key_pair pair = sample_pair(9), other = sample_pair(8);
    struct key_hint me = sample_hint(0x7a), another = sample_hint(0x7b);
    struct message m = sample_message(MESSAGE_RESUME), out;
    struct pass pass = pass_in(PERIOD, 9);
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode_passed(datagram, sizeof(datagram), &m, &pass);
    cr_expect_eq(take(&out, datagram, len, PERIOD), ERR_OK);
    cr_expect_eq(take(&out, datagram, len, PERIOD + 1), ERR_OK);
    cr_expect_eq(take(&out, datagram, len, PERIOD + 2), ERR_BAD_COOKIE, "it is too old");
    cr_expect_eq(message_verify_passed(&out, &pair.public_key, &another, secret, PERIOD),
                 ERR_FOREIGN);
    cr_expect_eq(message_verify_passed(&out, &pair.public_key, &me, other_secret, PERIOD),
                 ERR_BAD_COOKIE);
    cr_expect_eq(message_verify_passed(&out, &other.public_key, &me, secret, PERIOD),
                 ERR_BAD_COOKIE);
    cr_expect_eq(message_verify(&out, &pair.public_key, &me), ERR_BAD_SIGNATURE,
                 "it is no signature");
}
