#include "peerd/sim/shrunk.h"

#include "peerd/io/yaml.h"
#include "peerd/sim/scenario.h"
#include "peerd/sim/shrink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ATTEMPTS_MAX 3000
#define TRIAL_FACTOR 8 /* a candidate that runs so much longer than the original hangs */
#define TRIAL_S_MIN  5

struct shrinker {
    const struct shrunk_request *request;
    struct trial *trial;
    const char **names; /* of clusters and groups, terminated by NULL */
    char kind[TRIAL_FAILURE_MAX + 1];
    char failure[TRIAL_FAILURE_MAX + 1]; /* of the smallest so far */
    int trial_s;
    time_t until;
};

static time_t now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static bool try_text(struct shrinker *s, const char *text) {
    return trial_run(s->trial, &(struct trial_options){.text = text,
                                                       .folder = s->request->folder,
                                                       .seed = s->request->seed,
                                                       .limit_s = s->trial_s});
}

static enum shrink_verdict fails(void *context, const char *text) {
    struct shrinker *s = context;
    char kind[TRIAL_FAILURE_MAX + 1];
    if (now_s() >= s->until || !try_text(s, text))
        return SHRINK_ENOUGH;
    if (s->trial->end != TRIAL_FAILED)
        return SHRINK_OTHER;
    trial_kind(s->trial->failure, s->names, kind);
    if (strcmp(kind, s->kind) != 0)
        return SHRINK_OTHER;
    snprintf(s->failure, sizeof(s->failure), "%s", s->trial->failure);
    return SHRINK_SAME;
}

/* Names that a failure may mention; they point into the tree. */
static bool collect_names(struct shrinker *s, const struct tree *tree) {
    static const char *const lists[] = {"clusters", "clients"};
    uint32_t n = 0, room = 1;
    for (size_t l = 0; l < 2; l++) {
        const struct tree_node *list = tree_find(tree->root, lists[l]);
        room += list == NULL ? 0 : list->count;
    }
    s->names = calloc(room, sizeof(*s->names));
    if (s->names == NULL)
        return false;
    for (size_t l = 0; l < 2; l++) {
        const struct tree_node *list = tree_find(tree->root, lists[l]);
        for (uint32_t i = 0; list != NULL && i < list->count; i++) {
            const struct tree_node *name = tree_find(tree_child(list, i), "name");
            if (name != NULL && name->kind == TREE_SCALAR && name->len > 0)
                s->names[n++] = name->text;
        }
    }
    return true;
}

/* The original, once more: how it fails, and how long that takes. */
static bool fails_again(struct shrinker *s) {
    time_t began = now_s();
    s->trial_s = s->request->limit_s;
    if (!try_text(s, s->request->text)) {
        snprintf(s->failure, sizeof(s->failure), "no process: %s", strerror(errno));
        return false;
    }
    if (s->trial->end != TRIAL_FAILED) {
        snprintf(s->failure, sizeof(s->failure), "it did not fail when it was run again");
        return false;
    }
    s->trial_s = TRIAL_S_MIN + TRIAL_FACTOR * (int)(now_s() - began);
    snprintf(s->failure, sizeof(s->failure), "%s", s->trial->failure);
    trial_kind(s->failure, s->names, s->kind);
    return true;
}

static void make_folders(const char *path) {
    char part[SHRUNK_PATH_MAX + 1];
    for (size_t i = 1; i <= strlen(path) && i < sizeof(part); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)i, path);
        mkdir(part, 0777);
    }
}

static bool save(const struct shrinker *s, const struct tree *tree, struct shrunk *out) {
    const struct shrunk_request *r = s->request;
    char *text = yaml_write(tree->root);
    make_folders(r->save_to);
    snprintf(out->path, sizeof(out->path), "%s/%s.yaml", r->save_to, r->name);
    FILE *file = text == NULL ? NULL : fopen(out->path, "w");
    if (file == NULL) {
        snprintf(out->failure, sizeof(out->failure), "%.400s: %s", out->path, strerror(errno));
        free(text);
        return false;
    }
    fprintf(file, "# %s\n# peersim %s --seed %" PRIu64 "\n%s", s->failure, out->path, r->seed,
            text);
    free(text);
    return fclose(file) == 0;
}

static bool shrink_and_save(struct shrinker *s, struct tree *tree, struct shrunk *out) {
    struct shrink_outcome outcome;
    bool good = fails_again(s);
    if (good) {
        s->until = now_s() + s->request->limit_s;
        shrink_tree(
            tree,
            &(struct shrink_options){.fails = fails, .context = s, .attempts_max = ATTEMPTS_MAX},
            &outcome);
        out->entries_before = outcome.entries_before;
        out->entries_after = outcome.entries_after;
        out->attempts = outcome.attempts;
    }
    snprintf(out->failure, sizeof(out->failure), "%s", s->failure);
    return good && save(s, tree, out);
}

bool shrunk_save(const struct shrunk_request *request, struct shrunk *out) {
    struct shrinker s = {.request = request, .trial = malloc(sizeof(*s.trial))};
    struct faults *faults = malloc(sizeof(*faults));
    struct tree tree;
    bool good = false;
    *out = (struct shrunk){.failure = "out of memory"};
    tree_init(&tree);
    if (s.trial != NULL && faults != NULL) {
        faults_init(faults, request->name);
        if (!yaml_parse(&tree, request->text, strlen(request->text), faults))
            snprintf(out->failure, sizeof(out->failure), "it cannot be read");
        else if (collect_names(&s, &tree))
            good = shrink_and_save(&s, &tree, out);
    }
    tree_free(&tree);
    free(s.names);
    free(faults);
    free(s.trial);
    return good;
}

void shrunk_tell(const struct shrunk *shrunk, uint64_t seed, FILE *out) {
    fprintf(out, "        shrunk from %" PRIu32 " entries to %" PRIu32 " in %" PRIu32 " runs: %s\n",
            shrunk->entries_before, shrunk->entries_after, shrunk->attempts, shrunk->failure);
    fprintf(out, "        run that: %s %s --seed %" PRIu64 " --trace\n", program_invocation_name,
            shrunk->path, seed);
}
