/*
 * What steering costs: questions of players that the real peerd answers a second of its CPU, over
 * connections that are kept, and how long they wait.
 *
 * Three sites that have the same origin; all questions go to one of them. Beside them stand a path
 * that no stream has, which is the HTTP server's own price (microhttpd, one thread), and one
 * connection alone, whose wait is that of an idle door. As many connections as make the program
 * busy ask again as soon as they have an answer. A wait is wall clock: see sheet.h.
 */
#include "peerd/net/clock.h"
#include "peerd/net/file.h"
#include "peerd/wire/keys.h"
#include "test/bench/ask.h"
#include "test/bench/child.h"
#include "test/bench/sheet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SITES       3
#define ADDRESS     "127.0.253.1" /* of the one that is asked */
#define CONNECTIONS 64
#define WAITS_MAX   2000000
#define AIM_PER_S   30000.0 /* questions a CPU-second */
#define AIM_P99_MS  5.0
#define READY_MS    10000

static const char *const names[SITES] = {"fra1", "ams1", "lon1"};

struct sites {
    char dir[64];
    pid_t pids[SITES];
    char keys[SITES][KEY_PUBLIC_TEXT_LEN + 1];
};

/* ---- the program ----------------------------------------------------------------------------- */

static void path_of(const struct sites *s, int site, const char *ending, char out[128]) {
    snprintf(out, 128, "%s/%s.%s", s->dir, names[site], ending);
}

static void write_key(struct sites *s, int site) {
    struct key_pair pair;
    uint8_t seed[KEY_BYTES];
    char path[128];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    public_key_to_text(&pair.public_key, s->keys[site]);
    path_of(s, site, "key", path);
    if (net_key_write(&pair, path) != ERR_OK)
        sheet_die("%s cannot be written", path);
}

/* Nothing listens where the origins are, and nobody minds: they are looked at once a minute. */
static void write_policy(const struct sites *s, int site) {
    char path[128];
    path_of(s, site, "yaml", path);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        sheet_die("%s: %s", path, strerror(errno));
    fprintf(f,
            "cluster: {name: %s, provider: p%d, region: r%d, key_file: %s.key}\n"
            "beats: {bind: 127.0.253.%d:7600}\npeer_listen: {bind: 127.0.253.%d:7601}\n"
            "client_listen: {bind: 127.0.253.%d:7680, plain_http: true}\n"
            "origins:\n  - {name: film, url: 'https://%s.example/film/master.m3u8', failures: 100, "
            "check_every: 1min}\npeers:\n",
            names[site], site, site, names[site], site + 1, site + 1, site + 1, names[site]);
    for (int i = 0; i < SITES; i++)
        if (i != site)
            fprintf(f,
                    "  - {name: %s, key: %s, beats: '127.0.253.%d:7600', control: "
                    "'127.0.253.%d:7601'}\n",
                    names[i], s->keys[i], i + 1, i + 1);
    fclose(f);
}

static void start(struct sites *s, int site) {
    char policy[128], log[128];
    path_of(s, site, "yaml", policy);
    path_of(s, site, "log", log);
    s->pids[site] = child_start(log, (const char *[]){"peerd", "--policy", policy, NULL});
}

static void stop(struct sites *s) {
    static const char *const endings[] = {"key", "yaml", "log"};
    char path[128];
    for (int i = 0; i < SITES; i++) {
        child_end(&s->pids[i]);
        for (int e = 0; e < 3; e++) {
            path_of(s, i, endings[e], path);
            unlink(path);
        }
    }
    rmdir(s->dir);
}

/* ---- players --------------------------------------------------------------------------------- */

struct player {
    int fd;
    char answer[4096];
    size_t len;
    struct instant asked;
};

struct crowd {
    const char *question;
    size_t question_len;
    struct player players[CONNECTIONS];
    int count, epoll;
    uint64_t answers;
    double *waits; /* [ms] */
    size_t wait_count;
};

static void ask(struct crowd *c, struct player *p) {
    p->len = 0;
    p->asked = net_now();
    if (send(p->fd, c->question, c->question_len, MSG_NOSIGNAL) != (ssize_t)c->question_len)
        sheet_die("a question was not taken: %s", strerror(errno));
}

static void hear(struct crowd *c, struct player *p) {
    ssize_t n = recv(p->fd, p->answer + p->len, sizeof(p->answer) - 1 - p->len, 0);
    if (n <= 0)
        sheet_die("a player was cut off");
    p->len += (size_t)n;
    p->answer[p->len] = '\0';
    size_t whole = ask_answer_len(p->answer); /* ours have a Content-Length */
    if (whole == 0 || p->len < whole)
        return;
    c->answers++;
    if (c->wait_count < WAITS_MAX)
        c->waits[c->wait_count++] = (double)instant_since(net_now(), p->asked).us / 1000;
    ask(c, p);
}

