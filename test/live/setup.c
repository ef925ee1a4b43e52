#include "test/live/setup.h"

#include "test/live/process.h"
#include "test/live/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sites under user ids of their own must be able to reach their folders. */
static bool others_may_enter(const char *dir) {
    char path[SITE_PATH_MAX];
    struct stat st;
    snprintf(path, sizeof(path), "%s", dir);
    for (char *slash; (slash = strrchr(path, '/')) != NULL && slash != path; *slash = '\0')
        if (stat(path, &st) != 0 || (st.st_mode & S_IXOTH) == 0)
            return false;
    return true;
}

static bool check_dir(struct runner *r) {
    if (!r->space.own_uids || others_may_enter(r->dir))
        return true;
    return runner_fail(r, r->dir,
                       "other users cannot enter this folder, and sites are other users here");
}

/* ---- folders whose runner was killed ---- */

#define SETUP_FOLDER "peerd-live"
#define CLAIM        "running" /* a file that a runner holds locked while it lives */

/* The lock goes with the process, however it ends; what it starts does not inherit it. */
static bool claim(struct runner *r) {
    char path[SITE_PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/" CLAIM, r->dir);
    r->claim = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    return r->claim > 0 && flock(r->claim, LOCK_EX | LOCK_NB) == 0;
}

static void remove_folder(const char *dir) {
    char output[128];
    const char *const argv[] = {"rm", "-rf", "--", dir, NULL};
    process_run(argv, NULL, output, sizeof(output));
}

/* A folder that was kept to be looked at has no such file. */
static bool is_abandoned(const char *dir) {
    char path[SITE_PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof(path), "%s/" CLAIM, dir);
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return false;
    bool abandoned =
        fstat(file, &st) == 0 && st.st_uid == geteuid() && flock(file, LOCK_EX | LOCK_NB) == 0;
    close(file);
    return abandoned;
}

static void remove_abandoned(const char *tmp) {
    char pattern[SITE_PATH_MAX];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%.120s/" SETUP_FOLDER ".*", tmp);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (strlen(found.gl_pathv[i]) < SITE_PATH_MAX && is_abandoned(found.gl_pathv[i]))
            remove_folder(found.gl_pathv[i]);
    globfree(&found);
}

static bool check_programs(struct runner *r) {
    for (uint32_t i = 0; i < r->scenario->source_count; i++)
        if (r->scenario->sources[i].origin.us > 0 && origin_program() == NULL)
            return runner_fail(r, "`" ORIGIN_PROGRAM "` (package " ORIGIN_PACKAGE ")",
                               "is not installed; sources with an `origin` lie on it");
    if (!r->scenario->discovery.given || resolver_program() != NULL)
        return true;
    return runner_fail(r, "`" RESOLVER_PROGRAM "` (package " RESOLVER_PACKAGE ")",
                       "is not installed; clusters that `discovery` brings together ask it");
}

static bool make_dir(struct runner *r) {
    const char *keep = r->config.keep;
    if (keep != NULL) {
        char whole[SITE_PATH_MAX];
        if (mkdir(keep, 0755) != 0 && errno != EEXIST)
            return runner_fail(r, keep, strerror(errno));
        if (realpath(keep, whole) == NULL || strlen(whole) > SITE_PATH_MAX - 80)
            return runner_fail(r, keep, "a shorter path is needed");
        snprintf(r->dir, sizeof(r->dir), "%s", whole);
        return check_dir(r);
    }
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || !others_may_enter(tmp))
        tmp = "/tmp";
    remove_abandoned(tmp);
    snprintf(r->dir, sizeof(r->dir), "%.120s/" SETUP_FOLDER ".XXXXXX", tmp);
    if (mkdtemp(r->dir) == NULL) {
        runner_fail(r, r->dir, strerror(errno));
        r->dir[0] = '\0'; /* there is nothing in it to look at */
        return false;
    }
    if (chmod(r->dir, 0711) != 0 || !claim(r))
        return runner_fail(r, r->dir, strerror(errno));
    return check_dir(r);
}

