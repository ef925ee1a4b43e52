#include "peerd/wire/paseto.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct key_pair pair_of(uint8_t fill) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, fill, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    return pair;
}

static enum err verify(const char *token, size_t len, const struct key_pair *by,
                       const char *implicit, char *out, size_t out_size) {
    size_t got = 0;
    enum err e = paseto_verify(token, len, &by->public_key, implicit, strlen(implicit), NULL, 0,
                               out, out_size - 1, &got);
    if (e == ERR_OK)
        out[got] = '\0';
    return e;
}

/* ---- the official vectors -------------------------------------------------------------------- */

static json_t *load_vectors(void) {
    char path[1024];
    const char *shared = getenv("PEERD_SHARED");
    snprintf(path, sizeof(path), "%s/data/paseto/v4.json", shared == NULL ? "../shared" : shared);
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL)
        cr_skip_test("no official PASETO vectors at %s (PEERD_SHARED names the folder)", path);
    return root;
}

static const char *text_of(json_t *test, const char *key) {
    const char *text = json_string_value(json_object_get(test, key));
    return text == NULL ? "" : text;
}

static void from_hex(uint8_t out[32], const char *hex) {
    size_t len = 0;
    cr_assert_eq(sodium_hex2bin(out, 32, hex, strlen(hex), NULL, &len, NULL), 0, "%s", hex);
    cr_assert_eq(len, 32);
}

static void expect_signed(json_t *test, const struct public_key *key) {
    const char *name = text_of(test, "name"), *token = text_of(test, "token");
    const char *payload = text_of(test, "payload"), *footer = text_of(test, "footer");
    const char *implicit = text_of(test, "implicit-assertion");
    char out[PASETO_TOKEN_LEN_MAX + 1];
    struct key_pair pair;
    uint8_t seed[KEY_BYTES];
    size_t len = 0;
    from_hex(seed, text_of(test, "secret-key-seed"));
    key_pair_from_seed(&pair, seed);
    cr_expect(public_key_equal(&pair.public_key, key), "%s: key", name);
    cr_expect_eq(paseto_sign(out, sizeof(out), &pair, payload, strlen(payload), footer,
                             strlen(footer), implicit, strlen(implicit)),
                 strlen(token), "%s: length", name);
    cr_expect_str_eq(out, token, "%s", name);
    cr_expect_eq(paseto_verify(token, strlen(token), key, implicit, strlen(implicit), footer,
                               strlen(footer), out, sizeof(out), &len),
                 ERR_OK, "%s", name);
    cr_expect(len == strlen(payload) && memcmp(out, payload, len) == 0, "%s: payload", name);
    cr_expect_eq(paseto_footer(token, strlen(token), out, sizeof(out), &len), ERR_OK, "%s", name);
    cr_expect(len == strlen(footer) && memcmp(out, footer, len) == 0, "%s: footer", name);
}

Test(paseto, official_vectors) {
    json_t *root = load_vectors(), *test;
    struct key_pair other = pair_of(1);
    size_t i, signed_count = 0, refused_count = 0;
    json_array_foreach(json_object_get(root, "tests"), i, test) {
        const char *token = text_of(test, "token"), *implicit = text_of(test, "implicit-assertion");
        struct public_key key = other.public_key;
        char out[PASETO_TOKEN_LEN_MAX];
        size_t len;
        if (json_object_get(test, "public-key") != NULL)
            from_hex(key.bytes, text_of(test, "public-key"));
        if (strncmp(text_of(test, "name"), "4-S-", 4) == 0) {
            expect_signed(test, &key);
            signed_count++;
            continue;
        }
        /* The others must fail, or are v4.local, which we do not speak. */
        cr_expect_neq(paseto_verify(token, strlen(token), &key, implicit, strlen(implicit), NULL, 0,
                                    out, sizeof(out), &len),
                      ERR_OK, "%s", text_of(test, "name"));
        refused_count++;
    }
    cr_expect_eq(signed_count, 3, "4-S-1 to 4-S-3");
    cr_expect_geq(refused_count, 5, "4-F-1 to 4-F-5 and 4-E");
    json_decref(root);
}

