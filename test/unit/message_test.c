#include "peerd/wire/message.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const enum message_kind kinds[] = {
    MESSAGE_HELLO,  MESSAGE_COOKIE, MESSAGE_RESUME,  MESSAGE_GRANT, MESSAGE_REFUSE,
    MESSAGE_REPORT, MESSAGE_ACK,    MESSAGE_NOTICE,  MESSAGE_PROBE, MESSAGE_ECHO,
    MESSAGE_TRIPS,  MESSAGE_NAMED,  MESSAGE_BACKUPS, MESSAGE_KNOCK, MESSAGE_PASS};

static size_t encode_sample(enum message_kind kind, uint8_t out[MESSAGE_LEN_MAX]) {
    struct key_pair pair = sample_pair(9);
    struct message m = sample_message(kind);
    return message_encode(out, MESSAGE_LEN_MAX, &m, &pair);
}

/* Not message_is_signed(): the test would follow it into a mistake. */
static bool is_signed(enum message_kind kind) {
    return kind == MESSAGE_RESUME || kind == MESSAGE_REPORT || kind == MESSAGE_TRIPS;
}

/* Decodes, and verifies what is signed; anything but ERR_OK is a refusal. */
static enum err take(struct message *out, const uint8_t *datagram, size_t len) {
    struct key_pair pair = sample_pair(9);
    struct key_hint me = sample_hint(0x7a);
    enum err e = message_decode(out, datagram, len);
    if (e == ERR_OK && is_signed(out->kind))
        e = message_verify(out, &pair.public_key, &me);
    return e;
}

Test(message, has_the_documented_length) {
    static const struct {
        enum message_kind kind;
        size_t len;
    } rows[] = {{MESSAGE_HELLO, 64},
                {MESSAGE_COOKIE, 48},
                {MESSAGE_RESUME, 176 + 27},
                {MESSAGE_GRANT, 77},
                {MESSAGE_REFUSE, 50},
                {MESSAGE_REPORT, 148},
                {MESSAGE_ACK, 44},
                {MESSAGE_NOTICE, 54},
                {MESSAGE_PROBE, 32},
                {MESSAGE_ECHO, 32},
                {MESSAGE_TRIPS, 109 + 2 * 13},
                {MESSAGE_NAMED, 29 + 2 * 58},
                {MESSAGE_BACKUPS, 29 + 2 * 58},
                {MESSAGE_KNOCK, 96},
                {MESSAGE_PASS, 93}};
    uint8_t datagram[MESSAGE_LEN_MAX];
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(encode_sample(rows[i].kind, datagram), rows[i].len, "kind %d", rows[i].kind);
}

