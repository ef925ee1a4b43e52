/*
 * What a segment of a stream costs, and whether it is worth it: CPU of the real transcoderd's maker
 * beside ffmpeg's command line for the same segment with the same settings; answers with what is at
 * hand beside a bare server of the same HTTP library; pictures and sound where segments meet beside
 * one long encode (test/lib/joint.h); and whether two machines with different processors make the
 * same bytes.
 *
 * A maker decodes and scales with loops that any processor has, ffmpeg with the best of this one;
 * it is a process that stays, and ffmpeg's starts anew for each segment. Both sides of a ratio are
 * measured in turns, segment by segment.
 */
#include "test/bench/ask.h"
#include "test/bench/child.h"
#include "test/bench/sheet.h"
#include "test/bench/studio.h"
#include "test/lib/joint.h"
#include "transcoder/media/segment_inner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/cpu.h>
#include <microhttpd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AIM_COST       1.10 /* of ffmpeg's */
#define AIM_HIT        0.90 /* answers a CPU-second, of the library's */
#define AIM_DB         0.5
#define IDENTICAL      100
#define PLAYERS        8
#define BARE_PORT      18081
#define ROUND_MS       300
#define ROUND_QUICK_MS 60

static const struct rendition renditions[STUDIO_RENDITIONS] = {
    {{"360p"}, RENDITION_H264, 800000, 360, 25, 0},
    {{"720p"}, RENDITION_H264, 2500000, 720, 25, 0},
    {{"aac"}, RENDITION_AAC, 128000, 0, 0, 2},
    {{"opus"}, RENDITION_OPUS, 64000, 0, 0, 2},
};

/* ---- making ---------------------------------------------------------------------------------- */

/* [s] of CPU of children that have ended. */
static double children_cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double ffmpeg_cpu_s(const struct studio *s, const struct rendition *r, uint32_t number) {
    char command[1536], options[512], scale[96] = "";
    if (!rendition_is_sound(r))
        snprintf(scale, sizeof(scale), " -vf scale=-2:%u:flags=bicubic+accurate_rnd+bitexact",
                 r->height);
    snprintf(command, sizeof(command),
             "exec ffmpeg -v error -nostdin -y -threads 1 -ss %.1f -i %s -t %.1f -map 0:%s:0 "
             "-filter_threads 1%s%s -f mp4 -movflags frag_keyframe+empty_moov+default_base_moof "
             "%s/piece.mp4",
             number * SEGMENT_MS / 1000.0, s->film, SEGMENT_MS / 1000.0,
             rendition_is_sound(r) ? "a" : "v", scale, joint_options(options, r), s->dir);
    double before = children_cpu_s();
    if (system(command) != 0)
        sheet_die("failed: %s", command);
    return children_cpu_s() - before;
}

/* The maker works ahead of who asks, so only whole films are counted: when the last segment is
 * there it has nothing left to do. */
static void measure_making(struct sheet *out, struct studio *s, size_t rendition) {
    const struct rendition *r = &renditions[rendition];
    char key[64], what[96];
    double ffmpeg_s = 0;
    double before = child_cpu_s(s->maker);
    for (uint32_t n = 0; n < STUDIO_SEGMENTS; n++) {
        studio_fetch(s, rendition, n);
        ffmpeg_s += ffmpeg_cpu_s(s, r, n);
    }
    double ours_s = child_cpu_s(s->maker) - before;
    snprintf(key, sizeof(key), "%.20s_ms", r->name.text);
    snprintf(what, sizeof(what), "CPU for a segment of %.20s", r->name.text);
    sheet_put(out, key, what, 1000 * ours_s / STUDIO_SEGMENTS, "ms");
    snprintf(key, sizeof(key), "%.20s_ffmpeg_ms", r->name.text);
    sheet_put(out, key, "the same of ffmpeg's command line", 1000 * ffmpeg_s / STUDIO_SEGMENTS,
              "ms");
    snprintf(key, sizeof(key), "%.20s_ratio", r->name.text);
    sheet_put_aimed(out, key, "the former by the latter", ours_s / ffmpeg_s, "", -AIM_COST);
}

/* ---- serving what is at hand ----------------------------------------------------------------- */

struct bare {
    struct MHD_Response *response;
    const uint8_t *body;
    size_t len;
};

static enum MHD_Result bare_answer(void *data, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **state) {
    static int heard;
    const struct bare *b = data;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_len;
    if (*state == NULL) {
        *state = &heard;
        return MHD_YES;
    }
    return MHD_queue_response(c, 200, b->response);
}

/* The library alone: one thread, one answer that is always the same. */
static void bare_serve(struct bare *b) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(BARE_PORT)};
    inet_pton(AF_INET, STUDIO_ADDRESS, &at.sin_addr);
    b->response = MHD_create_response_from_buffer(b->len, (void *)b->body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(b->response, "Content-Type", "video/mp4");
    MHD_add_response_header(b->response, "Access-Control-Allow-Origin", "*");
    MHD_add_response_header(b->response, "Cache-Control", "public, max-age=31536000, immutable");
    MHD_add_response_header(b->response, "ETag", "\"00112233445566778899aabbccddeeff\"");
    if (MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, BARE_PORT, NULL, NULL, bare_answer, b,
                         MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_END) == NULL)
        _exit(1);
    for (;;)
        pause();
}

