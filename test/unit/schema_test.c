#include "peerd/policy/schema.h"

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/io/yaml.h"
#include "peerd/wire/keys.h"
#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>

/* One key of every type, a list of each kind, and a mapping within. */

struct item {
    struct name name;
    uint32_t count;
};

struct inner {
    bool on;
    struct duration wait;
};

struct sample {
    struct name name;
    char text[8];
    uint32_t count;
    uint64_t big;
    double number;
    bool on;
    struct duration wait;
    uint32_t wait_ms;
    uint32_t loss_ppm;
    uint32_t bitrate_bps;
    uint32_t rate_hz;
    struct addr addr;
    struct addr host;
    struct prefix prefix;
    struct public_key key;
    int colour;
    struct inner inner;
    struct item items[3];
    uint32_t item_count;
    struct item *heap;
    uint32_t heap_count;
    struct name words[2];
    uint32_t word_count;
    uint32_t custom;
};

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct schema_row word_item = {.key = "", .type = SCHEMA_NAME};

static void check_even(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    if (*(uint32_t *)field % 2 != 0)
        fault_hint(schema_mismatch(run, row, node), "odd");
}

static void check_inner(struct schema_run *run, struct tree_node *node, void *record) {
    struct inner *inner = record;
    if (schema_good(node, "wait") != NULL && inner->wait.us > 1000000 && !inner->on) {
        struct fault *x = fault_add(run->faults, tree_find(node, "wait"), NULL);
        fault_expected(x, "no long wait while off");
        schema_found(x, tree_find(node, "wait"));
    }
}

static void read_doubled(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    static const struct schema_row count = {.key = "", .type = SCHEMA_COUNT};
    (void)row;
    if (schema_read_value(run, &count, node, field))
        *(uint32_t *)field *= 2;
}

#define AT(field)       .offset = offsetof(struct sample, field), .doc = "Words."
#define IN(type, field) .offset = offsetof(struct type, field), .doc = "Words."

static const struct schema_row item_rows[] = {
    {"name", SCHEMA_NAME, IN(item, name), .required = true},
    {"count", SCHEMA_COUNT, IN(item, count), .preset = "7", .range = "1..9"},
};
static const struct schema_table item_table = {
    .title = "an item", .rows = item_rows, .row_count = 2, .record_size = sizeof(struct item)};
static const struct schema_row inner_rows[] = {
    {"on", SCHEMA_BOOL, IN(inner, on), .preset = "true"},
    {"wait", SCHEMA_DURATION, IN(inner, wait), .preset = "3s"},
};
static const struct schema_table inner_table = {.title = "the inner part",
                                                .rows = inner_rows,
                                                .row_count = 2,
                                                .record_size = sizeof(struct inner),
                                                .check = check_inner};
