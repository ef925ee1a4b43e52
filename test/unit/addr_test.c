#include "peerd/base/addr.h"

#include "peerd/base/rng.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(addr, text_and_back) {
    static const struct {
        const char *what, *text, *canonical;
    } rows[] = {
        {"IPv4", "192.0.2.1:5004", "192.0.2.1:5004"},
        {"largest", "255.255.255.255:65535", "255.255.255.255:65535"},
        {"IPv6", "[2001:db8::1]:5004", "[2001:db8::1]:5004"},
        {"all of it", "[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1"},
        {"any", "[::]:0", "[::]:0"},
        {"capitals and zeros", "[2001:0DB8:0:0:1:0:0:1]:7", "[2001:db8::1:0:0:1]:7"},
        {"one zero group is written", "[1:0:3:4:5:6:7:8]:1", "[1:0:3:4:5:6:7:8]:1"},
        {"the longest run", "[1:0:0:4:0:0:0:8]:1", "[1:0:0:4::8]:1"},
        {"a run at the end", "[1:2:3:4:5:6:0:0]:1", "[1:2:3:4:5:6::]:1"},
        {"empty group at the end", "[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
        {"IPv4 at the end", "[64:ff9b::192.0.2.33]:1", "[64:ff9b::c000:221]:1"},
        {"mapped is folded", "[::ffff:192.0.2.1]:5004", "192.0.2.1:5004"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a, b;
        char text[ADDR_TEXT_LEN_MAX + 1];
        cr_assert(addr_from_text(&a, rows[i].text), "%s", rows[i].what);
        cr_expect_str_eq(addr_to_text(&a, text), rows[i].canonical, "%s", rows[i].what);
        cr_expect(addr_from_text(&b, text) && addr_equal(&a, &b), "%s", rows[i].what);
    }
    struct addr none = {0};
    char text[ADDR_TEXT_LEN_MAX + 1];
    cr_expect_str_eq(addr_to_text(&none, text), "-");
    cr_expect(addr_is_none(&none));
}

Test(addr, prefix_to_text) {
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"2001:DB8:0::/32", "2001:db8::/32"},
        {"::/0", "::/0"},
    };
    struct prefix p, none = {0};
    char text[PREFIX_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert(prefix_from_text(&p, rows[i].text), "%s", rows[i].text);
        cr_expect_str_eq(prefix_to_text(&p, text), rows[i].canonical);
    }
    cr_expect_str_eq(prefix_to_text(&none, text), "-");
}

Test(addr, refuses) {
    static const char *const rows[] = {
        "",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3:5",
        "1.2.3.256:5",
        "01.2.3.4:5",
        "1.2.3.4:65536",
        "1.2.3.4:05",
        "1.2.3.4:5 ",
        " 1.2.3.4:5",
        "1.2.3.4.5:6",
        "1.2.3.4:-1",
        "::1:5",
        "[::1]",
        "[::1]5",
        "[::1:5",
        "[:::]:1",
        "[1::2::3]:1",
        "[12345::]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[1:2:3:4:5:6:7:8::]:1",
        "[1:]:1",
        "[:1]:1",
        "[g::]:1",
        "[::1.2.3]:1",
        "[1:2:3:4:5:6:7:1.2.3.4]:1",
        "[::1.2.3.4:5]:1",
        "[fe80::1%eth0]:1",
        "fra1.example:1",
        "[]:1",
        "1.2.3.4:99999999999",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a = {.family = 9};
        cr_expect_not(addr_from_text(&a, rows[i]), "%s", rows[i]);
        cr_expect_eq(a.family, 9, "%s: touched", rows[i]);
    }
}

