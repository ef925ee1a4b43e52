#include "peerd/io/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define YAML_WAIT_MS 1000 /* [ms] for a pipe to say more */

struct loader {
    struct tree *tree;
    struct faults *faults;
    uint32_t documents;
    struct mark anchor; /* the first one; line 0: there is none */
    bool aliases;       /* there were some */
};

static struct mark mark_of(const yaml_mark_t *mark) {
    return (struct mark){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

static bool refuse(struct loader *l, struct mark mark, const char *expected, const char *found,
                   const char *hint) {
    struct fault *x = fault_add_at(l->faults, mark, "");
    fault_expected(x, "%s", expected);
    fault_found(x, "%s", found);
    fault_hint(x, "%s", hint);
    return false;
}

/* Refuses one value and goes on, so that what else is wrong is told as well: `node` (NULL: it does
 * not fit) stands where it was, and the schema leaves it alone. */
static bool refuse_value(struct loader *l, struct tree_node *node, struct mark mark,
                         const char *expected, const char *found, const char *hint) {
    struct fault *x = fault_add(l->faults, node, NULL);
    x->mark = mark;
    fault_expected(x, "%s", expected);
    fault_found(x, "%s", found);
    fault_hint(x, "%s", hint);
    return node != NULL;
}

/* Turns what the tree refused into a sentence. */
static bool refuse_tree(struct loader *l, enum err err, struct mark mark) {
    char expected[128];
    if (err == ERR_OVERSIZED && l->tree->depth >= TREE_DEPTH_MAX)
        snprintf(expected, sizeof(expected), "at most %d lists and mappings within one another",
                 TREE_DEPTH_MAX);
    else if (err == ERR_OVERSIZED)
        snprintf(expected, sizeof(expected), "at most %d keys and values", TREE_NODES_MAX);
    else if (err == ERR_BAD_FIELD)
        return refuse(l, mark, "text without NUL", "a NUL byte", "");
    else
        snprintf(expected, sizeof(expected), "a file that fits into memory");
    return refuse(l, mark, expected, "more", "");
}

static bool is_key_next(const struct loader *l) {
    return l->tree->open != NULL && l->tree->open->kind == TREE_MAPPING && l->tree->key == NULL;
}

/* Of the first anchor: whether something refers to it is known at the end only, and whoever does is
 * the fault then. */
static void note_anchor(struct loader *l, const yaml_char_t *anchor, struct mark mark) {
    if (anchor != NULL && l->anchor.line == 0)
        l->anchor = mark;
}

/* What was added last: a value, or a container that has just been opened. */
static struct tree_node *newest(const struct loader *l, bool opened) {
    struct tree_node *open = l->tree->open;
    if (open == NULL)
        return l->tree->root;
    return opened ? open : open->last;
}

/* Who writes `<<: *base` makes one mistake, not two. */
static bool is_merge(const struct loader *l) {
    const struct tree_node *key = l->tree->key;
    return key != NULL && !key->quoted && strcmp(key->text, "<<") == 0;
}

static bool refuse_merge(struct loader *l, struct tree_node *value) {
    return refuse_value(l, value, value->key->mark, "keys with values", "a merge key `<<`",
                        "write the keys out");
}

static bool refuse_tag(struct loader *l, struct tree_node *value, struct mark mark) {
    return refuse_value(l, value, mark, "plain YAML", "a tag", "write the value without `!`");
}

static bool on_alias(struct loader *l, struct mark mark) {
    static const char hint[] = "aliases are not understood here: repeat the value";
    bool merge = is_merge(l);
    l->aliases = true;
    if (is_key_next(l))
        return refuse(l, mark, "values written out", "an alias (`*name`)", hint);
    enum err err = tree_scalar(l->tree, "*", 1, false, mark);
    if (err != ERR_OK)
        return refuse_tree(l, err, mark);
    if (merge)
        return refuse_merge(l, newest(l, false));
    return refuse_value(l, newest(l, false), mark, "values written out", "an alias (`*name`)",
                        hint);
}

static bool on_scalar(struct loader *l, const yaml_event_t *event, struct mark mark) {
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool key = is_key_next(l), merge = is_merge(l), tagged = event->data.scalar.tag != NULL;
    bool nul = len > 0 && memchr(text, '\0', len) != NULL;
    note_anchor(l, event->data.scalar.anchor, mark);
    if (key && tagged)
        return refuse(l, mark, "plain YAML", "a tag", "write the key without `!`");
    enum err err = tree_scalar(l->tree, text, nul && !key ? 0 : len, quoted, mark);
    if (err != ERR_OK)
        return refuse_tree(l, err, mark);
    if (merge)
        return refuse_merge(l, newest(l, false));
    if (tagged)
        return refuse_tag(l, newest(l, false), mark);
    if (nul)
        return refuse_value(l, newest(l, false), mark, "text without NUL", "a NUL byte", "");
    return true;
}

static bool on_open(struct loader *l, enum tree_kind kind, bool tagged, struct mark mark) {
    bool merge = is_merge(l);
    if (is_key_next(l))
        return refuse(
            l, mark, "keys that are plain words",
            kind == TREE_MAPPING ? "a mapping in place of a key" : "a list in place of a key", "");
    enum err err = tree_open(l->tree, kind, mark);
    if (err != ERR_OK)
        return refuse_tree(l, err, mark);
    if (merge)
        return refuse_merge(l, newest(l, true));
    return !tagged || refuse_tag(l, newest(l, true), mark);
}

static bool on_event(struct loader *l, const yaml_event_t *event) {
    struct mark mark = mark_of(&event->start_mark);
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    case YAML_DOCUMENT_START_EVENT:
        l->documents++;
        return true;
    case YAML_ALIAS_EVENT:
        return on_alias(l, mark);
    case YAML_SCALAR_EVENT:
        return on_scalar(l, event, mark);
    case YAML_SEQUENCE_START_EVENT:
        note_anchor(l, event->data.sequence_start.anchor, mark);
        return on_open(l, TREE_SEQUENCE, event->data.sequence_start.tag != NULL, mark);
    case YAML_MAPPING_START_EVENT:
        note_anchor(l, event->data.mapping_start.anchor, mark);
        return on_open(l, TREE_MAPPING, event->data.mapping_start.tag != NULL, mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return tree_close(l->tree) == ERR_OK || refuse_tree(l, ERR_BAD_FIELD, mark);
    }
    return true;
}

/* The byte at a mark; '\0' past the end. Columns count characters, not bytes. */
static char byte_at(const char *text, size_t len, struct mark mark) {
    size_t i = 0;
    for (uint32_t line = 1; line < mark.line && i < len; i++)
        line += text[i] == '\n';
    for (uint32_t column = 1; column < mark.column && i < len; column++) {
        i++;
        while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
            i++;
    }
    return i < len ? text[i] : '\0';
}

/* Where a byte stands, as an editor would count: libyaml's reader only says how many came before,
 * and all of those were good. */
static struct mark mark_at(const char *text, size_t len, size_t offset) {
    struct mark mark = {1, 1};
    for (size_t i = 0; i < offset && i < len; i++) {
        mark.line += text[i] == '\n';
        mark.column = text[i] == '\n' ? 1 : mark.column + (((unsigned char)text[i] & 0xc0) != 0x80);
    }
    return mark;
}

static bool refuse_bytes(struct loader *l, const yaml_parser_t *parser, const char *text,
                         size_t len) {
    struct mark mark = mark_at(text, len, parser->problem_offset);
    char found[64];
    if (strcmp(parser->problem, "control characters are not allowed") != 0)
        return refuse(l, mark, "text in UTF-8", parser->problem, "");
    snprintf(found, sizeof(found), "the control character 0x%02x", (unsigned)parser->problem_value);
    return refuse(l, mark, "text in UTF-8", found, "");
}

/* What libyaml notices only where it gives up waiting is told where it began. */
static const struct unfinished {
    const char *context, *problem; /* libyaml's words */
    const char *expected, *found, *hint;
} unfinished[] = {
    {"while scanning a simple key", "could not find expected ':'", "a key, a colon and a blank",
     "no such colon", "on the same line, after at most 1024 characters"},
    {"while scanning a quoted scalar", "found unexpected end of stream",
     "a quote at the end of the text, too", "the end of the file", ""},
};

static const struct unfinished *find_unfinished(const yaml_parser_t *parser) {
    for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]); i++)
        if (parser->context != NULL && parser->problem != NULL &&
            strcmp(parser->context, unfinished[i].context) == 0 &&
            strcmp(parser->problem, unfinished[i].problem) == 0)
            return &unfinished[i];
    return NULL;
}

