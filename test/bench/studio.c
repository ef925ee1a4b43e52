#include "test/bench/studio.h"

#include "peerd/net/clock.h"
#include "peerd/wire/node.h"
#include "test/bench/ask.h"
#include "test/bench/child.h"
#include "test/bench/machine.h"
#include "test/bench/sheet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 20000
#define FETCH_MS 30000

/* ---- folder ---------------------------------------------------------------------------------- */

static void make_film(const char *path, const char *size) {
    char command[1024];
    snprintf(
        command, sizeof(command),
        "ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=%s:rate=25,noise=alls=4:allf=t:"
        "all_seed=7 -f lavfi -i 'aevalsrc=sin(2*PI*t*(300+90*sin(t)))*0.3+sin(2*PI*t*1250)*0.1*"
        "sin(3*t)+(random(0)-0.5)*0.02:s=48000,aformat=channel_layouts=stereo' -t %.1f "
        "-c:v libx264 -preset ultrafast -crf 16 -g 80 -pix_fmt yuv420p -c:a aac -aac_pns 0 "
        "-b:a 192k %s",
        size, SEGMENT_MS / 1000.0 * STUDIO_SEGMENTS, path);
    if (system(command) != 0)
        sheet_die("ffmpeg makes no film");
}

void studio_init(struct studio *s, const struct rendition renditions[STUDIO_RENDITIONS]) {
    *s = (struct studio){.dir = "/tmp/peerd-bench-XXXXXX", .renditions = renditions, .fd = -1};
    s->body = malloc(STUDIO_BODY_MAX);
    if (s->body == NULL || mkdtemp(s->dir) == NULL)
        sheet_die("%s: %s", s->dir, strerror(errno));
    snprintf(s->film, sizeof(s->film), "%s/film.mp4", s->dir);
    snprintf(s->small, sizeof(s->small), "%s/small.mp4", s->dir);
    make_film(s->film, "1280x720");
    make_film(s->small, "320x180");
}

void studio_destroy(struct studio *s) {
    char command[128];
    child_end(&s->supervisor);
    if (s->fd >= 0)
        close(s->fd);
    free(s->body);
    snprintf(command, sizeof(command), "rm -rf %s", s->dir);
    if (system(command) != 0)
        sheet_die("%s stays", s->dir);
}

static void write_config(const struct studio *s, const char *path) {
    struct node_source_spec source = {.class = SOURCE_CLASS_EXACT};
    struct node_rendition_spec specs[STUDIO_RENDITIONS];
    struct node_answer a = {.seq = 1,
                            .lease_ms = 1000,
                            .poll_ms = 100,
                            .has_catalogue = true,
                            .credit = {.slots = 1, .lease_ms = 3600000},
                            .limits = {.sessions_max = 1,
                                       .session_lease_ms = 5000,
                                       .standby_lease_ms = 5000,
                                       .skew_ms = 1000,
                                       .hedge_ms_max = 500,
                                       .hedges_per_minute = 10}};
    struct key_pair pair;
    const uint8_t seed[KEY_BYTES] = {1};
    key_pair_from_seed(&pair, seed);
    a.cluster_key = pair.public_key;
    name_set(&a.cluster, "fra1");
    name_set(&source.name, "film");
    snprintf(source.location, sizeof(source.location), "%s", s->film);
    for (size_t i = 0; i < STUDIO_RENDITIONS; i++) {
        const struct rendition *r = &s->renditions[i];
        specs[i] = (struct node_rendition_spec){.name = r->name,
                                                .bitrate_bps = r->bitrate_bps,
                                                .height = r->height,
                                                .fps = r->fps,
                                                .channels = r->channels};
        name_set(&specs[i].codec, rendition_codec_name(r->codec));
    }
    a.catalogue = (struct node_catalogue){.sources = &source,
                                          .source_count = 1,
                                          .renditions = specs,
                                          .rendition_count = STUDIO_RENDITIONS};
    a.catalogue.hash = node_catalogue_hash(&a.catalogue);
    machine_write_config(path, &a);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* The child of that name; 0: none. */
static pid_t child_of(pid_t parent, const char *name) {
    char path[64], found[32] = "";
    int pid;
    pid_t child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *f = fopen(path, "r");
    while (f != NULL && child == 0 && fscanf(f, "%d", &pid) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "r");
        if (comm != NULL && fscanf(comm, "%31s", found) == 1 && strcmp(found, name) == 0)
            child = pid;
        if (comm != NULL)
            fclose(comm);
    }
    if (f != NULL)
        fclose(f);
    return child;
}

