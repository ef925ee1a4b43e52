#include "test/bench/rush.h"

#include "peerd/net/clock.h"
#include "test/bench/crowd.h"
#include "test/bench/sheet.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEARD_S 30.0 /* [s] until which everybody must have heard something */
#define WAIT_US 200

/* Another cluster, which has served them until now. */
static const struct key_hint KILLED = {{1}};

/* What the crowds and we share. */
struct shared {
    uint32_t ready, go, answered, told, heard; /* crowds; `go`, `told` say that they may go on */
    struct part {
        int64_t begun_us, answered_us, heard_us;
        double cpu_s; /* until its last answer */
        uint64_t busy;
    } parts[RUSH_CROWDS];
};

static void add(uint32_t *count) {
    __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
}

/* In a crowd, which has none, and here, where a crowd may fail. */
static void await(const uint32_t *count, uint32_t wanted, const pid_t *pids, uint32_t crowds) {
    while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < wanted) {
        int status = 0;
        for (uint32_t i = 0; i < crowds; i++)
            if (waitpid(pids[i], &status, WNOHANG) == pids[i])
                sheet_die("a crowd has failed");
        usleep(WAIT_US);
    }
}

/* ---- one crowd ------------------------------------------------------------------------------- */

static void commit_apart(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct crowd_asked a = crowd_ask(c, i, 1, RESUME_COMMIT, 0);
        if (a.granted != 1 || !crowd_await(c, i, 1, HEARD_S))
            sheet_die("a client is not served");
    }
}

static void be_crowd(struct shared *shared, const struct site *site, uint32_t worker,
                     enum media_codec codec, uint32_t count, enum rush_kind kind) {
    struct machine m = site_machine(site, worker);
    struct part *p = &shared->parts[worker];
    struct crowd *c = crowd_new(&m, codec, count);
    c->nap_us = CROWD_NAP_US; /* the cores are the workers', who answer a few questions meanwhile */
    if (kind == RUSH_PASSED)
        crowd_knock(c);
    for (uint32_t i = 0; i < count; i++)
        c->members[i].served_by = KILLED; /* and is missed */
    add(&shared->ready);
    await(&shared->go, 1, NULL, 0);
    double begun_s = sheet_cpu_s();
    p->begun_us = net_now().us;
    if (kind == RUSH_APART)
        commit_apart(c);
    else
        crowd_ask_all(c, RESUME_COMMIT, 0);
    p->answered_us = net_now().us;
    p->cpu_s = sheet_cpu_s() - begun_s;
    p->busy = c->busy;
    add(&shared->answered);
    if (!crowd_await(c, 0, count, HEARD_S))
        sheet_die("not all clients hear something after a commit");
    p->heard_us = net_now().us;
    add(&shared->heard);
    await(&shared->told, 1, NULL, 0);
    crowd_ask_all(c, RESUME_RELEASE, 0);
    crowd_free(c);
    _exit(0);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void sum_up(struct rush_result *r, const struct shared *shared, uint32_t crowds) {
    int64_t first_us = INT64_MAX, answered_us = 0, heard_us = 0;
    for (uint32_t i = 0; i < crowds; i++) {
        const struct part *p = &shared->parts[i];
        first_us = p->begun_us < first_us ? p->begun_us : first_us;
        answered_us = p->answered_us > answered_us ? p->answered_us : answered_us;
        heard_us = p->heard_us > heard_us ? p->heard_us : heard_us;
        r->load_cpu_s += p->cpu_s;
        r->busy += p->busy;
    }
    r->answered_s = (double)(answered_us - first_us) * 1e-6;
    r->heard_s = (double)(heard_us - first_us) * 1e-6;
}

struct rush_result rush_run(const struct site *site, enum media_codec codec, uint32_t count,
                            enum rush_kind kind) {
    uint32_t crowds = kind == RUSH_APART ? 1 : RUSH_CROWDS;
    struct rush_result r = {.count = count};
    pid_t pids[RUSH_CROWDS];
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || site->worker_count < crowds)
        sheet_die("no memory, or too few workers");
    for (uint32_t i = 0; i < crowds; i++) {
        pids[i] = fork();
        if (pids[i] == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
            be_crowd(shared, site, i, codec, count / crowds, kind);
    }
    await(&shared->ready, crowds, pids, crowds);
    struct site_usage before = site_usage(site);
    add(&shared->go);
    await(&shared->answered, crowds, pids, crowds);
    struct site_usage answered = site_usage(site);
    await(&shared->heard, crowds, pids, crowds);
    struct site_usage heard = site_usage(site);
    add(&shared->told);
    for (uint32_t i = 0; i < crowds; i++) {
        int status = 0;
        if (waitpid(pids[i], &status, 0) == pids[i] && status != 0)
            sheet_die("a crowd has failed");
    }
    r.answered_cpu_s = answered.workers_s - before.workers_s;
    r.heard_cpu_s = heard.workers_s - before.workers_s;
    r.peerd_cpu_s = answered.peerd_s + answered.supervisor_s - before.peerd_s - before.supervisor_s;
    sum_up(&r, shared, crowds);
    munmap(shared, sizeof(*shared));
    return r;
}
