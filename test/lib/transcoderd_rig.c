#include "test/lib/transcoderd_rig.h"

#include "peerd/base/rng.h"
#include "peerd/net/clock.h"
#include "transcoder/media/determinism.h"
#include "transcoder/media/digest.h"

#include <assert.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *rig_path(const struct rig *r, const char *source, char out[128]) {
    snprintf(out, 128, "%s/%s.wav", r->dir, source);
    return out;
}

/* ---- recordings ------------------------------------------------------------------------------ */

static void put_le(FILE *f, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        fputc((int)(value >> (8 * i) & 0xff), f);
}

/* 16-bit PCM of noise, so that no two frames are alike. */
static void write_wav(const char *path, uint32_t frames) {
    uint32_t samples = frames * 160;
    struct rng g;
    FILE *f = fopen(path, "wb");
    assert(f != NULL);
    rng_seed(&g, frames);
    fputs("RIFF", f);
    put_le(f, 36 + 2 * samples, 4);
    fputs("WAVEfmt ", f);
    put_le(f, 16, 4);
    put_le(f, 1, 2);
    put_le(f, 1, 2);
    put_le(f, 8000, 4);
    put_le(f, 16000, 4);
    put_le(f, 2, 2);
    put_le(f, 16, 2);
    fputs("data", f);
    put_le(f, 2 * samples, 4);
    for (uint32_t i = 0; i < samples; i++)
        put_le(f, (uint32_t)rng_below(&g, 8000) - 4000, 2);
    fclose(f);
}

/* ---- configuration --------------------------------------------------------------------------- */

static void set_profile(struct node_profile_spec *p, const char *codec, uint32_t rate_hz,
                        uint32_t bitrate_bps, uint32_t complexity, uint32_t preroll_frames) {
    *p = (struct node_profile_spec){.rate_hz = rate_hz,
                                    .channels = 1,
                                    .bitrate_bps = bitrate_bps,
                                    .complexity = complexity,
                                    .preroll_frames = preroll_frames};
    name_set(&p->name, codec);
    name_set(&p->codec, codec);
}

static void set_key(struct key_pair *pair, struct ticket_issuer *issuer, const char *name) {
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(pair, seed);
    name_set(&issuer->cluster, name);
    issuer->key = pair->public_key;
}

void rig_init(struct rig *r, const struct rig_source *sources, size_t count) {
    memset(r, 0, sizeof(*r));
    r->bind = "127.0.0.1:0";
    snprintf(r->dir, sizeof(r->dir), "/tmp/transcoderd-test-XXXXXX");
    char *made = mkdtemp(r->dir);
    assert(made != NULL && count <= RIG_SOURCES_MAX);
    (void)made;
    set_key(&r->cluster, &r->issuers[0], "ams1");
    set_key(&r->issuer, &r->issuers[1], "fra1");
    for (size_t i = 0; i < count; i++) {
        struct node_source_spec *s = &r->sources[i];
        name_set(&s->name, sources[i].name);
        s->class = SOURCE_CLASS_EXACT;
        s->loop = sources[i].loop;
        if (sources[i].url != NULL)
            snprintf(s->location, sizeof(s->location), "%s", sources[i].url);
        else
            rig_path(r, sources[i].name, s->location);
        if (sources[i].url == NULL && !sources[i].missing)
            write_wav(s->location, sources[i].frames);
    }
    set_profile(&r->profiles[0], "pcmu", 8000, 64000, 0, 0);
    set_profile(&r->profiles[1], "opus", 48000, 32000, 5, 100);
    r->catalogue = (struct node_catalogue){
        .sources = r->sources, .source_count = count, .profiles = r->profiles, .profile_count = 2};
    r->catalogue.hash = node_catalogue_hash(&r->catalogue);
    r->config = (struct node_answer){
        .seq = 1,
        .lease_ms = 1000,
        .poll_ms = 100,
        .cluster = r->issuers[0].cluster,
        .cluster_key = r->cluster.public_key,
        .has_catalogue = true,
        .catalogue = r->catalogue,
        .issuers = r->issuers,
        .issuer_count = 2,
        .credit = {.slots = 16, .lease_ms = 300000},
        .limits = {.sessions_max = 100,
                   .session_lease_ms = 3000,
                   .standby_lease_ms = 3000,
                   .skew_ms = 1000,
                   .hedge_ms_max = 500,
                   .hedges_per_minute = 60,
                   .probes_per_s = 5},
    };
}

static void write_config(const struct rig *r) {
    char path[128];
    size_t len;
    char *text = node_answer_encode(&r->config, &len);
    assert(text != NULL);
    snprintf(path, sizeof(path), "%s/config.json", r->dir);
    FILE *f = fopen(path, "w");
    assert(f != NULL);
    fwrite(text, 1, len, f);
    fclose(f);
    free(text);
}