static const struct schema_row sample_rows[] = {
    {"name", SCHEMA_NAME, AT(name), .required = true},
    {"text", SCHEMA_TEXT, AT(text), .size = 8},
    {"count", SCHEMA_COUNT, AT(count), .preset = "10", .range = "1..100", .check = check_even},
    {"big", SCHEMA_U64, AT(big)},
    {"number", SCHEMA_NUMBER, AT(number), .range = "-1.5..1.5"},
    {"on", SCHEMA_BOOL, AT(on)},
    {"wait", SCHEMA_DURATION, AT(wait), .preset = "250ms", .range = "10ms..10s"},
    {"wait_ms", SCHEMA_DURATION_MS, AT(wait_ms)},
    {"loss", SCHEMA_PERCENT, AT(loss_ppm), .range = "0%..50%"},
    {"bitrate", SCHEMA_BITRATE, AT(bitrate_bps)},
    {"rate", SCHEMA_FREQUENCY, AT(rate_hz)},
    {"addr", SCHEMA_ADDR, AT(addr)},
    {"host", SCHEMA_HOST, AT(host)},
    {"prefix", SCHEMA_PREFIX, AT(prefix)},
    {"key", SCHEMA_KEY, AT(key)},
    {"colour", SCHEMA_ENUM, AT(colour), .preset = "green", .words = colours},
    {"inner", SCHEMA_MAPPING, AT(inner), .table = &inner_table},
    {"items", SCHEMA_LIST, AT(items), .table = &item_table, .stride = sizeof(struct item),
     .count_offset = offsetof(struct sample, item_count), .count_max = 3, .unique = "name"},
    {"heap", SCHEMA_LIST, AT(heap), .table = &item_table, .stride = sizeof(struct item),
     .count_offset = offsetof(struct sample, heap_count), .count_max = 1000, .heap = true},
    {"words", SCHEMA_LIST, AT(words), .item = &word_item, .stride = sizeof(struct name),
     .count_offset = offsetof(struct sample, word_count), .count_max = 2, .single = true,
     .unique = ""},
    {"custom", SCHEMA_CUSTOM, AT(custom), .read = read_doubled, .form = "half of it"},
};
static const struct schema_table sample_table = {.title = "a sample",
                                                 .rows = sample_rows,
                                                 .row_count =
                                                     sizeof(sample_rows) / sizeof(sample_rows[0]),
                                                 .record_size = sizeof(struct sample)};

static struct faults faults;

static void read_text(const char *text, struct sample *out) {
    struct tree tree;
    faults_init(&faults, "f");
    tree_init(&tree);
    memset(out, 0xa5, sizeof(*out)); /* what was there before must not matter */
    out->heap = NULL;
    cr_assert(yaml_parse(&tree, text, strlen(text), &faults), "%s", faults_text(&faults));
    schema_read(&sample_table, tree.root, out, &faults, NULL);
    tree_free(&tree);
}

Test(schema, reads_every_type) {
    struct sample s;
    struct addr addr;
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    read_text("name: fra1\ntext: 'a b'\ncount: 4\nbig: 18446744073709551615\nnumber: -0.25\n"
              "on: true\nwait: 1.5s\nwait_ms: 2s\nloss: 0.5%\nbitrate: 64kbit/s\nrate: 44.1kHz\n"
              "addr: '[2001:db8::1]:5'\nhost: 192.0.2.7\nprefix: 10.0.0.0/8\nkey: " KEY_A "\n"
              "colour: blue\ninner: {on: false, wait: 20ms}\n"
              "items: [{name: a}, {name: b, count: 9}]\nheap: [{name: a}]\nwords: [x, y]\n"
              "custom: 21\n",
              &s);
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_str_eq(s.name.text, "fra1");
    cr_expect_str_eq(s.text, "a b");
    cr_expect_eq(s.count, 4);
    cr_expect_eq(s.big, UINT64_MAX);
    cr_expect_eq(s.number, -0.25);
    cr_expect(s.on);
    cr_expect_eq(s.wait.us, 1500000);
    cr_expect_eq(s.wait_ms, 2000);
    cr_expect_eq(s.loss_ppm, 5000);
    cr_expect_eq(s.bitrate_bps, 64000);
    cr_expect_eq(s.rate_hz, 44100);
    cr_expect(addr_from_text(&addr, "[2001:db8::1]:5") && addr_equal(&addr, &s.addr));
    cr_expect_eq(s.host.family, 4);
    cr_expect_eq(s.host.port, 0);
    cr_expect_eq(s.prefix.bits, 8);
    public_key_to_text(&s.key, key);
    cr_expect_str_eq(key, KEY_A);
    cr_expect_eq(s.colour, 2);
    cr_expect_not(s.inner.on);
    cr_expect_eq(s.inner.wait.us, 20000);
    cr_assert_eq(s.item_count, 2);
    cr_expect_eq(s.items[0].count, 7, "the default of an element");
    cr_expect_eq(s.items[1].count, 9);
    cr_assert_eq(s.heap_count, 1);
    cr_expect_str_eq(s.heap[0].name.text, "a");
    cr_assert_eq(s.word_count, 2);
    cr_expect_str_eq(s.words[1].text, "y");
    cr_expect_eq(s.custom, 42);
    schema_release(&sample_table, &s);
    cr_expect_null(s.heap);
}

