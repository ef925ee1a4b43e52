/*
 * Processes of a run: started with a leash, found, signalled, reaped.
 *
 * Every process dies with the runner, also if the runner is killed (PR_SET_PDEATHSIG). Nothing is
 * ever found by its name: pids come from fork, and those of workers from the kernel's list of a
 * supervisor's children.
 */
#ifndef TEST_LIVE_PROCESS_H
#define TEST_LIVE_PROCESS_H

#include "test/lib/wan/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In the environment: this test only asks whether a thing works, and goes after those that count
 * frames beside it. */
#define PROCESS_ASIDE "LIVE_ASIDE"

#define PROCESS_NAME_MAX     17 /* a newline and the end included */
#define PROCESS_CHILDREN_MAX 64

struct process_spec {
    const char *const *argv;       /* argv[0] is a path, or looked for in PATH */
    const char *dir;               /* working directory; NULL: ours */
    uid_t uid;                     /* to run under, and the group of the same number; 0: ours */
    const struct wan_place *place; /* where it stands; NULL: where we are */
    const char *preload, *wall;    /* library to load first, and its WALL_OFFSET; NULL: none */
    bool at_once;                  /* real-time, as the runner: it waits for it */
    bool patient;                  /* a site goes before it */
    int in;                        /* descriptors given; -1: the null device */
    int out;
    int err;
};

/* 0 if there is none. The descriptors stay the caller's. */
pid_t process_start(const struct process_spec *spec);

/* Runs a helper to its end, at most five seconds, with `input` (may be NULL) on standard input;
 * what it says goes to `output`, cut to fit, one line. Returns its exit status, 128 + signal, or
 * 127 if it cannot be run. */
int process_run(const char *const *argv, const char *input, char *output, size_t output_size);

/* Where a program is, written to `out`; NULL: nowhere. Where Debian puts those of an operator is in
 * the PATH of root alone; it is looked for there, too. */
const char *process_find(const char *name, char *out, size_t size);

/* Children of a process, in the order of their start. */
size_t process_children(pid_t pid, pid_t out[PROCESS_CHILDREN_MAX]);

/* What it calls itself; false if there is none. */
bool process_name(pid_t pid, char out[PROCESS_NAME_MAX]);

/* Signals a process and its children. Pid 0 is passed over. */
void process_signal_tree(pid_t pid, int number);

/* True until it has ended, reaped or not. */
bool process_lives(pid_t pid);

#endif