void rig_reload(struct rig *r) {
    write_config(r);
    kill(r->pid, SIGHUP);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* A worker says where it listens and who it is each time it starts. */
static void learn(struct rig *r, const json_t *line, const char *said) {
    const char *media = json_string_value(json_object_get(line, "media"));
    size_t worker = (size_t)json_integer_value(json_object_get(line, "worker"));
    r->ready |= strcmp(said, "ready") == 0;
    r->sources_known +=
        strcmp(said, "source read") == 0 || strcmp(said, "source cannot be served") == 0;
    if (media == NULL || worker >= RIG_WORKERS_MAX)
        return;
    addr_from_text(&r->media[worker], media);
    r->worker_pids[worker] = (pid_t)json_integer_value(json_object_get(line, "pid"));
}

/* Reads one line of the log and learns from it; what it said in `said`. False at the end. */
static bool read_log(struct rig *r, struct instant end, char said[128]) {
    int64_t left_ms = duration_in_ms(instant_since(end, net_now()));
    struct pollfd p = {.fd = fileno(r->log), .events = POLLIN};
    char text[4096];
    /* The stream is unbuffered, so what poll sees is all there is. */
    if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0 || fgets(text, sizeof(text), r->log) == NULL)
        return false;
    if (getenv("RIG_VERBOSE") != NULL)
        fputs(text, stderr);
    json_t *line = json_loads(text, 0, NULL);
    const char *words = json_string_value(json_object_get(line, "text"));
    snprintf(said, 128, "%s", words == NULL ? "" : words);
    if (line != NULL)
        learn(r, line, said);
    json_decref(line);
    return true;
}

bool rig_await_log(struct rig *r, const char *sentence) {
    struct instant end = instant_add(net_now(), duration_ms(RIG_PATIENCE_MS));
    char said[128];
    while (read_log(r, end, said))
        if (strcmp(said, sentence) == 0)
            return true;
    return false;
}

/* Workers and sources report in any order. */
static bool await_start(struct rig *r) {
    struct instant end = instant_add(net_now(), duration_ms(RIG_PATIENCE_MS));
    char said[128];
    while (!r->ready || r->sources_known < r->catalogue.source_count)
        if (!read_log(r, end, said))
            return false;
    return true;
}

static void run_program(const struct rig *r, const char *program, uint32_t workers, int log_fd) {
    char config[128], count[16];
    snprintf(config, sizeof(config), "%s/config.json", r->dir);
    snprintf(count, sizeof(count), "%u", workers);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log_fd, STDERR_FILENO);
    execl(program, "transcoderd", "--config", config, "--media", r->bind, "--workers", count,
          "--json-log", "--log-level", "debug", (char *)NULL);
    _exit(127);
}

bool rig_start(struct rig *r, uint32_t workers) {
    const char *bin = getenv("PEERD_BIN");
    char program[512];
    int fds[2];
    snprintf(program, sizeof(program), "%s/transcoderd", bin == NULL ? "build/bin" : bin);
    if (access(program, X_OK) != 0)
        return false;
    write_config(r);
    r->workers = workers;
    int made = pipe2(fds, O_CLOEXEC);
    assert(made == 0);
    (void)made;
    r->pid = fork();
    if (r->pid == 0)
        run_program(r, program, workers, fds[1]);
    close(fds[1]);
    r->log = fdopen(fds[0], "r");
    setvbuf(r->log, NULL, _IONBF, 0);
    bool up = await_start(r);
    assert(up && "transcoderd did not start");
    (void)up;
    return true;
}

void rig_stop(struct rig *r) {
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    if (r->log != NULL)
        fclose(r->log);
    char path[128];
    for (size_t i = 0; i < r->catalogue.source_count; i++)
        unlink(rig_path(r, r->sources[i].name.text, path));
    snprintf(path, sizeof(path), "%s/config.json", r->dir);
    unlink(path);
    rmdir(r->dir);
}

/* ---- clients --------------------------------------------------------------------------------- */

static const struct node_profile_spec *find_profile(const struct rig *r, const char *name) {
    return strcmp(r->profiles[0].name.text, name) == 0 ? &r->profiles[0] : &r->profiles[1];
}

static void fill_media(const struct rig *r, struct ticket *t, const char *source,
                       const char *profile, uint32_t *samples) {
    struct media_profile p;
    struct media_rtp rtp;
    enum media_codec codec;
    const struct media_source_options options = {.class = SOURCE_CLASS_EXACT};
    struct media_digest digest;
    char path[128];
    const struct node_profile_spec *spec = find_profile(r, profile);
    media_codec_by_name(&codec, spec->codec.text);
    media_profile_init(&p, codec);
    p.rate_hz = spec->rate_hz;
    p.complexity = (uint8_t)spec->complexity;
    p.preroll_frames = (uint16_t)spec->preroll_frames;
    media_determinism_id(&p, &t->determinism);
    media_profile_rtp(&p, &rtp);
    *samples = rtp.samples_per_frame;
    if (media_digest_compute(&digest, rig_path(r, source, path), &options, NULL, NULL, NULL) ==
        ERR_OK)
        t->digest = digest.digest;
}

void rig_client(struct rig *r, struct media_client *c, const char *source, const char *profile) {
    struct key_hint target = key_hint_of(&r->cluster.public_key);
    int64_t now_s = net_wall().us / 1000000;
    uint32_t samples;
    struct ticket t = {.issuer = r->issuers[1].cluster,
                       .issued_s = now_s,
                       .expires_s = now_s + 3600,
                       .class = SOURCE_CLASS_EXACT,
                       .legs = {{.ssrc = 0x1234abcd, .seq0 = 65530, .ts0 = 0xffffff00}},
                       .leg_count = 1,
                       .protection = PROTECTION_WARM,
                       .anchor_wall_ms = now_s * 1000};
    name_set(&t.service, "radio");
    name_set(&t.source, source);
    name_set(&t.profile, profile);
    fill_media(r, &t, source, profile, &samples);
    media_client_open(c, &r->media[0], &target);
    media_client_ticket(c, &t, &r->issuer, samples);
}