static pid_t bare_start(const struct studio *s) {
    struct bare b = {.body = s->body, .len = s->body_len};
    pid_t pid = fork();
    if (pid == 0)
        bare_serve(&b);
    for (int tries = 0; tries < 500; tries++, usleep(10000)) {
        int fd = ask_dial(STUDIO_ADDRESS, BARE_PORT);
        if (fd >= 0) {
            close(fd);
            return pid;
        }
    }
    sheet_die("the bare server does not start");
}

struct player {
    int fd;
    char head[1024]; /* what begins an answer */
    size_t got, whole;
};

struct players {
    struct player list[PLAYERS];
    char question[256];
    int epoll;
    uint64_t answers;
};

static void ask(struct players *p, struct player *one) {
    size_t len = strlen(p->question);
    one->got = one->whole = 0;
    if (send(one->fd, p->question, len, MSG_NOSIGNAL) != (ssize_t)len)
        sheet_die("a question was not taken: %s", strerror(errno));
}

static void hear(struct players *p, struct player *one) {
    static char scrap[1 << 18];
    bool head = one->whole == 0;
    ssize_t n = head ? recv(one->fd, one->head + one->got, sizeof(one->head) - 1 - one->got, 0)
                     : recv(one->fd, scrap, sizeof(scrap), 0);
    if (n <= 0)
        sheet_die("a player was cut off");
    one->got += (size_t)n;
    if (head) {
        one->head[one->got] = '\0';
        one->whole = ask_answer_len(one->head);
        if (one->whole != 0 && strncmp(one->head, "HTTP/1.1 200", 12) != 0)
            sheet_die("a player was refused: %.60s", one->head);
    }
    if (one->whole == 0 || one->got < one->whole)
        return;
    p->answers++;
    ask(p, one);
}

static void play(struct players *p, unsigned ms) {
    struct epoll_event events[PLAYERS];
    double end = (double)ms / 1000;
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        int n = epoll_wait(p->epoll, events, PLAYERS, 10);
        for (int i = 0; i < n; i++)
            hear(p, &p->list[events[i].data.u32]);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
             end);
}

/* Answers a second of the server's CPU. */
static double serving_rate(const struct sheet *out, pid_t server, unsigned port, const char *path) {
    struct players p = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    snprintf(p.question, sizeof(p.question), "GET %s HTTP/1.1\r\nHost: studio.example\r\n\r\n",
             path);
    for (int i = 0; i < PLAYERS; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        p.list[i].fd = ask_dial(STUDIO_ADDRESS, port);
        if (p.list[i].fd < 0 || epoll_ctl(p.epoll, EPOLL_CTL_ADD, p.list[i].fd, &e) != 0)
            sheet_die("no connection: %s", strerror(errno));
        ask(&p, &p.list[i]);
    }
    play(&p, 30);
    p.answers = 0;
    double before = child_cpu_s(server);
    play(&p, out->quick ? ROUND_QUICK_MS : ROUND_MS);
    double rate = (double)p.answers / (child_cpu_s(server) - before);
    for (int i = 0; i < PLAYERS; i++)
        close(p.list[i].fd);
    close(p.epoll);
    return rate;
}

static void measure_serving(struct sheet *out, struct studio *s, size_t rendition) {
    double ours[SHEET_ROUNDS], bare[SHEET_ROUNDS], ratio[SHEET_ROUNDS];
    char path[128], key[64], what[96];
    unsigned rounds = sheet_rounds(out);
    studio_fetch(s, rendition, 1);
    size_t bytes = s->body_len;
    pid_t server = bare_start(s);
    studio_path(s, rendition, 1, path);
    for (unsigned i = 0; i < rounds; i++) {
        ours[i] = serving_rate(out, s->front, STUDIO_PORT, path);
        bare[i] = serving_rate(out, server, BARE_PORT, path);
        ratio[i] = ours[i] / bare[i];
    }
    child_end(&server);
    snprintf(key, sizeof(key), "%.20s_hits_per_cpu_s", renditions[rendition].name.text);
    snprintf(what, sizeof(what), "answers a CPU-second with a segment of %zu bytes at hand", bytes);
    sheet_put(out, key, what, sheet_median(ours, rounds), "1/s");
    snprintf(key, sizeof(key), "%.20s_bare_per_cpu_s", renditions[rendition].name.text);
    sheet_put(out, key, "the same of the HTTP library alone", sheet_median(bare, rounds), "1/s");
    snprintf(key, sizeof(key), "%.20s_hit_ratio", renditions[rendition].name.text);
    sheet_put_aimed(out, key, "the former by the latter", sheet_median(ratio, rounds), "", AIM_HIT);
}

