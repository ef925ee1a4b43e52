#include "peerd/wire/keys.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static struct key_pair pair_of(uint8_t fill) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, fill, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    return pair;
}

static void from_hex(uint8_t *out, size_t len, const char *hex) {
    size_t got = 0;
    cr_assert_eq(sodium_hex2bin(out, len, hex, strlen(hex), NULL, &got, NULL), 0);
    cr_assert_eq(got, len);
}

static void expect_hex(const uint8_t *data, size_t len, const char *hex, const char *what) {
    char text[200];
    sodium_bin2hex(text, sizeof(text), data, len);
    cr_expect_str_eq(text, hex, "%s", what);
}

/* Facts of the PASERK specification's vectors k4.pid-1, k4.pid-2 and k4.secret-2. */
Test(keys, paserk_vectors) {
    struct public_key key = {.bytes = {0}};
    struct key_pair pair, back;
    uint8_t seed[KEY_BYTES];
    char id[KEY_ID_TEXT_LEN + 1], text[KEY_SECRET_TEXT_LEN + 1];
    key_id_to_text(&key, id);
    cr_expect_str_eq(id, "k4.pid.S_XQmeEwHbbvRmiyfXfHYpLGjXGzjTRSDoT1YtTakWFE");
    from_hex(seed, 32, "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f");
    memcpy(key.bytes, seed, KEY_BYTES);
    key_id_to_text(&key, id);
    cr_expect_str_eq(id, "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs");
    key_pair_from_seed(&pair, seed);
    key_pair_to_text(&pair, text);
    cr_expect_str_eq(text, "k4.secret.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8c5WpIyC_5kWKhS8VE"
                           "YSZ05dYfuTF-ZdQFV4D9vLTcNQ");
    cr_assert_eq(key_pair_from_text(&back, text), ERR_OK);
    cr_expect_arr_eq(back.seed, pair.seed, KEY_BYTES);
    cr_expect(public_key_equal(&back.public_key, &pair.public_key));
}

Test(keys, public_text_and_back) {
    for (uint8_t i = 1; i < 20; i++) {
        struct key_pair pair = pair_of(i);
        struct public_key back;
        char text[KEY_PUBLIC_TEXT_LEN + 1];
        public_key_to_text(&pair.public_key, text);
        cr_expect_eq(strlen(text), KEY_PUBLIC_TEXT_LEN);
        cr_assert_eq(public_key_from_text(&back, text), ERR_OK, "%s", text);
        cr_expect(public_key_equal(&back, &pair.public_key));
    }
}