Test(schema, fills_in_defaults) {
    struct sample s;
    read_text("name: fra1\nitems:\ninner: ~\n", &s);
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_eq(s.count, 10);
    cr_expect_eq(s.wait.us, 250000);
    cr_expect_eq(s.colour, 1);
    cr_expect_eq(s.addr.family, 0);
    cr_expect_eq(s.item_count, 0, "a list whose elements are all commented out");
    cr_expect(s.inner.on);
    cr_expect_eq(s.inner.wait.us, 3000000);
}

Test(schema, one_value_may_stand_for_a_list_where_the_row_says_so) {
    struct sample s;
    read_text("name: fra1\nwords: x\n", &s);
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_eq(s.word_count, 1);
    cr_expect_str_eq(s.words[0].text, "x");
}

static const struct {
    const char *what, *text, *faults;
} spoken[] = {
    {"unknown key", "name: a\ncoulor: red\n",
     "2:1: coulor: expected a key of a sample, found unknown key `coulor` (did you mean "
     "`colour`?)\n"},
    {"unknown key within", "name: a\ninner: {zz: 1}\n",
     "2:9: inner.zz: expected a key of the inner part, found unknown key `zz` (known are on, "
     "wait)\n"},
    {"unknown word", "name: a\ncolour: gren\n",
     "2:9: colour: expected one of red, green, blue, found `gren` (did you mean `green`?)\n"},
    {"word of nothing near", "name: a\ncolour: mauve\n",
     "2:9: colour: expected one of red, green, blue, found `mauve`\n"},
    {"bare number for a duration", "name: a\nwait: 250\n",
     "2:7: wait: expected a duration from 10ms to 10s, found `250` (a bare number has no unit: "
     "write 250ms or 250s)\n"},
    {"wrong unit", "name: a\nwait: 2%\n",
     "2:7: wait: expected a duration from 10ms to 10s, found `2%` (`%` makes it a "
     "percentage)\n"},
    {"out of range", "name: a\nwait: 9ms\n",
     "2:7: wait: expected a duration from 10ms to 10s, found `9ms`\n"},
    {"fraction of a millisecond", "name: a\nwait_ms: 1.5ms\n",
     "2:10: wait_ms: expected a duration such as 250ms, found `1.5ms` (whole milliseconds "
     "only)\n"},
    {"percentage out of range", "name: a\nloss: 51%\n",
     "2:7: loss: expected a percentage from 0% to 50%, found `51%`\n"},
    {"bit rate too large", "name: a\nbitrate: 5000Mbit/s\n",
     "2:10: bitrate: expected a bit rate such as 64kbit/s, found `5000Mbit/s` (too large)\n"},
    {"count below", "name: a\ncount: 0\n",
     "2:8: count: expected a whole number from 1 to 100, found `0`\n"},
    {"count is text", "name: a\ncount: many\n",
     "2:8: count: expected a whole number from 1 to 100, found `many`\n"},
    {"checker of a row", "name: a\ncount: 3\n",
     "2:8: count: expected a whole number from 1 to 100, found `3` (odd)\n"},
    {"u64 too large", "name: a\nbig: 18446744073709551616\n",
     "2:6: big: expected a whole number, found `18446744073709551616` (too large)\n"},
    {"number out of range", "name: a\nnumber: 1.51\n",
     "2:9: number: expected a number from -1.5 to 1.5, found `1.51`\n"},
    {"number that strtod would take", "name: a\nnumber: nan\n",
     "2:9: number: expected a number from -1.5 to 1.5, found `nan`\n"},
    {"boolean of YAML 1.1", "name: a\non: yes\n",
     "2:5: on: expected true or false, found `yes` (the words are true and false, in small "
     "letters)\n"},
    {"text too long", "name: a\ntext: 12345678\n",
     "2:7: text: expected a text, found `12345678` (longer than 7 bytes)\n"},
    {"name in capitals", "name: Fra1\n",
     "1:7: name: expected a name (up to 31 of a-z 0-9 - _ .), found `Fra1` (small letters "
     "only)\n"},
    {"address without port", "name: a\naddr: 192.0.2.1\n",
     "2:7: addr: expected an address with port such as 192.0.2.1:7600 or [2001:db8::1]:7600, "
     "found `192.0.2.1` (the port is missing)\n"},
    {"port 0", "name: a\naddr: 192.0.2.1:0\n",
     "2:7: addr: expected an address with port such as 192.0.2.1:7600 or [2001:db8::1]:7600, "
     "found `192.0.2.1:0` (port 0 is none)\n"},
    {"host", "name: a\nhost: example.net\n",
     "2:7: host: expected an address such as 192.0.2.1, 2001:db8::1 or, with a port, "
     "192.0.2.1:53, found `example.net`\n"},
    {"prefix", "name: a\nprefix: 10.0.0.0/33\n",
     "2:9: prefix: expected a prefix such as 192.0.2.0/24, found `10.0.0.0/33`\n"},
    {"key cut short", "name: a\nkey: k4.public.abcd\n",
     "2:6: key: expected a public key (k4.public.…), found `k4.public.abcd` (it begins right "
     "but is damaged: 14 characters where 53 are due, or no valid key)\n"},
    {"secret key is not repeated", "name: a\nkey: k4.secret.abcd\n",
     "2:6: key: expected a public key (k4.public.…), found a secret key (a secret key never "
     "stands in a policy; put its public half here (peerctl pubkey), and make a new one if "
     "others have seen it)\n"},
    {"list for a value", "name: [a]\n",
     "1:7: name: expected a name (up to 31 of a-z 0-9 - _ .), found a list\n"},
    {"value for a mapping is not repeated", "name: a\ninner: secret\n",
     "2:8: inner: expected the inner part: a mapping (keys with values), found a single "
     "value\n"},
    {"mapping for a list", "name: a\nitems: {name: b}\n",
     "2:8: items: expected a list, found a mapping\n"},
    {"value for a list", "name: a\nitems: b\n", "2:8: items: expected a list, found `b`\n"},
    {"nothing for a value", "name:\n",
     "1:6: name: expected a name (up to 31 of a-z 0-9 - _ .), found nothing\n"},
    {"missing", "count: 2\n",
     "1:1: name: expected a name (up to 31 of a-z 0-9 - _ .), found no key `name` (it is "
     "required)\n"},
    {"missing in an element", "name: a\nitems:\n  - {name: b}\n  - {count: 2}\n",
     "4:5: items[1].name: expected a name (up to 31 of a-z 0-9 - _ .), found no key `name` (it "
     "is required)\n"},
    {"key twice", "name: a\ncount: 2\ncount: 4\n",
     "3:1: count: expected each key once, found `count` again (first on line 2)\n"},
    {"name twice", "name: a\nitems:\n  - {name: b}\n  - {name: c}\n  - {name: b}\n",
     "5:12: items[2].name: expected a name that differs from all others in `items`, found `b` "
     "again (first on line 3)\n"},
    {"value twice", "name: a\nwords: [x, x]\n",
     "2:12: words[1]: expected a value that differs from all others in `words`, found `x` "
     "again "
     "(first on line 2)\n"},
    {"too many", "name: a\nwords: [x, y, z]\n",
     "2:15: words[2]: expected at most 2 elements in `words`, found 3\n"},
    {"checker of a table", "name: a\ninner: {on: false, wait: 2s}\n",
     "2:26: inner.wait: expected no long wait while off, found `2s`\n"},
    {"checker leaves refused values alone", "name: a\ninner: {on: false, wait: 2}\n",
     "2:26: inner.wait: expected a duration such as 250ms, found `2` (a bare number has no "
     "unit: write 2ms or 2s)\n"},
    {"empty", "", "1:1: expected a sample, found an empty file\n"},
    {"comments only", "# nothing\n", "1:1: expected a sample, found an empty file\n"},
    {"a list at the top", "- name: a\n",
     "1:1: expected a sample: a mapping (keys with values), found a list\n"},
    {"all at once, in the order of the file",
     "wait: 5\nnmae: a\nitems: [{count: 0}, {name: B}]\ncolour: gren\nloss: 2\n",
     "1:1: name: expected a name (up to 31 of a-z 0-9 - _ .), found no key `name` (it is "
     "required)\n"
     "1:7: wait: expected a duration from 10ms to 10s, found `5` (a bare number has no unit: "
     "write 5ms or 5s)\n"
     "2:1: nmae: expected a key of a sample, found unknown key `nmae` (did you mean `name`?)\n"
     "3:9: items[0].name: expected a name (up to 31 of a-z 0-9 - _ .), found no key `name` (it "
     "is required)\n"
     "3:17: items[0].count: expected a whole number from 1 to 9, found `0`\n"
     "3:28: items[1].name: expected a name (up to 31 of a-z 0-9 - _ .), found `B` (small "
     "letters only)\n"
     "4:9: colour: expected one of red, green, blue, found `gren` (did you mean `green`?)\n"
     "5:7: loss: expected a percentage from 0% to 50%, found `2` (a bare number has no unit: "
     "write 2%)\n"},
};