/* A flat table: offsets counted by hand from the layout in message.h, not taken from the code. */
Test(message, has_the_documented_layout) {
    static const struct {
        const char *what;
        enum message_kind kind;
        size_t offset;
        size_t len;
        uint64_t value;
    } rows[] = {
        {"first byte, version, kind, zero", MESSAGE_HELLO, 0, 4, 0xf9030100},
        {"nonce", MESSAGE_HELLO, 4, 8, 0xfedcba9876543210},
        {"hello is padded", MESSAGE_HELLO, 56, 8, 0},
        {"cookie: cookie", MESSAGE_COOKIE, 12, 8, 0xc1c1c1c1c1c1c1c1},
        {"cookie: hint", MESSAGE_COOKIE, 28, 8, 0x1111111111111111},
        {"cookie: free slots", MESSAGE_COOKIE, 36, 4, 4242},
        {"resume: cookie", MESSAGE_RESUME, 20, 8, 0xc0c0c0c0c0c0c0c0},
        {"resume: target", MESSAGE_RESUME, 28, 8, 0x7a7a7a7a7a7a7a7a},
        {"resume: session", MESSAGE_RESUME, 36, 8, 0x5151515151515151},
        {"resume: purpose", MESSAGE_RESUME, 52, 1, RESUME_HEDGE},
        {"resume: epoch", MESSAGE_RESUME, 53, 4, 3},
        {"resume: counter", MESSAGE_RESUME, 57, 8, 77},
        {"resume: from_frame", MESSAGE_RESUME, 65, 8, 1000},
        {"resume: live_frame", MESSAGE_RESUME, 73, 8, 1012},
        {"resume: held, frame 1003 is bit 2", MESSAGE_RESUME, 81, 8, 0x0400000000000000},
        {"resume: held, frame 1128 is bit 127", MESSAGE_RESUME, 89, 8, 0x80},
        {"resume: hedge_ms", MESSAGE_RESUME, 97, 2, 500},
        {"resume: silent_ms", MESSAGE_RESUME, 99, 2, 120},
        {"resume: served by", MESSAGE_RESUME, 101, 8, 0x5b5b5b5b5b5b5b5b},
        {"resume: cause", MESSAGE_RESUME, 109, 1, MOVE_CAUSE_CRASHED},
        {"resume: ticket length", MESSAGE_RESUME, 110, 2, 27},
        {"resume: ticket", MESSAGE_RESUME, 112, 3, 0x76342e},
        {"grant: purpose", MESSAGE_GRANT, 28, 1, RESUME_COMMIT},
        {"grant: epoch", MESSAGE_GRANT, 29, 4, 4},
        {"grant: counter", MESSAGE_GRANT, 33, 8, 78},
        {"grant: start_frame", MESSAGE_GRANT, 41, 8, 1001},
        {"grant: mergeable_from", MESSAGE_GRANT, 49, 8, 1101},
        {"grant: lease_ms", MESSAGE_GRANT, 57, 4, 10000},
        {"grant: determinism", MESSAGE_GRANT, 61, 8, 0x0102030405060708},
        {"grant: hint", MESSAGE_GRANT, 69, 8, 0x1212121212121212},
        {"refuse: purpose and error", MESSAGE_REFUSE, 28, 2, 0x0119},
        {"refuse: counter", MESSAGE_REFUSE, 30, 8, 79},
        {"refuse: retry_after_ms", MESSAGE_REFUSE, 38, 4, 1500},
        {"refuse: hint", MESSAGE_REFUSE, 42, 8, 0x1313131313131313},
        {"report: target", MESSAGE_REPORT, 12, 8, 0x7a7a7a7a7a7a7a7a},
        {"report: session", MESSAGE_REPORT, 20, 8, 0x5454545454545454},
        {"report: epoch", MESSAGE_REPORT, 36, 4, 5},
        {"report: counter", MESSAGE_REPORT, 40, 8, 80},
        {"report: last_frame", MESSAGE_REPORT, 48, 8, 2000},
        {"report: expected", MESSAGE_REPORT, 56, 4, 2001},
        {"report: lost_before", MESSAGE_REPORT, 60, 4, 9},
        {"report: lost_after", MESSAGE_REPORT, 64, 4, 1},
        {"report: jitter_us", MESSAGE_REPORT, 68, 4, 3100},
        {"report: rtt_us", MESSAGE_REPORT, 72, 4, 24000},
        {"report: lag_us", MESSAGE_REPORT, 76, 4, 0xffffef98},
        {"report: notice", MESSAGE_REPORT, 80, 4, 6},
        {"ack: epoch", MESSAGE_ACK, 28, 4, 6},
        {"ack: counter", MESSAGE_ACK, 32, 8, 81},
        {"ack: lease_ms", MESSAGE_ACK, 40, 4, 9000},
        {"notice: number", MESSAGE_NOTICE, 28, 4, 7},
        {"notice: what and cause", MESSAGE_NOTICE, 32, 2, 0x0202},
        {"notice: target", MESSAGE_NOTICE, 34, 8, 0x1414141414141414},
        {"notice: deadline_ms", MESSAGE_NOTICE, 42, 4, 5000},
        {"notice: end", MESSAGE_NOTICE, 46, 8, UINT64_MAX},
        {"probe: target", MESSAGE_PROBE, 12, 8, 0x7a7a7a7a7a7a7a7a},
        {"probe is padded", MESSAGE_PROBE, 24, 8, 0},
        {"echo: hint", MESSAGE_ECHO, 12, 8, 0x1515151515151515},
        {"echo says nothing more", MESSAGE_ECHO, 20, 8, 0},
        {"trips: target", MESSAGE_TRIPS, 12, 8, 0x7a7a7a7a7a7a7a7a},
        {"trips: session", MESSAGE_TRIPS, 20, 8, 0x5757575757575757},
        {"trips: counter", MESSAGE_TRIPS, 36, 8, 82},
        {"trips: count", MESSAGE_TRIPS, 44, 1, 2},
        {"trips: the first cluster", MESSAGE_TRIPS, 45, 8, 0x1616161616161616},
        {"trips: its rtt_us", MESSAGE_TRIPS, 53, 4, 25000},
        {"trips: its samples", MESSAGE_TRIPS, 57, 1, 8},
        {"trips: the second cluster", MESSAGE_TRIPS, 58, 8, 0x1717171717171717},
        {"trips: its samples", MESSAGE_TRIPS, 70, 1, 255},
        {"knock: cookie", MESSAGE_KNOCK, 20, 8, 0xc0c0c0c0c0c0c0c0},
        {"knock: target", MESSAGE_KNOCK, 28, 8, 0x7a7a7a7a7a7a7a7a},
        {"knock: client", MESSAGE_KNOCK, 36, 8, 0x2121212121212121},
        {"knock is padded", MESSAGE_KNOCK, 68, 8, 0},
        {"pass: mark", MESSAGE_PASS, 12, 1, 2},
        {"pass: sealed", MESSAGE_PASS, 13, 8, 0x5e5e5e5e5e5e5e5e},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        uint64_t value = 0;
        encode_sample(rows[i].kind, datagram);
        for (size_t b = 0; b < rows[i].len; b++)
            value = value << 8 | datagram[rows[i].offset + b];
        cr_expect_eq(value, rows[i].value, "%s: %lx", rows[i].what, value);
    }
}