static void gather(struct crowd *c, int count, const char *question) {
    *c = (struct crowd){.question = question,
                        .question_len = strlen(question),
                        .count = count,
                        .epoll = epoll_create1(0),
                        .waits = c->waits};
    for (int i = 0; i < count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        c->players[i].fd = ask_dial(ADDRESS, 7680);
        if (c->players[i].fd < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->players[i].fd, &e) != 0)
            sheet_die("no connection: %s", strerror(errno));
        ask(c, &c->players[i]);
    }
}

static void play(struct crowd *c, int64_t ms) {
    struct instant end = instant_add(net_now(), duration_ms(ms));
    struct epoll_event events[CONNECTIONS];
    while (instant_before(net_now(), end)) {
        int n = epoll_wait(c->epoll, events, CONNECTIONS, 100);
        for (int i = 0; i < n; i++)
            hear(c, &c->players[events[i].data.u32]);
    }
}

static void disperse(struct crowd *c) {
    for (int i = 0; i < c->count; i++)
        close(c->players[i].fd);
    close(c->epoll);
}

/* ---- figures --------------------------------------------------------------------------------- */

struct found {
    double per_s, p50_ms, p99_ms;
};

static struct found measure(const struct sheet *s, const struct sites *sites, struct crowd *c,
                            int count, const char *question) {
    double rates[SHEET_ROUNDS], p50[SHEET_ROUNDS], p99[SHEET_ROUNDS];
    unsigned rounds = sheet_rounds(s);
    for (unsigned i = 0; i < rounds; i++) {
        gather(c, count, question);
        play(c, 50);
        c->answers = c->wait_count = 0;
        double before = child_cpu_s(sites->pids[0]);
        play(c, s->quick ? 100 : 1000);
        rates[i] = (double)c->answers / (child_cpu_s(sites->pids[0]) - before);
        p50[i] = sheet_quantile(c->waits, c->wait_count, 500);
        p99[i] = sheet_quantile(c->waits, c->wait_count, 990);
        disperse(c);
    }
    return (struct found){sheet_median(rates, rounds), sheet_median(p50, rounds),
                          sheet_median(p99, rounds)};
}

#define GET(path)                                                                                  \
    "GET " path " HTTP/1.1\r\nHost: fra1.example\r\nOrigin: https://page.example\r\n"              \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n\r\n"

static const char question[] =
    GET("/v1/steer/film?_HLS_pathway=ams1&_HLS_throughput=5140000&CMCD=bl%3D8000%2Cmtp%3D5100");
static const char nothing[] = GET("/v1/steer/none");

/* The peers are known, too. */
static void wait_ready(struct crowd *c) {
    struct instant end = instant_add(net_now(), duration_ms(READY_MS));
    for (;;) {
        int fd = ask_dial(ADDRESS, 7680);
        if (fd >= 0) {
            close(fd);
            gather(c, 1, question);
            play(c, 20);
            bool ready = strstr(c->players[0].answer, "lon1") != NULL &&
                         strstr(c->players[0].answer, "[\"ams1\"") != NULL;
            disperse(c);
            if (ready)
                return;
        }
        if (instant_reached(net_now(), end))
            sheet_die("peerd lists no three pathways");
        usleep(50000);
    }
}

int main(int argc, char **argv) {
    static struct crowd c;
    struct sites sites = {.dir = "/tmp/peerd-bench-XXXXXX"};
    struct sheet s;
    sheet_open(&s, "steer", "what answers to players that ask where to go cost", argc, argv);
    c.waits = malloc(WAITS_MAX * sizeof(*c.waits));
    if (c.waits == NULL || mkdtemp(sites.dir) == NULL)
        sheet_die("%s: %s", sites.dir, strerror(errno));
    for (int i = 0; i < SITES; i++)
        write_key(&sites, i);
    for (int i = 0; i < SITES; i++) {
        write_policy(&sites, i);
        start(&sites, i);
    }
    wait_ready(&c);
    struct found steered = measure(&s, &sites, &c, CONNECTIONS, question);
    struct found bare = measure(&s, &sites, &c, CONNECTIONS, nothing);
    struct found alone = measure(&s, &sites, &c, 1, question);
    sheet_group(&s, "steer", "three pathways, 64 connections that are kept, plain HTTP");
    sheet_put_aimed(&s, "per_cpu_s", "answers a second of peerd's CPU", steered.per_s, "1/s",
                    AIM_PER_S);
    sheet_put(&s, "bare_per_cpu_s", "the same for a path that no stream has", bare.per_s, "1/s");
    sheet_put(&s, "own_us", "CPU of one beyond that", 1e6 / steered.per_s - 1e6 / bare.per_s, "us");
    sheet_put(&s, "p50_ms", "wait, median, while it is busy", steered.p50_ms, "ms");
    sheet_put_aimed(&s, "p99_ms", "wait, slowest hundredth, while it is busy", steered.p99_ms, "ms",
                    -AIM_P99_MS);
    sheet_put(&s, "alone_p99_ms", "the same of one connection alone", alone.p99_ms, "ms");
    stop(&sites);
    free(c.waits);
    return sheet_close(&s);
}