/* ---- joints ---------------------------------------------------------------------------------- */

static void measure_joint(struct sheet *out, const struct studio *s, const struct rendition *r) {
    struct joint j;
    char key[64], what[96];
    if (!joint_measure(&j, s->film, s->dir, r))
        sheet_die("joints of %s cannot be measured", r->name.text);
    snprintf(key, sizeof(key), "%.20s_joint_db", r->name.text);
    snprintf(what, sizeof(what), "%s of %.20s around %u joints",
             rendition_is_sound(r) ? "SNR" : "PSNR", r->name.text, j.count);
    sheet_put(out, key, what, j.ours_db, "dB");
    snprintf(key, sizeof(key), "%.20s_steady_db", r->name.text);
    sheet_put(out, key, "the same there of an encoder that went on", j.steady_db, "dB");
    snprintf(key, sizeof(key), "%.20s_joint_loss_db", r->name.text);
    sheet_put_aimed(out, key, "what a switch loses", j.steady_db - j.ours_db, "dB", -AIM_DB);
}

/* ---- the same bytes -------------------------------------------------------------------------- */

struct hash {
    uint8_t bytes[16];
};

/* Each kind has its part. */
static void hash_all(const char *film, struct hash out[IDENTICAL]) {
    static const struct rendition kinds[] = {
        {{"96p"}, RENDITION_H264, 150000, 96, 25, 0},
        {{"180p"}, RENDITION_H264, 300000, 180, 25, 0},
        {{"aac"}, RENDITION_AAC, 128000, 0, 0, 2},
        {{"opus"}, RENDITION_OPUS, 64000, 0, 0, 2},
    };
    struct media_segment_source s = {.location = film, .class = SOURCE_CLASS_EXACT};
    if (media_segment_facts(&s.facts, film, s.class, DURATION_ZERO, NULL) != ERR_OK)
        _exit(1);
    for (uint32_t i = 0; i < IDENTICAL; i++) {
        struct rendition r = kinds[i % 4];
        struct media_bytes b;
        r.bitrate_bps += i / 4 / STUDIO_SEGMENTS * 4000; /* no segment twice */
        if (media_segment_make(&b, &s, &r, i / 4 % STUDIO_SEGMENTS, NULL) != ERR_OK)
            _exit(1);
        crypto_generichash(out[i].bytes, sizeof(out[i].bytes), b.data, b.len, NULL, 0);
        media_bytes_free(&b);
    }
}

static void measure_identity(struct sheet *out, const struct studio *s) {
    struct hash(*made)[IDENTICAL] =
        mmap(NULL, 2 * sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[2];
    int status, same = 0, others = 0;
    if (made == MAP_FAILED)
        sheet_die("no memory");
    for (int i = 0; i < 2; i++)
        if ((pids[i] = fork()) == 0) {
            av_force_cpu_flags(i == 0 ? 0 : -1); /* and then media_init holds it to the baseline */
            segment_pictures_pretend(i == 0 ? "SSE2" : NULL);
            hash_all(s->small, made[i]);
            _exit(0);
        }
    for (int i = 0; i < 2; i++)
        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
            sheet_die("a machine makes no segments");
    for (int i = 0; i < IDENTICAL; i++) {
        same += memcmp(&made[0][i], &made[1][i], sizeof(struct hash)) == 0;
        for (int k = 0; k < i; k++)
            others += memcmp(&made[0][i], &made[0][k], sizeof(struct hash)) == 0;
    }
    if (others > 0)
        sheet_die("%d segments are others", others);
    sheet_put_aimed(out, "identical", "of 100 segments, with SSE2 and with all of this processor",
                    same, "", IDENTICAL);
    munmap(made, 2 * sizeof(*made));
}

int main(int argc, char **argv) {
    struct sheet out;
    struct studio s;
    sheet_open(&out, "segment", "what segments of streams cost, and how they fit together", argc,
               argv);
    if (sodium_init() < 0)
        sheet_die("libsodium cannot start");
    studio_init(&s, renditions);
    /* Before this process has decoded anything: libraries choose their loops once. */
    sheet_group(&out, "same", "two machines");
    if (!out.quick)
        measure_identity(&out, &s);
    studio_start(&s);
    sheet_group(&out, "making", "a segment of 3.2 s, of a film of 720 lines");
    for (size_t i = out.quick ? 2 : 0; i < STUDIO_RENDITIONS; i++)
        measure_making(&out, &s, i);
    sheet_group(&out, "serving", "eight players over connections that are kept, plain HTTP");
    if (!out.quick)
        measure_serving(&out, &s, 0);
    measure_serving(&out, &s, 3);
    sheet_group(&out, "joint", "where segments meet");
    for (size_t i = out.quick ? 2 : 1; i < STUDIO_RENDITIONS; i++)
        measure_joint(&out, &s, &renditions[i]);
    studio_destroy(&s);
    return sheet_close(&out);
}
