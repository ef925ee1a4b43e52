/*
 * A herd: 300 listeners of Opus lose their site, and the other one serves 20 of its own meanwhile.
 *
 * Both sites are real, peerd and transcoderd on loopback (site.h); listeners are the client
 * library, ten a thread of this process, with a playout buffer of 500 ms. The first site is
 * killed whole, by SIGKILL, in the midst of it; its listeners hedge and commit at the other as any
 * do. Counted at playout instants by the library's clock, which never stops: frames lost in the two
 * seconds around the kill (HERD_BEFORE_MS before it, the rest after), and every frame that the
 * other site's own lose from a second before to four after. What the load costs on the same cores
 * is told beside it, and what programs of others took of them: a herd needs nearly all there is,
 * and a run beside them says little.
 */
#include "peerd/net/clock.h"
#include "test/bench/sheet.h"
#include "test/bench/site.h"
#include "transcoder/client/peerclient.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LISTENERS       300
#define OWN             20
#define TOGETHER        10     /* share a thread */
#define STAGGER_US      300000 /* between their beginnings: not all come in the same instant */
#define LISTENERS_QUICK 20
#define OWN_QUICK       5
#define WORKERS         2
#define BUFFER_MS       500
#define COMPLEXITY      2 /* of Opus: with the default, 5, 320 want more than two cores have */
#define HERD_BEFORE_MS  500
#define HERD_AFTER_MS   1500
#define OWN_BEFORE_MS   1000
#define OWN_AFTER_MS    4000
#define SETTLE_MS       4000 /* until backups are warm and buffers full */
#define LOST_MAX        4096 /* instants remembered; more are only counted */
#define LOST_AIM        1.0  /* [%] of the frames of that window */
#define PATIENCE_MS     60000

struct listener {
    pthread_t thread; /* of the first of those who share it */
    struct peerclient *client;
    bool own; /* of the site that lives */
    bool playing;
    bool moved;
    uint64_t frames;
    uint32_t lost_count;
    int64_t lost_us[LOST_MAX]; /* when they were to be heard */
    int64_t first_frame_ms;    /* of its move */
    struct peerclient_report report;
};

struct herd {
    struct site dies, lives;
    char urls[2][40]; /* of those */
    uint32_t count, own;
    struct listener *listeners; /* those of the one that dies first */
};

/* ---- one listener ---------------------------------------------------------------------------- */

static void frame(void *data, const struct peerclient_frame *f) {
    struct listener *l = data;
    l->frames++;
    if (!f->lost)
        __atomic_store_n(&l->playing, true, __ATOMIC_RELAXED);
    else if (l->lost_count++ < LOST_MAX)
        l->lost_us[l->lost_count - 1] = f->due_us;
}

static void moved(void *data, const struct peerclient_move *m) {
    struct listener *l = data;
    l->moved = true;
    l->first_frame_ms = m->first_frame_ms;
}

static void *listen_to(void *data) {
    struct listener *l = data;
    peerclient_run(l->client);
    return NULL;
}

static void make_listener(struct herd *h, uint32_t i) {
    struct listener *l = &h->listeners[i];
    uint32_t seat = i % TOGETHER;
    char why[128];
    l->own = i >= h->count;
    const char *const clusters[] = {h->urls[l->own], h->urls[!l->own]};
    const struct peerclient_config config = {.clusters = clusters,
                                             .cluster_count = 2,
                                             .service = "radio",
                                             .profile = "opus",
                                             .source = MACHINE_SOURCE,
                                             .protection = "warm",
                                             .start_ms = (uint64_t)i * 97 % 40000,
                                             .buffer_ms = BUFFER_MS,
                                             .beside = seat > 0 ? (l - seat)->client : NULL,
                                             .frame = frame,
                                             .moved = moved,
                                             .data = l};
    l->client = peerclient_new(&config, why, sizeof(why));
    if (l->client == NULL)
        sheet_die("no listener: %s", why);
}

static void start_thread(struct listener *first) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 << 10);
    if (pthread_create(&first->thread, &attr, listen_to, first) != 0)
        sheet_die("no thread for listeners");
    pthread_attr_destroy(&attr);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static uint32_t playing(const struct herd *h) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < h->count + h->own; i++)
        sum += __atomic_load_n(&h->listeners[i].playing, __ATOMIC_RELAXED);
    return sum;
}

