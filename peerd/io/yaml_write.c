#include "peerd/io/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What needs no quotes wherever it stands, as a key, in a list or in a mapping: numbers, quantities
 * and names. Everything else gets them, which costs nothing but looks. */
static bool is_plain(const struct tree_node *node) {
    static const char begins[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char goes_on[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_./%+-";
    bool negative = node->len > 1 && node->text[0] == '-' && node->text[1] != '-';
    const char *text = node->text + (negative ? 1 : 0);
    return !node->quoted && *text != '\0' && strchr(begins, *text) != NULL &&
           text[strspn(text, goes_on)] == '\0';
}

static void put_scalar(FILE *out, const struct tree_node *node) {
    if (is_plain(node)) {
        fputs(node->text, out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)node->text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(out, "\\x%02x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

/* In one line. Bounded: no tree is deeper than TREE_DEPTH_MAX. */
static void put_flow(FILE *out, const struct tree_node *node) {
    if (node->kind == TREE_SCALAR) {
        put_scalar(out, node);
        return;
    }
    fputc(node->kind == TREE_SEQUENCE ? '[' : '{', out);
    for (const struct tree_node *at = node->first; at != NULL; at = at->next) {
        if (at->key != NULL) {
            put_scalar(out, at->key);
            fputs(": ", out);
        }
        put_flow(out, at);
        if (at->next != NULL)
            fputs(", ", out);
    }
    fputc(node->kind == TREE_SEQUENCE ? ']' : '}', out);
}

static bool stands_in_lines(const struct tree_node *node) {
    return node->kind == TREE_SEQUENCE && node->first != NULL && node->first->kind != TREE_SCALAR;
}

static void put_root(FILE *out, const struct tree_node *root) {
    if (root->kind != TREE_MAPPING || root->first == NULL) {
        put_flow(out, root);
        fputc('\n', out);
        return;
    }
    for (const struct tree_node *node = root->first; node != NULL; node = node->next) {
        put_scalar(out, node->key);
        fputs(stands_in_lines(node) ? ":\n" : ": ", out);
        if (!stands_in_lines(node)) {
            put_flow(out, node);
            fputc('\n', out);
            continue;
        }
        for (const struct tree_node *item = node->first; item != NULL; item = item->next) {
            fputs("  - ", out);
            put_flow(out, item);
            fputc('\n', out);
        }
    }
}

char *yaml_write(const struct tree_node *root) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    if (root != NULL)
        put_root(out, root);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return text;
    free(text);
    return NULL;
}
