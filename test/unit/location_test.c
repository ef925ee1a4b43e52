#include "topo/location.h"

#include <criterion/criterion.h>

Test(location, is_the_prefix_of_an_address) {
    static const struct {
        const char *what, *address, *expected;
    } rows[] = {
        {"IPv4", "192.0.2.77:5004", "192.0.2.0/24"},
        {"the port does not matter", "192.0.2.200:1", "192.0.2.0/24"},
        {"IPv6", "[2001:db8:1:2:3:4:5:6]:5004", "2001:db8:1::/48"},
        {"IPv6 with zeros in front", "[::1]:80", "::/48"},
        {"a group of zero at the end", "[2001:db8:0:7::1]:80", "2001:db8::/48"},
        {"a group of zero within", "[2001:0:1:7::1]:80", "2001:0:1::/48"},
        {"mapped IPv4 is IPv4", "[::ffff:198.51.100.9]:80", "198.51.100.0/24"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a;
        char text[LOCATION_TEXT_LEN_MAX + 1];
        cr_assert(addr_from_text(&a, rows[i].address), "%s", rows[i].what);
        struct prefix p = location_of(&a), back;
        cr_expect_str_eq(location_to_text(&p, text), rows[i].expected, "%s: %s", rows[i].what,
                         text);
        cr_expect(location_from_text(&back, text) && location_equal(&back, &p), "%s", rows[i].what);
    }
}

Test(location, none_has_a_form_too) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    struct prefix p = location_of(&(struct addr){0}), back;
    cr_expect_str_eq(location_to_text(&p, text), "-");
    cr_expect(location_from_text(&back, "-") && location_equal(&back, &p));
}

Test(location, other_texts_are_refused) {
    static const char *const texts[] = {
        "",     "192.0.2.1/24",     "192.0.2.0/25", "192.0.2.0", "2001:db8::/32",
        "here", "2001:db8:1:2::/48"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct prefix p = {.bits = 9};
        cr_expect_not(location_from_text(&p, texts[i]), "%s", texts[i]);
        cr_expect_eq(p.bits, 0, "%s", texts[i]);
    }
}

Test(location, an_address_or_a_64_is_one_client) {
    static const struct {
        const char *what, *a, *b;
        bool same;
    } rows[] = {
        {"ports", "192.0.2.7:5004", "192.0.2.7:9000", true},
        {"neighbours", "192.0.2.7:5004", "192.0.2.8:5004", false},
        {"a host with many addresses", "[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:1:2:3]:1", true},
        {"the next subscriber", "[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
        {"mapped IPv4 is IPv4", "[::ffff:192.0.2.7]:1", "192.0.2.7:1", true},
        {"and has no /64", "[::ffff:192.0.2.7]:1", "[::ffff:192.0.2.8]:1", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a, b;
        cr_assert(addr_from_text(&a, rows[i].a) && addr_from_text(&b, rows[i].b), "%s",
                  rows[i].what);
        cr_expect_eq(location_client(&a) == location_client(&b), rows[i].same, "%s", rows[i].what);
    }
}

Test(location, different_ones_differ) {
    struct addr a, b;
    addr_from_text(&a, "192.0.2.1:1");
    addr_from_text(&b, "192.0.3.1:1");
    struct prefix pa = location_of(&a), pb = location_of(&b);
    cr_expect_not(location_equal(&pa, &pb));
}

Test(location, of_what_somebody_typed) {
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"192.0.2.7", "192.0.2.0/24"},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.200/30", "192.0.2.0/24"},
        {"2001:db8:1:2::3", "2001:db8:1::/48"},
        {"2001:db8:1:2::/64", "2001:db8:1::/48"},
        {"2001:db8::/48", "2001:db8::/48"},
        {"2001:db8:0::/48", "2001:db8::/48"},
        {"2001:0db8:0000::/48", "2001:db8::/48"},
        {"2001:db8:0:0:0:0:0:1", "2001:db8::/48"},
        {"192.0.0.0/16", "-"},
        {"2001:db8::/32", "-"},
        {"192.0.2.7:80", "-"},
        {"", "-"},
        {"-", "-"},
        {"somewhere", "-"},
        {"1111111111111111111111111111111111111111111111111111", "-"},
    };
    char text[LOCATION_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix p;
        cr_expect_eq(location_of_text(&p, rows[i].text), rows[i].expected[0] != '-', "%s",
                     rows[i].text);
        cr_expect_str_eq(location_to_text(&p, text), rows[i].expected, "%s", rows[i].text);
    }
}
