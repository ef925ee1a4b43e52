#include "test/lib/wan/check.h"

#include "peerd/net/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT      7000
#define NET_FROM  1
#define NET_TO    2
#define SEED      1 /* of the emulator: the same losses every time */
#define ROUND_US  1000
#define BATCH     64
#define PROBE_MAX 1400
#define SETTLE    duration_ms(500) /* beyond the longest delay, for the last probes */
#define PRIORITY  20               /* below the emulator, above what else runs here */
#define LATEST_US 10000000

struct wan_check_bed {
    struct wan_place places[2];
    struct wan *wan;
};

struct probe {
    uint64_t number;
    int64_t sent_us;
};

/* What the two threads of a measurement share. */
struct run {
    const struct wan_check_spec *spec;
    int from, to;     /* sockets */
    uint64_t count;   /* of probes */
    int32_t *took_us; /* by number; -1: not come */
    uint64_t copies, overtaken, highest;
    int64_t began_us, ended_us;
    volatile bool over;
};

/* ---- the two places ---- */

struct wan_check_bed *wan_check_open(char *why, size_t why_size) {
    struct wan_check_bed *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    b->places[1].ns = b->places[1].tun = -1;
    if (wan_place_make(&b->places[0], NET_FROM, false, why, why_size) &&
        wan_place_make(&b->places[1], NET_TO, false, why, why_size))
        b->wan = wan_start(b->places, 2, SEED, why, why_size);
    if (b->wan != NULL)
        return b;
    wan_check_close(b);
    return NULL;
}

void wan_check_close(struct wan_check_bed *b) {
    if (b == NULL)
        return;
    wan_stop(b->wan);
    wan_place_close(&b->places[0]);
    wan_place_close(&b->places[1]);
    free(b);
}

static struct sockaddr_in address(uint8_t net) {
    struct addr a = wan_addr(net, 0, 1, PORT);
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    memcpy(&sin.sin_addr, a.ip, 4);
    return sin;
}

static int open_socket(const struct wan_place *p) {
    struct sockaddr_in self = address(p->net);
    int on = 1, bytes = 8 << 20;
    int home = wan_place_enter(p);
    if (home < 0)
        return -1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    wan_place_leave(home);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&self, sizeof(self)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- sending ---- */

static void send_some(struct run *r, uint64_t from, uint64_t count) {
    static uint8_t bytes[BATCH][PROBE_MAX];
    struct sockaddr_in to = address(NET_TO);
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    for (uint64_t i = 0; i < count; i++) {
        struct probe p = {.number = from + i, .sent_us = net_now().us};
        memcpy(bytes[i], &p, sizeof(p));
        parts[i] = (struct iovec){bytes[i], r->spec->payload_bytes};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    for (uint64_t done = 0; done < count;) {
        int n = sendmmsg(r->from, messages + done, (unsigned)(count - done), 0);
        if (n <= 0)
            return;
        done += (uint64_t)n;
    }
}

/* Every millisecond what is due by then. */
static void *sender(void *data) {
    struct run *r = data;
    uint64_t sent = 0;
    r->began_us = net_now().us;
    for (int64_t round = 1; sent < r->count; round++) {
        int64_t at_us = r->began_us + round * ROUND_US;
        struct timespec at = {at_us / 1000000, at_us % 1000000 * 1000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
            continue;
        uint64_t due = (uint64_t)(at_us - r->began_us) * r->spec->packets_per_s / 1000000;
        due = due < r->count ? due : r->count;
        while (sent < due) {
            uint64_t some = due - sent < BATCH ? due - sent : BATCH;
            send_some(r, sent, some);
            sent += some;
        }
    }
    r->ended_us = net_now().us;
    return NULL;
}

/* ---- receiving ---- */

/* [µs] wall time minus monotonic time, from the tightest of a few looks. */
static int64_t scales_apart_us(void) {
    int64_t best_us = INT64_MAX, apart_us = 0;
    for (int i = 0; i < 3; i++) {
        struct timespec wall;
        int64_t before_us = net_now().us;
        clock_gettime(CLOCK_REALTIME, &wall);
        int64_t width_us = net_now().us - before_us;
        if (width_us >= best_us)
            continue;
        best_us = width_us;
        apart_us = wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - before_us - width_us / 2;
    }
    return apart_us;
}

static int64_t stamp_us(struct msghdr *m, int64_t apart_us) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof(t));
            return t.tv_sec * 1000000 + t.tv_nsec / 1000 - apart_us;
        }
    return net_now().us;
}

static void received(struct run *r, const uint8_t *bytes, size_t len, int64_t at_us) {
    struct probe p;
    if (len < sizeof(p))
        return;
    memcpy(&p, bytes, sizeof(p));
    if (p.number >= r->count)
        return;
    int64_t took_us = at_us - p.sent_us;
    if (r->took_us[p.number] >= 0)
        r->copies++;
    else
        r->took_us[p.number] = (int32_t)(took_us < 0           ? 0
                                         : took_us < LATEST_US ? took_us
                                                               : LATEST_US);
    r->overtaken += p.number < r->highest;
    r->highest = p.number > r->highest ? p.number : r->highest;
}

