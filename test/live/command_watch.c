/*
 * watch: did the machine have time for a test?
 *
 * It looks every 20 ms for how long each process of the test has been ready to run without getting
 * a processor, which the kernel counts (/proc/PID/schedstat), and for how late it was itself, which
 * has the priority to be on time. The longest wait of all is what it says when it is told to end:
 * whoever judges a failure then knows whether the machine can have caused it. A process that is
 * stopped, or waits for another, has no wish to run, and is not counted. Nor is one that waits for
 * a disk, since its own memory or code had been put away; so pages that came from there are told
 * too
 * (/proc/PID/stat, majflt).
 */
#include "test/live/commands.h"
#include "test/live/process.h"

#include "peerd/net/clock.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS      20
#define PROCESSES_MAX 512 /* watched at a time; further ones are not */
#define STARTS_MS     300 /* in which a process comes up, crowds others out, and is not on time */
#define DEPTH_MAX     8   /* from the test's shell to a worker it is five */

struct watched {
    pid_t pid;
    uint64_t waited_ns; /* in its whole life */
    uint64_t faults;    /* the same: pages read from disk */
    struct instant since;
    bool seen; /* in this round */
};

struct watch {
    struct watched processes[PROCESSES_MAX];
    size_t count;
    int64_t longest_us;
    uint64_t pages; /* read from disk by those that had come up */
    char who[32];   /* had to wait that long; "" for the machine as a whole */
};

static volatile sig_atomic_t ended;

static void end(int number) {
    (void)number;
    ended = 1;
}

static bool read_waited(pid_t pid, uint64_t *waited_ns) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "re");
    bool good = f != NULL && fscanf(f, "%*u %" SCNu64, waited_ns) == 1;
    if (f != NULL)
        fclose(f);
    return good;
}

static uint64_t read_faults(pid_t pid) {
    char path[64], line[1024];
    uint64_t faults = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    const char *name_ends =
        f != NULL && fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
    if (name_ends != NULL &&
        sscanf(name_ends, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %" SCNu64, &faults) != 1)
        faults = 0;
    if (f != NULL)
        fclose(f);
    return faults;
}

static void note(struct watch *w, int64_t us, pid_t pid) {
    char path[64], words[256] = "";
    if (us <= w->longest_us)
        return;
    w->longest_us = us;
    w->who[0] = '\0';
    if (pid == 0)
        return;
    /* Not its `comm`: workers are started by way of /proc/self/exe. */
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *f = fopen(path, "re");
    if (f != NULL && fgets(words, sizeof(words), f) == NULL)
        words[0] = '\0';
    if (f != NULL)
        fclose(f);
    const char *slash = strrchr(words, '/');
    snprintf(w->who, sizeof(w->who), "%.31s",
             words[0] == '\0' ? "a process"
             : slash != NULL  ? slash + 1
                              : words);
}

static void look_at(struct watch *w, pid_t pid, struct instant now) {
    uint64_t waited_ns, faults = read_faults(pid);
    size_t i = 0;
    if (!read_waited(pid, &waited_ns))
        return;
    while (i < w->count && w->processes[i].pid != pid)
        i++;
    if (i == PROCESSES_MAX)
        return;
    if (i == w->count)
        w->processes[w->count++] = (struct watched){.pid = pid, .since = now};
    if (instant_since(now, w->processes[i].since).us > STARTS_MS * 1000) {
        note(w, (int64_t)(waited_ns - w->processes[i].waited_ns) / 1000, pid);
        w->pages += faults > w->processes[i].faults ? faults - w->processes[i].faults : 0;
    }
    w->processes[i].waited_ns = waited_ns;
    w->processes[i].faults = faults;
    w->processes[i].seen = true;
}

static void look_below(struct watch *w, pid_t pid, int depth, struct instant now) {
    pid_t children[PROCESS_CHILDREN_MAX];
    size_t count = depth > 0 ? process_children(pid, children) : 0;
    for (size_t i = 0; i < count; i++) {
        if (children[i] == getpid())
            continue;
        look_at(w, children[i], now);
        look_below(w, children[i], depth - 1, now);
    }
}

static void forget_the_dead(struct watch *w) {
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->processes[i].seen) {
            w->processes[kept] = w->processes[i];
            w->processes[kept++].seen = false;
        }
    w->count = kept;
}

static void watch(struct watch *w, pid_t pid) {
    const struct timespec pause = {.tv_nsec = EVERY_MS * 1000000};
    while (!ended && process_lives(pid)) {
        struct instant slept = net_now();
        nanosleep(&pause, NULL);
        struct instant now = net_now();
        note(w, instant_since(now, slept).us - EVERY_MS * 1000, 0);
        look_below(w, pid, DEPTH_MAX, now);
        forget_the_dead(w);
    }
}

int command_watch(int argc, char **argv) {
    static struct watch w;
    const struct sched_param param = {.sched_priority = 1};
    long pid = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (pid <= 1) {
        fputs(
            "usage: live-run watch PID\n\n"
            "Watches the processes that descend from PID until it ends or SIGTERM comes. Says how\n"
            "long the unluckiest of them waited for a processor, or this machine stood still:\n"
            "  130 ms peerclient had to wait for a processor, 12 pages came from disk\n",
            argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? COMMAND_DONE : COMMAND_USAGE;
    }
    signal(SIGTERM, end);
    sched_setscheduler(0, SCHED_RR, &param);
    watch(&w, (pid_t)pid);
    printf("%" PRId64 " ms %s%s, %" PRIu64 " pages came from disk\n", w.longest_us / 1000,
           w.who[0] == '\0' ? "this machine stood still" : w.who,
           w.who[0] == '\0' ? "" : " had to wait for a processor", w.pages);
    return COMMAND_DONE;
}
