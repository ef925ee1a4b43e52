#include "peerd/wire/ticket.h"

#include "peerd/wire/paseto.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_S 1790000000 /* 2026-09-21T14:13:20Z */

static struct key_pair pair_of(uint8_t fill) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, fill, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    return pair;
}

static struct name name_of(const char *text) {
    struct name n;
    cr_assert(name_set(&n, text), "%s", text);
    return n;
}

static struct ticket sample(void) {
    struct key_pair client = pair_of(50);
    return (struct ticket){.issuer = name_of("fra1"),
                           .session = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9}},
                           .issued_s = NOW_S - 10,
                           .expires_s = NOW_S + 3600,
                           .service = name_of("radio"),
                           .profile = name_of("opus-64k"),
                           .determinism = {.bytes = {0xfe, 2, 3, 4, 5, 6, 7, 0xff}},
                           .source = name_of("moh-1"),
                           .digest = {.bytes = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0xff}},
                           .class = SOURCE_CLASS_EXACT,
                           .client = client.public_key,
                           .legs = {{false, 0xdeadbeef, 65000, 4000000000}},
                           .leg_count = 1,
                           .protection = PROTECTION_WARM,
                           .backups = {name_of("ams1"), name_of("lon1")},
                           .backup_count = 2,
                           .anchor_frame = 1234567,
                           .anchor_wall_ms = (int64_t)NOW_S * 1000};
}

/* Two clusters; the first has a current and a next key. */
static size_t issuers(struct ticket_issuer out[3]) {
    static const struct {
        const char *cluster;
        uint8_t key;
    } rows[] = {{"ams1", 3}, {"fra1", 1}, {"fra1", 2}};
    for (size_t i = 0; i < 3; i++) {
        struct key_pair pair = pair_of(rows[i].key);
        out[i] =
            (struct ticket_issuer){.cluster = name_of(rows[i].cluster), .key = pair.public_key};
    }
    return 3;
}

static enum err verify_at(struct ticket *out, const char *token, size_t len, int64_t now_us,
                          int64_t uncertainty_us) {
    struct ticket_issuer list[3];
    struct wall now = {now_us, uncertainty_us};
    return ticket_verify(out, token, len, list, issuers(list), now, duration_s(2));
}

static enum err verify(struct ticket *out, const char *token, size_t len) {
    return verify_at(out, token, len, (int64_t)NOW_S * 1000000, 0);
}

static size_t sign(char out[TICKET_LEN_MAX + 1], const struct ticket *t, uint8_t key) {
    struct key_pair by = pair_of(key);
    return ticket_sign(out, t, &by);
}

static void expect_equal(const struct ticket *a, const struct ticket *b) {
    cr_expect(name_equal(&a->issuer, &b->issuer) && session_id_equal(&a->session, &b->session));
    cr_expect(a->issued_s == b->issued_s && a->expires_s == b->expires_s);
    cr_expect(name_equal(&a->service, &b->service) && name_equal(&a->profile, &b->profile));
    cr_expect_arr_eq(&a->determinism, &b->determinism, DETERMINISM_ID_BYTES);
    cr_expect(name_equal(&a->source, &b->source) && a->class == b->class);
    cr_expect_arr_eq(&a->digest, &b->digest, DIGEST_BYTES);
    cr_expect(public_key_equal(&a->client, &b->client) && a->protection == b->protection);
    cr_assert(a->leg_count == b->leg_count && a->backup_count == b->backup_count);
    for (unsigned i = 0; i < a->leg_count; i++)
        cr_expect(a->legs[i].up == b->legs[i].up && a->legs[i].ssrc == b->legs[i].ssrc &&
                      a->legs[i].seq0 == b->legs[i].seq0 && a->legs[i].ts0 == b->legs[i].ts0,
                  "leg %u", i);
    for (unsigned i = 0; i < a->backup_count; i++)
        cr_expect(name_equal(&a->backups[i], &b->backups[i]), "backup %u", i);
    cr_expect(a->anchor_frame == b->anchor_frame && a->anchor_wall_ms == b->anchor_wall_ms);
}

/* ---- there and back -------------------------------------------------------------------------- */

