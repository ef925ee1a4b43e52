#include "test/live/site.h"

#include "peerd/net/clock.h"
#include "test/live/policy_yaml.h"
#include "test/live/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *site_path(const struct site *s, const char *name) {
    static char path[SITE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    return path;
}

bool site_give(const struct site *s, const char *path, mode_t mode) {
    uid_t uid = space_uid(s->space, s->index);
    return chmod(path, mode) == 0 && (uid == 0 || chown(path, uid, uid) == 0);
}

void site_note(const struct site *s, const char *file, int number) {
    FILE *f = fopen(site_path(s, file), "we");
    if (f == NULL)
        return;
    fprintf(f, "%d\n", number);
    fclose(f);
}

static bool make_key(const struct site *s, struct key_pair *pair, const char *file) {
    uint8_t seed[KEY_BYTES];
    char text[KEY_SECRET_TEXT_LEN + 1];
    const char *path = site_path(s, file);
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(pair, seed);
    key_pair_to_text(pair, text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = dprintf(fd, "%s\n", text) > 0;
    return close(fd) == 0 && ok && site_give(s, path, 0600);
}

static bool copy_program(const struct site *s, const char *from, const char *name) {
    char path[SITE_PATH_MAX + 64];
    char output[128];
    snprintf(path, sizeof(path), "%s/%s", from, name);
    const char *const argv[] = {"cp", path, s->bin, NULL};
    if (process_run(argv, NULL, output, sizeof(output)) == 0)
        return true;
    errno = EIO;
    return false;
}

/* Another user may not reach where the programs were built, below somebody's home for instance. */
static bool place_programs(struct site *s, const char *bin) {
    if (!s->space->own_uids)
        return (size_t)snprintf(s->bin, sizeof(s->bin), "%s", bin) < sizeof(s->bin);
    if ((size_t)snprintf(s->bin, sizeof(s->bin), "%s/bin", s->dir) >= sizeof(s->bin))
        return false;
    return mkdir(s->bin, 0755) == 0 && copy_program(s, bin, "peerd") &&
           copy_program(s, bin, "transcoderd") && site_give(s, s->bin, 0755);
}

/* Where programs may reach it, as their own. */
static bool place_wall(struct site *s, const char *bin) {
    char folder[SITE_PATH_MAX], library[SITE_PATH_MAX + 16];
    snprintf(folder, sizeof(folder), "%.200s/../test", bin);
    bool own = s->space->own_uids;
    snprintf(library, sizeof(library), "%s/" WALLCLOCK_LIBRARY, own ? s->bin : folder);
    return (!own || copy_program(s, folder, WALLCLOCK_LIBRARY)) && access(library, R_OK) == 0 &&
           wallclock_make(&s->wall, s->dir, library);
}

bool site_make(struct site *s, const struct scenario *scenario, uint32_t index,
               const struct space *space, struct net_loop *loop, const char *run_dir,
               const char *bin) {
    const struct scenario_cluster *c = &scenario->clusters[index];
    char file[48];
    s->index = index;
    s->name = c->identity.name;
    s->space = space;
    s->loop = loop;
    s->node_count = c->nodes;
    s->workers = c->workers;
    s->restarted = INSTANT_NEVER;
    s->asked = false;
    if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s/%s", run_dir, s->name.text) >=
        sizeof(s->dir)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdir(s->dir, 0700) != 0 || !make_key(s, &s->key, "cluster.key") || !place_programs(s, bin))
        return false;
    if (wallclock_is_wanted(scenario) && !place_wall(s, bin))
        return false;
    for (uint32_t i = 0; i < s->node_count; i++) {
        snprintf(file, sizeof(file), "n%" PRIu32 ".key", i + 1);
        if (!make_key(s, &s->node_keys[i], file))
            return false;
    }
    site_note(s, "index", (int)index);
    return site_give(s, s->dir, 0700);
}

static void set_endpoint(struct policy_text *out, const struct site *site, uint16_t port) {
    struct addr a = space_site_addr(site->space, site->index, port);
    char text[ADDR_TEXT_LEN_MAX + 1];
    snprintf(out->text, sizeof(out->text), "%s", addr_to_text(&a, text));
}

