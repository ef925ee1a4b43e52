/*
 * The location database, on small ones that this test writes: a binary tree of 24-bit records, data
 * behind it, and the metadata (MaxMind DB file format, version 2.0).
 */
#include "topo/geo/geo.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX 600
#define BYTES_MAX 8192

/* ---- writing ---- */

struct writer {
    uint32_t children[NODES_MAX][2]; /* 0: nothing; below DATA a node, above it an offset */
    uint32_t nodes;
    uint8_t data[BYTES_MAX];
    size_t len;
};

#define DATA 0x100000u

static void put(struct writer *w, const void *bytes, size_t len) {
    cr_assert_leq(w->len + len, sizeof(w->data));
    memcpy(w->data + w->len, bytes, len);
    w->len += len;
}

static void put_byte(struct writer *w, unsigned byte) {
    put(w, &(uint8_t){(uint8_t)byte}, 1);
}

static void put_map(struct writer *w, unsigned size) {
    put_byte(w, 7 << 5 | size);
}

static void put_array(struct writer *w, unsigned size) {
    put_byte(w, size);
    put_byte(w, 11 - 7);
}

static void put_text(struct writer *w, const char *text) {
    size_t len = strlen(text);
    put_byte(w, 2 << 5 | (len < 29 ? (unsigned)len : 29));
    if (len >= 29)
        put_byte(w, (unsigned)len - 29);
    put(w, text, len);
}

static void put_number(struct writer *w, unsigned type, unsigned bytes, uint64_t value) {
    put_byte(w, (type < 8 ? type << 5 : 0) | bytes);
    if (type >= 8)
        put_byte(w, type - 7);
    while (bytes-- > 0)
        put_byte(w, (unsigned)(value >> (8 * bytes)) & 0xff);
}

static void add(struct writer *w, const uint8_t *ip, unsigned bits, uint32_t offset) {
    uint32_t node = 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned side = ip[i / 8] >> (7 - i % 8) & 1;
        if (i + 1 == bits) {
            w->children[node][side] = DATA + offset;
            return;
        }
        if (w->children[node][side] == 0) {
            cr_assert_lt(w->nodes, (uint32_t)NODES_MAX);
            w->children[node][side] = w->nodes++;
        }
        node = w->children[node][side];
    }
}

/* IPv4 addresses stand at ::/96 of a tree for IPv6. */
static void add_ipv4(struct writer *w, unsigned a, unsigned b, unsigned c, unsigned bits,
                     uint32_t offset) {
    uint8_t ip[16] = {0};
    ip[12] = (uint8_t)a, ip[13] = (uint8_t)b, ip[14] = (uint8_t)c;
    add(w, ip, 96 + bits, offset);
}

static void write_tree(const struct writer *w, FILE *f) {
    for (uint32_t i = 0; i < w->nodes; i++)
        for (int side = 0; side < 2; side++) {
            uint32_t child = w->children[i][side];
            uint32_t value = child == 0     ? w->nodes
                             : child < DATA ? child
                                            : w->nodes + 16 + (child - DATA);
            fputc((int)(value >> 16 & 0xff), f);
            fputc((int)(value >> 8 & 0xff), f);
            fputc((int)(value & 0xff), f);
        }
}

static void write_metadata(const struct writer *w, FILE *f) {
    struct writer m = {.len = 0};
    put_map(&m, 9);
    put_text(&m, "node_count"), put_number(&m, 6, 4, w->nodes);
    put_text(&m, "record_size"), put_number(&m, 5, 2, 24);
    put_text(&m, "ip_version"), put_number(&m, 5, 2, 6);
    put_text(&m, "database_type"), put_text(&m, "Test");
    put_text(&m, "languages"), put_array(&m, 1), put_text(&m, "en");
    put_text(&m, "binary_format_major_version"), put_number(&m, 5, 2, 2);
    put_text(&m, "binary_format_minor_version"), put_number(&m, 5, 2, 0);
    put_text(&m, "build_epoch"), put_number(&m, 9, 8, 1700000000);
    put_text(&m, "description"), put_map(&m, 1), put_text(&m, "en"), put_text(&m, "a test");
    fwrite("\xab\xcd\xefMaxMind.com", 1, 14, f);
    fwrite(m.data, 1, m.len, f);
}

static char path[64];

static void write_file(const struct writer *w) {
    snprintf(path, sizeof(path), "/tmp/geo-test-%d", (int)getpid());
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    write_tree(w, f);
    for (int i = 0; i < 16; i++)
        fputc(0, f);
    fwrite(w->data, 1, w->len, f);
    write_metadata(w, f);
    fclose(f);
}

/* ---- what is in it ---- */

static uint32_t put_place(struct writer *w, const char *country, const char *region) {
    uint32_t at = (uint32_t)w->len;
    put_map(w, region != NULL ? 2 : 1);
    put_text(w, "country"), put_map(w, 1), put_text(w, "iso_code"), put_text(w, country);
    if (region != NULL) {
        put_text(w, "subdivisions"), put_array(w, 1), put_map(w, 1);
        put_text(w, "iso_code"), put_text(w, region);
    }
    return at;
}

