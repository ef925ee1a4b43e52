#include "topo/find/record.h"

#include "peerd/wire/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define KEY  "k4.public.mv8xoidWNstQd0otvsCPJJ4VccBdlGkVMou2i1bwJSE"
#define NEXT "k4.public.uDCObTHejPKGe1D-iQh_onzie7z5Eq_Uqxm7WdL0EWk"

Test(find_record, says_who_and_where) {
    static const struct {
        const char *what, *text, *name, *control; /* name NULL: refused */
    } rows[] = {
        {"the least", "name=fra1 key=" KEY, "fra1", "srv:_peerd._tcp.example.net"},
        {"other order, semicolons", "key=" KEY ";name=fra1", "fra1", "srv:_peerd._tcp.example.net"},
        {"elsewhere", "name=fra1 key=" KEY " at=fra1.example.org", "fra1",
         "srv:_peerd._tcp.fra1.example.org"},
        {"more than is known", "v=1 name=fra1 colour=red key=" KEY " alone", "fra1",
         "srv:_peerd._tcp.example.net"},
        {"spaces around", "  name=fra1   key=" KEY "  ", "fra1", "srv:_peerd._tcp.example.net"},
        {"no name", "key=" KEY, NULL, NULL},
        {"no key", "name=fra1", NULL, NULL},
        {"a key that is none", "name=fra1 key=k4.public.AAAA", NULL, NULL},
        {"a name that is none", "name=FRA1 key=" KEY, NULL, NULL},
        {"a name twice", "name=fra1 name=fra2 key=" KEY, NULL, NULL},
        {"an empty name", "name= key=" KEY, NULL, NULL},
        {"a domain that is none", "name=fra1 key=" KEY " at=fra1..net", NULL, NULL},
        {"a domain with a colon", "name=fra1 key=" KEY " at=fra1:7", NULL, NULL},
        {"a long name", "name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa key=" KEY, NULL, NULL},
        {"something else", "v=spf1 -all", NULL, NULL},
        {"nothing", "", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct find_claim claims[RECORD_CLAIMS_MAX] = {{.name = {"untouched"}}}, c;
        bool good = record_parse(claims, rows[i].text, "example.net") == 1;
        c = claims[0];
        cr_expect_eq(good, rows[i].name != NULL, "%s", rows[i].what);
        cr_expect_str_eq(c.name.text, good ? rows[i].name : "untouched", "%s", rows[i].what);
        if (!good)
            continue;
        struct public_key key;
        cr_assert_eq(public_key_from_text(&key, KEY), ERR_OK);
        cr_expect_arr_eq(c.key.bytes, key.bytes, KEY_BYTES);
        cr_expect_str_eq(c.control.text, rows[i].control, "%s", rows[i].what);
        cr_expect_eq(strncmp(c.beats.text, "srv:_peerd._udp.", 16), 0);
    }
}

/* Whoever reads it after the key was changed and before the record was finds both. */
Test(find_record, tells_a_next_key_as_a_claim_of_its_own) {
    struct find_claim c[RECORD_CLAIMS_MAX];
    struct public_key next;
    cr_assert_eq(record_parse(c, "name=fra1 key=" KEY " next=" NEXT " at=fra1.net", "net"), 2);
    cr_assert_eq(public_key_from_text(&next, NEXT), ERR_OK);
    cr_expect_arr_eq(c[1].key.bytes, next.bytes, KEY_BYTES);
    cr_expect_str_eq(c[1].name.text, "fra1");
    cr_expect_str_eq(c[1].control.text, c[0].control.text);
    cr_expect_eq(record_parse(c, "name=fra1 key=" KEY " next=k4.public.AAAA", "net"), 0);
    cr_expect_eq(record_parse(c, "name=fra1 key=" KEY " next=" NEXT " next=" NEXT, "net"), 0);
    cr_expect_eq(record_parse(c, "name=fra1 next=" NEXT, "net"), 0);
}

Test(find_record, is_bounded) {
    char text[1200], domain[300];
    struct find_claim c[RECORD_CLAIMS_MAX];
    memset(domain, 'd', sizeof(domain));
    domain[RECORD_DOMAIN_LEN_MAX] = '\0';
    cr_expect(record_parse(c, "name=fra1 key=" KEY, domain));
    snprintf(text, sizeof(text), "name=fra1 key=" KEY " at=%s", domain);
    cr_expect(record_parse(c, text, "example.net"));
    domain[RECORD_DOMAIN_LEN_MAX] = 'd';
    domain[RECORD_DOMAIN_LEN_MAX + 1] = '\0';
    cr_expect_not(record_parse(c, "name=fra1 key=" KEY, domain));
    snprintf(text, sizeof(text), "name=fra1 key=" KEY " at=%s", domain);
    cr_expect_not(record_parse(c, text, "example.net"));
}