static void fill_peers(struct policy *p, const struct site *all, uint32_t count) {
    for (uint32_t i = 0; i < p->peer_count; i++)
        for (uint32_t k = 0; k < count; k++)
            if (name_equal(&p->peers[i].name, &all[k].name)) {
                p->peers[i].key = all[k].key.public_key;
                set_endpoint(&p->peers[i].beats, &all[k], SITE_BEATS_PORT);
                set_endpoint(&p->peers[i].control, &all[k], SITE_CONTROL_PORT);
            }
}

bool site_write_policy(const struct site *s, const struct site *all,
                       const struct scenario *scenario) {
    struct policy *p = calloc(1, sizeof(*p));
    const char *path = site_path(s, "policy.yaml");
    if (p == NULL)
        return false;
    scenario_policy(scenario, s->index, p);
    strcpy(p->cluster.key_file.text, "cluster.key");
    p->beats.bind = space_site_addr(s->space, s->index, SITE_BEATS_PORT);
    p->peer_listen.bind = space_site_addr(s->space, s->index, SITE_CONTROL_PORT);
    p->client_listen.listen.bind = space_site_addr(s->space, s->index, SITE_CLIENTS_PORT);
    p->client_listen.plain_http = true;
    p->client_listen.viewers[p->client_listen.viewer_count++] = space_prefix(s->space);
    for (uint32_t i = 0; i < p->node_count; i++)
        p->nodes[i].key = s->node_keys[i].public_key;
    fill_peers(p, all, scenario->cluster_count);
    if (scenario->discovery.given)
        p->dns_server = space_site_addr(s->space, s->index, SITE_DNS_PORT);
    p->grants[p->grant_count++] = (struct policy_grant){.prefix = space_prefix(s->space)};
    FILE *f = fopen(path, "we");
    if (f != NULL) {
        fprintf(f, "# Written by the live runner for scenario %s.\n", scenario->name.text);
        policy_yaml_write(f, p);
    }
    free(p);
    return f != NULL && fclose(f) == 0 && site_give(s, path, 0600);
}

/* ---- processes ---- */

static void peerd_said(void *data, const char *line) {
    struct site *s = data;
    if (s->said != NULL)
        s->said(s->data, s, line);
}

static const char *preload(const struct site *s) {
    return s->wall.offset != NULL ? s->wall.library : NULL;
}

bool site_start_peerd(struct site *s) {
    char program[SITE_PATH_MAX + 16];
    int out = -1;
    if (s->peerd != 0)
        return true;
    snprintf(program, sizeof(program), "%s/peerd", s->bin);
    const char *const argv[] = {program, "--policy", "policy.yaml", NULL};
    lines_close(s->log);
    s->log = lines_open(s->loop, site_path(s, "peerd.log"), &out, peerd_said, s);
    s->peerd = process_start(&(struct process_spec){.argv = argv,
                                                    .preload = preload(s),
                                                    .wall = s->wall.file,
                                                    .dir = s->dir,
                                                    .uid = space_uid(s->space, s->index),
                                                    .place = space_site_place(s->space, s->index),
                                                    .in = -1,
                                                    .out = out,
                                                    .err = out});
    if (out >= 0)
        close(out);
    s->peerd_doomed = false;
    site_note(s, "peerd.pid", s->peerd);
    return s->peerd != 0;
}