Test(keys, texts_that_are_no_keys) {
    static const struct {
        const char *what, *text;
        enum err as_public, as_secret;
    } rows[] = {
        {"empty", "", ERR_BAD_MAGIC, ERR_BAD_MAGIC},
        {"another version", "k3.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_BAD_MAGIC,
         ERR_BAD_MAGIC},
        {"capitals", "K4.PUBLIC.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_BAD_MAGIC,
         ERR_BAD_MAGIC},
        {"an id", "k4.pid.S_XQmeEwHbbvRmiyfXfHYpLGjXGzjTRSDoT1YtTakWFE", ERR_BAD_MAGIC,
         ERR_BAD_MAGIC},
        {"nothing behind the prefix", "k4.public.", ERR_TRUNCATED, ERR_BAD_MAGIC},
        {"a secret cut to its seed", "k4.secret.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8",
         ERR_BAD_MAGIC, ERR_TRUNCATED},
        {"padding", "k4.public.HrnbpwXSIjKlqeFG8dAP_xWS9Mp_VhBLbEW1WhV9JCI=", ERR_OVERSIZED,
         ERR_BAD_MAGIC},
        {"the other alphabet", "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gs+I",
         ERR_BAD_FIELD, ERR_BAD_MAGIC},
        {"stray bits", "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaJ", ERR_BAD_FIELD,
         ERR_BAD_MAGIC},
        {"bytes past 127",
         "k4.public.zswVB9wd3XKVlRwpCIjwl\377\377\377\377\377\377\377\307c\377\377\377\377\377"
         "\377\377\307g71Pw",
         ERR_BAD_FIELD, ERR_BAD_MAGIC},
        {"the same without them", "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI", ERR_OK,
         ERR_BAD_MAGIC},
        {"a point of order 4", "k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         ERR_BAD_FIELD, ERR_BAD_MAGIC},
        {"the neutral point", "k4.public.AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         ERR_BAD_FIELD, ERR_BAD_MAGIC},
        {"no point of the curve", "k4.public.AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         ERR_BAD_FIELD, ERR_BAD_MAGIC},
        {"a public half of another seed",
         "k4.secret.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjpAc5WpIyC_5kWKhS8VEYSZ05dYfuTF-"
         "ZdQFV4D9vLTcNQ",
         ERR_BAD_MAGIC, ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct public_key key, before;
        struct key_pair pair, pair_before;
        memset(&key, 0x5a, sizeof(key));
        memset(&pair, 0x5a, sizeof(pair));
        before = key;
        pair_before = pair;
        cr_expect_eq(public_key_from_text(&key, rows[i].text), rows[i].as_public, "%s: public",
                     rows[i].what);
        cr_expect_eq(key_pair_from_text(&pair, rows[i].text), rows[i].as_secret, "%s: secret",
                     rows[i].what);
        cr_expect(rows[i].as_public == ERR_OK || memcmp(&key, &before, sizeof(key)) == 0, "%s",
                  rows[i].what);
        cr_expect_arr_eq(&pair, &pair_before, sizeof(pair), "%s", rows[i].what);
    }
}

Test(keys, every_truncated_or_longer_text_is_refused) {
    struct key_pair pair = pair_of(3), out;
    struct public_key key;
    char text[KEY_SECRET_TEXT_LEN + 2];
    for (size_t len = 0; len < KEY_SECRET_TEXT_LEN; len++) {
        key_pair_to_text(&pair, text);
        text[len] = '\0';
        cr_expect_neq(key_pair_from_text(&out, text), ERR_OK, "secret of %zu", len);
        public_key_to_text(&pair.public_key, text);
        if (len < KEY_PUBLIC_TEXT_LEN) {
            text[len] = '\0';
            cr_expect_neq(public_key_from_text(&key, text), ERR_OK, "public of %zu", len);
        }
    }
    key_pair_to_text(&pair, text);
    strcat(text, "A");
    cr_expect_eq(key_pair_from_text(&out, text), ERR_OVERSIZED);
}

/* Pinned: whoever changes these changes what is on the wire. */
Test(keys, hint_and_seal_key_are_wire_format) {
    struct key_pair a = pair_of(1), b = pair_of(2);
    struct key_hint hint = key_hint_of(&a.public_key), other = key_hint_of(&b.public_key);
    struct seal_key key;
    uint8_t hash[32];
    crypto_generichash(hash, sizeof(hash), a.public_key.bytes, KEY_BYTES, NULL, 0);
    cr_expect_arr_eq(hint.bytes, hash, KEY_HINT_BYTES);
    cr_expect_not(key_hint_equal(&hint, &other));
    cr_assert_eq(seal_key_derive(&key, &a, &b.public_key, true, SEAL_PURPOSE_BEAT, 0), ERR_OK);
    expect_hex(key.bytes, SEAL_KEY_BYTES,
               "1ccc261d00b83e0170dfcb2ab8b6876cabb8e3ab2d99cd36093a6be7de33f78b", "beat");
    cr_assert_eq(seal_key_derive(&key, &a, &b.public_key, true, SEAL_PURPOSE_MEDIA_ALIVE, 258),
                 ERR_OK);
    expect_hex(key.bytes, SEAL_KEY_BYTES,
               "6b8b83086311d109f2e04d7050b70b00f0ddc9a9628bafa2e9110cc56059965b", "alive");
}

Test(keys, seal_keys_agree_and_differ) {
    static const struct {
        const char *what;
        uint8_t mine, theirs;
        bool i_send;
        enum seal_purpose purpose;
        uint32_t node;
        bool same;
    } rows[] = {
        {"the other side, receiving", 2, 1, false, SEAL_PURPOSE_BEAT, 0, true},
        {"the other side, sending: a reflection", 2, 1, true, SEAL_PURPOSE_BEAT, 0, false},
        {"my other direction", 1, 2, false, SEAL_PURPOSE_BEAT, 0, false},
        {"another purpose", 2, 1, false, SEAL_PURPOSE_MEDIA_ALIVE, 0, false},
        {"a node", 2, 1, false, SEAL_PURPOSE_MEDIA_ALIVE, 1, false},
        {"a stranger with me", 3, 1, false, SEAL_PURPOSE_BEAT, 0, false},
        {"a stranger with the other", 3, 2, true, SEAL_PURPOSE_BEAT, 0, false},
    };
    struct key_pair a = pair_of(1), b = pair_of(2);
    struct seal_key key, other, node[2];
    cr_assert_eq(seal_key_derive(&key, &a, &b.public_key, true, SEAL_PURPOSE_BEAT, 0), ERR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_pair mine = pair_of(rows[i].mine), theirs = pair_of(rows[i].theirs);
        cr_assert_eq(seal_key_derive(&other, &mine, &theirs.public_key, rows[i].i_send,
                                     rows[i].purpose, rows[i].node),
                     ERR_OK);
        bool same = memcmp(&key, &other, sizeof(key)) == 0;
        cr_expect_eq(same, rows[i].same, "%s", rows[i].what);
    }
    for (uint32_t n = 0; n < 2; n++)
        seal_key_derive(&node[n], &a, &b.public_key, true, SEAL_PURPOSE_MEDIA_ALIVE, n);
    cr_expect_arr_neq(&node[0], &node[1], sizeof(node[0]), "nodes share no key");
}

Test(keys, no_seal_key_with_oneself_or_a_bad_point) {
    static const struct {
        const char *what, *hex;
    } rows[] = {
        {"order 4", "0000000000000000000000000000000000000000000000000000000000000000"},
        {"neutral", "0100000000000000000000000000000000000000000000000000000000000000"},
        {"order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
        {"not on the curve", "0200000000000000000000000000000000000000000000000000000000000000"},
    };
    struct key_pair a = pair_of(1);
    struct seal_key key, before;
    memset(&key, 0x5a, sizeof(key));
    before = key;
    cr_expect_eq(seal_key_derive(&key, &a, &a.public_key, true, SEAL_PURPOSE_BEAT, 0),
                 ERR_BAD_FIELD, "oneself");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct public_key bad;
        from_hex(bad.bytes, KEY_BYTES, rows[i].hex);
        cr_expect_eq(seal_key_derive(&key, &a, &bad, true, SEAL_PURPOSE_BEAT, 0), ERR_BAD_FIELD,
                     "%s", rows[i].what);
    }
    cr_expect_arr_eq(&key, &before, sizeof(key), "touched");
}

Test(keys, labelled_signatures) {
    static const struct {
        const char *what, *label, *message;
        uint8_t key;
        bool ok;
    } rows[] = {
        {"as signed", "peerd test v1", "hello", 1, true},
        {"another label", "peerd test v2", "hello", 1, false},
        {"no label", "", "hello", 1, false},
        {"another message", "peerd test v1", "hellp", 1, false},
        {"cut", "peerd test v1", "hell", 1, false},
        {"longer", "peerd test v1", "hello!", 1, false},
        {"another key", "peerd test v1", "hello", 2, false},
        {"a character from the label", "peerd test v", "1hello", 1, false},
    };
    struct key_pair a = pair_of(1);
    uint8_t signature[SIGNATURE_BYTES], plain[SIGNATURE_BYTES];
    sign_labelled(signature, "peerd test v1", "hello", 5, &a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_pair by = pair_of(rows[i].key);
        cr_expect_eq(verify_labelled(signature, rows[i].label, rows[i].message,
                                     strlen(rows[i].message), &by.public_key),
                     rows[i].ok, "%s", rows[i].what);
    }
    for (size_t bit = 0; bit < SIGNATURE_BYTES * 8; bit++) {
        signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_expect_not(verify_labelled(signature, "peerd test v1", "hello", 5, &a.public_key),
                      "bit %zu", bit);
        signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    /* It is plain Ed25519, for whoever checks it with another tool. */
    uint8_t secret[64];
    memcpy(secret, a.seed, 32);
    memcpy(secret + 32, a.public_key.bytes, 32);
    crypto_sign_ed25519_detached(plain, NULL, (const uint8_t *)"peerd test v1\0hello", 19, secret);
    cr_expect_arr_eq(plain, signature, SIGNATURE_BYTES);
}

Test(keys, labelled_lengths) {
    static uint8_t message[SIGNED_LEN_MAX + 1];
    struct key_pair a = pair_of(1);
    uint8_t signature[SIGNATURE_BYTES];
    sign_labelled(signature, "x", NULL, 0, &a);
    cr_expect(verify_labelled(signature, "x", NULL, 0, &a.public_key), "empty");
    sign_labelled(signature, "x", message, SIGNED_LEN_MAX, &a);
    cr_expect(verify_labelled(signature, "x", message, SIGNED_LEN_MAX, &a.public_key), "longest");
    cr_expect_not(verify_labelled(signature, "x", message, SIGNED_LEN_MAX + 1, &a.public_key));
}

Test(keys, own_secrets_differ_by_label_and_holder) {
    struct key_pair one = pair_of(1), two = pair_of(2);
    uint8_t a[KEY_BYTES], again[KEY_BYTES], label[KEY_BYTES], holder[KEY_BYTES];
    own_secret_derive(a, "one", &one);
    own_secret_derive(again, "one", &one);
    own_secret_derive(label, "two", &one);
    own_secret_derive(holder, "one", &two);
    cr_expect(memcmp(a, again, sizeof(a)) == 0);
    cr_expect(memcmp(a, label, sizeof(a)) != 0 && memcmp(a, holder, sizeof(a)) != 0);
    cr_expect(memcmp(a, one.seed, sizeof(a)) != 0);
}