Test(schema, says_what_was_expected_and_what_was_found) {
    for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
        struct sample s;
        read_text(spoken[i].text, &s);
        cr_expect_str_eq(faults_text(&faults), spoken[i].faults, "%s:\n%s", spoken[i].what,
                         faults_text(&faults));
        schema_release(&sample_table, &s);
    }
}

Test(schema, many_faults_are_counted) {
    static char text[20000];
    struct sample s;
    size_t at = (size_t)snprintf(text, sizeof(text), "name: a\nheap:\n");
    for (int i = 0; i < 200; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "  - {name: x, count: 0}\n");
    read_text(text, &s);
    cr_expect_eq(faults.count, FAULTS_MAX);
    cr_expect_eq(faults.lost, 200 - FAULTS_MAX);
    cr_expect_eq(faults.list[0].mark.line, 3);
    schema_release(&sample_table, &s);
}

Test(schema, a_table_can_be_unsound) {
    static const struct {
        const char *what;
        struct schema_row row;
    } rows[] = {
        {"range without dots", {"x", SCHEMA_COUNT, AT(count), .range = "1-9"}},
        {"range of another unit", {"x", SCHEMA_DURATION, AT(wait), .range = "1%..2%"}},
        {"default without unit", {"x", SCHEMA_DURATION, AT(wait), .preset = "5"}},
        {"default out of range", {"x", SCHEMA_COUNT, AT(count), .preset = "5", .range = "6..9"}},
        {"default of a required key",
         {"x", SCHEMA_COUNT, AT(count), .preset = "5", .required = true}},
        {"default that is no such word",
         {"x", SCHEMA_ENUM, AT(colour), .words = colours, .preset = "mauve"}},
        {"enum without words", {"x", SCHEMA_ENUM, AT(colour)}},
        {"mapping without table", {"x", SCHEMA_MAPPING, AT(inner)}},
        {"list of nothing", {"x", SCHEMA_LIST, AT(items), .stride = 1, .count_max = 1}},
        {"elements that overlap",
         {"x", SCHEMA_LIST, AT(items), .table = &item_table, .stride = 1, .count_max = 1}},
        {"text without room", {"x", SCHEMA_TEXT, AT(text)}},
        {"custom without form", {"x", SCHEMA_CUSTOM, AT(custom), .read = read_doubled}},
        {"no words for people", {"x", SCHEMA_COUNT, .offset = 0}},
        {"field outside the struct", {"x", SCHEMA_COUNT, .offset = 100000, .doc = "Words."}},
    };
    const char *defect = schema_table_defect(&sample_table);
    cr_expect_null(defect, "%s", defect);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct schema_table t = {.title = "t",
                                 .rows = &rows[i].row,
                                 .row_count = 1,
                                 .record_size = sizeof(struct sample)};
        defect = schema_table_defect(&t);
        cr_expect_str_eq(defect != NULL ? defect : "none", "x", "%s", rows[i].what);
    }
    struct schema_row twice[2] = {item_rows[0], item_rows[0]};
    struct schema_table t = {
        .title = "t", .rows = twice, .row_count = 2, .record_size = sizeof(struct item)};
    cr_expect_str_eq(schema_table_defect(&t), "name", "a key that stands twice");
}