bool site_start_node(struct site *s, uint32_t node) {
    char program[SITE_PATH_MAX + 16], name[16], key[24], peerd[ADDR_TEXT_LEN_MAX + 1],
        media[ADDR_TEXT_LEN_MAX + 1], workers[16], log[24], peerd_key[KEY_PUBLIC_TEXT_LEN + 1];
    struct addr control = space_site_addr(s->space, s->index, SITE_CONTROL_PORT);
    struct addr first =
        space_site_addr(s->space, s->index, (uint16_t)(SITE_MEDIA_PORT + node * SITE_NODE_PORTS));
    if (s->nodes[node] != 0)
        return true;
    snprintf(program, sizeof(program), "%s/transcoderd", s->bin);
    snprintf(name, sizeof(name), "n%" PRIu32, node + 1);
    snprintf(key, sizeof(key), "%s.key", name);
    snprintf(log, sizeof(log), "%s.log", name);
    snprintf(workers, sizeof(workers), "%" PRIu32, s->workers);
    public_key_to_text(&s->key.public_key, peerd_key);
    addr_to_text(&control, peerd);
    addr_to_text(&first, media);
    const char *const argv[] = {program, "--peerd",   peerd,    "--peerd-key", peerd_key,
                                "--key", key,         "--name", name,          "--media",
                                media,   "--workers", workers,  NULL};
    int fd = open(site_path(s, log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    s->nodes[node] =
        process_start(&(struct process_spec){.argv = argv,
                                             .preload = preload(s),
                                             .wall = s->wall.file,
                                             .dir = s->dir,
                                             .uid = space_uid(s->space, s->index),
                                             .place = space_site_place(s->space, s->index),
                                             .in = -1,
                                             .out = fd,
                                             .err = fd});
    if (fd >= 0)
        close(fd);
    s->node_doomed[node] = false;
    snprintf(log, sizeof(log), "%s.pid", name);
    site_note(s, log, s->nodes[node]);
    return s->nodes[node] != 0;
}

bool site_start(struct site *s) {
    bool ok = site_start_peerd(s);
    for (uint32_t i = 0; i < s->node_count; i++)
        ok = site_start_node(s, i) && ok;
    return ok;
}

void site_signal(struct site *s, int number) {
    if (number == SIGKILL) {
        s->peerd_doomed = true;
        memset(s->node_doomed, true, sizeof(s->node_doomed));
    }
    for (uint32_t i = 0; i < s->node_count; i++)
        process_signal_tree(s->nodes[i], number);
    if (s->peerd != 0)
        kill(s->peerd, number);
}

/* A worker's number among those of its node stands in its name, once it has a place. */
static pid_t worker_of_node(pid_t node, uint32_t number) {
    pid_t children[PROCESS_CHILDREN_MAX];
    size_t count = process_children(node, children);
    char name[PROCESS_NAME_MAX];
    unsigned index;
    for (size_t i = 0; i < count; i++)
        if (process_name(children[i], name) && sscanf(name, "transcoderd/%u", &index) == 1 &&
            index == number)
            return children[i];
    return 0;
}

pid_t site_worker(const struct site *s, uint32_t number) {
    uint32_t node = number / s->workers;
    return node < s->node_count ? worker_of_node(s->nodes[node], number % s->workers) : 0;
}

bool site_kill_peerd(struct site *s) {
    s->peerd_doomed = true;
    return s->peerd != 0 && kill(s->peerd, SIGKILL) == 0;
}

bool site_kill_node(struct site *s, uint32_t node) {
    if (node >= s->node_count || s->nodes[node] == 0)
        return false;
    s->node_doomed[node] = true;
    return kill(s->nodes[node], SIGKILL) == 0;
}

static bool reap(pid_t *pid) {
    int status;
    if (*pid == 0 || waitpid(*pid, &status, WNOHANG) != *pid)
        return false;
    *pid = 0;
    return true;
}

const char *site_reap(struct site *s) {
    const char *surprise = NULL;
    if (reap(&s->peerd) && !s->peerd_doomed)
        surprise = "peerd";
    for (uint32_t i = 0; i < s->node_count; i++)
        if (reap(&s->nodes[i]) && !s->node_doomed[i])
            surprise = "transcoderd";
    return surprise;
}

void site_close(struct site *s) {
    wallclock_close(&s->wall);
    site_signal(s, SIGKILL);
    for (uint32_t i = 0; i < s->node_count; i++)
        if (s->nodes[i] != 0)
            waitpid(s->nodes[i], NULL, 0);
    if (s->peerd != 0)
        waitpid(s->peerd, NULL, 0);
    s->peerd = 0;
    memset(s->nodes, 0, sizeof(s->nodes));
    lines_close(s->log);
    s->log = NULL;
}