Test(ticket, there_and_back) {
    struct ticket in = sample(), out;
    char token[TICKET_LEN_MAX + 1];
    for (uint8_t key = 1; key <= 2; key++) {
        size_t len = sign(token, &in, key);
        cr_assert_neq(len, 0);
        cr_expect_eq(len, strlen(token));
        cr_assert_eq(verify(&out, token, len), ERR_OK, "key %u", key);
        expect_equal(&in, &out);
    }
    in.class = SOURCE_CLASS_PUSH;
    in.protection = PROTECTION_HOT;
    in.backup_count = 0;
    in.legs[1] = (struct leg){true, 0, 0, UINT32_MAX};
    in.leg_count = 2;
    in.anchor_frame = INT64_MAX;
    in.anchor_wall_ms = 0;
    size_t len = sign(token, &in, 1);
    cr_assert_eq(verify(&out, token, len), ERR_OK);
    expect_equal(&in, &out);
}

Test(ticket, claims_are_as_documented) {
    static const char expected[] =
        "{\"iss\":\"fra1\",\"jti\":\"AQIDBAUGBwgJAAAAAAAAAA\",\"iat\":\"2026-09-21T14:13:10Z\","
        "\"exp\":\"2026-09-21T15:13:20Z\",\"svc\":\"radio\",\"pro\":\"opus-64k\","
        "\"det\":\"_gIDBAUGB_8\",\"src\":\"moh-1\",\"dig\":\"CQgHBgUEAwIBAP8AAAAAAA\","
        "\"cls\":\"exact\",\"cpk\":\"XiEsCYDks5_AlyETSqAhCTdO39JgwNPQPLUByNZUV6k\","
        "\"leg\":[[\"d\",3735928559,65000,4000000000]],\"pre\":\"warm\",\"bak\":[\"ams1\",\"lon1\"]"
        ","
        "\"anc\":[1234567,1790000000000]}";
    struct ticket t = sample();
    struct key_pair by = pair_of(1);
    char token[TICKET_LEN_MAX + 1], text[TICKET_LEN_MAX + 1], id[KEY_ID_TEXT_LEN + 1], footer[99];
    size_t len = sign(token, &t, 1), got = 0;
    cr_assert_eq(paseto_verify(token, len, &by.public_key, TICKET_LABEL, strlen(TICKET_LABEL), NULL,
                               0, text, sizeof(text), &got),
                 ERR_OK);
    cr_expect_eq(got, strlen(expected));
    cr_expect_arr_eq(text, expected, got, "%.*s", (int)got, text);
    cr_assert_eq(paseto_footer(token, len, text, sizeof(text), &got), ERR_OK);
    key_id_to_text(&by.public_key, id);
    snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", id);
    cr_expect(got == strlen(footer) && memcmp(text, footer, got) == 0);
}

/* ---- size ------------------------------------------------------------------------------------ */

/* A ticket whose bounded parts are all at their largest, and names of `total` characters. */
static struct ticket largest(size_t total) {
    struct ticket t = sample();
    struct name *names[8] = {&t.issuer,     &t.service,    &t.profile,    &t.source,
                             &t.backups[0], &t.backups[1], &t.backups[2], &t.backups[3]};
    for (size_t i = 0; i < 8; i++) {
        size_t len = total / 8 + (i < total % 8);
        memset(names[i], 0, sizeof(*names[i]));
        memset(names[i]->text, 'n', len);
    }
    t.expires_s = 253402300799;
    t.class = SOURCE_CLASS_SEEKABLE;
    t.backup_count = TICKET_BACKUPS_MAX;
    t.leg_count = TICKET_LEGS_MAX;
    for (int i = 0; i < TICKET_LEGS_MAX; i++)
        t.legs[i] = (struct leg){i == 1, UINT32_MAX, UINT16_MAX, UINT32_MAX};
    t.anchor_frame = INT64_MAX;
    t.anchor_wall_ms = 253402300799999;
    return t;
}