Test(schema, writes_the_reference) {
    char out[4000], small[16];
    static const struct schema_row rows[] = {
        {"wait", SCHEMA_DURATION, IN(inner, wait), .preset = "3s", .range = "1s..9s"},
        {"name", SCHEMA_NAME, IN(item, name), .required = true},
        {"items", SCHEMA_LIST, AT(items), .table = &item_table, .stride = sizeof(struct item),
         .count_max = 3},
        {"words", SCHEMA_LIST, AT(words), .item = &word_item, .stride = sizeof(struct name),
         .count_max = 2, .single = true},
    };
    struct schema_table t = {.title = "a thing",
                             .doc = "A or B.",
                             .rows = rows,
                             .row_count = 4,
                             .record_size = sizeof(struct sample)};
    static const char expected[] =
        "## The whole file: a thing\n\nA or B.\n\n"
        "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `wait` | a duration from 1s to 9s | `3s` | Words. |\n"
        "| `name` | a name (up to 31 of a-z 0-9 - _ .) | **required** | Words. |\n"
        "| `items` | list of mappings, each an item; at most 3 | – | Words. |\n"
        "| `words` | one or a list; each a name (up to 31 of a-z 0-9 - _ .); at most 2 | – | "
        "Words. "
        "|\n\n"
        "## `items[]`: an item\n\n"
        "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
        "| `name` | a name (up to 31 of a-z 0-9 - _ .) | **required** | Words. |\n"
        "| `count` | a whole number from 1 to 9 | `7` | Words. |\n\n";
    size_t len = schema_markdown(&t, 2, out, sizeof(out));
    cr_expect_str_eq(out, expected, "%s", out);
    cr_expect_eq(len, strlen(expected));
    cr_expect_eq(schema_markdown(&t, 2, small, sizeof(small)), len, "like snprintf");
    cr_expect_eq(strlen(small), sizeof(small) - 1);
    static const char page[] =
        ".Ss The whole file\na thing\n.Pp\nA or B.\n.Bl -tag -width Ds\n"
        ".It Ic wait\nWords.\n.br\nValue: a duration from 1s to 9s; default: 3s\n"
        ".It Ic name\nWords.\n.br\nValue: a name (up to 31 of a\\-z 0\\-9 \\- _ .); required\n"
        ".It Ic items\nWords.\n.br\nValue: a list of at most 3 mappings, each an item\n"
        ".It Ic words\nWords.\n.br\nValue: one or a list of at most 2; each a name (up to 31 of "
        "a\\-z 0\\-9 \\- _ .)\n.El\n"
        ".Ss items[]\nan item\n.Bl -tag -width Ds\n"
        ".It Ic name\nWords.\n.br\nValue: a name (up to 31 of a\\-z 0\\-9 \\- _ .); required\n"
        ".It Ic count\nWords.\n.br\nValue: a whole number from 1 to 9; default: 7\n.El\n";
    len = schema_mdoc(&t, out, sizeof(out));
    cr_expect_str_eq(out, page, "%s", out);
    cr_expect_eq(len, strlen(page));
    cr_expect_eq(schema_mdoc(&t, small, sizeof(small)), len, "like snprintf");
}
