#include "peerd/io/yaml.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *rewrite(const char *text) {
    static struct faults faults;
    struct tree tree;
    tree_init(&tree);
    faults_init(&faults, "test");
    cr_assert(yaml_parse(&tree, text, strlen(text), &faults), "%s", text);
    char *out = yaml_write(tree.root);
    tree_free(&tree);
    cr_assert_not_null(out);
    return out;
}

Test(yaml_write, writes_what_reads_the_same) {
    static const struct {
        const char *what, *text, *written;
    } rows[] = {
        {"numbers and quantities stay bare", "a: 1\nb: 250ms\nc: 0.5%\nd: -3\ne: 64kbit/s\n",
         "a: 1\nb: 250ms\nc: 0.5%\nd: -3\ne: 64kbit/s\n"},
        {"a list of mappings: one a line", "l: [{a: 1, b: [x, y]}, {a: 2}]\n",
         "l:\n  - {a: 1, b: [x, y]}\n  - {a: 2}\n"},
        {"a list of words stays in its line", "l:\n  - x\n  - y\n", "l: [x, y]\n"},
        {"nothing in it", "a: []\nb: {}\nc: [{}]\n", "a: []\nb: {}\nc:\n  - {}\n"},
        {"text in quotes stays text", "a: '5s'\n", "a: \"5s\"\n"},
        {"what would mean something else gets quotes",
         "a: it says; \"no\"\nb: c:\\x\nc: 'x: y, z'\n",
         "a: \"it says; \\\"no\\\"\"\nb: \"c:\\\\x\"\nc: \"x: y, z\"\n"},
        {"lines within a text", "a: \"x\\ny\\tz\"\n", "a: \"x\\x0ay\\x09z\"\n"},
        {"letters of the world", "a: Zürich → 東京\n", "a: \"Zürich → 東京\"\n"},
        {"a key that needs quotes", "\"a: b\": 1\n", "\"a: b\": 1\n"},
        {"nothing of a value", "a: ''\n", "a: \"\"\n"},
        {"no mapping", "[a, [b, {c: d}]]\n", "[a, [b, {c: d}]]\n"},
        {"an empty file", "", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *once = rewrite(rows[i].text);
        cr_expect_str_eq(once, rows[i].written, "%s: %s", rows[i].what, once);
        char *twice = rewrite(once);
        cr_expect_str_eq(twice, once, "%s", rows[i].what);
        free(once);
        free(twice);
    }
}
