#include "test/bench/tradeoff.h"

#include "peerd/sim/report_watch.h"
#include "peerd/sim/scenario.h"
#include "peerd/sim/sim.h"
#include "test/bench/sheet.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX  4096
#define MOVES_MAX 65536
#define DETECT_MS 200 /* [ms] the shortest wish that a policy may have */
#define BEATS     4
#define ENDS_MS   18000 /* of a run; the site dies within its tenth second */
#define AFTER_MS  5000  /* later it is asked who hears again */

/* What all runs found. */
struct tally {
    double first_frame_ms[MOVES_MAX];
    size_t moves;
    uint64_t listeners, losers, unserved, lost, own, own_refused;
    struct report_watch watch;
};

/* ---- the scenario ---------------------------------------------------------------------------- */

static size_t add_cluster(char *text, size_t used, const char *name,
                          const struct tradeoff_case *c) {
    used += (size_t)snprintf(text + used, TEXT_MAX - used, "  - {name: %s", name);
    if (c->capacity > 0)
        used += (size_t)snprintf(text + used, TEXT_MAX - used, ", capacity: %u, reserved_slots: %u",
                                 c->capacity, c->reserved);
    return used + (size_t)snprintf(text + used, TEXT_MAX - used, "}\n");
}

static void write_scenario(char text[TEXT_MAX], const struct tradeoff_case *c) {
    int detect_ms = (int)(BEATS * c->interval_ms);
    int interval_ms = (int)c->interval_ms;
    size_t used = (size_t)snprintf(
        text, TEXT_MAX,
        "name: tradeoff\nduration: %dms\n"
        "detection: {detect_within: %dms, false_alarm_every: 1h, interval: %dms, interval_min: "
        "%dms, interval_max: %dms}\n"
        "limits: {hot_standbys: 1000}\nclusters:\n  - {name: dies1, capacity: 1000}\n",
        ENDS_MS, detect_ms > DETECT_MS ? detect_ms : DETECT_MS, interval_ms, interval_ms,
        interval_ms);
    used = add_cluster(text, used, "near1", c);
    used = add_cluster(text, used, "far1", c);
    used += (size_t)snprintf(
        text + used, TEXT_MAX - used,
        "links:\n"
        "  - {between: all, rtt: 40ms, jitter: 3ms, loss: 0.5%%, loss_burst: 2}\n"
        "  - {between: [clients, dies1], rtt: 30ms, jitter: 3ms, loss: 0.2%%}\n"
        "  - {between: [clients, near1], rtt: 60ms, jitter: 3ms, loss: 0.2%%}\n"
        "  - {between: [clients, far1], rtt: 80ms, jitter: 3ms, loss: 0.2%%}\n"
        "clients:\n"
        "  - {name: moved, count: %u, open_at: dies1, buffer: 250ms, protection: %s, start: "
        "{between: [2s, 3s]}}\n",
        c->listeners, c->protection);
    if (c->busy > 0)
        used += (size_t)snprintf(text + used, TEXT_MAX - used,
                                 "  - {name: near, count: %u, open_at: near1, protection: cold, "
                                 "start: {between: [0s, 1s]}}\n"
                                 "  - {name: far, count: %u, open_at: far1, protection: cold, "
                                 "start: {between: [0s, 1s]}}\n",
                                 c->busy, c->busy);
    snprintf(text + used, TEXT_MAX - used,
             "timeline: [{at: {between: [9s, 10s]}, kill: dies1, blackhole: true}]\n");
}

/* ---- of a run -------------------------------------------------------------------------------- */

static int64_t died_at_ms(const struct report *r) {
    return r->event_count > 0 ? r->events[0].at_ms : 0;
}

static void count_client(struct tally *t, const struct report *r, const struct report_client *c) {
    bool unserved = c->served_from_ms > died_at_ms(r) + AFTER_MS;
    if (c->group > 0) {
        t->own++;
        t->own_refused += unserved;
        return;
    }
    t->listeners++;
    t->losers += c->frames_lost > 0;
    t->lost += c->frames_lost;
    t->unserved += unserved;
}

