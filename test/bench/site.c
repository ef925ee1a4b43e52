#include "test/bench/site.h"

#include "peerd/net/clock.h"
#include "peerd/net/file.h"
#include "test/bench/child.h"
#include "test/bench/sheet.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS_MAX 30000

static void path_of(const struct site *s, const char *name, char out[160]) {
    snprintf(out, 160, "%s/%s", s->dir, name);
}

/* ---- folder ---------------------------------------------------------------------------------- */

static void make_key(const struct site *s, struct key_pair *pair, const char *name) {
    uint8_t seed[KEY_BYTES];
    char path[160];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(pair, seed);
    path_of(s, name, path);
    if (net_key_write(pair, path) != ERR_OK)
        sheet_die("%s cannot be written", path);
}

void site_init(struct site *s, const struct machine *material, const char *name, unsigned number,
               uint32_t workers) {
    unsigned pid = (unsigned)getpid();
    *s = (struct site){.material = material,
                       .worker_count = workers,
                       .complexity = machine_profile(MEDIA_CODEC_OPUS).complexity};
    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(s->ip, sizeof(s->ip), "127.%u.%u.%u", 128 + number, pid >> 8 & 255, pid & 255);
    snprintf(s->dir, sizeof(s->dir), "%s/%s", material->dir, name);
    if (mkdir(s->dir, 0700) != 0)
        sheet_die("%s: %s", s->dir, strerror(errno));
    make_key(s, &s->key, "cluster.key");
    make_key(s, &s->node_key, "node.key");
}

static void write_peer(FILE *f, const struct site *peer) {
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(&peer->key.public_key, key);
    fprintf(f,
            "peers: [{name: %s, key: %s, beats: '%s:7600', control: '%s:7601', reserved_slots: "
            "1000}]\n",
            peer->name, key, peer->ip, peer->ip);
}