Test(ticket, what_fits_and_what_does_not) {
    struct ticket_issuer issuer;
    struct key_pair by = pair_of(1);
    struct wall now = {(int64_t)NOW_S * 1000000, 0};
    char token[TICKET_LEN_MAX + 1];
    struct ticket out;
    for (size_t total = 8; total <= 8 * NAME_LEN_MAX; total++) {
        struct ticket t = largest(total);
        size_t len = sign(token, &t, 1);
        cr_expect_eq(len != 0, total <= TICKET_NAMES_LEN_SAFE, "%zu characters: %zu", total, len);
        cr_expect_eq(strlen(token), len, "%zu: empty if refused", total);
        issuer = (struct ticket_issuer){.cluster = t.issuer, .key = by.public_key};
        if (len != 0)
            cr_expect_eq(ticket_verify(&out, token, len, &issuer, 1, now, duration_s(0)), ERR_OK);
    }
    struct ticket t = largest(8 * NAME_LEN_MAX);
    t.backup_count = 1;
    t.leg_count = 1;
    cr_expect_neq(sign(token, &t, 1), 0, "the longest names fit with a leg and a backup");
}

Test(ticket, what_verify_would_refuse_is_not_signed) {
    enum change {
        NONE,
        ISSUER,
        SERVICE,
        PROFILE,
        SOURCE,
        BACKUP,
        LEGS0,
        LEGS3,
        BACKUPS5,
        ORDER,
        EARLY,
        LATE,
        CLASS,
        PROTECTION,
        FRAME,
        WALL,
        WALL_LATE
    };
    static const struct {
        const char *what;
        enum change change;
    } rows[] = {
        {"nothing wrong", NONE},
        {"no issuer", ISSUER},
        {"no service", SERVICE},
        {"no profile", PROFILE},
        {"no source", SOURCE},
        {"an empty backup", BACKUP},
        {"no leg", LEGS0},
        {"three legs", LEGS3},
        {"five backups", BACKUPS5},
        {"expires as issued", ORDER},
        {"before 1970", EARLY},
        {"after 9999", LATE},
        {"no such class", CLASS},
        {"no such protection", PROTECTION},
        {"a frame beyond JSON", FRAME},
        {"an anchor before 1970", WALL},
        {"an anchor after 9999", WALL_LATE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ticket t = sample();
        char token[TICKET_LEN_MAX + 1];
        enum change c = rows[i].change;
        struct name *names[] = {&t.issuer, &t.service, &t.profile, &t.source, &t.backups[1]};
        if (c >= ISSUER && c <= BACKUP)
            memset(names[c - ISSUER], 0, sizeof(struct name));
        t.leg_count = c == LEGS0 ? 0 : c == LEGS3 ? 3 : 1;
        t.backup_count = c == BACKUPS5 ? 5 : 2;
        t.issued_s = c == EARLY ? -1 : t.issued_s;
        t.expires_s = c == ORDER ? t.issued_s : c == LATE ? 253402300800 : t.expires_s;
        t.class = c == CLASS ? (enum source_class)4 : t.class;
        t.protection = c == PROTECTION ? (enum protection)3 : t.protection;
        t.anchor_frame = c == FRAME ? UINT64_MAX : 0;
        t.anchor_wall_ms = c == WALL ? -1 : c == WALL_LATE ? 253402300800000 : 0;
        cr_expect_eq(sign(token, &t, 1) != 0, c == NONE, "%s", rows[i].what);
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(ticket, every_truncation_and_every_flipped_bit_is_refused) {
    struct ticket in = sample(), out, before;
    char token[TICKET_LEN_MAX + 2];
    size_t len = sign(token, &in, 1);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    for (size_t n = 0; n < len; n++)
        cr_expect_neq(verify(&out, token, n), ERR_OK, "%zu of %zu", n, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        token[bit / 8] ^= (char)(1U << bit % 8);
        cr_expect_neq(verify(&out, token, len), ERR_OK, "bit %zu", bit);
        token[bit / 8] ^= (char)(1U << bit % 8);
    }
    token[len] = 'A';
    cr_expect_neq(verify(&out, token, len + 1), ERR_OK, "a character more");
    memset(token + len, 'A', sizeof(token) - len);
    cr_expect_eq(verify(&out, token, TICKET_LEN_MAX + 1), ERR_OVERSIZED);
    cr_expect_arr_eq(&out, &before, sizeof(out), "touched");
    cr_expect_eq(verify(&out, token, len), ERR_OK, "it was good");
}

Test(ticket, who_signed) {
    static const struct {
        const char *what;
        uint8_t key;
        const char *issuer;
        enum err expected;
    } rows[] = {
        {"its own key", 1, "fra1", ERR_OK},
        {"its next key", 2, "fra1", ERR_OK},
        {"another cluster in its own name", 3, "ams1", ERR_OK},
        {"another cluster in this one's name", 3, "fra1", ERR_FOREIGN},
        {"this one in a name that nobody has", 1, "par1", ERR_FOREIGN},
        {"a stranger in its name", 9, "fra1", ERR_UNKNOWN_ISSUER},
    };
    struct ticket_issuer list[3];
    struct wall now = {(int64_t)NOW_S * 1000000, 0};
    char token[TICKET_LEN_MAX + 1];
    struct ticket out, t = sample();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.issuer = name_of(rows[i].issuer);
        cr_expect_eq(verify(&out, token, sign(token, &t, rows[i].key)), rows[i].expected, "%s",
                     rows[i].what);
    }
    t = sample();
    size_t len = sign(token, &t, 1);
    cr_expect_eq(ticket_verify(&out, token, len, list, 0, now, DURATION_ZERO), ERR_UNKNOWN_ISSUER,
                 "nobody is believed");
}

/* What a thief of a former key can sign is newer than all that it signed, or lives longer. */
Test(ticket, a_former_key_has_signed_until_it_was_changed) {
    static const struct {
        const char *what;
        int64_t issued_s, life_s;
        bool revoked;
        enum err expected;
    } rows[] = {
        {"before the switch", NOW_S - 100, 3600, false, ERR_OK},
        {"at the switch, by a clock that is fast", NOW_S - 48, 3548, false, ERR_OK},
        {"after it", NOW_S - 40, 3000, false, ERR_UNKNOWN_ISSUER},
        {"before it, for longer than any", NOW_S - 100, 8000, false, ERR_UNKNOWN_ISSUER},
        {"before the switch, and revoked", NOW_S - 100, 3600, true, ERR_UNKNOWN_ISSUER},
    };
    struct wall now = {(int64_t)NOW_S * 1000000, 0};
    char token[TICKET_LEN_MAX + 1];
    struct ticket out, t = sample();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ticket_issuer list[3];
        size_t count = issuers(list);
        list[1].issued_until_s = NOW_S - 50; /* key 1 of fra1 */
        list[1].expires_until_s = NOW_S - 50 + 3600;
        if (rows[i].revoked)
            list[1] = ticket_issuer_revoked(&list[1].cluster, &list[1].key);
        t.issued_s = rows[i].issued_s;
        t.expires_s = t.issued_s + rows[i].life_s;
        size_t len = sign(token, &t, 1);
        cr_expect_eq(ticket_verify(&out, token, len, list, count, now, duration_s(2)),
                     rows[i].expected, "%s", rows[i].what);
        cr_expect_eq(ticket_issuer_is_revoked(&list[1]), rows[i].revoked, "%s", rows[i].what);
    }
}

/* A stranger's signature under a known key id. */
Test(ticket, a_forged_key_id_does_not_help) {
    struct key_pair known = pair_of(1), stranger = pair_of(9);
    char token[TICKET_LEN_MAX + 1], claims[TICKET_LEN_MAX], footer[99];
    size_t claims_len, footer_len;
    struct ticket t = sample(), out;
    size_t len = sign(token, &t, 1);
    paseto_footer(token, len, footer, sizeof(footer), &footer_len);
    paseto_verify(token, len, &known.public_key, TICKET_LABEL, strlen(TICKET_LABEL), NULL, 0,
                  claims, sizeof(claims), &claims_len);
    len = paseto_sign(token, sizeof(token), &stranger, claims, claims_len, footer, footer_len,
                      TICKET_LABEL, strlen(TICKET_LABEL));
    cr_expect_eq(verify(&out, token, len), ERR_BAD_SIGNATURE);
    len =
        paseto_sign(token, sizeof(token), &known, claims, claims_len, footer, footer_len, NULL, 0);
    cr_expect_eq(verify(&out, token, len), ERR_BAD_SIGNATURE, "without our label");
    len = paseto_sign(token, sizeof(token), &known, claims, claims_len, NULL, 0, TICKET_LABEL,
                      strlen(TICKET_LABEL));
    cr_expect_eq(verify(&out, token, len), ERR_UNKNOWN_ISSUER, "without a key id");
}

Test(ticket, time) {
    static const struct {
        const char *what;
        int64_t now_us, uncertainty_us; /* after NOW_S */
        enum err expected;
    } rows[] = {
        {"in the middle", 0, 0, ERR_OK},
        {"as issued", -10000000, 0, ERR_OK},
        {"earlier, within the skew", -12000000, 0, ERR_OK},
        {"earlier than that", -12000001, 0, ERR_NOT_YET},
        {"earlier, by a clock that is not sure", -12000001, 1, ERR_OK},
        {"as it expires", 3600000000, 0, ERR_OK},
        {"later, within the skew", 3602000000, 0, ERR_OK},
        {"later than that", 3602000001, 0, ERR_EXPIRED},
        {"later, by a clock that is not sure", 3602000001, 500000, ERR_OK},
        {"later than it is unsure", 3602500001, 500000, ERR_EXPIRED},
    };
    struct ticket in = sample(), out;
    char token[TICKET_LEN_MAX + 1];
    size_t len = sign(token, &in, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(verify_at(&out, token, len, (int64_t)NOW_S * 1000000 + rows[i].now_us,
                               rows[i].uncertainty_us),
                     rows[i].expected, "%s", rows[i].what);
}

/* ---- claims, under a good signature ---------------------------------------------------------- */

#define CPK "\"cpk\":\"XiEsCYDks5_AlyETSqAhCTdO39JgwNPQPLUByNZUV6k\""

/* The claims of a ticket; a row below replaces the first occurrence of a text by another. */
static const char good[] =
    "{\"iss\":\"fra1\",\"jti\":\"AQIDBAUGBwgJAAAAAAAAAA\",\"iat\":\"2026-09-21T14:13:10Z\","
    "\"exp\":\"2026-09-21T15:13:20Z\",\"svc\":\"radio\",\"pro\":\"opus\",\"det\":\"_gIDBAUGB_8\","
    "\"src\":\"moh\",\"dig\":\"CQgHBgUEAwIBAP8AAAAAAA\",\"cls\":\"exact\"," CPK
    ",\"leg\":[[\"d\",1,2,3]],\"pre\":\"warm\",\"bak\":[\"ams1\",\"lon1\"],\"anc\":[5,6]}";

static enum err verify_claims(const char *claims, size_t len) {
    struct key_pair by = pair_of(1);
    char token[TICKET_LEN_MAX + 1], id[KEY_ID_TEXT_LEN + 1], footer[99];
    struct ticket out, before;
    key_id_to_text(&by.public_key, id);
    int footer_len = snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", id);
    size_t token_len = paseto_sign(token, sizeof(token), &by, claims, len, footer,
                                   (size_t)footer_len, TICKET_LABEL, strlen(TICKET_LABEL));
    cr_assert_neq(token_len, 0, "the test's own claims are too long: %s", claims);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    enum err e = verify(&out, token, token_len);
    if (e != ERR_OK)
        cr_expect_arr_eq(&out, &before, sizeof(out), "touched");
    return e;
}

static enum err verify_changed(const char *from, const char *to) {
    char claims[2 * sizeof(good)];
    const char *at = strstr(good, from);
    cr_assert_not_null(at, "%s", from);
    int len =
        snprintf(claims, sizeof(claims), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return verify_claims(claims, (size_t)len);
}

/* One flat table: each row changes one thing in good claims. */
Test(ticket, claims_out_of_range_are_refused) {
    static const struct {
        const char *what, *from, *to;
        enum err expected;
    } rows[] = {
        {"nothing changed", "fra1", "fra1", ERR_OK},
        {"blanks", "[5,6]", "[ 5 , 6 ]", ERR_OK},
        {"no issuer", "\"iss\":\"fra1\",", "", ERR_BAD_FIELD},
        {"an empty issuer", "fra1", "", ERR_BAD_FIELD},
        {"a number for a name", "\"fra1\"", "1", ERR_BAD_FIELD},
        {"a URL for a source", "moh", "http://x/y", ERR_BAD_FIELD},
        {"a path for a source", "moh", "../moh", ERR_BAD_FIELD},
        {"a session id that is short", "AQIDBAUGBwgJAAAAAAAAAA", "AQIDBAUGBwgJAAAAAAAAA",
         ERR_BAD_FIELD},
        {"a session id with stray bits", "AQIDBAUGBwgJAAAAAAAAAA", "AQIDBAUGBwgJAAAAAAAAAB",
         ERR_BAD_FIELD},
        {"a date as a number", "\"2026-09-21T14:13:10Z\"", "1790000000", ERR_BAD_FIELD},
        {"a date with an offset", "2026-09-21T14:13:10Z", "2026-09-21T14:13:10+00:00",
         ERR_BAD_FIELD},
        {"a date that does not exist", "2026-09-21T14", "2026-09-31T14", ERR_BAD_FIELD},
        {"expires before its issue", "2026-09-21T15:13:20Z", "2026-09-21T14:13:10Z", ERR_BAD_FIELD},
        {"a class that does not exist", "exact", "exactly", ERR_BAD_FIELD},
        {"a class that is cut", "exact", "exac", ERR_BAD_FIELD},
        {"a protection that does not exist", "warm", "lukewarm", ERR_BAD_FIELD},
        {"a client key that is short", "NZUV6k", "NZUV6", ERR_BAD_FIELD},
        {"no client key", CPK ",", "", ERR_BAD_FIELD},
        {"no leg", "[[\"d\",1,2,3]]", "[]", ERR_BAD_FIELD},
        {"two legs", "[[\"d\",1,2,3]]", "[[\"d\",1,2,3],[\"u\",1,2,3]]", ERR_OK},
        {"three legs", "[[\"d\",1,2,3]]", "[[\"d\",1,2,3],[\"u\",1,2,3],[\"u\",1,2,3]]",
         ERR_OVERSIZED},
        {"legs that are no list", "[[\"d\",1,2,3]]", "{\"d\":1}", ERR_BAD_FIELD},
        {"a leg that is no list", "[\"d\",1,2,3]", "7", ERR_BAD_FIELD},
        {"a leg that is an object", "[\"d\",1,2,3]", "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}",
         ERR_BAD_FIELD},
        {"a short leg", "[\"d\",1,2,3]", "[\"d\",1,2]", ERR_BAD_FIELD},
        {"a long leg", "[\"d\",1,2,3]", "[\"d\",1,2,3,4]", ERR_BAD_FIELD},
        {"a leg sideways", "[\"d\"", "[\"s\"", ERR_BAD_FIELD},
        {"an SSRC that is negative", "[\"d\",1,", "[\"d\",-1,", ERR_BAD_FIELD},
        {"an SSRC of 33 bits", "[\"d\",1,", "[\"d\",4294967296,", ERR_BAD_FIELD},
        {"the largest SSRC", "[\"d\",1,", "[\"d\",4294967295,", ERR_OK},
        {"a sequence number of 17 bits", "1,2,3", "1,65536,3", ERR_BAD_FIELD},
        {"a timestamp with a fraction", "1,2,3", "1,2,3.0", ERR_BAD_FIELD},
        {"a timestamp in scientific notation", "1,2,3", "1,2,3e0", ERR_BAD_FIELD},
        {"five backups", "\"ams1\"", "\"a\",\"b\",\"c\",\"d\"", ERR_OVERSIZED},
        {"a backup without a name", "\"ams1\"", "\"\"", ERR_BAD_FIELD},
        {"no backup", "\"ams1\",\"lon1\"", "", ERR_OK},
        {"backups missing", "\"bak\":[\"ams1\",\"lon1\"],", "", ERR_BAD_FIELD},
        {"a short anchor", "[5,6]", "[5]", ERR_BAD_FIELD},
        {"a long anchor", "[5,6]", "[5,6,7]", ERR_OVERSIZED},
        {"a negative frame", "[5,6]", "[-5,6]", ERR_BAD_FIELD},
        {"the largest frame", "[5,6]", "[9223372036854775807,6]", ERR_OK},
        {"a frame beyond 63 bits", "[5,6]", "[9223372036854775808,6]", ERR_BAD_FIELD},
        {"a frame as text", "[5,6]", "[\"5\",6]", ERR_BAD_FIELD},
        {"an anchor after 9999", "[5,6]", "[5,253402300800000]", ERR_BAD_FIELD},
        {"a claim twice", "\"svc\":", "\"svc\":\"radio\",\"svc\":", ERR_BAD_FIELD},
        {"an unknown claim twice", "\"svc\":", "\"x\":1,\"x\":1,\"svc\":", ERR_BAD_FIELD},
        {"an unknown claim", "\"svc\":", "\"x\":{\"y\":[1,null,true]},\"svc\":", ERR_OK},
        {"an unknown claim that is deep", "\"svc\":", "\"x\":[[[[[[[1]]]]]]],\"svc\":", ERR_OK},
        {"one that is too deep", "\"svc\":", "\"x\":[[[[[[[[1]]]]]]]],\"svc\":", ERR_BAD_FIELD},
        {"brackets in a text", "\"svc\":", "\"x\":\"\\\"[[[[[[[[[[[[\",\"svc\":", ERR_OK},
        {"a NUL in a text", "\"svc\":", "\"x\":\"\\u0000\",\"svc\":", ERR_BAD_FIELD},
        {"no JSON", "\"svc\":", "svc:", ERR_BAD_FIELD},
        {"a comma too many", "[5,6]}", "[5,6],}", ERR_BAD_FIELD},
        {"something behind the end", "[5,6]}", "[5,6]}{}", ERR_BAD_FIELD},
        {"no UTF-8", "\"svc\":", "\"x\":\"\xff\",\"svc\":", ERR_BAD_FIELD},
        {"a critical claim that we know", "\"svc\":", "\"crt\":[\"leg\",\"anc\"],\"svc\":", ERR_OK},
        {"one that we do not", "\"svc\":", "\"crt\":[\"leg\",\"fec\"],\"svc\":", ERR_UNKNOWN_CLAIM},
        {"itself", "\"svc\":", "\"crt\":[\"crt\"],\"svc\":", ERR_UNKNOWN_CLAIM},
        {"one that is there",
         "\"svc\":", "\"fec\":2,\"crt\":[\"fec\"],\"svc\":", ERR_UNKNOWN_CLAIM},
        {"one that changed the others", "\"svc\":\"radio\"", "\"svc\":7,\"crt\":[\"v2\"]",
         ERR_UNKNOWN_CLAIM},
        {"nothing that is critical", "\"svc\":", "\"crt\":[],\"svc\":", ERR_BAD_FIELD},
        {"a critical number", "\"svc\":", "\"crt\":[1],\"svc\":", ERR_BAD_FIELD},
        {"critical text", "\"svc\":", "\"crt\":\"leg\",\"svc\":", ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum err e = verify_changed(rows[i].from, rows[i].to);
        cr_expect_eq(e, rows[i].expected, "%s: %s", rows[i].what, err_name(e));
    }
}

Test(ticket, claims_that_are_cut_are_refused) {
    for (size_t len = 0; len < strlen(good); len++)
        cr_expect_neq(verify_claims(good, len), ERR_OK, "%zu of %zu", len, strlen(good));
    cr_expect_eq(verify_claims(good, strlen(good)), ERR_OK, "it was good");
    cr_expect_neq(verify_claims(good, strlen(good) + 1), ERR_OK, "a NUL behind it");
}

/* ---- words ----------------------------------------------------------------------------------- */

Test(ticket, words) {
    enum source_class c = SOURCE_CLASS_LIVE;
    enum protection p = PROTECTION_WARM;
    for (int i = 0; i < 4; i++)
        cr_expect(source_class_by_name(&c, source_class_name((enum source_class)i)) && (int)c == i);
    for (int i = 0; i < 3; i++)
        cr_expect(protection_by_name(&p, protection_name((enum protection)i)) && (int)p == i);
    cr_expect_str_eq(source_class_name((enum source_class)4), "unknown");
    cr_expect_str_eq(protection_name((enum protection) - 1), "unknown");
    cr_expect_not(source_class_by_name(&c, "unknown"));
    cr_expect_not(protection_by_name(&p, ""));
    cr_expect(c == SOURCE_CLASS_PUSH && p == PROTECTION_HOT, "touched");
}