Test(message, round_trips_every_kind) {
    struct key_pair pair = sample_pair(9);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        uint8_t again[MESSAGE_LEN_MAX];
        struct message out;
        size_t len = encode_sample(kinds[i], datagram);
        cr_assert_eq(take(&out, datagram, len), ERR_OK, "kind %d", kinds[i]);
        cr_expect_eq(out.kind, kinds[i]);
        cr_expect_eq(out.nonce, sample_message(kinds[i]).nonce);
        /* Ed25519 is deterministic, so equal fields make equal bytes, signature included. */
        cr_expect_eq(message_encode(again, sizeof(again), &out, &pair), len);
        cr_expect_arr_eq(again, datagram, len, "kind %d", kinds[i]);
    }
}

Test(message, decodes_fields_to_where_they_belong) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    struct message out;
    size_t len = encode_sample(MESSAGE_RESUME, datagram);
    cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
    const struct message_resume *r = &out.u.resume;
    cr_expect_eq(r->purpose, RESUME_HEDGE);
    cr_expect_eq(r->epoch, 3);
    cr_expect_eq(r->counter, 77);
    cr_expect_eq(r->from_frame, 1000);
    cr_expect_eq(r->live_frame, 1012);
    cr_expect_eq(r->hedge_ms, 500);
    cr_expect_eq(r->silent_ms, 120);
    cr_expect_eq(r->cause, MOVE_CAUSE_CRASHED);
    cr_expect_eq(r->ticket_len, 27);
    cr_expect_eq(memcmp(r->ticket, "v4.public.dGlja2V0.Zm9vdGVy", 27), 0);
    cr_expect(resume_holds(r, 1003) && resume_holds(r, 1128) && !resume_holds(r, 1004));
    cr_expect_eq(out.signed_part.data, datagram);
    cr_expect_eq(out.signed_part.len, len - SIGNATURE_BYTES);
    len = encode_sample(MESSAGE_REPORT, datagram);
    cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
    cr_expect_eq(out.u.report.lost_before, 9);
    cr_expect_eq(out.u.report.lost_after, 1);
    cr_expect_eq(out.u.report.jitter_us, 3100);
    cr_expect_eq(out.u.report.rtt_us, 24000);
    cr_expect_eq(out.u.report.lag_us, -4200);
    cr_expect_eq(out.u.report.notice, 6);
}

/* Whoever is of an older version reads a deadline that is far away, and nothing else is different.
 */
Test(message, a_move_may_be_to_one_place_only) {
    uint8_t plain[MESSAGE_LEN_MAX], only[MESSAGE_LEN_MAX];
    struct message m = sample_message(MESSAGE_NOTICE), out;
    size_t len = message_encode(plain, sizeof(plain), &m, NULL);
    m.u.notice.only = true;
    cr_assert_eq(message_encode(only, sizeof(only), &m, NULL), len);
    cr_assert_eq(message_decode(&out, only, len), ERR_OK);
    cr_expect(out.u.notice.only && out.u.notice.deadline_ms == 5000);
    only[42] ^= 0x80;
    cr_expect_arr_eq(only, plain, len);
    cr_assert_eq(message_decode(&out, plain, len), ERR_OK);
    cr_expect_not(out.u.notice.only);
}