static void write_policy(const struct site *s, const struct site *peer) {
    struct media_profile opus = machine_profile(MEDIA_CODEC_OPUS);
    char path[160], key[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(&s->node_key.public_key, key);
    path_of(s, "policy.yaml", path);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        sheet_die("%s: %s", path, strerror(errno));
    fprintf(f,
            "cluster: {name: %s, provider: acme, region: eu-%s, key_file: cluster.key}\n"
            "beats: {bind: '%s:7600'}\n"
            "peer_listen: {bind: '%s:7601'}\n"
            "client_listen: {bind: '%s:7680', plain_http: true}\n"
            "nodes: [{name: n1, key: %s}]\n"
            "profiles: [{name: pcmu, codec: pcmu}, {name: opus, codec: opus, bitrate: %ubit/s, "
            "complexity: %u}]\n"
            "sources: [{name: " MACHINE_SOURCE ", location: %s, loop: true}]\n"
            "services: [{name: radio, capacity: %u, profiles: [opus, pcmu]}]\n"
            "limits: {sessions_max: %u, opens_per_s: 10000, session_lease: 10s, node_lease: 30s, "
            "hedges_per_minute: 60}\n"
            "grants: [{prefix: 127.0.0.0/8}]\n",
            s->name, s->name, s->ip, s->ip, s->ip, key, opus.bitrate_bps, s->complexity,
            s->material->recording, SITE_CAPACITY, 2 * SITE_CAPACITY);
    if (peer != NULL)
        write_peer(f, peer);
    if (fclose(f) != 0)
        sheet_die("%s: %s", path, strerror(errno));
}

/* ---- programs -------------------------------------------------------------------------------- */

static pid_t run(const struct site *s, const char *const words[]) {
    char log[160];
    path_of(s, words[0], log);
    return child_start(log, words);
}

/* Lines of a log that hold a text. */
static unsigned count_lines(const struct site *s, const char *log, const char *text) {
    char path[160], line[4096];
    unsigned count = 0;
    path_of(s, log, path);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        count += strstr(line, text) != NULL;
    if (f != NULL)
        fclose(f);
    return count;
}

static void await(const struct site *s, pid_t pid, const char *log, const char *text,
                  unsigned count) {
    for (int waited_ms = 0; count_lines(s, log, text) < count; waited_ms += 20) {
        if (waited_ms > START_MS_MAX || waitpid(pid, NULL, WNOHANG) != 0)
            sheet_die("%s does not start: see %s", log, s->dir);
        usleep(20000);
    }
}

/* "worker started" says which process has which port. */
static void read_worker(struct site *s, const char *line) {
    json_t *record = json_loads(line, 0, NULL);
    const char *text = json_string_value(json_object_get(record, "text"));
    const char *media = json_string_value(json_object_get(record, "media"));
    struct addr at;
    if (text != NULL && media != NULL && strcmp(text, "worker started") == 0 &&
        addr_from_text(&at, media) && at.port >= 7700 && at.port - 7700u < s->worker_count) {
        s->media[at.port - 7700] = at;
        s->workers[at.port - 7700] = (pid_t)json_integer_value(json_object_get(record, "pid"));
    }
    json_decref(record);
}

static bool read_workers(struct site *s) {
    char path[160], line[4096];
    path_of(s, "transcoderd", path);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        read_worker(s, line);
    if (f != NULL)
        fclose(f);
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (s->workers[i] == 0)
            return false;
    return true;
}

static void start_node(struct site *s) {
    char peerd[40], media[40], key[160], workers[16], public_text[KEY_PUBLIC_TEXT_LEN + 1];
    snprintf(peerd, sizeof(peerd), "%s:7601", s->ip);
    snprintf(media, sizeof(media), "%s:7700", s->ip);
    snprintf(workers, sizeof(workers), "%u", s->worker_count);
    path_of(s, "node.key", key);
    public_key_to_text(&s->key.public_key, public_text);
    s->supervisor =
        run(s, (const char *[]){"transcoderd", "--peerd", peerd, "--peerd-key", public_text,
                                "--key", key, "--name", "n1", "--media", media, "--workers",
                                workers, "--stall-ms", MACHINE_STALL_MS, "--json-log", NULL});
    await(s, s->supervisor, "transcoderd", "\"source read\"", 1);
    for (int waited_ms = 0; !read_workers(s); waited_ms += 20) {
        if (waited_ms > START_MS_MAX)
            sheet_die("workers do not start: see %s/transcoderd", s->dir);
        usleep(20000);
    }
}

void site_start(struct site *s, const struct site *peer) {
    char policy[160];
    write_policy(s, peer);
    path_of(s, "policy.yaml", policy);
    s->peerd = run(s, (const char *[]){"peerd", "--policy", policy, NULL});
    await(s, s->peerd, "peerd", ": ready ", 1);
    start_node(s);
    usleep(500000); /* what the node has found is told, and its workers have their credit */
}

/* Workers follow their supervisor by themselves, but not in the same instant. */
void site_kill(struct site *s) {
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (s->workers[i] > 0)
            kill(s->workers[i], SIGKILL);
    if (s->supervisor > 0)
        kill(s->supervisor, SIGKILL);
    if (s->peerd > 0)
        kill(s->peerd, SIGKILL);
    for (uint32_t i = 0; i < s->worker_count; i++)
        s->workers[i] = 0;
    child_end(&s->supervisor);
    child_end(&s->peerd);
}

void site_destroy(struct site *s) {
    site_kill(s);
    DIR *dir = opendir(s->dir);
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.')
            unlinkat(dirfd(dir), d->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(s->dir);
}

/* ---- looking --------------------------------------------------------------------------------- */

struct site_usage site_usage(const struct site *s) {
    struct site_usage u = {.supervisor_s = child_cpu_s(s->supervisor),
                           .peerd_s = child_cpu_s(s->peerd)};
    for (uint32_t i = 0; i < s->worker_count; i++)
        u.workers_s += child_cpu_s(s->workers[i]);
    return u;
}

void site_url(const struct site *s, char *out, size_t size) {
    snprintf(out, size, "http://%s:7680", s->ip);
}

struct machine site_machine(const struct site *s, uint32_t worker) {
    struct machine m = *s->material;
    m.supervisor = s->supervisor;
    m.worker = s->workers[worker];
    m.media = s->media[worker];
    m.cluster = m.issuer = s->key;
    snprintf(m.issuer_name, sizeof(m.issuer_name), "%s", s->name);
    return m;
}
