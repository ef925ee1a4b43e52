#include "peerd/wire/named.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t encode(const struct message *m, uint8_t out[MESSAGE_LEN_MAX]) {
    return message_encode(out, MESSAGE_LEN_MAX, m, NULL);
}

static void put(uint8_t *at, size_t width, uint64_t value) {
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

/* Offsets counted by hand from the layout in named.h. */
Test(named, has_the_documented_layout) {
    static const struct {
        const char *what;
        size_t at, width;
        uint64_t value;
    } rows[] = {
        {"named: session", 12, 8, 0x5858585858585858},
        {"named: count", 28, 1, 2},
        {"named: the first cluster", 29, 8, 0x1818181818181818},
        {"named: its family", 37, 1, 4},
        {"named: its address", 38, 8, 0xc000020100000000},
        {"named: its port", 54, 2, 7700},
        {"named: its name", 56, 4, 0x70617231},
        {"named: zeros behind it", 60, 8, 0},
        {"named: the second cluster", 87, 8, 0x1919191919191919},
        {"named: its family", 95, 1, 6},
        {"named: its address", 96, 8, 0x20010db800000000},
        {"named: the end of its name", 137, 8, 0x6172616374657273},
    };
    const struct message m = sample_message(MESSAGE_NAMED);
    uint8_t datagram[MESSAGE_LEN_MAX], expected[8];
    cr_assert_eq(encode(&m, datagram), NAMED_LEN + 2 * NAMED_CLUSTER_LEN);
    for (size_t i = 0; i < COUNT(rows); i++) {
        put(expected, rows[i].width, rows[i].value);
        cr_expect_arr_eq(datagram + rows[i].at, expected, rows[i].width, "%s", rows[i].what);
    }
}

Test(named, is_refused_for_what_is_wrong_with_it) {
    static const struct {
        const char *what;
        size_t at, width;
        uint64_t value;
        enum err expected;
    } rows[] = {
        {"nobody named, but the bytes of two", 28, 1, 0, ERR_OVERSIZED},
        {"more named than bytes", 28, 1, 8, ERR_TRUNCATED},
        {"more named than there may be", 28, 1, 9, ERR_BAD_FIELD},
        {"named: a family that is none", 37, 1, 5, ERR_BAD_FIELD},
        {"named: IPv4 with more behind it", 42, 1, 1, ERR_BAD_FIELD},
        {"named: no port", 54, 2, 0, ERR_BAD_FIELD},
        {"named: no name", 56, 4, 0, ERR_BAD_FIELD},
        {"named: a name with a hole", 57, 1, 0, ERR_BAD_FIELD},
        {"named: a name that is none", 56, 1, 0x2f, ERR_BAD_FIELD},
        {"named: IPv4 written as IPv6", 96, 8, 0, ERR_BAD_FIELD},
    };
    const struct message m = sample_message(MESSAGE_NAMED);
    uint8_t datagram[MESSAGE_LEN_MAX];
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct message out;
        size_t len = encode(&m, datagram);
        put(datagram + rows[i].at, rows[i].width, rows[i].value);
        if (rows[i].at == 96) /* the rest of ::ffff:192.0.2.1 */
            put(datagram + 104, 8, 0x0000ffffc0000201);
        enum err e = message_decode(&out, datagram, len);
        cr_expect_eq(e, rows[i].expected, "%s: %s", rows[i].what, err_name(e));
    }
}

Test(named, round_trips_with_one_and_with_as_many_as_there_may_be) {
    struct message m = sample_message(MESSAGE_NAMED), out;
    uint8_t datagram[MESSAGE_LEN_MAX];
    for (uint8_t i = 0; i < NAMED_MAX; i++) {
        m.u.named.list[i] = m.u.named.list[i % 2];
        m.u.named.count = (uint8_t)(i + 1);
        size_t len = encode(&m, datagram);
        cr_assert_eq(len, (size_t)NAMED_LEN + (i + 1u) * NAMED_CLUSTER_LEN);
        cr_assert_eq(message_decode(&out, datagram, len), ERR_OK);
        const struct named_cluster *c = &out.u.named.list[i];
        cr_expect(out.u.named.count == i + 1 && addr_equal(&c->media, &m.u.named.list[i].media));
        cr_expect_str_eq(c->name.text, m.u.named.list[i].name.text);
    }
    m.u.named.count = 0;
    cr_expect_eq(encode(&m, datagram), 0u, "nobody is not said");
    m.u.named.count = 1;
    m.u.named.list[0].media.port = 0;
    cr_expect_eq(encode(&m, datagram), 0u, "nor somebody nowhere");
}