/* Random addresses with many zero groups, against the C library's own reader and writer. */
Test(addr, agrees_with_the_c_library) {
    struct rng g;
    rng_seed(&g, 4);
    for (int n = 0; n < 20000; n++) {
        uint8_t ip[16] = {0}, back[16];
        char theirs[INET6_ADDRSTRLEN], bracketed[80], ours[ADDR_TEXT_LEN_MAX + 1];
        for (int i = 0; i < 16; i++)
            ip[i] = rng_below(&g, 3) == 0 ? (uint8_t)rng_u64(&g) : 0;
        ip[0] = (uint8_t)(1 + rng_below(&g, 255)); /* neither mapped nor with IPv4 in its text */
        struct addr a = addr_ipv6(ip, 9), b;
        cr_assert_not_null(inet_ntop(AF_INET6, ip, theirs, sizeof(theirs)));
        snprintf(bracketed, sizeof(bracketed), "[%s]:9", theirs);
        cr_assert_str_eq(addr_to_text(&a, ours), bracketed);
        cr_assert(addr_from_text(&b, bracketed) && addr_equal(&a, &b), "%s", bracketed);
        ours[strlen(ours) - 3] = '\0';
        cr_assert(inet_pton(AF_INET6, ours + 1, back) == 1 && memcmp(ip, back, 16) == 0, "%s",
                  ours);
    }
}

Test(addr, equality) {
    static const struct {
        const char *what, *a, *b;
        bool equal;
    } rows[] = {
        {"same", "1.2.3.4:5", "1.2.3.4:5", true},
        {"other port", "1.2.3.4:5", "1.2.3.4:6", false},
        {"other address", "1.2.3.4:5", "1.2.3.5:5", false},
        {"other family", "1.2.3.4:5", "[102:304::]:5", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a, b;
        cr_assert(addr_from_text(&a, rows[i].a) && addr_from_text(&b, rows[i].b));
        cr_expect_eq(addr_equal(&a, &b), rows[i].equal, "%s", rows[i].what);
    }
}

Test(addr, prefixes) {
    static const struct {
        const char *what, *prefix, *addr;
        bool parses, holds;
    } rows[] = {
        {"inside", "127.0.0.0/8", "127.9.9.9:1", true, true},
        {"outside", "127.0.0.0/8", "128.0.0.1:1", true, false},
        {"odd length, inside", "10.0.0.0/9", "10.127.0.1:1", true, true},
        {"odd length, outside", "10.0.0.0/9", "10.128.0.1:1", true, false},
        {"everything", "0.0.0.0/0", "9.9.9.9:1", true, true},
        {"everything of one family only", "0.0.0.0/0", "[::1]:1", true, false},
        {"one host", "192.0.2.7", "192.0.2.7:1", true, true},
        {"another host", "192.0.2.7", "192.0.2.6:1", true, false},
        {"IPv6", "2001:db8::/33", "[2001:db8:7fff::1]:1", true, true},
        {"IPv6 outside", "2001:db8::/33", "[2001:db8:8000::1]:1", true, false},
        {"IPv6 host", "::1/128", "[::1]:1", true, true},
        {"too long", "10.0.0.0/33", "10.0.0.0:1", false, false},
        {"too long for IPv6", "::/129", "[::]:1", false, false},
        {"no length", "10.0.0.0/", "10.0.0.0:1", false, false},
        {"leading zero", "10.0.0.0/08", "10.0.0.0:1", false, false},
        {"a port", "10.0.0.0:1/8", "10.0.0.0:1", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix p;
        struct addr a;
        cr_assert(addr_from_text(&a, rows[i].addr), "%s", rows[i].what);
        bool parses = prefix_from_text(&p, rows[i].prefix);
        cr_expect_eq(parses, rows[i].parses, "%s", rows[i].what);
        if (parses)
            cr_expect_eq(prefix_holds(&p, &a), rows[i].holds, "%s", rows[i].what);
    }
}

Test(addr, canonical_prefixes) {
    static const struct {
        const char *prefix;
        bool canonical;
    } rows[] = {
        {"192.0.2.0/24", true},    {"192.0.2.1/24", false},    {"192.0.2.1/32", true},
        {"10.128.0.0/9", true},    {"10.192.0.0/9", false},    {"0.0.0.0/0", true},
        {"1.0.0.0/0", false},      {"2001:db8::/33", true},    {"2001:db8:4000::/33", false},
        {"2001:db8::1/128", true}, {"2001:db8::1/127", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix p;
        cr_assert(prefix_from_text(&p, rows[i].prefix), "%s", rows[i].prefix);
        cr_expect_eq(prefix_is_canonical(&p), rows[i].canonical, "%s", rows[i].prefix);
    }
}