Test(message, a_report_may_tell_of_a_move) {
    static const uint8_t told[12] = {0, 0, 0, 5, 0, 45, 0, 80, 0, 2, 1, 4};
    struct message m = sample_message(MESSAGE_REPORT), out;
    struct key_pair pair = sample_pair(9);
    uint8_t datagram[MESSAGE_LEN_MAX];
    m.u.report.moved = (struct message_moved){5, 45, 80, 2, 260};
    cr_assert_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 160);
    cr_expect_arr_eq(datagram + 84, told, sizeof(told));
    cr_assert_eq(take(&out, datagram, 160), ERR_OK);
    cr_expect_eq(memcmp(&out.u.report, &m.u.report, sizeof(m.u.report)), 0);
    for (size_t bit = 0; bit < 160 * 8; bit++) {
        datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_expect_neq(take(&out, datagram, 160), ERR_OK, "bit %zu", bit);
        datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t len = 149; len < 165; len++)
        cr_expect_eq(message_decode(&out, datagram, len),
                     len == 160 || len == 152 ? ERR_OK : ERR_OVERSIZED, "as %zu", len);
    cr_expect_neq(take(&out, datagram, 148), ERR_OK, "cut: another's signature");
    memset(datagram + 84, 0, 4);
    cr_expect_eq(message_decode(&out, datagram, 160), ERR_BAD_FIELD, "a move without an epoch");
}

Test(message, a_report_may_say_which_backups_its_client_goes_by) {
    struct message m = sample_message(MESSAGE_REPORT), out;
    struct key_pair pair = sample_pair(9);
    uint8_t datagram[MESSAGE_LEN_MAX];
    m.u.report.backups = 0x01020304;
    cr_assert_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 152);
    cr_expect_arr_eq(datagram + 84, ((const uint8_t[]){1, 2, 3, 4}), 4);
    cr_assert_eq(take(&out, datagram, 152), ERR_OK);
    cr_expect_eq(memcmp(&out.u.report, &m.u.report, sizeof(m.u.report)), 0);
    for (size_t bit = 0; bit < 152 * 8; bit++) {
        datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_expect_neq(take(&out, datagram, 152), ERR_OK, "bit %zu", bit);
        datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    cr_expect_neq(take(&out, datagram, 148), ERR_OK, "cut: another's signature");
    memset(datagram + 84, 0, 4);
    cr_expect_eq(message_decode(&out, datagram, 152), ERR_BAD_FIELD, "a mark that is none");
    m.u.report.moved = (struct message_moved){5, 45, 80, 2, 260};
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0, "one or the other");
}

Test(message, carries_the_longest_ticket_in_one_datagram) {
    char ticket[TICKET_LEN_MAX + 1];
    uint8_t datagram[MESSAGE_LEN_MAX];
    struct key_pair pair = sample_pair(9);
    struct message out;
    memset(ticket, 'A', TICKET_LEN_MAX);
    ticket[TICKET_LEN_MAX] = '\0';
    struct message m = sample_resume(RESUME_COMMIT, ticket);
    size_t len = message_encode(datagram, sizeof(datagram), &m, &pair);
    cr_assert_eq(len, 176 + TICKET_LEN_MAX);
    cr_expect_eq(take(&out, datagram, len), ERR_OK);
    cr_expect_eq(message_encode(datagram, len - 1, &m, &pair), 0, "does not fit");
}

Test(message, refuses_each_truncation_and_any_byte_more) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX] = {0};
        struct message out, untouched;
        size_t len = encode_sample(kinds[i], datagram);
        memset(&out, 0xab, sizeof(out));
        untouched = out;
        for (size_t cut = 0; cut < len; cut++)
            cr_expect_eq(message_decode(&out, datagram, cut), ERR_TRUNCATED, "kind %d cut to %zu",
                         kinds[i], cut);
        for (size_t more = len + 1; more <= MESSAGE_LEN_MAX; more += 97)
            cr_expect_eq(message_decode(&out, datagram, more), ERR_OVERSIZED, "kind %d as %zu",
                         kinds[i], more);
        cr_expect_eq(memcmp(&out, &untouched, sizeof(out)), 0, "kind %d touched out", kinds[i]);
    }
}

