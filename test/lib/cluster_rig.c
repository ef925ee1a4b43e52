#include "test/lib/cluster_rig.h"

#include "peerd/base/rng.h"
#include "peerd/net/clock.h"
#include "peerd/net/file.h"
#include "peerd/net/identity.h"
#include "transcoder/media/wav.h"

#include <assert.h>
#include <dirent.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ----------------------------------------------------------------------------------- */

const char *cluster_file(const struct cluster_rig *r, const char *name) {
    static char paths[8][160];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", r->dir, name);
    return path;
}

void cluster_write(const struct cluster_rig *r, const char *name, const char *text) {
    /* Renamed into place, so that whoever watches the file never sees half of it. */
    char beside[200];
    snprintf(beside, sizeof(beside), "%s.new", cluster_file(r, name));
    FILE *f = fopen(beside, "w");
    assert(f != NULL);
    fputs(text, f);
    fclose(f);
    int renamed = rename(beside, cluster_file(r, name));
    assert(renamed == 0);
    (void)renamed;
}

static void remove_folder(const char *path) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char file[400];
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        unlink(file);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

/* ---- policy ---------------------------------------------------------------------------------- */

static const char policy_form[] =
    "cluster: {name: fra1, provider: acme, region: eu-central, key_file: fra1.key}\n"
    "beats: {bind: '%s:7600'}\n"
    "peer_listen: {bind: '%s:7601'}\n"
    "client_listen: {bind: '%s:7680', plain_http: true}\n"
    "nodes: [{name: n1, key: %s}]\n"
    "profiles:\n"
    "  - {name: pcmu, codec: pcmu}\n"
    "  - {name: opus, codec: opus, bitrate: 64kbit/s}\n"
    "sources:\n"
    "  - {name: robot, location: robot.wav}\n"
    "  - {name: coffee, location: coffee.wav, loop: true}\n"
    "services:\n"
    "  - {name: radio, capacity: 100, profiles: [opus, pcmu]}\n"
    "limits: {node_lease: 5min}\n" /* a machine that is busy must not end a registration */
    "grants:\n"
    "  - token: " CLUSTER_TOKEN "\n"
    "  - prefix: 198.51.100.0/24\n"
    "%s";

char *cluster_policy(const struct cluster_rig *r, const char *more) {
    size_t size = sizeof(policy_form) + strlen(more) + 256;
    char *text = malloc(size);
    assert(text != NULL);
    snprintf(text, size, policy_form, r->ip, r->ip, r->ip, r->public_texts[AS_NODE], more);
    return text;
}

const char *cluster_peers(const struct cluster_rig *r) {
    static char block[512];
    snprintf(block, sizeof(block),
             "peers: [{name: ams1, key: %s, beats: '%s:7610', control: '%s:7611', "
             "reserved_slots: 10, false_alarm_every: 2h}]\n",
             r->public_texts[AS_PEER], r->ip, r->ip);
    return block;
}

