#include "peerd/policy/fault.h"
#include "peerd/policy/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct faults faults;

Test(fault, one_line_with_place_path_and_hint) {
    char line[FAULT_LINE_LEN_MAX + 1];
    faults_init(&faults, "fra1.yaml");
    struct fault *x = fault_add_at(&faults, (struct mark){7, 13}, "detection.interval");
    fault_expected(x, "a duration");
    fault_found(x, "`%d`", 250);
    cr_expect_str_eq(fault_to_text(&faults, x, line),
                     "fra1.yaml:7:13: detection.interval: expected a duration, found `250`");
    fault_hint(x, "write 250ms");
    cr_expect_str_eq(
        fault_to_text(&faults, x, line),
        "fra1.yaml:7:13: detection.interval: expected a duration, found `250` (write 250ms)");
    x = fault_add_at(&faults, (struct mark){0, 0}, "");
    fault_expected(x, "a readable file");
    fault_found(x, "none");
    cr_expect_str_eq(fault_to_text(&faults, x, line),
                     "fra1.yaml: expected a readable file, found none");
}

Test(fault, marks_all_above_as_faulty) {
    struct tree t;
    tree_init(&t);
    tree_open(&t, TREE_MAPPING, (struct mark){1, 1});
    tree_scalar(&t, "a", 1, false, (struct mark){1, 1});
    tree_scalar(&t, "1", 1, false, (struct mark){1, 4});
    tree_scalar(&t, "b", 1, false, (struct mark){2, 1});
    tree_scalar(&t, "2", 1, false, (struct mark){2, 4});
    tree_close(&t);
    faults_init(&faults, "f");
    struct fault *x = fault_add(&faults, tree_find(t.root, "b"), NULL);
    cr_expect_str_eq(x->path, "b");
    cr_expect_eq(x->mark.line, 2);
    cr_expect(t.root->faulty);
    cr_expect(tree_find(t.root, "b")->faulty);
    cr_expect_not(tree_find(t.root, "a")->faulty);
    tree_free(&t);
}

Test(fault, keeps_so_many_and_counts_the_rest) {
    faults_init(&faults, "f");
    cr_expect_not(faults_any(&faults));
    for (uint32_t i = 0; i < FAULTS_MAX + 5; i++) {
        cr_expect_eq(faults_full(&faults), i >= FAULTS_MAX);
        fault_found(fault_add_at(&faults, (struct mark){1000 - i, 1}, "p"), "%u", (unsigned)i);
    }
    cr_expect(faults_any(&faults));
    cr_expect_eq(faults.count, FAULTS_MAX);
    cr_expect_eq(faults.lost, 5);
    faults_sort(&faults);
    cr_expect_str_eq(faults.list[0].found, "63", "the order of the file");
    cr_expect_str_eq(faults.list[63].found, "0");
}

Test(fault, what_a_file_holds_steers_no_terminal) {
    char cut[300];
    faults_init(&faults, "f");
    struct fault *x = fault_add_at(&faults, (struct mark){1, 1}, "a\x1b[2J");
    fault_found(x, "x\x1b]0;owned\x07\ny\xc2\x9bz");
    cr_expect_str_eq(x->path, "a?[2J");
    cr_expect_str_eq(x->found, "x?]0;owned??y??z");
    fault_found(x, "lon\xe2\x80\xae"
                   "1\xe2\x81\xa6\xe2\x80\x8b\xd8\x9c\xef\xbb\xbf\xf3\xa0\x80\x81.");
    cr_expect_str_eq(x->found,
                     "lon???1???"
                     "???"
                     "??"
                     "???"
                     "????.",
                     "nor turns what is beside it");
    fault_found(x, "\xe2\x80\xa6 \xd8\xb9 \xef\xbb\xb0 \xe2\x82\xac");
    cr_expect_str_eq(x->found, "\xe2\x80\xa6 \xd8\xb9 \xef\xbb\xb0 \xe2\x82\xac", "letters stay");
    memset(cut, 'x', sizeof(cut));
    memcpy(cut + FAULT_TEXT_LEN_MAX - 2, "…", 4); /* three bytes, of which two fit */
    fault_found(x, "%s", cut);
    cr_expect_eq(strlen(x->found), FAULT_TEXT_LEN_MAX - 2, "no torn character");
}

Test(fault, finds_the_word_that_was_meant) {
    static const char *const words[] = {"beats", "peers", "peer_listen", "detection", "limits"};
    static const struct {
        const char *text, *meant;
    } rows[] = {
        {"beets", "beats"},
        {"detetcion", "detection"},
        {"peerlisten", "peer_listen"},
        {"limit", "limits"},
        {"peesr", "peers"},
        {"colour", NULL},
        {"x", NULL},
        {"", NULL},
        {"a_word_that_is_much_longer_than_anything_anybody_would_mistype", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *near = fault_nearest(rows[i].text, words, 5);
        if (rows[i].meant == NULL)
            cr_expect_null(near, "%s: %s", rows[i].text, near);
        else
            cr_expect_str_eq(near != NULL ? near : "none", rows[i].meant, "%s", rows[i].text);
    }
}

Test(fault, bounded_text_counts_what_it_could_not_write) {
    char out[8];
    struct text t = text_over(out, sizeof(out));
    text_putf(&t, "%s", "12345");
    cr_expect_eq(t.len, 5);
    text_putf(&t, "%s", "6789");
    cr_expect_eq(t.len, 9);
    text_putf(&t, "%s", "x");
    cr_expect_eq(t.len, 10);
    cr_expect_str_eq(out, "1234567");
    t = text_over(NULL, 0);
    text_putf(&t, "abc");
    cr_expect_eq(t.len, 3);
}
