#include "peerd/policy/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes and text come from chunks that are freed together: a tree lives as long as one reading. */

#define CHUNK_BYTES 16384 /* a small policy fits into one or two */

struct tree_chunk {
    struct tree_chunk *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) unsigned char data[];
};

void tree_init(struct tree *t) {
    memset(t, 0, sizeof(*t));
}

void tree_free(struct tree *t) {
    struct tree_chunk *chunk = t->chunks;
    while (chunk != NULL) {
        struct tree_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    tree_init(t);
}

static void *allocate(struct tree *t, size_t size) {
    const size_t align = _Alignof(max_align_t);
    size = (size + align - 1) / align * align;
    struct tree_chunk *chunk = t->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        chunk = malloc(sizeof(*chunk) + room);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct tree_chunk){.next = t->chunks, .size = room};
        t->chunks = chunk;
    }
    void *at = chunk->data + chunk->used;
    chunk->used += size;
    return at;
}

static struct tree_node *new_node(struct tree *t, enum tree_kind kind, struct mark mark,
                                  enum err *err) {
    *err = ERR_OVERSIZED;
    if (t->nodes >= TREE_NODES_MAX)
        return NULL;
    *err = ERR_NO_MEMORY;
    struct tree_node *node = allocate(t, sizeof(*node));
    if (node == NULL)
        return NULL;
    *node = (struct tree_node){.kind = kind, .mark = mark, .text = ""};
    t->nodes++;
    *err = ERR_OK;
    return node;
}

/* Hangs a finished scalar or a fresh container where the parser stands. */
static enum err attach(struct tree *t, struct tree_node *node) {
    struct tree_node *parent = t->open;
    if (parent == NULL) {
        if (t->root != NULL)
            return ERR_BAD_FIELD;
        t->root = node;
        return ERR_OK;
    }
    if (parent->kind == TREE_MAPPING) {
        if (t->key == NULL && node->kind != TREE_SCALAR)
            return ERR_BAD_FIELD;
        if (t->key == NULL) {
            node->parent = parent;
            t->key = node;
            return ERR_OK;
        }
        node->key = t->key;
        t->key = NULL;
    }
    node->parent = parent;
    node->index = parent->count++;
    if (parent->last == NULL)
        parent->first = node;
    else
        parent->last->next = node;
    parent->last = node;
    return ERR_OK;
}

const char *tree_keep(struct tree *t, const char *text, size_t len) {
    char *copy = len > TREE_TEXT_LEN_MAX - t->text_len ? NULL : allocate(t, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    t->text_len += len;
    return copy;
}

enum err tree_scalar(struct tree *t, const char *text, size_t len, bool quoted, struct mark mark) {
    enum err err;
    if (len > TREE_TEXT_LEN_MAX - t->text_len)
        return ERR_OVERSIZED;
    if (len > 0 && memchr(text, '\0', len) != NULL)
        return ERR_BAD_FIELD;
    struct tree_node *node = new_node(t, TREE_SCALAR, mark, &err);
    if (node == NULL)
        return err;
    node->text = tree_keep(t, text, len);
    if (node->text == NULL)
        return ERR_NO_MEMORY;
    node->len = (uint32_t)len;
    node->quoted = quoted;
    return attach(t, node);
}

enum err tree_open(struct tree *t, enum tree_kind kind, struct mark mark) {
    enum err err;
    if (kind == TREE_SCALAR)
        return ERR_BAD_FIELD;
    if (t->depth >= TREE_DEPTH_MAX)
        return ERR_OVERSIZED;
    struct tree_node *node = new_node(t, kind, mark, &err);
    if (node == NULL)
        return err;
    err = attach(t, node);
    if (err == ERR_OK) {
        t->open = node;
        t->depth++;
    }
    return err;
}

enum err tree_close(struct tree *t) {
    if (t->open == NULL || t->key != NULL)
        return ERR_BAD_FIELD;
    t->open = t->open->parent;
    t->depth--;
    return ERR_OK;
}

struct tree_node *tree_find(const struct tree_node *mapping, const char *key) {
    if (mapping == NULL || mapping->kind != TREE_MAPPING)
        return NULL;
    for (struct tree_node *node = mapping->first; node != NULL; node = node->next) {
        if (strcmp(node->key->text, key) == 0)
            return node;
    }
    return NULL;
}

struct tree_node *tree_child(const struct tree_node *node, uint32_t index) {
    struct tree_node *child = node == NULL ? NULL : node->first;
    while (child != NULL && index-- > 0)
        child = child->next;
    return child;
}

/* Writes `piece` so that it ends at `end`; false if it does not fit after `start`. */
static bool prepend(char *start, char **end, const char *piece) {
    size_t len = strlen(piece);
    if (len > (size_t)(*end - start))
        return false;
    *end -= len;
    memcpy(*end, piece, len);
    return true;
}

const char *tree_path(const struct tree_node *node, const char *suffix,
                      char out[TREE_PATH_LEN_MAX + 1]) {
    static const char ellipsis[] = "…";
    char *start = out + sizeof(ellipsis) - 1; /* so that the ellipsis always fits before it */
    char *at = out + TREE_PATH_LEN_MAX;
    bool whole = true;
    *at = '\0';
    if (suffix != NULL)
        whole = prepend(start, &at, suffix);
    for (; whole && node != NULL && node->parent != NULL; node = node->parent) {
        char number[16] = "";
        const char *piece = number;
        if (node->key != NULL)
            piece = node->key->text;
        else if (node->parent->kind == TREE_SEQUENCE)
            snprintf(number, sizeof(number), "[%u]", (unsigned)node->index);
        if (*piece == '\0')
            continue;
        whole =
            (*at == '\0' || *at == '[' || prepend(start, &at, ".")) && prepend(start, &at, piece);
    }
    if (!whole)
        prepend(out, &at, ellipsis);
    memmove(out, at, strlen(at) + 1);
    return out;
}