void cluster_write_policy(const struct cluster_rig *r, char *policy) {
    cluster_write(r, "fra1.yaml", policy);
    free(policy);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void make_keys(struct cluster_rig *r) {
    static const char *const names[CLUSTER_KEYS] = {"fra1", "ams1", "n1", "stranger"};
    char file[32];
    for (int i = 0; i < CLUSTER_KEYS; i++) {
        uint8_t seed[KEY_BYTES];
        net_entropy(seed, sizeof(seed));
        key_pair_from_seed(&r->keys[i], seed);
        public_key_to_text(&r->keys[i].public_key, r->public_texts[i]);
        enum err err = net_identity_new(&r->identities[i], &r->keys[i]);
        snprintf(file, sizeof(file), "%s.key", names[i]);
        if (err == ERR_OK)
            err = net_key_write(&r->keys[i], cluster_file(r, file));
        assert(err == ERR_OK);
        (void)err;
        snprintf(file, sizeof(file), "%s.pub", names[i]);
        cluster_write(r, file, r->public_texts[i]);
    }
}

void cluster_open(struct cluster_rig *r) {
    uint32_t pid = (uint32_t)getpid();
    memset(r, 0, sizeof(*r));
    snprintf(r->dir, sizeof(r->dir), "/tmp/peerd-test-XXXXXX");
    char *made = mkdtemp(r->dir);
    int ready = sodium_init();
    assert(made != NULL && ready >= 0);
    (void)made, (void)ready;
    snprintf(r->ip, sizeof(r->ip), "127.%u.%u.%u", 64 + (pid >> 16 & 63), pid >> 8 & 255,
             pid & 255);
    make_keys(r);
    r->loop = net_loop_new();
    r->http = net_http_client_new(r->loop);
    assert(r->loop != NULL && r->http != NULL);
    while (r->node_boot == 0)
        net_entropy(&r->node_boot, sizeof(r->node_boot));
}

void cluster_close(struct cluster_rig *r) {
    program_signal(&r->peerd, SIGKILL);
    program_signal(&r->node, SIGKILL);
    net_http_client_free(r->http);
    net_loop_free(r->loop);
    for (int i = 0; i < CLUSTER_KEYS; i++)
        net_identity_free(r->identities[i]);
    remove_folder(r->dir);
}

/* ---- peerd ----------------------------------------------------------------------------------- */

bool cluster_await_log(const struct cluster_rig *r, const char *text) {
    return program_await_error(&r->peerd, text, PROGRAM_PATIENCE_MS);
}

bool cluster_start(struct cluster_rig *r) {
    char tag[16], policy[160];
    snprintf(tag, sizeof(tag), "-%u", r->starts++);
    snprintf(policy, sizeof(policy), "%s", cluster_file(r, "fra1.yaml"));
    program_start(&r->peerd, r->dir, tag, "peerd", (const char *[]){"--policy", policy, NULL});
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    while (!program_await_error(&r->peerd, ": ready ", 20)) {
        int status = program_wait(&r->peerd, 0);
        if (status >= 0 || instant_reached(net_now(), end)) {
            char *said = program_read(r->peerd.err_path);
            fprintf(stderr, "peerd ended (%d):\n%s", status, said);
            free(said);
            return false;
        }
    }
    return true;
}

int cluster_stop(struct cluster_rig *r) {
    program_signal(&r->peerd, SIGTERM);
    return program_wait(&r->peerd, PROGRAM_PATIENCE_MS);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct waiting {
    struct net_loop *loop;
    struct cluster_answer *out;
};

static void copy_header(char *out, size_t size, const struct net_http_result *result,
                        const char *name) {
    const char *value = net_http_result_header(result, name);
    snprintf(out, size, "%s", value != NULL ? value : "");
}

static void answered(void *data, const struct net_http_result *result) {
    struct waiting *w = data;
    struct cluster_answer *out = w->out;
    out->err = result->err;
    out->status = result->status;
    if (result->err == ERR_OK) {
        out->body_len =
            result->body_len < sizeof(out->body) ? result->body_len : sizeof(out->body) - 1;
        memcpy(out->body, result->body, out->body_len);
        copy_header(out->type, sizeof(out->type), result, "Content-Type");
        copy_header(out->retry_after, sizeof(out->retry_after), result, "Retry-After");
        copy_header(out->allow, sizeof(out->allow), result, "Allow");
        copy_header(out->authenticate, sizeof(out->authenticate), result, "WWW-Authenticate");
        copy_header(out->etag, sizeof(out->etag), result, "ETag");
        copy_header(out->security, sizeof(out->security), result, "Content-Security-Policy");
    }
    net_loop_stop(w->loop);
}

void cluster_call(struct cluster_rig *r, struct cluster_answer *out,
                  struct net_http_call_options options) {
    struct waiting w = {.loop = r->loop, .out = out};
    memset(out, 0, sizeof(*out));
    options.done = answered;
    options.data = &w;
    if (options.timeout.us == 0)
        options.timeout = duration_ms(PROGRAM_PATIENCE_MS);
    enum err err = net_http_call(r->http, &options, NULL);
    assert(err == ERR_OK);
    (void)err;
    net_loop_run(r->loop);
}

void cluster_control(struct cluster_rig *r, struct cluster_answer *out, enum cluster_asker who,
                     const char *method, const char *path, const char *body) {
    char url[256];
    snprintf(url, sizeof(url), "https://%s:7601%s", r->ip, path);
    cluster_call(r, out,
                 (struct net_http_call_options){
                     .method = method,
                     .url = url,
                     .body = body,
                     .body_len = body != NULL ? strlen(body) : 0,
                     .identity = who != AS_NOBODY ? r->identities[who] : NULL,
                     .pinned = &r->keys[AS_OPERATOR].public_key,
                 });
}

void cluster_client(struct cluster_rig *r, struct cluster_answer *out, const char *method,
                    const char *path, const char *body, const struct net_http_header *headers) {
    char url[256];
    size_t count = 0;
    while (headers != NULL && headers[count].name != NULL)
        count++;
    snprintf(url, sizeof(url), "http://%s:7680%s", r->ip, path);
    cluster_call(r, out,
                 (struct net_http_call_options){
                     .method = method,
                     .url = url,
                     .headers = headers,
                     .header_count = count,
                     .body = body,
                     .body_len = body != NULL ? strlen(body) : 0,
                 });
}

/* ---- standing in for a node ------------------------------------------------------------------ */

static struct name named(const char *text) {
    struct name n = {{0}};
    bool good = name_set(&n, text);
    assert(good);
    (void)good;
    return n;
}

bool cluster_register(struct cluster_rig *r, struct node_answer *out) {
    char text[64];
    struct addr media;
    static struct cluster_answer answer;
    struct node_profile profiles[] = {{named("pcmu"), {{1}}}, {named("opus"), {{2}}}};
    struct node_source sources[] = {{named("robot"), {{0x10}}, SOURCE_CLASS_EXACT, 60000, ERR_OK},
                                    {named("coffee"), {{0x20}}, SOURCE_CLASS_EXACT, 60000, ERR_OK}};
    struct node_worker worker = {.index = 0, .pid = (uint32_t)getpid()};
    snprintf(text, sizeof(text), "%s:7700", r->ip);
    addr_from_text(&media, text);
    const struct node_request request = {.node = named("n1"),
                                         .boot = r->node_boot,
                                         .seq = ++r->node_seq,
                                         .media = &media,
                                         .media_count = 1,
                                         .profiles = profiles,
                                         .profile_count = 2,
                                         .sources = sources,
                                         .source_count = 2,
                                         .workers = &worker,
                                         .worker_count = 1,
                                         .full = true};
    char *body = node_request_encode(&request, NULL);
    assert(body != NULL);
    cluster_control(r, &answer, AS_NODE, NULL, "/v1/node", body);
    free(body);
    struct node_answer decoded = {0};
    bool good = answer.status == 200 &&
                node_answer_decode(&decoded, answer.body, answer.body_len, NULL) == ERR_OK;
    if (good && out != NULL)
        *out = decoded;
    else if (good)
        node_answer_free(&decoded);
    return good;
}

/* ---- a real node ----------------------------------------------------------------------------- */

/* Noise at 8 kHz, so that no two frames are alike. */
static void make_recording(const struct cluster_rig *r, const char *name, uint32_t frames) {
    struct media_wav *wav = NULL;
    struct rng rng;
    int16_t samples[160];
    enum err err = media_wav_create(&wav, cluster_file(r, name), 8000, 1, NULL);
    rng_seed(&rng, frames);
    for (uint32_t n = 0; n < frames && err == ERR_OK; n++) {
        for (size_t i = 0; i < 160; i++)
            samples[i] = (int16_t)((int32_t)rng_below(&rng, 8000) - 4000);
        err = media_wav_write(wav, samples, 160);
    }
    if (err == ERR_OK)
        err = media_wav_close(wav);
    assert(err == ERR_OK);
    (void)err;
}

static bool could_be_opened(struct cluster_rig *r) {
    static struct cluster_answer answer;
    cluster_control(r, &answer, AS_PEER, NULL, "/v1/description", NULL);
    /* The description is JSON within JSON. */
    return answer.status == 200 && strstr(answer.body, "\\\"name\\\":\\\"robot\\\"") != NULL &&
           strstr(answer.body, "\\\"name\\\":\\\"coffee\\\"") != NULL;
}

bool cluster_start_node(struct cluster_rig *r, uint32_t frames) {
    char path[512], peerd[40], media[40], key[160];
    if (!program_find("transcoderd", path, sizeof(path)))
        return false;
    make_recording(r, "robot.wav", frames);
    make_recording(r, "coffee.wav", 3000);
    snprintf(peerd, sizeof(peerd), "%s:7601", r->ip);
    snprintf(media, sizeof(media), "%s:7700", r->ip);
    snprintf(key, sizeof(key), "%s", cluster_file(r, "n1.key"));
    program_start(&r->node, r->dir, "", "transcoderd",
                  (const char *[]){"--peerd", peerd, "--peerd-key", r->public_texts[AS_OPERATOR],
                                   "--key", key, "--name", "n1", "--media", media, "--workers", "1",
                                   NULL});
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    while (!could_be_opened(r)) {
        bool late = instant_reached(net_now(), end);
        assert(!late && "transcoderd did not register");
        (void)late;
        usleep(20000);
    }
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static json_t *value_at(json_t *root, const char *path) {
    char key[64];
    while (root != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)len, path);
        root = json_is_array(root) ? json_array_get(root, (size_t)atoi(key))
                                   : json_object_get(root, key);
        path += len + (path[len] == '.');
    }
    return root;
}

json_int_t cluster_number(const struct cluster_answer *a, const char *path) {
    json_t *root = json_loadb(a->body, a->body_len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *value = value_at(root, path);
    json_int_t number = json_is_integer(value)   ? json_integer_value(value)
                        : json_is_boolean(value) ? json_is_true(value)
                                                 : -1;
    json_decref(root);
    return number;
}

bool cluster_says(const struct cluster_answer *a, const char *path, const char *text) {
    json_t *root = json_loadb(a->body, a->body_len, JSON_REJECT_DUPLICATES, NULL);
    const char *said = json_string_value(value_at(root, path));
    bool same = said != NULL && strcmp(said, text) == 0;
    json_decref(root);
    return same;
}