static bool make_recordings(struct runner *r) {
    char path[SITE_PATH_MAX + 16], why[256];
    snprintf(path, sizeof(path), "%s/recordings", r->dir);
    if (mkdir(path, 0755) != 0)
        return runner_fail(r, path, strerror(errno));
    if (!recording_place(r->config.scenario, path, why, sizeof(why)))
        return runner_fail(r, "recordings", why);
    return true;
}

static bool make_sites(struct runner *r) {
    for (uint32_t i = 0; i < r->scenario->cluster_count; i++) {
        struct site *s = &r->sites[i];
        if (!site_make(s, r->scenario, i, &r->space, r->loop, r->dir, r->config.bin))
            return runner_fail(r, r->scenario->clusters[i].identity.name.text, strerror(errno));
        r->site_count++;
    }
    for (uint32_t i = 0; i < r->site_count; i++)
        if (!site_write_policy(&r->sites[i], r->sites, r->scenario))
            return runner_fail(r, "policy.yaml", strerror(errno));
    return true;
}

static bool make_resolvers(struct runner *r) {
    for (uint32_t i = 0; i < r->site_count && r->scenario->discovery.given; i++) {
        if (!resolver_make(&r->resolvers[i], r->scenario, r->sites, i))
            return runner_fail(r, r->resolvers[i].dir, strerror(errno));
        r->resolver_count++;
    }
    return true;
}

static bool make_origins(struct runner *r) {
    for (uint32_t i = 0; i < r->scenario->source_count; i++)
        if (r->scenario->sources[i].origin.us > 0) {
            r->origin_count++;
            if (!origin_make(&r->origins[r->origin_count - 1], r->config.scenario, i, &r->space,
                             r->dir))
                return runner_fail(r, "a server of recordings", strerror(errno));
        }
    return true;
}

static bool make_listeners(struct runner *r) {
    uint32_t count = 0;
    for (uint32_t g = 0; g < r->scenario->client_group_count; g++)
        count += r->scenario->clients[g].count;
    r->listeners = calloc(count + 1, sizeof(*r->listeners));
    if (r->listeners == NULL)
        return runner_fail(r, "listeners", "out of memory");
    r->listener_config = (struct listener_config){.scenario = r->scenario,
                                                  .space = &r->space,
                                                  .loop = r->loop,
                                                  .dir = r->dir,
                                                  .bin = r->config.bin,
                                                  .record = r->config.record};
    for (uint32_t g = 0; g < r->scenario->client_group_count; g++)
        for (uint32_t n = 0; n < r->scenario->clients[g].count; n++) {
            struct listener *l = &r->listeners[r->listener_count++];
            l->index = r->listener_count - 1;
            l->group = g;
            l->number = n;
            if (!listener_make(l, &r->listener_config))
                return runner_fail(r, l->name, "the port of its player is taken");
        }
    return true;
}

bool setup_all(struct runner *r) {
    return check_programs(r) && make_dir(r) && make_recordings(r) && make_origins(r) &&
           make_sites(r) && make_resolvers(r) && make_listeners(r);
}

/* The claim is held to the end, so that nobody else removes it meanwhile. */
static void give_up(struct runner *r) {
    if (r->claim > 0)
        close(r->claim);
    r->claim = 0;
}

void setup_remove(struct runner *r) {
    if (r->dir[0] != '\0')
        remove_folder(r->dir);
    give_up(r);
}

void setup_keep(struct runner *r) {
    char path[SITE_PATH_MAX + 16];
    if (r->dir[0] != '\0') {
        snprintf(path, sizeof(path), "%s/" CLAIM, r->dir);
        unlink(path);
        fprintf(stderr, "logs are in %s\n", r->dir); /* standard output ends with the report */
    }
    give_up(r);
}
