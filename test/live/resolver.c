#include "test/live/resolver.h"

#include "peerd/net/clock.h"
#include "test/live/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *resolver_program(void) {
    static char out[256];
    return process_find(RESOLVER_PROGRAM, out, sizeof(out));
}

static const char *path_of(const struct resolver *x, const char *name) {
    static char path[SITE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", x->dir, name);
    return path;
}

static const struct site *own(const struct resolver *x) {
    return &x->sites[x->index];
}

static struct addr address(const struct resolver *x, uint32_t site, uint16_t port) {
    return space_site_addr(own(x)->space, site, port);
}

/* ---- its files ---- */

/* It begins in its folder, and calls it by a name that fits into the address of a socket. */
static bool write_configuration(const struct resolver *x) {
    struct addr a = address(x, x->index, SITE_DNS_PORT);
    FILE *f = fopen(path_of(x, "knot.conf"), "we");
    if (f == NULL)
        return false;
    fprintf(f,
            "server:\n  rundir: /proc/self/cwd\n  listen: %u.%u.%u.%u@%u\n"
            "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
            "database:\n  storage: .\n"
            "log:\n  - target: stderr\n    any: info\n"
            "zone:\n  - domain: " SCENARIO_DOMAIN "\n    storage: .\n    file: zone\n"
            "    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n",
            a.ip[0], a.ip[1], a.ip[2], a.ip[3], SITE_DNS_PORT);
    return fclose(f) == 0 && site_give(own(x), path_of(x, "knot.conf"), 0600);
}

/* Clusters are called c0, c1, … here: not every name of a cluster is one of a host. */
static void put_cluster(FILE *f, const struct resolver *x, uint32_t i) {
    const struct site *s = &x->sites[i];
    bool lies = x->does == SCENARIO_RESOLVER_LIES;
    struct addr a = address(x, i, 0);
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(lies ? &x->liars[i] : &s->key.public_key, key);
    fprintf(f,
            "_peerd._udp TXT \"name=%s key=%s at=c%" PRIu32 "." SCENARIO_DOMAIN "\"\n"
            "_peerd._udp.c%" PRIu32 " SRV 10 10 %u c%" PRIu32 "\n"
            "_peerd._tcp.c%" PRIu32 " SRV 10 10 %u c%" PRIu32 "\n"
            "c%" PRIu32 " A %u.%u.%u.%u\n",
            s->name.text, key, i, i, SITE_BEATS_PORT, i, i, SITE_CONTROL_PORT, i, i, a.ip[0],
            a.ip[1], a.ip[2], a.ip[3]);
}

/* It is put in place whole: knotd may read it at any time. */
static bool write_zone(struct resolver *x) {
    char path[SITE_PATH_MAX + 64];
    uint32_t ttl_s = (uint32_t)(x->scenario->discovery.ttl.us / 1000000);
    snprintf(path, sizeof(path), "%s", path_of(x, "zone.new"));
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    fprintf(f,
            "$ORIGIN " SCENARIO_DOMAIN ".\n$TTL %" PRIu32 "\n"
            "@ SOA ns admin %" PRIu32 " 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n",
            ttl_s, ++x->serial);
    for (uint32_t i = 0; i < x->scenario->cluster_count && x->does != SCENARIO_RESOLVER_FORGETS;
         i++)
        put_cluster(f, x, i);
    x->stale = true;
    return fclose(f) == 0 && site_give(own(x), path, 0600) && rename(path, path_of(x, "zone")) == 0;
}

static void make_liars(struct resolver *x) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    for (uint32_t i = 0; i < SPACE_SITES_MAX; i++) {
        net_entropy(seed, sizeof(seed));
        key_pair_from_seed(&pair, seed);
        x->liars[i] = pair.public_key;
    }
}