static void start_listeners(struct herd *h) {
    h->listeners = calloc(h->count + h->own, sizeof(*h->listeners));
    if (h->listeners == NULL)
        sheet_die("out of memory");
    for (uint32_t i = 0; i < h->count + h->own; i++)
        make_listener(h, i);
    for (uint32_t i = 0; i < h->count + h->own; i += TOGETHER) {
        start_thread(&h->listeners[i]);
        usleep(STAGGER_US);
    }
    for (int waited_ms = 0; playing(h) < h->count + h->own; waited_ms += 20) {
        if (waited_ms > PATIENCE_MS)
            sheet_die("%u of %u listeners hear something", playing(h), h->count + h->own);
        usleep(20000);
    }
    usleep(SETTLE_MS * 1000);
}

static void stop_listeners(struct herd *h) {
    for (uint32_t i = 0; i < h->count + h->own; i++)
        peerclient_stop(h->listeners[i].client);
    for (uint32_t i = 0; i < h->count + h->own; i += TOGETHER)
        pthread_join(h->listeners[i].thread, NULL);
    for (uint32_t i = h->count + h->own; i-- > 0;) {
        struct listener *l = &h->listeners[i];
        peerclient_report(l->client, &l->report);
        peerclient_free(l->client);
    }
}

static uint32_t lost_within(const struct listener *l, int64_t from_us, int64_t to_us) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < l->lost_count && i < LOST_MAX; i++)
        sum += l->lost_us[i] >= from_us && l->lost_us[i] < to_us;
    return sum;
}

/* ---- figures --------------------------------------------------------------------------------- */

static void put_herd(struct sheet *s, const struct herd *h, int64_t killed_us) {
    double *first_ms = calloc(h->count, sizeof(*first_ms));
    uint32_t lost = 0, losers = 0, own_lost = 0, commits = 0, before = 0;
    uint64_t hedges = 0;
    for (uint32_t i = 0; i < h->count + h->own; i++) {
        const struct listener *l = &h->listeners[i];
        if (l->own) {
            own_lost += lost_within(l, killed_us - OWN_BEFORE_MS * 1000LL,
                                    killed_us + OWN_AFTER_MS * 1000LL);
            continue;
        }
        uint32_t of_it =
            lost_within(l, killed_us - HERD_BEFORE_MS * 1000LL, killed_us + HERD_AFTER_MS * 1000LL);
        lost += of_it;
        losers += of_it > 0;
        before += lost_within(l, 0, killed_us - HERD_BEFORE_MS * 1000LL);
        hedges += l->report.hedges;
        if (l->moved && strcmp(l->report.cluster, h->lives.name) == 0 && first_ms != NULL)
            first_ms[commits++] = (double)l->first_frame_ms;
    }
    double expected = h->count * (HERD_BEFORE_MS + HERD_AFTER_MS) / 20.0;
    sheet_group(s, "herd",
                "300 listeners of Opus (complexity 2), 500 ms of buffer, whose site is killed");
    sheet_put_aimed(s, "lost_percent", "frames lost in the two seconds around it",
                    100 * lost / expected, "%", -LOST_AIM);
    sheet_put(s, "lost_frames", "that is", lost, "");
    sheet_put(s, "losers", "listeners that lost any", losers, "");
    sheet_put_aimed(s, "moved", "listeners that have moved to the other site", commits, "",
                    h->count);
    if (commits > 0) {
        sheet_put(s, "first_frame_ms_p50", "first missing arrival to the new server's first frame",
                  sheet_median(first_ms, commits), "ms");
        sheet_put(s, "first_frame_ms_p99", "99 of 100 of them",
                  sheet_quantile(first_ms, commits, 990), "ms");
    }
    sheet_put(s, "hedges", "hedges of all of them", (double)hedges, "");
    sheet_put(s, "lost_before", "frames lost before that, since they came", before, "");
    sheet_group(s, "own", "20 listeners of the site that lives, meanwhile");
    sheet_put_aimed(s, "lost_frames", "frames that they lost, of 5,000", own_lost, "", -0.5);
    free(first_ms);
}

struct cpu {
    double load_s;
    double machine_s; /* of everybody, as /proc/stat has it */
    struct site_usage lives, dies;
};

/* [s] that the processors of this machine were busy since it started: user, nice, system, and in
 * interrupts. */
