#include "peerd/io/policy_file.h"

#include "peerd/io/yaml.h"
#include "peerd/policy/policy_schema.h"
#include "topo/geo/geo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512 /* a key or a token in a file of its own */

/* The absolute name of the folder in which `path` lies. */
static bool find_folder(const char *path, char out[PATH_MAX]) {
    char near[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash != NULL ? (int)(slash - path) + 1 : 0;
    int n = snprintf(near, sizeof(near), "%.*s.", len, path);
    return n > 0 && (size_t)n < sizeof(near) && realpath(near, out) != NULL;
}

bool policy_file_resolve(const char *path, const char *name, char *out, size_t out_size) {
    char folder[PATH_MAX] = "";
    if (name[0] != '/' && !find_folder(path, folder))
        return false;
    const char *slash = name[0] == '/' || strcmp(folder, "/") == 0 ? "" : "/";
    int n = snprintf(out, out_size, "%s%s%s", folder, slash, name);
    return n >= 0 && (size_t)n < out_size;
}

/* Reads the first line of a small file, without its end. ERR_IO (errno is set), ERR_DENIED if
 * `secret` and others than the owner may read or change it, ERR_BAD_FIELD if it is too long. */
static enum err read_line(const char *path, bool secret, char out[LINE_MAX_BYTES]) {
    struct stat st;
    enum err err = ERR_OK;
    memset(out, 0, LINE_MAX_BYTES);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a pipe holds nobody up */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        errno = why;
        return ERR_IO;
    }
    if (fstat(fileno(file), &st) != 0)
        err = ERR_IO;
    else if (secret && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        err = ERR_DENIED;
    else if (fgets(out, LINE_MAX_BYTES, file) == NULL && ferror(file))
        err = ERR_IO;
    int saved = errno;
    fclose(file);
    if (err == ERR_OK) {
        size_t end = strcspn(out, "\r\n");
        if (end == LINE_MAX_BYTES - 1)
            err = ERR_BAD_FIELD;
        out[end] = '\0';
    }
    errno = saved;
    return err;
}

enum err key_file_read_secret(struct key_pair *out, const char *path) {
    char line[LINE_MAX_BYTES];
    enum err err = read_line(path, true, line);
    if (err == ERR_OK && key_pair_from_text(out, line) != ERR_OK)
        err = ERR_BAD_FIELD;
    sodium_memzero(line, sizeof(line));
    return err;
}

enum err key_file_read_public(struct public_key *out, const char *path) {
    char line[LINE_MAX_BYTES];
    enum err err = read_line(path, false, line);
    if (err == ERR_OK && public_key_from_text(out, line) != ERR_OK)
        err = ERR_BAD_FIELD;
    sodium_memzero(line, sizeof(line)); /* somebody may have put a secret key there */
    return err;
}

/* ---- the files that a policy names ---- */

struct load {
    const char *path;
    struct faults *faults;
    struct tree_node *root;
};

/* Makes a file name absolute in place. False after adding a fault if it gets too long. */
static bool make_absolute(struct load *l, struct tree_node *node, struct policy_text *name) {
    char whole[POLICY_TEXT_LEN_MAX + 1];
    if (name->text[0] == '\0')
        return false;
    if (policy_file_resolve(l->path, name->text, whole, sizeof(whole))) {
        memcpy(name->text, whole, sizeof(whole));
        return true;
    }
    struct fault *x = fault_add(l->faults, node, NULL);
    fault_expected(x, "a path of at most %d bytes, the folder of the policy included",
                   POLICY_TEXT_LEN_MAX);
    fault_found(x, "a longer one");
    return false;
}

static void refuse_file(struct load *l, struct tree_node *node, const char *path, enum err err,
                        const char *content, const char *hint) {
    int saved = errno;
    struct fault *x = fault_add(l->faults, node, NULL);
    fault_expected(x, "a readable file with %s", content);
    fault_hint(x, "%s", hint);
    if (err == ERR_IO)
        fault_found(x, "%s: %s", strerror(saved), path);
    else if (err == ERR_DENIED)
        fault_found(x, "one that others may read: %s", path);
    else
        fault_found(x, "something else in it: %s", path);
    if (err == ERR_DENIED)
        fault_hint(x, "chmod 600 it, and make a new key if others may have read it");
}

static void load_public(struct load *l, struct tree_node *record, const char *where,
                        struct policy_text *name, struct public_key *key) {
    struct tree_node *node = schema_good(record, where);
    if (node == NULL || !make_absolute(l, node, name))
        return;
    enum err err = key_file_read_public(key, name->text);
    if (err != ERR_OK)
        refuse_file(l, node, name->text, err, "a public key (k4.public.…)",
                    "`peerctl pubkey FILE` makes one from a secret key");
}

static void load_token(struct load *l, struct tree_node *record, const char *where,
                       struct policy_text *name, uint8_t digest[32]) {
    char line[LINE_MAX_BYTES];
    struct tree_node *node = schema_good(record, where);
    if (node == NULL || !make_absolute(l, node, name))
        return;
    enum err err = read_line(name->text, true, line);
    if (err == ERR_OK && !policy_token_valid(line, strlen(line)))
        err = ERR_BAD_FIELD;
    if (err == ERR_OK)
        policy_token_digest(digest, line, strlen(line));
    else
        refuse_file(l, node, name->text, err, POLICY_TOKEN_FORM, "");
    sodium_memzero(line, sizeof(line));
}

static void load_own(struct load *l, struct policy *p, struct key_pair *own) {
    struct tree_node *node = schema_good(tree_find(l->root, "cluster"), "key_file");
    if (node == NULL || !make_absolute(l, node, &p->cluster.key_file) || own == NULL)
        return;
    enum err err = key_file_read_secret(own, p->cluster.key_file.text);
    if (err != ERR_OK)
        refuse_file(l, node, p->cluster.key_file.text, err, "a secret key (k4.secret.…)",
                    "`peerctl genkey FILE` makes one");
}

static void load_next(struct load *l, struct policy *p) {
    load_public(l, tree_find(l->root, "cluster"), "next_key_file", &p->cluster.next_key_file,
                &p->cluster.next_key);
}

static void check_pem(struct load *l, const char *key, struct policy_text *name, bool at_site) {
    struct tree_node *node = schema_good(tree_find(l->root, "client_listen"), key);
    if (node != NULL && make_absolute(l, node, name) && at_site && access(name->text, R_OK) != 0)
        refuse_file(l, node, name->text, ERR_IO, "PEM", "");
}

/* Opened as it is when it is asked. */
static void check_database(struct load *l, struct tree_node *node, const char *path) {
    char detail[GEO_DETAIL_LEN_MAX + 1];
    struct geo *g;
    if (geo_open(&g, path, detail) != ERR_OK) {
        struct fault *x = fault_add(l->faults, node, NULL);
        fault_expected(x, "a readable file with locations, in MaxMind's format");
        fault_found(x, "%s: %s", detail, path);
    }
    geo_close(g);
}

static void check_databases(struct load *l, struct policy *p, bool at_site) {
    struct tree_node *list = tree_find(l->root, "location_databases");
    for (uint32_t i = 0; i < p->location_database_count; i++) {
        struct tree_node *node =
            list != NULL && list->kind == TREE_SEQUENCE ? tree_child(list, i) : list;
        struct policy_text *name = &p->location_databases[i];
        if (node != NULL && make_absolute(l, node, name) && at_site)
            check_database(l, node, name->text);
    }
}

/* Nodes may run elsewhere in the file system: what they are told is absolute. */
static void locate_sources(struct load *l, struct policy *p) {
    struct tree_node *sources = tree_find(l->root, "sources");
    for (uint32_t i = 0; i < p->source_count; i++) {
        struct tree_node *node = schema_good(tree_child(sources, i), "location");
        if (node != NULL && strstr(p->sources[i].location.text, "://") == NULL)
            make_absolute(l, node, &p->sources[i].location);
    }
}

static void load_files(struct load *l, struct policy *p, struct key_pair *own) {
    load_own(l, p, own);
    load_next(l, p);
    check_pem(l, "tls_cert", &p->client_listen.tls_cert, own != NULL);
    check_pem(l, "tls_key", &p->client_listen.tls_key, own != NULL);
    check_databases(l, p, own != NULL);
    for (uint32_t i = 0; i < p->peer_count; i++)
        load_public(l, tree_child(tree_find(l->root, "peers"), i), "key_file",
                    &p->peers[i].key_file, &p->peers[i].key);
    for (uint32_t i = 0; i < p->node_count; i++)
        load_public(l, tree_child(tree_find(l->root, "nodes"), i), "key_file",
                    &p->nodes[i].key_file, &p->nodes[i].key);
    for (uint32_t i = 0; i < p->grant_count; i++)
        load_token(l, tree_child(tree_find(l->root, "grants"), i), "token_file",
                   &p->grants[i].token_file, p->grants[i].token_digest);
    load_token(l, tree_find(l->root, "client_listen"), "viewers_token_file",
               &p->client_listen.viewers_token_file, p->client_listen.viewers_token_digest);
    locate_sources(l, p);
}

static void refuse_memory(struct faults *faults) {
    struct fault *x = fault_add_at(faults, (struct mark){0, 0}, "");
    fault_expected(x, "room for a policy");
    fault_found(x, "%s", err_text(ERR_NO_MEMORY));
}

static void read_policy(struct load *l, struct policy *p, struct key_pair *own) {
    policy_read(p, l->root, l->faults);
    load_files(l, p, own);
    policy_check_keys(p, own != NULL ? &own->public_key : NULL, l->root, l->faults);
}

static struct policy *load(const char *path, struct key_pair *own, bool alone,
                           struct faults *faults) {
    struct load l = {.path = path, .faults = faults};
    struct tree tree;
    faults_init(faults, path);
    tree_init(&tree);
    struct policy *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        refuse_memory(faults);
        return NULL;
    }
    if (yaml_load(&tree, path, faults)) {
        l.root = tree.root;
        if (alone)
            policy_read(p, tree.root, faults);
        else
            read_policy(&l, p, own);
    }
    faults_sort(faults);
    tree_free(&tree);
    if (!faults_any(faults))
        return p;
    if (own != NULL)
        sodium_memzero(own, sizeof(*own));
    policy_file_free(p);
    return NULL;
}