/* libyaml's own complaint, with those that people meet most often put into plain words. */
static bool refuse_syntax(struct loader *l, const yaml_parser_t *parser, const char *text,
                          size_t len) {
    struct mark mark = mark_of(&parser->problem_mark);
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
    char found[128];
    const struct unfinished *u = find_unfinished(parser);
    if (parser->error == YAML_READER_ERROR)
        return refuse_bytes(l, parser, text, len);
    if (parser->error == YAML_SCANNER_ERROR && byte_at(text, len, mark) == '\t')
        return refuse(l, mark, "YAML", "a tab", "indent with spaces");
    if (strcmp(problem, "did not find expected <document start>") == 0)
        return refuse(l, mark, "one document of keys with values", "something after its end",
                      "each line is `key: value`, or begins with `- `, indented below its key");
    if (u != NULL)
        return refuse(l, mark_of(&parser->context_mark), u->expected, u->found, u->hint);
    snprintf(found, sizeof(found), "something else: %s", problem);
    return refuse(l, mark, "YAML", found, parser->context != NULL ? parser->context : "");
}

/* libyaml takes UTF-16 as well, and then counts columns of something that nobody sees. */
static bool is_utf16(const char *text, size_t len) {
    return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

static bool run_parser(struct loader *l, yaml_parser_t *parser, const char *text, size_t len) {
    bool good = true;
    yaml_event_type_t type = YAML_NO_EVENT;
    yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    while (good && type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return refuse_syntax(l, parser, text, len);
        type = event.type;
        good = on_event(l, &event);
        if (l->documents > 1) { /* what is wrong in the first is told all the same */
            refuse(l, mark_of(&event.start_mark), "one document", "a second one after `---`",
                   "put it into a file of its own");
            type = YAML_STREAM_END_EVENT;
        }
        yaml_event_delete(&event);
    }
    if (good && l->anchor.line != 0 && !l->aliases)
        refuse(l, l->anchor, "values written out", "an anchor (`&name`)",
               "nothing refers to it, nor could it: aliases are not understood here");
    return good;
}

/* Where it becomes too long. */
static bool refuse_size(struct loader *l, const char *text, size_t len, const char *found) {
    char expected[64];
    snprintf(expected, sizeof(expected), "a file of at most %u bytes", YAML_BYTES_MAX);
    return refuse(l, mark_at(text, len, YAML_BYTES_MAX), expected, found, "");
}

static bool parse(struct tree *tree, const char *text, size_t len, struct faults *faults) {
    struct loader l = {.tree = tree, .faults = faults};
    yaml_parser_t parser;
    char found[32];
    if (len > YAML_BYTES_MAX) {
        snprintf(found, sizeof(found), "%zu", len);
        return refuse_size(&l, text, len, found);
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark: UTF-8 */
        text += 3;
        len -= 3;
    }
    const char *mark = len > 0 ? memmem(text, len, "\xef\xbb\xbf", 3) : NULL;
    if (mark != NULL) /* nobody sees it in an editor, and libyaml stumbles somewhere behind it */
        return refuse(&l, mark_at(text, len, (size_t)(mark - text)), "text in UTF-8",
                      "a byte order mark (U+FEFF) that is not at the beginning", "remove it");
    if (is_utf16(text, len))
        return refuse(&l, (struct mark){1, 1}, "text in UTF-8", "UTF-16", "save it as UTF-8");
    if (!yaml_parser_initialize(&parser))
        return refuse_tree(&l, ERR_NO_MEMORY, (struct mark){0, 0});
    bool good = run_parser(&l, &parser, text, len);
    yaml_parser_delete(&parser);
    return good;
}

bool yaml_parse(struct tree *tree, const char *text, size_t len, struct faults *faults) {
    bool good = parse(tree, text, len, faults);
    if (!good)
        tree_free(tree);
    return good;
}

static bool refuse_errno(struct loader *l, int error) {
    return refuse(l, (struct mark){0, 0}, "a readable file", strerror(error), "");
}

/* Reads until the end, or one byte more than is permitted. What is no file but a pipe holds nobody
 * up: one that nobody writes to is empty, and of a writer something must come each YAML_WAIT_MS.
 * False: errno is set. */
static bool read_all(int fd, char *text, size_t *len) {
    struct pollfd more = {.fd = fd, .events = POLLIN};
    for (*len = 0; *len <= YAML_BYTES_MAX;) {
        ssize_t n = read(fd, text + *len, YAML_BYTES_MAX + 1 - *len);
        if (n == 0)
            return true;
        if (n > 0) {
            *len += (size_t)n;
        } else if (errno != EAGAIN && errno != EINTR) {
            return false;
        } else if (poll(&more, 1, YAML_WAIT_MS) == 0) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

bool yaml_load_part(struct tree *tree, const char *path, struct faults *faults) {
    struct loader l = {.tree = tree, .faults = faults};
    bool good = false;
    size_t len;
    char *text = malloc(YAML_BYTES_MAX + 1);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (text == NULL || fd < 0)
        good = refuse_errno(&l, text == NULL ? ENOMEM : errno);
    else if (!read_all(fd, text, &len))
        good = refuse_errno(&l, errno);
    else if (len > YAML_BYTES_MAX)
        good = refuse_size(&l, text, len, "more");
    else
        good = parse(tree, text, len, faults);
    if (fd >= 0)
        close(fd);
    free(text);
    return good;
}

bool yaml_load(struct tree *tree, const char *path, struct faults *faults) {
    bool good = yaml_load_part(tree, path, faults);
    if (!good)
        tree_free(tree);
    return good;
}