static double machine_busy_s(void) {
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, io = 0, irq = 0, soft = 0;
    FILE *f = fopen("/proc/stat", "r");
    int got = f == NULL ? 0
                        : fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                                 &idle, &io, &irq, &soft);
    if (f != NULL)
        fclose(f);
    if (got != 7)
        sheet_die("/proc/stat does not say what the machine has done");
    return (double)(user + nice + system + irq + soft) / (double)sysconf(_SC_CLK_TCK);
}

static struct cpu cpu_now(const struct herd *h) {
    return (struct cpu){.load_s = sheet_cpu_s(),
                        .machine_s = machine_busy_s(),
                        .lives = site_usage(&h->lives),
                        .dies =
                            h->dies.supervisor > 0 ? site_usage(&h->dies) : (struct site_usage){0}};
}

static double used_s(const struct site_usage *u) {
    return u->workers_s + u->peerd_s + u->supervisor_s;
}

/* What is neither ours nor of a site that lives: other programs, and what it takes to end a site.
 */
static double others_s(const struct cpu *from, const struct cpu *to) {
    double s = to->machine_s - from->machine_s - (to->load_s - from->load_s) -
               (used_s(&to->lives) - used_s(&from->lives));
    double dies_s = used_s(&to->dies) - used_s(&from->dies);
    s -= dies_s > 0 ? dies_s : 0; /* nothing is told of the dead */
    return s > 0 ? s : 0;
}

/* In cores: CPU-seconds a second. */
static void put_cpu(struct sheet *s, const char *key, const char *title, const struct cpu *from,
                    const struct cpu *to, double seconds) {
    sheet_group(s, key, title);
    sheet_put(s, "load_cores", "listeners, ten a thread", (to->load_s - from->load_s) / seconds,
              "cores");
    sheet_put(s, "workers_cores", "workers of the site that lives",
              (to->lives.workers_s - from->lives.workers_s) / seconds, "cores");
    sheet_put(s, "peerd_cores", "its peerd, and its supervisor",
              (to->lives.peerd_s - from->lives.peerd_s + to->lives.supervisor_s -
               from->lives.supervisor_s) /
                  seconds,
              "cores");
    sheet_put(s, "others_cores", "all else on this machine", others_s(from, to) / seconds, "cores");
}

static void strike(struct sheet *s, struct herd *h) {
    struct cpu before = cpu_now(h);
    usleep(OWN_BEFORE_MS * 1000);
    struct cpu calm = cpu_now(h);
    int64_t killed_us = net_now().us;
    site_kill(&h->dies);
    usleep(2000000);
    struct cpu storm = cpu_now(h);
    usleep((OWN_AFTER_MS - 2000 + BUFFER_MS) * 1000);
    struct cpu after = cpu_now(h);
    stop_listeners(h);
    put_herd(s, h, killed_us);
    put_cpu(s, "cpu_before", "CPU in the second before it", &before, &calm, OWN_BEFORE_MS * 1e-3);
    put_cpu(s, "cpu_storm", "CPU in the two seconds after it", &calm, &storm, 2);
    put_cpu(s, "cpu_after", "CPU afterwards", &storm, &after,
            (OWN_AFTER_MS - 2000 + BUFFER_MS) * 1e-3);
}

static void allow_descriptors(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char **argv) {
    static struct herd h;
    struct sheet s;
    struct machine material;
    sheet_open(&s, "herd_bench", "A herd that loses its site.", argc, argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    media_init();
    allow_descriptors();
    h.count = s.quick ? LISTENERS_QUICK : LISTENERS;
    h.own = s.quick ? OWN_QUICK : OWN;
    machine_init(&material);
    site_init(&h.dies, &material, "fra1", 0, WORKERS);
    site_init(&h.lives, &material, "ams1", 1, WORKERS);
    h.lives.complexity = h.dies.complexity = COMPLEXITY;
    site_start(&h.lives, &h.dies);
    site_start(&h.dies, &h.lives);
    site_url(&h.dies, h.urls[0], sizeof(h.urls[0]));
    site_url(&h.lives, h.urls[1], sizeof(h.urls[1]));
    usleep(2000000); /* they have come to know each other */
    start_listeners(&h);
    strike(&s, &h);
    site_destroy(&h.dies);
    site_destroy(&h.lives);
    machine_destroy(&material);
    free(h.listeners);
    return sheet_close(&s);
}