static bool read_print(struct studio *s, size_t i) {
    char path[128];
    snprintf(path, sizeof(path), "/film/%s/index.m3u8", s->renditions[i].name.text);
    const char *at = studio_get(s, path) == 200 ? strstr((char *)s->body, "URI=\"") : NULL;
    return at != NULL && sscanf(at, "URI=\"%16[0-9a-f]/", s->prints[i]) == 1;
}

static bool is_there(struct studio *s) {
    s->front = child_of(s->supervisor, "transcoderd/hls");
    s->maker = s->front != 0 ? child_of(s->front, "transcoderd/mak") : 0;
    return s->maker != 0;
}

static bool has_prints(struct studio *s) {
    bool ready = is_there(s);
    for (size_t i = 0; i < STUDIO_RENDITIONS && ready; i++)
        ready = read_print(s, i);
    return ready;
}

/* Nothing is made of it. */
static bool has_film(struct studio *s) {
    return is_there(s) && studio_get(s, "/film/master.m3u8") == 200;
}

static void await(struct studio *s, bool (*is_so)(struct studio *s)) {
    struct instant end = instant_add(net_now(), duration_ms(READY_MS));
    while (!is_so(s)) {
        if (instant_reached(net_now(), end) || waitpid(s->supervisor, NULL, WNOHANG) != 0)
            sheet_die("transcoderd serves no stream: see %s/log", s->dir);
        usleep(20000);
    }
}

void studio_start(struct studio *s) {
    char config[96], log[96], door[64];
    snprintf(config, sizeof(config), "%s/config.json", s->dir);
    snprintf(log, sizeof(log), "%s/log", s->dir);
    write_config(s, config);
    snprintf(door, sizeof(door), "%s:%d", STUDIO_ADDRESS, STUDIO_PORT);
    s->supervisor = child_start(log, (const char *[]){"transcoderd", "--config", config, "--media",
                                                      "127.0.0.1:0", "--workers", "1", "--hls",
                                                      door, "--hls-makers", "1", "--stall-ms",
                                                      MACHINE_STALL_MS, NULL});
    await(s, has_prints);
    /* Whoever reads lists of segments has some made; the next front has not been asked for any. */
    kill(s->front, SIGKILL);
    await(s, has_film);
}

/* ---- questions ------------------------------------------------------------------------------- */

/* The whole answer, in `body`. 0: the connection is gone. */
static size_t hear(struct studio *s) {
    size_t got = 0, whole = 0;
    while (whole == 0 || got < whole) {
        ssize_t n = recv(s->fd, s->body + got, STUDIO_BODY_MAX - 1 - got, 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
        s->body[got] = '\0';
        if (whole == 0)
            whole = ask_answer_len((const char *)s->body);
    }
    return got;
}

unsigned studio_get(struct studio *s, const char *path) {
    char question[512];
    unsigned status = 0;
    int n = snprintf(question, sizeof(question), "GET %s HTTP/1.1\r\nHost: studio.example\r\n\r\n",
                     path);
    if (s->fd < 0)
        s->fd = ask_dial(STUDIO_ADDRESS, STUDIO_PORT);
    s->body_len = 0;
    size_t len = s->fd >= 0 && send(s->fd, question, (size_t)n, MSG_NOSIGNAL) == n ? hear(s) : 0;
    if (len == 0 || sscanf((char *)s->body, "HTTP/1.1 %u", &status) != 1) {
        if (s->fd >= 0)
            close(s->fd);
        s->fd = -1;
        return 0;
    }
    const char *body = strstr((char *)s->body, "\r\n\r\n") + 4;
    s->body_len = len - (size_t)(body - (char *)s->body);
    memmove(s->body, body, s->body_len);
    s->body[s->body_len] = '\0';
    return status;
}

const char *studio_path(const struct studio *s, size_t rendition, uint32_t number, char out[128]) {
    char file[24] = "init.mp4";
    if (number != SEGMENT_INIT)
        snprintf(file, sizeof(file), "%u.m4s", number);
    snprintf(out, 128, "/film/%s/%s/%s", s->renditions[rendition].name.text, s->prints[rendition],
             file);
    return out;
}

void studio_fetch(struct studio *s, size_t rendition, uint32_t number) {
    struct instant end = instant_add(net_now(), duration_ms(FETCH_MS));
    char path[128];
    studio_path(s, rendition, number, path);
    while (studio_get(s, path) != 200) {
        if (instant_reached(net_now(), end))
            sheet_die("%s is never there: see %s/log", path, s->dir);
        usleep(50000);
    }
}