Test(message, refuses_each_flipped_bit_of_what_is_signed) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        struct message out;
        if (!is_signed(kinds[i]))
            continue;
        size_t len = encode_sample(kinds[i], datagram);
        for (size_t bit = 0; bit < len * 8; bit++) {
            datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            cr_expect_neq(take(&out, datagram, len), ERR_OK, "kind %d bit %zu", kinds[i], bit);
            datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        cr_expect_eq(take(&out, datagram, len), ERR_OK);
    }
}

Test(message, has_one_meaning_a_bit_where_nothing_is_signed) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        uint8_t again[MESSAGE_LEN_MAX];
        struct message out;
        size_t len = encode_sample(kinds[i], datagram);
        for (size_t bit = 0; bit < len * 8 && !is_signed(kinds[i]); bit++) {
            datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            if (message_decode(&out, datagram, len) == ERR_OK) {
                cr_expect_eq(message_encode(again, sizeof(again), &out, NULL), len);
                cr_expect_arr_eq(again, datagram, len, "kind %d bit %zu", kinds[i], bit);
            }
            datagram[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    }
}

Test(message, refuses_values_outside_their_range) {
    static const struct {
        const char *what;
        enum message_kind kind;
        size_t offset;
        size_t len;
        uint64_t value;
        enum err err;
    } rows[] = {
        {"another first byte (RTP)", MESSAGE_HELLO, 0, 1, 0x80, ERR_BAD_MAGIC},
        {"the version before", MESSAGE_HELLO, 1, 1, 1, ERR_BAD_VERSION},
        {"kind 0", MESSAGE_HELLO, 2, 1, 0, ERR_BAD_KIND},
        {"kind 16", MESSAGE_HELLO, 2, 1, 16, ERR_BAD_KIND},
        {"mark of what nobody proves", MESSAGE_HELLO, 3, 1, 1, ERR_BAD_FIELD},
        {"mark of what is signed only", MESSAGE_TRIPS, 3, 1, 1, ERR_BAD_FIELD},
        {"mark of no pass", MESSAGE_RESUME, 3, 1, 3, ERR_BAD_FIELD},
        {"mark over a signature", MESSAGE_RESUME, 3, 1, 1, ERR_OVERSIZED},
        {"pass of no mark", MESSAGE_PASS, 12, 1, 0, ERR_BAD_FIELD},
        {"hello that says something", MESSAGE_HELLO, 63, 1, 1, ERR_BAD_FIELD},
        {"cookie that says something more", MESSAGE_COOKIE, 40, 1, 1, ERR_BAD_FIELD},
        {"purpose 0", MESSAGE_RESUME, 52, 1, 0, ERR_BAD_FIELD},
        {"purpose 7", MESSAGE_RESUME, 52, 1, 7, ERR_BAD_FIELD},
        {"cause 6", MESSAGE_RESUME, 109, 1, 6, ERR_BAD_FIELD},
        {"hedge of 2 s", MESSAGE_RESUME, 97, 2, 2000, ERR_OK},
        {"hedge longer than 2 s", MESSAGE_RESUME, 97, 2, 2001, ERR_BAD_FIELD},
        {"live a minute ahead", MESSAGE_RESUME, 73, 8, 4000, ERR_OK},
        {"live more than a minute ahead", MESSAGE_RESUME, 73, 8, 4001, ERR_BAD_FIELD},
        {"live a little behind", MESSAGE_RESUME, 73, 8, 996, ERR_OK},
        {"live at the other end of time", MESSAGE_RESUME, 73, 8, UINT64_MAX, ERR_BAD_FIELD},
        {"from at the other end of time", MESSAGE_RESUME, 65, 8, UINT64_MAX, ERR_BAD_FIELD},
        {"ticket longer than tickets are", MESSAGE_RESUME, 110, 2, 901, ERR_BAD_FIELD},
        {"ticket longer than the message", MESSAGE_RESUME, 110, 2, 28, ERR_TRUNCATED},
        {"ticket shorter than the message", MESSAGE_RESUME, 110, 2, 26, ERR_OVERSIZED},
        {"ticket with a quote", MESSAGE_RESUME, 112, 1, '"', ERR_BAD_FIELD},
        {"grant for purpose 0", MESSAGE_GRANT, 28, 1, 0, ERR_BAD_FIELD},
        {"grant from beyond any frame", MESSAGE_GRANT, 41, 2, 2, ERR_BAD_FIELD},
        {"grant never mergeable", MESSAGE_GRANT, 49, 8, UINT64_MAX, ERR_OK},
        {"grant mergeable just before never", MESSAGE_GRANT, 49, 8, UINT64_MAX - 1, ERR_BAD_FIELD},
        {"refusal without an error", MESSAGE_REFUSE, 29, 1, 0, ERR_BAD_FIELD},
        {"refusal with the last error", MESSAGE_REFUSE, 29, 1, ERR_COUNT - 1, ERR_OK},
        {"refusal with an unknown error", MESSAGE_REFUSE, 29, 1, ERR_COUNT, ERR_BAD_FIELD},
        {"report of a frame beyond any", MESSAGE_REPORT, 48, 2, 2, ERR_BAD_FIELD},
        {"notice 0", MESSAGE_NOTICE, 32, 1, 0, ERR_BAD_FIELD},
        {"notice 3", MESSAGE_NOTICE, 32, 1, 3, ERR_BAD_FIELD},
        {"notice to move for no reason", MESSAGE_NOTICE, 33, 1, 0, ERR_BAD_FIELD},
        {"notice to move from the dead", MESSAGE_NOTICE, 33, 1, MOVE_CAUSE_CRASHED, ERR_BAD_FIELD},
        {"notice of the end with one", MESSAGE_NOTICE, 32, 2, 0x0114, ERR_OK},
        {"notice of the end, unknown error", MESSAGE_NOTICE, 32, 2, 0x01ff, ERR_BAD_FIELD},
        {"notice to move with an end", MESSAGE_NOTICE, 46, 8, 1000, ERR_BAD_FIELD},
        {"notice to move there or nowhere", MESSAGE_NOTICE, 42, 4, 0x80001388, ERR_OK},
        {"probe that says something", MESSAGE_PROBE, 31, 1, 1, ERR_BAD_FIELD},
        {"echo that says something", MESSAGE_ECHO, 20, 1, 1, ERR_BAD_FIELD},
        {"no trips, but the bytes of two", MESSAGE_TRIPS, 44, 1, 0, ERR_OVERSIZED},
        {"more trips than bytes", MESSAGE_TRIPS, 44, 1, 16, ERR_TRUNCATED},
        {"more trips than there may be", MESSAGE_TRIPS, 44, 1, 17, ERR_BAD_FIELD},
        {"a trip in no time", MESSAGE_TRIPS, 53, 4, 0, ERR_BAD_FIELD},
        {"a trip of 10 s", MESSAGE_TRIPS, 53, 4, 10000000, ERR_OK},
        {"a longer one", MESSAGE_TRIPS, 53, 4, 10000001, ERR_BAD_FIELD},
        {"a trip that nobody made", MESSAGE_TRIPS, 57, 1, 0, ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        struct message out;
        size_t len = encode_sample(rows[i].kind, datagram);
        for (size_t b = 0; b < rows[i].len; b++)
            datagram[rows[i].offset + b] = (uint8_t)(rows[i].value >> (8 * (rows[i].len - 1 - b)));
        enum err e = message_decode(&out, datagram, len);
        cr_expect_eq(e, rows[i].err, "%s: %s", rows[i].what, err_name(e));
    }
}

Test(message, bounds_the_backfill_only_where_media_follows) {
    static const struct {
        enum resume_purpose purpose;
        bool taken;
    } rows[] = {{RESUME_STANDBY, true}, {RESUME_HEDGE, false},  {RESUME_COMMIT, false},
                {RESUME_CANCEL, true},  {RESUME_RELEASE, true}, {RESUME_HOT, false}};
    struct key_pair pair = sample_pair(9);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t datagram[MESSAGE_LEN_MAX];
        struct message m = sample_resume(rows[i].purpose, "");
        m.u.resume.live_frame = 100000;
        cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair) != 0, rows[i].taken,
                     "%s", resume_purpose_name(rows[i].purpose));
    }
    struct message m = sample_resume(RESUME_COMMIT, "");
    m.u.resume.epoch = 0;
    uint8_t datagram[MESSAGE_LEN_MAX];
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0, "commit of epoch 0");
}

