#include "test/live/hostile.h"

#include "peerd/io/policy_file.h"
#include "test/live/commands.h"
#include "test/live/process.h"
#include "test/live/site.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIDS_MAX 128

void hostile_result(struct hostile *h, bool ok, const char *format, ...) {
    va_list args;
    printf("  %s  ", ok ? "ok  " : "FAIL");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    h->passed += ok;
    h->failed += !ok;
}

/* Clusters are the folders with a key, in the order in which the runner numbered them: that stands
 * in the file `index`. */
static bool load_site(struct hostile *h, const char *name) {
    struct hostile_site *s = &h->sites[h->site_count];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s/cluster.key", h->dir, name);
    if (h->site_count == HOSTILE_SITES_MAX || !name_set(&s->name, name) ||
        key_file_read_secret(&s->key, path) != ERR_OK)
        return false;
    snprintf(path, sizeof(path), "%s/%s/index", h->dir, name);
    FILE *f = fopen(path, "re");
    bool ok = f != NULL && fscanf(f, "%" SCNu32, &s->index) == 1;
    if (f != NULL)
        fclose(f);
    h->site_count += ok;
    return ok;
}

static pid_t read_pid(const struct hostile *h, const struct hostile_site *s, const char *what) {
    char path[512];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s/%s.pid", h->dir, s->name.text, what);
    FILE *f = fopen(path, "re");
    if (f != NULL && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f != NULL)
        fclose(f);
    return pid;
}

/* Drops the worker that is at hand: it comes a while after the others, and has nothing to lose. */
static size_t without_spare(pid_t *pids, size_t count) {
    char name[PROCESS_NAME_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!process_name(pids[i], name) || strcmp(name, "transcoderd/-") != 0)
            pids[kept++] = pids[i];
    return kept;
}

/* Every process of every site: a worker that crashed would have another one. */
static size_t list_processes(const struct hostile *h, pid_t out[PIDS_MAX]) {
    size_t count = 0;
    for (uint32_t i = 0; i < h->site_count && count + PROCESS_CHILDREN_MAX + 2 < PIDS_MAX; i++) {
        pid_t node = read_pid(h, &h->sites[i], "n1");
        out[count++] = read_pid(h, &h->sites[i], "peerd");
        out[count++] = node;
        count += without_spare(out + count, process_children(node, out + count));
    }
    return count;
}

static bool all_live(const pid_t *pids, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!process_lives(pids[i]))
            return false;
    return count > 0;
}

int command_hostile(int argc, char **argv) {
    struct hostile h = {.dir = argc > 1 ? argv[1] : NULL};
    pid_t before[PIDS_MAX], after[PIDS_MAX];
    if (argc < 3 || strcmp(argv[1], "--help") == 0) {
        FILE *out = argc > 1 && argc < 3 && strcmp(argv[1], "--help") == 0 ? stdout : stderr;
        fputs(
            "usage: live-run hostile DIR CLUSTER CLUSTER...\n\n"
            "Tries wrong tickets, wrong requests and noise at the running clusters whose folders\n"
            "are in DIR; the first is the one that is attacked most. Exit status: 0 all refused\n"
            "and nobody disturbed, 1 not.\n",
            out);
        return out == stdout ? COMMAND_DONE : COMMAND_USAGE;
    }
    for (int i = 2; i < argc; i++)
        if (!load_site(&h, argv[i])) {
            fprintf(stderr, "live-run hostile: no cluster %s in %s\n", argv[i], h.dir);
            return COMMAND_CANNOT;
        }
    size_t count = list_processes(&h, before);
    hostile_tickets(&h);
    hostile_doors(&h);
    hostile_noise(&h, 1);
    bool same = list_processes(&h, after) == count && all_live(before, count) &&
                memcmp(before, after, count * sizeof(before[0])) == 0;
    hostile_result(&h, same, "all %zu processes live, and are the same", count);
    hostile_tickets(&h); /* and whoever comes with a good ticket is still served */
    return h.failed == 0 ? COMMAND_DONE : COMMAND_UNMET;
}