/* ---- our own --------------------------------------------------------------------------------- */

/* Made once by this code, checked by the vectors above: pins the format where they are absent. */
Test(paseto, pinned_token) {
    static const char token[] = "v4.public.eyJhIjoxfTvhEWhbDE3QWAlzI3A0bEd8_83_IYZ0vg8oHhW7x_"
                                "SPGOewAlwytjwD79Zvva94fo8VY9QkjPHXd4PsLE0E6Qs.Zm9vdA";
    struct key_pair pair = pair_of(7);
    char out[PASETO_TOKEN_LEN_MAX + 1];
    cr_expect_eq(paseto_sign(out, sizeof(out), &pair, "{\"a\":1}", 7, "foot", 4, "label", 5),
                 strlen(token));
    cr_expect_str_eq(out, token);
    cr_assert_eq(verify(token, strlen(token), &pair, "label", out, sizeof(out)), ERR_OK);
    cr_expect_str_eq(out, "{\"a\":1}");
}

Test(paseto, every_length_there_and_back) {
    struct key_pair pair = pair_of(7);
    char message[PASETO_TOKEN_LEN_MAX], token[PASETO_TOKEN_LEN_MAX + 1], out[PASETO_TOKEN_LEN_MAX];
    size_t longest = 0, len = 0;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (char)(i * 7);
    for (size_t n = 0; n < sizeof(message); n += n < 8 ? 1 : 13) {
        for (size_t foot = 0; foot < 4; foot++) {
            size_t token_len =
                paseto_sign(token, sizeof(token), &pair, message, n, "foot", foot, NULL, 0);
            if (token_len == 0)
                continue;
            longest = n;
            cr_expect_eq(strlen(token), token_len);
            cr_assert_eq(paseto_verify(token, token_len, &pair.public_key, NULL, 0, "foot", foot,
                                       out, sizeof(out), &len),
                         ERR_OK, "%zu bytes, footer of %zu", n, foot);
            cr_expect(len == n && memcmp(out, message, n) == 0);
            cr_expect_eq(paseto_sign(token, token_len, &pair, message, n, "foot", foot, NULL, 0), 0,
                         "no room for the terminator");
        }
    }
    cr_expect(longest > 1440 && longest < 1470, "longest message %zu", longest);
    cr_expect_eq(paseto_sign(token, sizeof(token), &pair, message, 1, message, 2000, NULL, 0), 0);
    cr_expect_eq(paseto_sign(token, 1 << 20, &pair, message, 1400, message, 200, NULL, 0), 0,
                 "never longer than the maximum, whatever the room");
}

Test(paseto, every_truncation_and_every_flipped_bit_is_refused) {
    struct key_pair pair = pair_of(7);
    char token[PASETO_TOKEN_LEN_MAX + 1], out[64] = "untouched";
    size_t len = paseto_sign(token, sizeof(token), &pair, "hello", 5, "foot", 4, "x", 1);
    cr_assert_neq(len, 0);
    for (size_t n = 0; n < len; n++)
        cr_expect_neq(verify(token, n, &pair, "x", out, sizeof(out)), ERR_OK, "%zu of %zu", n, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        token[bit / 8] ^= (char)(1U << bit % 8);
        cr_expect_neq(verify(token, len, &pair, "x", out, sizeof(out)), ERR_OK, "bit %zu", bit);
        token[bit / 8] ^= (char)(1U << bit % 8);
    }
    cr_expect_str_eq(out, "untouched");
    cr_expect_eq(verify(token, len, &pair, "x", out, sizeof(out)), ERR_OK, "it was good");
}