static void *receiver(void *data) {
    static uint8_t bytes[BATCH][PROBE_MAX];
    static union {
        char bytes[64];
        struct cmsghdr align;
    } controls[BATCH];
    struct run *r = data;
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    struct timeval wait = {.tv_usec = 50000};
    setsockopt(r->to, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    while (!r->over) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){bytes[i], PROBE_MAX};
            messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = &controls[i],
                                                       .msg_controllen = sizeof(controls[i])}};
        }
        int n = recvmmsg(r->to, messages, BATCH, MSG_WAITFORONE, NULL);
        int64_t apart_us = scales_apart_us();
        for (int i = 0; i < n; i++)
            received(r, bytes[i], messages[i].msg_len, stamp_us(&messages[i].msg_hdr, apart_us));
    }
    return NULL;
}

/* ---- what was found ---- */

static int by_size(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void count_losses(const struct run *r, struct wan_check_found *out) {
    for (uint64_t i = 0; i < r->count; i++) {
        bool lost = r->took_us[i] < 0;
        out->lost += lost;
        out->bursts += lost && (i == 0 || r->took_us[i - 1] >= 0);
    }
    out->loss_percent = 100.0 * (double)out->lost / (double)r->count;
    out->burst_mean = out->bursts > 0 ? (double)out->lost / (double)out->bursts : 0;
}

/* Sorts `took_us`: the losses, which are negative, come first. */
static void count_delays(const struct run *r, struct wan_check_found *out) {
    uint64_t came = r->count - out->lost, near = 0;
    const int32_t *took_us = r->took_us + out->lost;
    double sum_us = 0;
    qsort(r->took_us, r->count, sizeof(*r->took_us), by_size);
    for (uint64_t i = 0; i < came; i++) {
        int64_t off_us = took_us[i] - r->spec->quality.delay.us;
        near += off_us >= -1000 && off_us <= 1000;
        sum_us += took_us[i];
    }
    if (came == 0)
        return;
    out->mean_ms = sum_us / (double)came / 1000;
    out->min_ms = took_us[0] / 1000.0;
    out->p50_ms = took_us[came / 2] / 1000.0;
    out->p99_ms = took_us[came * 99 / 100] / 1000.0;
    out->max_ms = took_us[came - 1] / 1000.0;
    out->within_1ms_percent = 100.0 * (double)near / (double)came;
}

static bool start_thread(pthread_t *thread, void *(*body)(void *), struct run *r) {
    struct sched_param param = {.sched_priority = PRIORITY};
    if (pthread_create(thread, NULL, body, r) != 0)
        return false;
    pthread_setschedparam(*thread, SCHED_FIFO, &param); /* without it the figures are worse */
    return true;
}

static void pause_for(struct duration d) {
    struct timespec t = {d.us / 1000000, d.us % 1000000 * 1000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

/* [ticks] of all cores since the start: of all kinds, and those that a hypervisor gave to others.
 */
static void read_ticks(double *all, double *stolen) {
    double t[8] = {0};
    FILE *f = fopen("/proc/stat", "re");
    *all = *stolen = 0;
    if (f == NULL)
        return;
    if (fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
               &t[6], &t[7]) == 8)
        *stolen = t[7];
    for (int i = 0; i < 8; i++)
        *all += t[i];
    fclose(f);
}

static bool measure(struct run *r) {
    pthread_t threads[2];
    if (!start_thread(&threads[0], receiver, r))
        return false;
    bool ok = start_thread(&threads[1], sender, r);
    if (ok)
        pthread_join(threads[1], NULL);
    const struct path_quality *q = &r->spec->quality;
    pause_for(duration_add(SETTLE, duration_add(q->delay, duration_add(q->jitter, q->queue))));
    r->over = true;
    pthread_join(threads[0], NULL);
    return ok;
}

bool wan_check_run(struct wan_check_bed *bed, const struct wan_check_spec *spec,
                   struct wan_check_found *out, char *why, size_t why_size) {
    struct run r = {.spec = spec,
                    .from = open_socket(&bed->places[0]),
                    .to = open_socket(&bed->places[1]),
                    .count = (uint64_t)spec->duration.us * spec->packets_per_s / 1000000};
    struct wan_counters before;
    double all[2], stolen[2];
    *out = (struct wan_check_found){.sent = r.count};
    r.took_us = malloc((r.count + 1) * sizeof(*r.took_us));
    bool ok = r.took_us != NULL && r.from >= 0 && r.to >= 0 && spec->payload_bytes <= PROBE_MAX &&
              spec->payload_bytes >= sizeof(struct probe) &&
              wan_set_way(bed->wan, 0, 1, &spec->quality) && wan_count(bed->wan, &before);
    if (ok) {
        memset(r.took_us, 0xff, (r.count + 1) * sizeof(*r.took_us));
        read_ticks(&all[0], &stolen[0]);
        ok = measure(&r) && wan_count(bed->wan, &out->counters);
        read_ticks(&all[1], &stolen[1]);
        if (all[1] > all[0])
            out->stolen_percent = 100 * (stolen[1] - stolen[0]) / (all[1] - all[0]);
    }
    if (ok) {
        out->copies = r.copies;
        out->overtaken = r.overtaken;
        out->rate_per_s = (double)r.count * 1e6 / (double)(r.ended_us - r.began_us);
        count_losses(&r, out);
        count_delays(&r, out);
    } else {
        snprintf(why, why_size, "the probes could not be sent: %s", strerror(errno));
    }
    free(r.took_us);
    if (r.from >= 0)
        close(r.from);
    if (r.to >= 0)
        close(r.to);
    return ok;
}