Test(message, is_verified_for_its_target_and_its_client_only) {
    struct key_pair pair = sample_pair(9), other = sample_pair(8);
    struct key_hint me = sample_hint(0x7a), else_where = sample_hint(0x7b);
    uint8_t datagram[MESSAGE_LEN_MAX];
    struct message out;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!is_signed(kinds[i]))
            continue;
        size_t len = encode_sample(kinds[i], datagram);
        cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
        cr_expect_eq(message_verify(&out, &pair.public_key, &me), ERR_OK);
        cr_expect_eq(message_verify(&out, &pair.public_key, &else_where), ERR_FOREIGN);
        cr_expect_eq(message_verify(&out, &other.public_key, &me), ERR_BAD_SIGNATURE,
                     "a stolen ticket is of no use without the client's key");
    }
}

Test(message, is_signed_under_the_documented_label) {
    struct key_pair pair = sample_pair(9);
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = encode_sample(MESSAGE_RESUME, datagram) - SIGNATURE_BYTES;
    cr_expect(verify_labelled(datagram + len, "peerd resume v1", datagram, len, &pair.public_key));
    len = encode_sample(MESSAGE_REPORT, datagram) - SIGNATURE_BYTES;
    cr_expect(verify_labelled(datagram + len, "peerd report v1", datagram, len, &pair.public_key));
    len = encode_sample(MESSAGE_TRIPS, datagram) - SIGNATURE_BYTES;
    cr_expect(verify_labelled(datagram + len, "peerd trips v1", datagram, len, &pair.public_key));
}