bool resolver_make(struct resolver *x, const struct scenario *scenario, const struct site *sites,
                   uint32_t index) {
    *x = (struct resolver){.scenario = scenario, .sites = sites, .index = index};
    snprintf(x->dir, sizeof(x->dir), "%s/dns", own(x)->dir);
    make_liars(x);
    return mkdir(x->dir, 0700) == 0 && write_configuration(x) && write_zone(x) &&
           site_give(own(x), x->dir, 0700);
}

/* ---- its process ---- */

/* What it cannot be told before it listens, it is told then. A stopped one reads its zone when it
 * goes on. */
static void tell(struct resolver *x) {
    if (!resolver_answers(x))
        return;
    if (x->stale)
        kill(x->pid, SIGHUP);
    x->stale = false;
    kill(x->pid, x->does == SCENARIO_RESOLVER_SILENT ? SIGSTOP : SIGCONT);
}

static void said(void *data, const char *line) {
    struct resolver *x = data;
    bool before = resolver_answers(x);
    if (strstr(line, "[" SCENARIO_DOMAIN ".] loaded") != NULL)
        x->loaded = true;
    if (strstr(line, "server started") != NULL)
        x->started = true;
    if (!before)
        tell(x);
}

bool resolver_answers(const struct resolver *x) {
    return x->pid != 0 && !x->doomed && x->loaded && x->started;
}

/* One that is dying already has its port until it is dead. */
static void await_end(struct resolver *x) {
    if (x->pid != 0)
        waitpid(x->pid, NULL, 0);
    x->pid = 0;
}

bool resolver_start(struct resolver *x) {
    const struct site *s = own(x);
    const char *const argv[] = {resolver_program(), "-c", "knot.conf", NULL};
    int out = -1;
    await_end(x);
    unlink(path_of(x, "knot.pid")); /* a killed one leaves it, and another may have that pid */
    lines_close(x->log);
    x->log = lines_open(s->loop, path_of(x, "log"), &out, said, x);
    x->loaded = x->started = x->stale = x->doomed = false;
    x->pid = process_start(&(struct process_spec){.argv = argv,
                                                  .dir = x->dir,
                                                  .uid = space_uid(s->space, x->index),
                                                  .place = space_site_place(s->space, x->index),
                                                  .patient = true,
                                                  .in = -1,
                                                  .out = out,
                                                  .err = out});
    if (out >= 0)
        close(out);
    site_note(s, "resolver.pid", x->pid);
    return x->pid != 0;
}

static void end(struct resolver *x) {
    if (x->pid != 0)
        kill(x->pid, SIGKILL);
    x->doomed = true;
}

bool resolver_do(struct resolver *x, enum scenario_resolver does) {
    x->does = does;
    switch (does) {
    case SCENARIO_RESOLVER_FAILS:
        end(x);
        return true;
    case SCENARIO_RESOLVER_SILENT:
        break;
    case SCENARIO_RESOLVER_ANSWERS:
    case SCENARIO_RESOLVER_FORGETS:
    case SCENARIO_RESOLVER_LIES:
        if (!write_zone(x))
            return false;
        break;
    }
    if (x->pid == 0 || x->doomed)
        return resolver_start(x);
    tell(x);
    return true;
}

const char *resolver_deed(enum scenario_resolver does) {
    static const char *const deeds[] = {
        [SCENARIO_RESOLVER_ANSWERS] = "answers as at the start",
        [SCENARIO_RESOLVER_FAILS] = "dies (SIGKILL)",
        [SCENARIO_RESOLVER_SILENT] = "is silent (SIGSTOP)",
        [SCENARIO_RESOLVER_FORGETS] = "has forgotten all names",
        [SCENARIO_RESOLVER_LIES] = "lies: everybody's key is another",
    };
    return deeds[does];
}

bool resolver_reap(struct resolver *x) {
    int status;
    if (x->pid == 0 || waitpid(x->pid, &status, WNOHANG) != x->pid)
        return false;
    x->pid = 0;
    return !x->doomed;
}

void resolver_close(struct resolver *x) {
    end(x);
    await_end(x);
    lines_close(x->log);
    x->log = NULL;
}