struct policy *policy_file_load(const char *path, struct key_pair *own, struct faults *faults) {
    return load(path, own, false, faults);
}

struct policy *policy_file_load_alone(const char *path, struct faults *faults) {
    return load(path, NULL, true, faults);
}

/* ---- the way to who has kept another one ---- */

static void take_also(struct policy_way *out, const struct public_key *key) {
    static const struct public_key none;
    if (!public_key_equal(key, &none))
        out->also[out->also_count++] = *key;
}

/* Of what was read that which had no fault: the mapping around it may well have one. */
static void take_way(struct policy_way *out, const struct policy *p, const struct tree_node *root) {
    const struct tree_node *cluster = tree_find(root, "cluster");
    if (schema_good(cluster, "key_file") == NULL)
        sodium_memzero(&out->own, sizeof(out->own));
    if (schema_good(tree_find(root, "peer_listen"), "bind") != NULL)
        out->control = p->peer_listen.bind;
    take_also(out, &p->cluster.next_key);
    for (uint32_t i = 0; i < p->cluster.former_key_count; i++)
        take_also(out, &p->cluster.former_keys[i]);
}

void policy_file_find(const char *path, struct policy_way *out, struct faults *faults) {
    struct load l = {.path = path, .faults = faults};
    struct policy *p = calloc(1, sizeof(*p));
    struct faults *behind = calloc(1, sizeof(*behind)); /* what is missing in a part */
    struct tree tree;
    memset(out, 0, sizeof(*out));
    faults_init(faults, path);
    tree_init(&tree);
    if (p == NULL || behind == NULL) {
        refuse_memory(faults);
    } else {
        faults_init(behind, path);
        if (!yaml_load_part(&tree, path, faults))
            l.faults = behind;
        l.root = tree.root;
        read_policy(&l, p, &out->own);
        take_way(out, p, tree.root);
        faults_sort(faults);
    }
    tree_free(&tree);
    policy_file_free(p);
    free(behind);
}

void policy_file_free(struct policy *p) {
    if (p == NULL)
        return;
    sodium_memzero(p, sizeof(*p));
    free(p);
}