Test(message, knows_which_side_sends_what) {
    cr_expect(message_from_client(MESSAGE_HELLO) && message_from_client(MESSAGE_RESUME) &&
              message_from_client(MESSAGE_REPORT) && message_from_client(MESSAGE_PROBE) &&
              message_from_client(MESSAGE_TRIPS) && message_from_client(MESSAGE_KNOCK));
    cr_expect(!message_from_client(MESSAGE_COOKIE) && !message_from_client(MESSAGE_GRANT) &&
              !message_from_client(MESSAGE_REFUSE) && !message_from_client(MESSAGE_ACK) &&
              !message_from_client(MESSAGE_NOTICE) && !message_from_client(MESSAGE_ECHO) &&
              !message_from_client(MESSAGE_NAMED) && !message_from_client(MESSAGE_BACKUPS) &&
              !message_from_client(MESSAGE_PASS));
}

Test(message, says_of_no_trips_nothing_and_of_sixteen_all) {
    struct key_pair pair = sample_pair(9);
    struct message m = sample_message(MESSAGE_TRIPS), out;
    uint8_t datagram[MESSAGE_LEN_MAX];
    m.u.trips.count = 0;
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0);
    for (uint8_t i = 0; i < MESSAGE_TRIPS_MAX; i++)
        m.u.trips.list[i] = (struct message_trip){
            .cluster = sample_hint(i), .rtt_us = 1000U + i, .samples = (uint8_t)(i + 1)};
    m.u.trips.count = MESSAGE_TRIPS_MAX;
    size_t len = message_encode(datagram, sizeof(datagram), &m, &pair);
    cr_assert_eq(len, 109 + 13 * MESSAGE_TRIPS_MAX);
    cr_assert_eq(take(&out, datagram, len), ERR_OK);
    for (uint8_t i = 0; i < MESSAGE_TRIPS_MAX; i++)
        cr_expect(key_hint_equal(&out.u.trips.list[i].cluster, &m.u.trips.list[i].cluster) &&
                  out.u.trips.list[i].rtt_us == 1000U + i && out.u.trips.list[i].samples == i + 1);
}

/* What a client in doubt says of how it hears them takes two bytes more each, of all or of none. */
Test(message, trips_may_say_how_many_packets_were_lost) {
    struct key_pair pair = sample_pair(9);
    struct message m = sample_message(MESSAGE_TRIPS), out;
    uint8_t datagram[MESSAGE_LEN_MAX];
    m.u.trips.list[1].asked = 7;
    m.u.trips.list[1].lost = 3;
    size_t len = message_encode(datagram, sizeof(datagram), &m, &pair);
    cr_assert_eq(len, 109 + 2 * 15);
    cr_assert_eq(take(&out, datagram, len), ERR_OK);
    cr_expect(out.u.trips.list[0].asked == 0 && out.u.trips.list[0].lost == 0);
    cr_expect(out.u.trips.list[1].asked == 7 && out.u.trips.list[1].lost == 3);
    cr_expect_eq(take(&out, datagram, len - 1), ERR_OVERSIZED, "neither form is so long");
    cr_expect_eq(take(&out, datagram, len - 5), ERR_TRUNCATED);
    datagram[45 + 15 + 14] = 8;
    cr_expect_eq(take(&out, datagram, len), ERR_BAD_FIELD, "more lost than asked");
    datagram[45 + 15 + 13] = datagram[45 + 15 + 14] = 0;
    cr_expect_eq(take(&out, datagram, len), ERR_BAD_FIELD, "the longer form for nothing");
    m.u.trips.list[1].lost = 8;
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0);
}