Test(paseto, refusals_by_name) {
    struct key_pair pair = pair_of(7), other = pair_of(8);
    char good[PASETO_TOKEN_LEN_MAX + 1], token[3 * PASETO_TOKEN_LEN_MAX], out[64];
    size_t len, dot, got = 77;
    cr_assert_neq(paseto_sign(good, sizeof(good), &pair, "hello", 5, "foot", 4, "x", 1), 0);
    len = strlen(good);
    dot = (size_t)(strrchr(good, '.') - good);
    cr_expect_eq(verify(good, len, &other, "x", out, sizeof(out)), ERR_BAD_SIGNATURE, "other key");
    cr_expect_eq(verify(good, len, &pair, "y", out, sizeof(out)), ERR_BAD_SIGNATURE, "other label");
    cr_expect_eq(verify(good, len, &pair, "", out, sizeof(out)), ERR_BAD_SIGNATURE, "no label");
    cr_expect_eq(verify(good, dot, &pair, "x", out, sizeof(out)), ERR_BAD_SIGNATURE, "no footer");
    cr_expect_eq(verify(good, dot + 1, &pair, "x", out, sizeof(out)), ERR_TRUNCATED, "empty one");
    cr_expect_eq(verify(good, len, &pair, "x", out, 5), ERR_OVERSIZED, "four bytes of room");
    cr_expect_eq(verify("v4.public.", 10, &pair, "x", out, sizeof(out)), ERR_TRUNCATED);
    cr_expect_eq(verify("v4.pub", 6, &pair, "x", out, sizeof(out)), ERR_TRUNCATED);
    cr_expect_eq(verify("v4.local.AAAA", 13, &pair, "x", out, sizeof(out)), ERR_BAD_MAGIC);
    cr_expect_eq(verify("v2.public.AAAA", 14, &pair, "x", out, sizeof(out)), ERR_BAD_MAGIC);
    cr_expect_eq(verify("v4.public.AAAA", 14, &pair, "x", out, sizeof(out)), ERR_TRUNCATED,
                 "shorter than a signature");
    snprintf(token, sizeof(token), "%s.Zm9v", good);
    cr_expect_eq(verify(token, strlen(token), &pair, "x", out, sizeof(out)), ERR_BAD_FIELD,
                 "a part too many");
    snprintf(token, sizeof(token), "%.*s=%s", (int)dot, good, good + dot);
    cr_expect_eq(verify(token, strlen(token), &pair, "x", out, sizeof(out)), ERR_BAD_FIELD,
                 "padding");
    memset(token, 'A', sizeof(token));
    memcpy(token, "v4.public.", 10);
    cr_expect_eq(verify(token, PASETO_TOKEN_LEN_MAX, &pair, "x", out, sizeof(out)),
                 ERR_BAD_SIGNATURE, "the longest that is read");
    cr_expect_eq(verify(token, PASETO_TOKEN_LEN_MAX - 1, &pair, "x", out, sizeof(out)),
                 ERR_BAD_FIELD, "a length that base64 does not have");
    token[PASETO_TOKEN_LEN_MAX - 1] = 'B';
    cr_expect_eq(verify(token, PASETO_TOKEN_LEN_MAX, &pair, "x", out, sizeof(out)), ERR_BAD_FIELD,
                 "stray bits");
    cr_expect_eq(verify(token, PASETO_TOKEN_LEN_MAX + 1, &pair, "x", out, sizeof(out)),
                 ERR_OVERSIZED);
    cr_expect_eq(
        paseto_verify(good, len, &pair.public_key, "x", 1, "foof", 4, out, sizeof(out), &got),
        ERR_BAD_FIELD, "another footer than expected");
    cr_expect_eq(
        paseto_verify(good, len, &pair.public_key, "x", 1, "fo", 2, out, sizeof(out), &got),
        ERR_BAD_FIELD, "a longer footer than expected");
    cr_expect_eq(
        paseto_verify(good, len, &pair.public_key, "x", 1, "foot2", 5, out, sizeof(out), &got),
        ERR_BAD_FIELD, "a shorter footer than expected");
    cr_expect_eq(paseto_footer(good, len, out, 3, &got), ERR_OVERSIZED);
    cr_expect_eq(got, 77, "touched");
    cr_expect(paseto_footer(good, dot, out, sizeof(out), &got) == ERR_OK && got == 0, "none");
}
