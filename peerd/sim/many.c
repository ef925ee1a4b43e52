#include "peerd/sim/many.h"

#include "peerd/sim/report_watch.h"
#include "peerd/sim/shrunk.h"
#include "peerd/sim/swarm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TELL_EVERY_MS  20000 /* progress */
#define TRIAL_LIMIT_S  120   /* of a run; the slowest takes a second or two */
#define SHRINK_LIMIT_S 120
#define SHRINK_MAX     3 /* failures cut down; of more the command is enough */
#define JSON_LINE_MAX  65536
#define FAILURES_MAX   10 /* kept going, and still: more are only counted */

struct many {
    const struct many_options *options;
    struct trial *trials;
    uint32_t jobs;
    uint64_t begun, passed, failed;
    struct timespec start;
    int64_t told_ms;
    bool stopped;               /* no more begin */
    struct report_watch *watch; /* of all; NULL: not asked for */
};

static int64_t elapsed_ms(const struct many *m) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)(t.tv_sec - m->start.tv_sec) * 1000 + (t.tv_nsec - m->start.tv_nsec) / 1000000;
}

static double seeds_per_s(const struct many *m) {
    int64_t ms = elapsed_ms(m);
    return (double)(m->passed + m->failed) * 1000.0 / (double)(ms > 0 ? ms : 1);
}

static void tell(struct many *m) {
    if (m->options->json || m->options->sum != NULL || elapsed_ms(m) - m->told_ms < TELL_EVERY_MS)
        return;
    m->told_ms = elapsed_ms(m);
    printf("  %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed, %.1f seeds/s\n",
           m->passed + m->failed, m->options->runs, m->failed, seeds_per_s(m));
    fflush(stdout);
}

/* ---- a failure ------------------------------------------------------------------------------- */

void many_name(const char *path, uint64_t seed, char out[MANY_NAME_MAX + 1]) {
    const char *base = path == NULL ? "swarm" : strrchr(path, '/');
    base = base == NULL ? path : base + (*base == '/');
    snprintf(out, MANY_NAME_MAX + 1, "%.*s-%" PRIu64, (int)strcspn(base, "."), base, seed);
}

static void cut_down(const struct many *m, uint64_t seed) {
    static char drawn[SWARM_TEXT_MAX];
    static struct shrunk shrunk;
    const struct many_options *o = m->options;
    char name[MANY_NAME_MAX + 1];
    many_name(o->path, seed, name);
    if (o->text == NULL)
        swarm_draw(seed, drawn);
    const struct shrunk_request request = {.text = o->text == NULL ? drawn : o->text,
                                           .folder = o->folder,
                                           .name = name,
                                           .save_to = o->save_to,
                                           .seed = seed,
                                           .limit_s = SHRINK_LIMIT_S};
    if (shrunk_save(&request, &shrunk))
        shrunk_tell(&shrunk, seed, stdout);
    else
        printf("        not shrunk: %s\n", shrunk.failure);
}

static void tell_failure(struct many *m, const struct trial *t) {
    const struct many_options *o = m->options;
    if (m->failed > FAILURES_MAX)
        return;
    printf("  FAIL  seed %" PRIu64 ": %s\n", t->seed, t->failure);
    printf("        run again: %s --seed %" PRIu64 " --trace%s%s\n", program_invocation_name,
           t->seed, o->path == NULL ? "" : " ", o->path == NULL ? "" : o->path);
    fflush(stdout);
    if (o->save_to != NULL && m->failed <= SHRINK_MAX)
        cut_down(m, t->seed);
    fflush(stdout);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void begin_more(struct many *m) {
    const struct many_options *o = m->options;
    for (uint32_t i = 0; i < m->jobs && !m->stopped && m->begun < o->runs; i++) {
        if (m->trials[i].pid != 0)
            continue;
        if (!trial_begin(&m->trials[i], &(struct trial_options){.text = o->text,
                                                                .folder = o->folder,
                                                                .seed = o->first_seed + m->begun,
                                                                .detect_within = o->detect_within,
                                                                .limit_s = TRIAL_LIMIT_S})) {
            fprintf(stderr, "peersim: no further process: %s\n", strerror(errno));
            m->stopped = true;
            m->failed++;
            return;
        }
        m->begun++;
    }
}

static void note_watch(struct many *m, const struct trial *t) {
    static struct report_watch one;
    if (m->watch != NULL && trial_watch(t, &one))
        report_watch_add(m->watch, &one);
}

static void tell_watch(const struct many *m) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_uint(&w, w.root, "runs", m->passed + m->failed);
    json_write_uint(&w, w.root, "failed", m->failed);
    report_watch_write(&w, w.root, m->watch);
    char *text = json_write_end(&w, JSON_LINE_MAX, NULL);
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
}

static void run_all(struct many *m) {
    begin_more(m);
    for (;;) {
        const struct trial *t = trial_wait(m->trials, m->jobs, 1000);
        bool busy = t != NULL;
        for (uint32_t i = 0; i < m->jobs; i++)
            busy |= m->trials[i].pid != 0;
        tell(m);
        if (!busy)
            return;
        if (t == NULL)
            continue;
        note_watch(m, t);
        if (t->end == TRIAL_OK) {
            m->passed++;
        } else {
            m->failed++;
            m->stopped |= !m->options->keep_going;
            tell_failure(m, t);
        }
        begin_more(m);
    }
}

bool many_run(const struct many_options *options) {
    struct many m = {.options = options, .jobs = options->jobs};
    if (m.jobs == 0)
        m.jobs = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (m.jobs > MANY_JOBS_MAX)
        m.jobs = MANY_JOBS_MAX;
    m.trials = calloc(m.jobs, sizeof(*m.trials));
    m.watch = options->sum;
    if (options->json && m.watch == NULL)
        m.watch = calloc(1, sizeof(*m.watch));
    if (m.trials == NULL || (options->json && m.watch == NULL)) {
        fprintf(stderr, "peersim: out of memory\n");
        free(m.trials);
        return false;
    }
    clock_gettime(CLOCK_MONOTONIC, &m.start);
    run_all(&m);
    free(m.trials);
    if (options->sum != NULL)
        return m.failed == 0;
    if (options->json) {
        tell_watch(&m);
        free(m.watch);
        return m.failed == 0;
    }
    printf("  %.1f seeds/s, %" PRIu32 " at once\n", seeds_per_s(&m), m.jobs);
    printf("%" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", m.passed, m.failed,
           options->runs - m.passed - m.failed);
    return m.failed == 0;
}
