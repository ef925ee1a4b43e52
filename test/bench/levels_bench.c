/*
 * What each level of protection costs the backup, side by side: CPU, memory, and bytes on the wire.
 *
 * The real transcoderd holds the sessions of a crowd as a backup does: cold (nothing is lodged,
 * each client keeps a way open), warm (a standby, renewed in time), hot (a standby that sends);
 * beside them the same sessions served. Clients do towards it what real ones do: hello every 500 ms
 * to the backup that is warm or hot and every 5 s to another, a standby resume every third of a
 * lease, reports every 500 ms to whoever sends. Each level has a fresh worker. CPU is that of
 * worker and supervisor, less nothing: what an idle one takes stands in the row `cold`. Memory is
 * growth of the anonymous part of the worker's proportional set size since it had no session. Bytes
 * are of IPv4 packets either way.
 */
#include "peerd/net/clock.h"
#include "test/bench/crowd.h"
#include "test/bench/machine.h"
#include "test/bench/sheet.h"
#include "transcoder/media/stream.h"

#include <sodium.h>
#include <stdio.h>

#define WINDOW_S   5.0
#define SETTLE_S   1.0
#define HEARD_S    30.0
#define STEP_S     0.5 /* between hellos to a backup that is warm or hot */
#define IDLE_STEPS 10  /* of these between hellos to another */
#define LEASE_S    10.0
#define LEVELS     4

struct level {
    const char *key, *what;
    bool asks;                   /* anything is lodged */
    enum resume_purpose purpose; /* what */
    bool sends;
};

static const struct level levels[LEVELS] = {
    {"cold", "cold: nothing is lodged", false, RESUME_STANDBY, false},
    {"warm", "warm: a standby", true, RESUME_STANDBY, false},
    {"hot", "hot: a standby that sends", true, RESUME_HOT, true},
    {"served", "served", true, RESUME_COMMIT, true},
};

struct cost {
    double cpu_us, bytes; /* a session and second */
    double kib;           /* a session */
    double whole;         /* share of the frames due that came; 1 where none are due */
};

static void live(struct crowd *c, const struct level *l, double seconds) {
    uint32_t steps = (uint32_t)(seconds / STEP_S + 0.5), renewed = 0;
    for (uint32_t i = 0; i < steps; i++) {
        bool serves = l->purpose == RESUME_COMMIT;
        if (!serves && (l->asks || i % IDLE_STEPS == 0))
            crowd_hello(c);
        double due_s = (renewed + 1) * LEASE_S / 3;
        if (l->asks && !l->sends && i * STEP_S >= due_s) {
            crowd_ask_all(c, l->purpose, 0);
            renewed++;
        }
        crowd_listen(c, STEP_S);
    }
}

static struct cost measure(const struct sheet *s, struct machine *m, enum media_codec codec,
                           uint32_t sessions, const struct level *l) {
    machine_start(m);
    struct crowd *c = crowd_new(m, codec, sessions);
    double window_s = s->quick ? STEP_S : WINDOW_S;
    double empty_kib = machine_worker_kib(m);
    if (l->asks)
        crowd_ask_all(c, l->purpose, 0);
    if (l->sends && !crowd_await(c, 0, sessions, HEARD_S))
        sheet_die("%s: not all clients hear something", l->key);
    crowd_listen(c, s->quick ? 0.3 : SETTLE_S);
    struct machine_usage before = machine_usage(m);
    uint64_t bytes = c->bytes, frames = crowd_frames(c);
    struct instant begun = net_now();
    live(c, l, window_s);
    double took_s = (double)instant_since(net_now(), begun).us * 1e-6;
    struct machine_usage after = machine_usage(m);
    double spent_s = after.worker_s - before.worker_s + after.supervisor_s - before.supervisor_s;
    double due = sessions * took_s / 0.02;
    struct cost cost = {.cpu_us = spent_s * 1e6 / (sessions * took_s),
                        .bytes = (double)(c->bytes - bytes) / (sessions * took_s),
                        .kib = (machine_worker_kib(m) - empty_kib) / sessions,
                        .whole = l->sends ? (double)(crowd_frames(c) - frames) / due : 1};
    if (!l->sends && crowd_frames(c) != 0)
        sheet_die("%s: somebody hears something", l->key);
    crowd_free(c);
    machine_stop(m);
    return cost;
}

static void put_levels(struct sheet *s, struct machine *m, const char *key, enum media_codec codec,
                       uint32_t sessions) {
    char text[96];
    struct cost costs[LEVELS];
    snprintf(text, sizeof(text), "%u sessions of %s at their backup", sessions, key);
    sheet_group(s, key, text);
    for (size_t i = 0; i < LEVELS; i++) {
        costs[i] = measure(s, m, codec, sessions, &levels[i]);
        snprintf(text, sizeof(text), "%s_cpu_us", levels[i].key);
        sheet_note(s, "%s", levels[i].what);
        sheet_put(s, text, "  CPU a session and second", costs[i].cpu_us, "us");
        snprintf(text, sizeof(text), "%s_kib", levels[i].key);
        sheet_put(s, text, "  memory a session", costs[i].kib, "KiB");
        snprintf(text, sizeof(text), "%s_bytes_per_s", levels[i].key);
        sheet_put(s, text, "  bytes a session and second", costs[i].bytes, "B/s");
        snprintf(text, sizeof(text), "%s_whole", levels[i].key);
        if (levels[i].sends)
            sheet_put(s, text, "  frames that came, of those due", costs[i].whole, "");
    }
    sheet_put_aimed(s, "hot_to_served_cpu", "CPU of hot by that of served",
                    costs[2].cpu_us / costs[3].cpu_us, "", -1.25);
    sheet_put_aimed(s, "warm_to_hot_cpu", "CPU of warm by that of hot",
                    costs[1].cpu_us / costs[2].cpu_us, "", -0.5);
}

int main(int argc, char **argv) {
    struct sheet s;
    struct machine m;
    sheet_open(&s, "levels_bench", "What each level of protection costs at the backup.", argc,
               argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    media_init();
    machine_init(&m);
    put_levels(&s, &m, "opus", MEDIA_CODEC_OPUS, s.quick ? 10 : 50);
    put_levels(&s, &m, "pcmu", MEDIA_CODEC_PCMU, s.quick ? 20 : 300);
    machine_destroy(&m);
    return sheet_close(&s);
}
