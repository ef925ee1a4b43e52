#include "peerd/base/id.h"

#include <criterion/criterion.h>
#include <string.h>

Test(id, names) {
    static const struct {
        const char *what, *text;
        bool ok;
    } rows[] = {
        {"plain", "fra1", true},
        {"all kinds of characters", "a-b_c.9", true},
        {"starts with a digit", "9", true},
        {"31 characters", "abcdefghijklmnopqrstuvwxyz01234", true},
        {"32 characters", "abcdefghijklmnopqrstuvwxyz012345", false},
        {"empty", "", false},
        {"starts with a dash", "-a", false},
        {"starts with a dot", ".a", false},
        {"capital", "Fra1", false},
        {"blank", "fra 1", false},
        {"slash", "a/b", false},
        {"UTF-8", "z\xc3\xbcrich", false},
        {"line feed", "fra1\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct name n;
        memset(&n, 'x', sizeof(n));
        cr_expect_eq(name_set(&n, rows[i].text), rows[i].ok, "%s", rows[i].what);
        cr_expect_str_eq(n.text, rows[i].ok ? rows[i].text : "", "%s", rows[i].what);
    }
    struct name a, b;
    cr_expect_not(name_from_text(&a, "a\0b", 3), "a NUL inside");
    cr_expect(name_is_empty(&a));
    cr_expect(name_from_text(&a, "fra1garbage", 4) && name_set(&b, "fra1") && name_equal(&a, &b));
    cr_expect(name_set(&b, "fra2") && !name_equal(&a, &b));
}

/* RFC 4648 section 10, in the URL alphabet and without padding. */
Test(id, base64url_of_the_rfc) {
    static const struct {
        const char *data, *text;
    } rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[16], back[16];
        size_t len = strlen(rows[i].data), text_len = strlen(rows[i].text), back_len = 99;
        cr_expect_eq(base64url_encode(rows[i].data, len, text, text_len + 1), text_len);
        cr_expect_str_eq(text, rows[i].text);
        cr_expect(base64url_decode(rows[i].text, text_len, back, len, &back_len));
        cr_expect(back_len == len && memcmp(back, rows[i].data, len) == 0, "%s", rows[i].text);
        if (len > 0) {
            cr_expect_eq(base64url_encode(rows[i].data, len, text, text_len), 0, "no terminator");
            cr_expect_not(base64url_decode(rows[i].text, text_len, back, len - 1, &back_len));
        }
    }
}

Test(id, base64url_refuses) {
    static const struct {
        const char *what, *text;
    } rows[] = {
        {"one character", "Z"},
        {"five characters", "Zm9vY"},
        {"padding", "Zg=="},
        {"the other alphabet", "+//+"},
        {"a blank", "Zm 8"},
        {"a line feed", "Zm8\n"},
        {"stray bits in two", "Zh"},
        {"stray bits in three", "Zm9"},
        {"a character past 127", "Zm\xc3\xbc"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[16];
        size_t len;
        cr_expect_not(base64url_decode(rows[i].text, strlen(rows[i].text), out, sizeof(out), &len),
                      "%s", rows[i].what);
    }
}

Test(id, session_ids) {
    struct session_id id = {.bytes = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xfe}};
    struct session_id back = {.bytes = {0}};
    char text[SESSION_ID_TEXT_LEN + 1];
    session_id_to_text(&id, text);
    cr_expect_eq(strlen(text), SESSION_ID_TEXT_LEN);
    cr_expect(session_id_from_text(&back, text, strlen(text)) && session_id_equal(&id, &back));
    cr_expect_not(session_id_from_text(&back, text, SESSION_ID_TEXT_LEN - 1), "too short");
    cr_expect_not(session_id_from_text(&back, "AAAAAAAAAAAAAAAAAAAAAAA", 23), "too long");
    cr_expect_not(session_id_from_text(&back, "AAAAAAAAAAAAAAAAAAAAAB", 22), "stray bits");
    cr_expect(session_id_equal(&id, &back), "a refusal leaves it alone");
}
