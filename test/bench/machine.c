#include "test/bench/machine.h"

#include "peerd/net/clock.h"
#include "peerd/wire/node.h"
#include "test/bench/child.h"
#include "test/bench/recording.h"
#include "test/bench/sheet.h"
#include "transcoder/media/digest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS_MAX 20000

static const enum media_codec codecs[] = {MEDIA_CODEC_PCMU, MEDIA_CODEC_OPUS};
#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

struct media_profile machine_profile(enum media_codec codec) {
    struct media_profile p;
    media_profile_init(&p, codec);
    return p;
}

static void path_of(const struct machine *m, const char *name, char out[128]) {
    snprintf(out, 128, "%s/%s", m->dir, name);
}

/* ---- folder ---------------------------------------------------------------------------------- */

static void make_key(struct key_pair *pair) {
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(pair, seed);
}

void machine_init(struct machine *m) {
    const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT, .loop = true};
    const char *tmp = getenv("TMPDIR");
    struct media_digest digest;
    memset(m, 0, sizeof(*m));
    prctl(PR_SET_CHILD_SUBREAPER, 1UL);
    snprintf(m->dir, sizeof(m->dir), "%.40s/peerd-bench-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(m->dir) == NULL)
        sheet_die("%s: %s", m->dir, strerror(errno));
    snprintf(m->recording, sizeof(m->recording), "%s/recording.wav", m->dir);
    m->music = recording_make(m->recording);
    if (media_digest_compute(&digest, m->recording, &exact, NULL, NULL, NULL) != ERR_OK)
        sheet_die("%s cannot be read back", m->recording);
    m->digest = digest.digest;
    make_key(&m->cluster);
    make_key(&m->issuer);
    snprintf(m->issuer_name, sizeof(m->issuer_name), "fra1");
}

void machine_destroy(struct machine *m) {
    static const char *const names[] = {"recording.wav", "config.json", "log"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(m, names[i], path);
        unlink(path);
    }
    rmdir(m->dir);
}

static void fill_profile(struct node_profile_spec *out, enum media_codec codec) {
    struct media_profile p = machine_profile(codec);
    *out = (struct node_profile_spec){.name = p.name,
                                      .rate_hz = p.rate_hz,
                                      .channels = p.channels,
                                      .bitrate_bps = p.bitrate_bps,
                                      .complexity = p.complexity,
                                      .preroll_frames = p.preroll_frames};
    name_set(&out->codec, media_codec_name(codec));
}

void machine_write_config(const char *path, const struct node_answer *a) {
    char *text = node_answer_encode(a, NULL);
    FILE *f = fopen(path, "w");
    if (text == NULL || f == NULL || fputs(text, f) == EOF || fclose(f) != 0)
        sheet_die("cannot write %s", path);
    free(text);
}

static void write_config(const struct machine *m) {
    struct node_source_spec source = {.class = SOURCE_CLASS_EXACT, .loop = true};
    struct node_profile_spec profiles[CODECS];
    struct ticket_issuer issuer = {.key = m->issuer.public_key};
    struct node_answer a = {.seq = 1,
                            .lease_ms = 1000,
                            .poll_ms = 100,
                            .cluster_key = m->cluster.public_key,
                            .has_catalogue = true,
                            .issuers = &issuer,
                            .issuer_count = 1,
                            .credit = {.slots = MACHINE_SLOTS, .lease_ms = 3600000},
                            .limits = {.sessions_max = MACHINE_SLOTS,
                                       .session_lease_ms = MACHINE_LEASE_MS,
                                       .standby_lease_ms = MACHINE_STANDBY_MS,
                                       .skew_ms = 1000,
                                       .hedge_ms_max = 500,
                                       .hedges_per_minute = MACHINE_HEDGES,
                                       .hot_max = MACHINE_SLOTS}};
    char path[128];
    name_set(&source.name, MACHINE_SOURCE);
    snprintf(source.location, sizeof(source.location), "%s", m->recording);
    for (size_t i = 0; i < CODECS; i++)
        fill_profile(&profiles[i], codecs[i]);
    name_set(&issuer.cluster, m->issuer_name);
    name_set(&a.cluster, "ams1");
    a.catalogue = (struct node_catalogue){
        .sources = &source, .source_count = 1, .profiles = profiles, .profile_count = CODECS};
    a.catalogue.hash = node_catalogue_hash(&a.catalogue);
    path_of(m, "config.json", path);
    machine_write_config(path, &a);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* One line of the log: the worker says where it listens and who it is. Counts what has to have
 * happened before clients are served. */
static void read_line(struct machine *m, const char *line, unsigned *ready) {
    json_t *record = json_loads(line, 0, NULL);
    const char *text = json_string_value(json_object_get(record, "text"));
    const char *media = json_string_value(json_object_get(record, "media"));
    if (text != NULL && media != NULL && strcmp(text, "worker started") == 0) {
        addr_from_text(&m->media, media);
        m->worker = (pid_t)json_integer_value(json_object_get(record, "pid"));
    }
    if (text != NULL)
        *ready += strcmp(text, "ready") == 0 || strcmp(text, "source read") == 0;
    json_decref(record);
}

static bool serves(struct machine *m) {
    char path[128], line[4096];
    unsigned ready = 0;
    path_of(m, "log", path);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        read_line(m, line, &ready);
    if (f != NULL)
        fclose(f);
    return ready == 2 && m->worker != 0;
}

void machine_start(struct machine *m) {
    char config[128], log[128];
    write_config(m);
    path_of(m, "config.json", config);
    path_of(m, "log", log);
    unlink(log); /* that of the start before would be believed */
    m->worker = 0;
    m->supervisor = child_start(log, (const char *[]){"transcoderd", "--config", config, "--media",
                                                      "127.0.0.1:0", "--workers", "1", "--stall-ms",
                                                      MACHINE_STALL_MS, "--json-log", NULL});
    for (int waited_ms = 0; !serves(m); waited_ms += 10) {
        if (waited_ms > START_MS_MAX || waitpid(m->supervisor, NULL, WNOHANG) != 0)
            sheet_die("transcoderd does not start: see %s/log", m->dir);
        usleep(10000);
    }
    usleep(20000); /* the catalogue's last word is on its way to the worker */
}

void machine_stop(struct machine *m) {
    child_end(&m->supervisor); /* its worker follows by itself, and is ours to bury */
    waitpid(m->worker, NULL, 0);
}

/* ---- what it uses ---------------------------------------------------------------------------- */

struct machine_usage machine_usage(const struct machine *m) {
    return (struct machine_usage){.worker_s = child_cpu_s(m->worker),
                                  .supervisor_s = child_cpu_s(m->supervisor)};
}

double machine_worker_kib(const struct machine *m) {
    char path[64], line[128];
    unsigned long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)m->worker);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        sheet_die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "Pss_Anon: %lu", &kib) != 1)
        continue;
    fclose(f);
    return (double)kib;
}
