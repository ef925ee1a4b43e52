#include "peerd/policy/tree.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct mark nowhere = {0, 0};

static enum err scalar(struct tree *t, const char *text) {
    return tree_scalar(t, text, strlen(text), false, nowhere);
}

/* {peers: [{name: ams1}, {name: lon1, key: k}]} */
static void build(struct tree *t) {
    tree_init(t);
    cr_assert_eq(tree_open(t, TREE_MAPPING, (struct mark){1, 1}), ERR_OK);
    scalar(t, "peers");
    cr_assert_eq(tree_open(t, TREE_SEQUENCE, (struct mark){2, 3}), ERR_OK);
    tree_open(t, TREE_MAPPING, nowhere);
    scalar(t, "name");
    scalar(t, "ams1");
    tree_close(t);
    tree_open(t, TREE_MAPPING, nowhere);
    scalar(t, "name");
    scalar(t, "lon1");
    scalar(t, "key");
    tree_scalar(t, "k", 1, true, (struct mark){4, 10});
    tree_close(t);
    cr_assert_eq(tree_close(t), ERR_OK);
    cr_assert_eq(tree_close(t), ERR_OK);
}

Test(tree, finds_what_was_added) {
    struct tree t;
    build(&t);
    struct tree_node *peers = tree_find(t.root, "peers");
    cr_assert_not_null(peers);
    cr_expect_eq(peers->kind, TREE_SEQUENCE);
    cr_expect_eq(peers->count, 2);
    cr_expect_eq(peers->mark.line, 2);
    struct tree_node *key = tree_find(tree_child(peers, 1), "key");
    cr_assert_not_null(key);
    cr_expect_str_eq(key->text, "k");
    cr_expect_str_eq(key->key->text, "key");
    cr_expect(key->quoted);
    cr_expect_eq(key->mark.column, 10);
    cr_expect_null(tree_find(tree_child(peers, 0), "key"));
    cr_expect_null(tree_child(peers, 2));
    cr_expect_null(tree_find(peers, "name"), "a sequence has no keys");
    cr_expect_null(tree_find(NULL, "name"));
    tree_free(&t);
    cr_expect_null(t.root);
}

Test(tree, names_the_way_to_a_node) {
    char path[TREE_PATH_LEN_MAX + 1];
    struct tree t;
    build(&t);
    struct tree_node *peer = tree_child(tree_find(t.root, "peers"), 1);
    cr_expect_str_eq(tree_path(t.root, NULL, path), "");
    cr_expect_str_eq(tree_path(t.root, "cluster", path), "cluster");
    cr_expect_str_eq(tree_path(peer, NULL, path), "peers[1]");
    cr_expect_str_eq(tree_path(peer, "beats", path), "peers[1].beats");
    cr_expect_str_eq(tree_path(tree_find(peer, "key"), NULL, path), "peers[1].key");
    cr_expect_str_eq(tree_path(NULL, NULL, path), "");
    tree_free(&t);
}

Test(tree, a_long_way_keeps_its_end) {
    char path[TREE_PATH_LEN_MAX + 1], long_key[101];
    struct tree t;
    struct tree_node *at;
    tree_init(&t);
    memset(long_key, 'x', 100);
    long_key[100] = '\0';
    for (int i = 0; i < 3; i++) {
        tree_open(&t, TREE_MAPPING, nowhere);
        scalar(&t, long_key);
    }
    scalar(&t, "end");
    for (at = t.root; at->kind == TREE_MAPPING; at = at->first) {
    }
    tree_path(at, "last", path);
    cr_expect_eq(strncmp(path, "…", strlen("…")), 0, "%s", path);
    cr_expect_str_eq(path + strlen(path) - 7, "xx.last", "%s", path);
    tree_free(&t);
}

Test(tree, bounds_depth) {
    struct tree t;
    tree_init(&t);
    for (int i = 0; i < TREE_DEPTH_MAX; i++)
        cr_assert_eq(tree_open(&t, TREE_SEQUENCE, nowhere), ERR_OK, "%d", i);
    cr_expect_eq(tree_open(&t, TREE_SEQUENCE, nowhere), ERR_OVERSIZED);
    cr_expect_eq(scalar(&t, "still fits"), ERR_OK);
    tree_free(&t);
}

Test(tree, bounds_nodes) {
    struct tree t;
    tree_init(&t);
    tree_open(&t, TREE_SEQUENCE, nowhere);
    for (int i = 1; i < TREE_NODES_MAX; i++)
        cr_assert_eq(scalar(&t, "x"), ERR_OK, "%d", i);
    cr_expect_eq(scalar(&t, "x"), ERR_OVERSIZED);
    cr_expect_eq(tree_open(&t, TREE_MAPPING, nowhere), ERR_OVERSIZED);
    tree_free(&t);
}

Test(tree, bounds_text) {
    static char text[TREE_TEXT_LEN_MAX];
    struct tree t;
    tree_init(&t);
    memset(text, 'x', sizeof(text));
    tree_open(&t, TREE_SEQUENCE, nowhere);
    cr_expect_eq(tree_scalar(&t, text, sizeof(text) - 1, false, nowhere), ERR_OK);
    cr_expect_eq(scalar(&t, "y"), ERR_OK, "exactly full");
    cr_expect_eq(scalar(&t, "y"), ERR_OVERSIZED);
    cr_expect_eq(scalar(&t, ""), ERR_OK);
    tree_free(&t);
}

Test(tree, refuses_what_is_no_document) {
    struct tree t;
    tree_init(&t);
    cr_expect_eq(tree_close(&t), ERR_BAD_FIELD, "nothing is open");
    cr_expect_eq(tree_open(&t, TREE_SCALAR, nowhere), ERR_BAD_FIELD);
    cr_expect_eq(tree_scalar(&t, "a\0b", 3, false, nowhere), ERR_BAD_FIELD, "NUL inside");
    cr_expect_eq(tree_open(&t, TREE_MAPPING, nowhere), ERR_OK);
    cr_expect_eq(tree_open(&t, TREE_SEQUENCE, nowhere), ERR_BAD_FIELD, "a list as key");
    cr_expect_eq(scalar(&t, "key"), ERR_OK);
    cr_expect_eq(tree_close(&t), ERR_BAD_FIELD, "a key without value");
    cr_expect_eq(scalar(&t, "value"), ERR_OK);
    cr_expect_eq(tree_close(&t), ERR_OK);
    cr_expect_eq(scalar(&t, "second root"), ERR_BAD_FIELD);
    tree_free(&t);
    tree_free(&t);
}