static void count_run(struct tally *t, const struct scenario *scenario, const struct report *r) {
    static struct report_watch watch;
    for (uint32_t i = 0; i < r->move_count; i++)
        if (r->moves[i].group == 0 && r->moves[i].at_ms >= died_at_ms(r) && t->moves < MOVES_MAX)
            t->first_frame_ms[t->moves++] = (double)r->moves[i].first_frame_ms;
    for (uint32_t i = 0; i < r->client_count; i++)
        count_client(t, r, &r->clients[i]);
    report_watch_of(&watch, scenario, r);
    report_watch_add(&t->watch, &watch);
}

static double share(uint64_t part, uint64_t all) {
    return all == 0 ? 0 : (double)part / (double)all;
}

static void sum_up(struct tally *t, struct tradeoff_found *out) {
    *out = (struct tradeoff_found){
        .moved = (uint32_t)t->moves,
        .lost_frames = share(t->lost, t->listeners),
        .lost_share = share(t->losers, t->listeners),
        .unserved = share(t->unserved, t->listeners),
        .own_refused = share(t->own_refused, t->own),
        .known_ms = (double)report_watch_quantile(&t->watch, t->watch.ms, 500),
        .known_ms_p99 = (double)report_watch_quantile(&t->watch, t->watch.ms, 990),
    };
    if (t->moves > 0) {
        out->first_frame_ms = sheet_quantile(t->first_frame_ms, t->moves, 500);
        out->first_frame_ms_p99 = sheet_quantile(t->first_frame_ms, t->moves, 990);
    }
}

void tradeoff_simulate(const struct tradeoff_case *c, unsigned runs, struct tradeoff_found *out) {
    static struct tally tally;
    static struct faults faults;
    char text[TEXT_MAX];
    struct scenario scenario;
    tally = (struct tally){.moves = 0};
    write_scenario(text, c);
    if (scenario_parse(text, strlen(text), "tradeoff", &scenario, &faults) != ERR_OK)
        sheet_die("the scenario cannot be used: %s", text);
    for (unsigned seed = 1; seed <= runs; seed++) {
        struct sim *sim = sim_new(&(struct sim_options){.scenario = &scenario, .seed = seed});
        if (sim == NULL)
            sheet_die("no memory");
        sim_run(sim);
        if (sim_violation(sim) != NULL)
            sheet_die("seed %u: %s\n%s", seed, sim_violation(sim), text);
        count_run(&tally, &scenario, sim_report(sim));
        sim_free(sim);
    }
    scenario_free(&scenario);
    sum_up(&tally, out);
}

/* ---- live ------------------------------------------------------------------------------------ */

static bool read_report(FILE *pipe, struct tradeoff_found *out) {
    static double first_frame_ms[MOVES_MAX];
    char *line = NULL;
    size_t room = 0, count = 0, i;
    json_t *said = NULL, *move;
    while (getline(&line, &room, pipe) > 0) {
        json_t *next = json_loads(line, 0, NULL);
        if (next != NULL) {
            json_decref(said);
            said = next;
        }
    }
    free(line);
    json_array_foreach(json_object_get(said, "moves"), i, move) if (count < MOVES_MAX)
        first_frame_ms[count++] = json_number_value(json_object_get(move, "first_frame_ms"));
    *out = (struct tradeoff_found){
        .moved = (uint32_t)count,
        .lost_frames = json_number_value(json_object_get(said, "frames_lost")) /
                       fmax(1, json_number_value(json_object_get(said, "listeners"))),
    };
    if (count > 0) {
        out->first_frame_ms = sheet_quantile(first_frame_ms, count, 500);
        out->first_frame_ms_p99 = sheet_quantile(first_frame_ms, count, 990);
    }
    json_decref(said);
    return count > 0;
}

bool tradeoff_live(const struct tradeoff_case *c, struct tradeoff_found *out, char *why,
                   unsigned why_size) {
    char text[TEXT_MAX], path[] = "/tmp/tradeoff-XXXXXX", command[256];
    int fd = mkstemp(path);
    write_scenario(text, c);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        sheet_die("%s cannot be written", path);
    close(fd);
    snprintf(command, sizeof(command), "test/live/run %s --json 2>&1", path);
    FILE *pipe = popen(command, "r");
    bool well = pipe != NULL && read_report(pipe, out);
    int status = pipe == NULL ? -1 : pclose(pipe);
    unlink(path);
    if (!well)
        snprintf(why, why_size, "`%s` ended with status %d", command, status / 256);
    return well;
}