static uint32_t put_network(struct writer *w, uint32_t asn, const char *name) {
    uint32_t at = (uint32_t)w->len;
    put_map(w, 2);
    put_text(w, "autonomous_system_number"), put_number(w, 6, 4, asn);
    put_text(w, "autonomous_system_organization"), put_text(w, name);
    return at;
}

static const uint8_t documentation[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1};

static void write_places(void) {
    struct writer *w = calloc(1, sizeof(*w));
    w->nodes = 1;
    add_ipv4(w, 192, 0, 2, 24, put_place(w, "DE", "HE"));
    add_ipv4(w, 198, 51, 0, 16, put_place(w, "FR", NULL));
    add_ipv4(w, 203, 0, 113, 24, put_place(w, "X\nY", "much too long for a code"));
    add(w, documentation, 48, put_place(w, "NL", "NH"));
    write_file(w);
    free(w);
}

static struct geo *open_it(void) {
    char detail[GEO_DETAIL_LEN_MAX + 1];
    struct geo *g;
    cr_assert_eq(geo_open(&g, path, detail), ERR_OK, "%s", detail);
    return g;
}

static struct addr addr_of(const char *text) {
    struct addr a;
    cr_assert(addr_from_text(&a, text), "%s", text);
    return a;
}

Test(geo, says_where_addresses_are) {
    static const struct {
        const char *addr, *expected;
        bool known;
    } rows[] = {
        {"192.0.2.7:5004", "DE-HE", true},    {"192.0.3.7:5004", "-", false},
        {"198.51.100.200:1", "FR", true},     {"[2001:db8:1:2::3]:5004", "NL-NH", true},
        {"[2001:db8:2::3]:5004", "-", false}, {"203.0.113.1:1", "X-much to", true},
    };
    char text[GEO_TEXT_LEN_MAX + 1];
    write_places();
    struct geo *g = open_it();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct geo_label label = {.asn = 0};
        struct addr a = addr_of(rows[i].addr);
        cr_expect_eq(geo_find(g, &a, &label), rows[i].known, "%s", rows[i].addr);
        cr_expect_str_eq(geo_to_text(&label, text), rows[i].expected, "%s", rows[i].addr);
    }
    struct geo_label label = {.asn = 0};
    cr_expect_not(geo_find(g, &(struct addr){0}, &label), "none is nowhere");
    geo_close(g);
    geo_close(NULL);
    unlink(path);
}

Test(geo, a_second_database_fills_in_what_the_first_does_not_know) {
    char text[GEO_TEXT_LEN_MAX + 1];
    struct geo_label label = {.asn = 0};
    struct addr a = addr_of("192.0.2.7:5004");
    write_places();
    struct geo *g = open_it();
    cr_expect(geo_find(g, &a, &label));
    geo_close(g);
    struct writer *w = calloc(1, sizeof(*w));
    w->nodes = 1;
    add_ipv4(w, 192, 0, 2, 24, put_network(w, 64500, "Example Networks"));
    write_file(w);
    free(w);
    g = open_it();
    cr_expect(geo_find(g, &a, &label));
    cr_expect_eq(label.asn, 64500u);
    cr_expect_str_eq(geo_to_text(&label, text), "DE-HE AS64500 Example Networks");
    geo_close(g);
    unlink(path);
}

/* Each says what is wrong with the file. */
Test(geo, says_what_is_wrong_with_a_file) {
    char detail[GEO_DETAIL_LEN_MAX + 1];
    struct geo *g;
    cr_expect_eq(geo_open(&g, "/nowhere/at/all.mmdb", detail), ERR_NOT_FOUND);
    cr_expect_str_eq(detail, "No such file or directory");
    cr_expect_null(g);
    cr_expect_neq(geo_open(&g, "/tmp", detail), ERR_OK);
    cr_expect_str_eq(detail, "not a file");
    snprintf(path, sizeof(path), "/tmp/geo-test-%d", (int)getpid());
    FILE *f = fopen(path, "w");
    fputs("not a database, and long enough to be looked at for one", f);
    fclose(f);
    cr_expect_eq(geo_open(&g, path, detail), ERR_BAD_MAGIC);
    cr_expect_neq(detail[0], '\0');
    unlink(path);
}

/* Cut anywhere, it is refused or answers; it never crashes. */
Test(geo, stands_a_file_that_was_cut) {
    write_places();
    char whole[BYTES_MAX], detail[GEO_DETAIL_LEN_MAX + 1];
    FILE *f = fopen(path, "r");
    size_t len = fread(whole, 1, sizeof(whole), f);
    fclose(f);
    for (size_t cut = 0; cut < len; cut += 37) {
        struct geo *g;
        struct geo_label label = {.asn = 0};
        struct addr a = addr_of("192.0.2.7:5004");
        f = fopen(path, "w");
        fwrite(whole + cut, 1, len - cut, f); /* the metadata are at the end */
        fclose(f);
        if (geo_open(&g, path, detail) != ERR_OK)
            continue;
        geo_find(g, &a, &label);
        geo_close(g);
    }
    unlink(path);
}