Test(message, trips_may_say_what_became_of_the_servers_frames) {
    struct key_pair pair = sample_pair(9);
    struct message m = sample_message(MESSAGE_TRIPS), out;
    uint8_t datagram[MESSAGE_LEN_MAX];
    m.u.trips.own = (struct trip_own){.due = 25, .lost = 4, .runs = 3};
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0, "nothing was asked");
    m.u.trips.list[0].asked = 5;
    size_t len = message_encode(datagram, sizeof(datagram), &m, &pair), own = 45 + 2 * 15;
    cr_assert_eq(len, 109 + 2 * 15 + 6);
    cr_assert_eq(take(&out, datagram, len), ERR_OK);
    cr_expect(out.u.trips.own.due == 25 && out.u.trips.own.lost == 4 && out.u.trips.own.runs == 3);
    cr_expect_eq(take(&out, datagram, len - 1), ERR_OVERSIZED, "no form is so long");
    static const struct {
        const char *what;
        uint8_t due, lost, runs;
    } rows[] = {{"the longest form for nothing", 0, 0, 0},
                {"more lost than due", 25, 26, 3},
                {"more runs than lost", 25, 4, 5},
                {"lost in no run", 25, 4, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        datagram[own + 1] = rows[i].due;
        datagram[own + 3] = rows[i].lost;
        datagram[own + 5] = rows[i].runs;
        cr_expect_eq(take(&out, datagram, len), ERR_BAD_FIELD, "%s", rows[i].what);
    }
    m.u.trips.own.runs = 5;
    cr_expect_eq(message_encode(datagram, sizeof(datagram), &m, &pair), 0);
}

Test(message, notes_held_frames_within_the_bitmap) {
    struct message_resume r = {.from_frame = 10};
    static const struct {
        uint64_t frame;
        bool has_bit;
    } rows[] = {{0, false},  {9, false},   {10, false},        {11, true},
                {138, true}, {139, false}, {UINT64_MAX, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect(!resume_holds(&r, rows[i].frame));
        resume_note_held(&r, rows[i].frame);
        cr_expect_eq(resume_holds(&r, rows[i].frame), rows[i].has_bit, "frame %lu", rows[i].frame);
    }
    cr_expect_eq(r.held[0], 0x01);
    cr_expect_eq(r.held[15], 0x80);
}

Test(cookie, holds_for_its_address_and_two_periods) {
    static const struct {
        const char *what;
        const char *addr;
        uint64_t period;
        uint8_t secret;
        bool holds;
    } rows[] = {
        {"same address, same period", "192.0.2.9:5004", 100, 1, true},
        {"same address, next period", "192.0.2.9:5004", 101, 1, true},
        {"two periods later", "192.0.2.9:5004", 102, 1, false},
        {"a period too early", "192.0.2.9:5004", 99, 1, false},
        {"another port", "192.0.2.9:5005", 100, 1, false},
        {"another host", "192.0.2.8:5004", 100, 1, false},
        {"the same bytes as IPv6", "[c000:209::]:5004", 100, 1, false},
        {"another worker's secret", "192.0.2.9:5004", 100, 2, false},
    };
    uint8_t secret[32];
    struct cookie c;
    struct addr who = sample_addr("192.0.2.9:5004");
    memset(secret, 1, sizeof(secret));
    cookie_make(&c, secret, &who, 100);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct addr other = sample_addr(rows[i].addr);
        memset(secret, rows[i].secret, sizeof(secret));
        cr_expect_eq(cookie_check(&c, secret, &other, rows[i].period), rows[i].holds, "%s",
                     rows[i].what);
    }
    memset(secret, 1, sizeof(secret));
    for (size_t bit = 0; bit < COOKIE_BYTES * 8; bit++) {
        c.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_expect(!cookie_check(&c, secret, &who, 100), "bit %zu", bit);
        c.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}
