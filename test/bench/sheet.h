/*
 * A sheet: what one benchmark found, as a table for people or as one JSON object.
 *
 * Every figure has a key, a sentence and a unit; a figure with an aim says `missed` where it misses
 * it, and the program then ends with status SHEET_MISSED, as `peersim --bench` does. When what was
 * to be measured did not work it ends with SHEET_BROKEN.
 *
 * How to read it. A claim is a ratio, and both sides of a ratio are measured in turns within one
 * run. Absolute figures drift by 15 to 20 % on a shared machine; do not compare them across runs. A
 * figure is the median of its repeats.
 *
 * CPU is what the scheduler counted for the process (schedstat), so that other work on the machine
 * costs accuracy and not honesty. Figures "a second" and in milliseconds are wall clock: they mean
 * something on an idle machine only. On loopback the sender also runs the kernel's receiving half;
 * waking a sleeping receiver is kept out of it (crowd.h). A network card costs the sender about as
 * much as the former, not the latter.
 */
#ifndef TEST_BENCH_SHEET_H
#define TEST_BENCH_SHEET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHEET_MISSED 1 /* exit status: an aim was missed … */
#define SHEET_BROKEN 2 /* … what was to be measured does not work, or the command line is wrong */

#define SHEET_ROUNDS        5   /* repeats of a figure; the median is shown */
#define SHEET_ROUNDS_QUICK  3   /* the same with --quick */
#define SHEET_ROUND_S       0.1 /* [s] of CPU in one round of sheet_rate, at least */
#define SHEET_ROUND_S_QUICK 0.02

struct sheet {
    const char *name;
    bool json;  /* --json: print nothing but the object, on the last line */
    bool quick; /* --quick: a few seconds, to see that everything works; the figures are rough */
    json_t *root;
    json_t *group;         /* borrowed from root */
    const char *group_key; /* borrowed from the caller until the next group */
    unsigned missed;
};

/* Reads the command line; answers --help and anything unknown itself and exits. */
void sheet_open(struct sheet *s, const char *name, const char *what, int argc, char **argv);

/* Begins a block of figures; `key` names its object and is borrowed until the next one begins. */
void sheet_group(struct sheet *s, const char *key, const char *title);

/* One figure of the current group. */
void sheet_put(struct sheet *s, const char *key, const char *what, double value, const char *unit);

/* The same with an aim: at least `aim` where it is positive, at most its amount where negative. */
void sheet_put_aimed(struct sheet *s, const char *key, const char *what, double value,
                     const char *unit, double aim);

/* A line for people only. */
__attribute__((format(printf, 2, 3))) void sheet_note(const struct sheet *s, const char *format,
                                                      ...);

/* Prints the object if asked for, frees the sheet and returns the exit status: 0 if every aim was
 * met, or with --quick, whose figures are too rough to be judged. */
int sheet_close(struct sheet *s);

/* The path of a program of this build, which has to be there. */
void sheet_program(char *out, size_t size, const char *name);

/* Ends the process: what was to be measured does not work. */
__attribute__((noreturn, format(printf, 1, 2))) void sheet_die(const char *format, ...);

/* ---- measuring ---- */

/* [s] of CPU, user and system, that this process has used. */
double sheet_cpu_s(void);

/* Value below which `permille` of `count` values lie; sorts them. */
double sheet_quantile(double *values, size_t count, unsigned permille);
double sheet_median(double *values, size_t count);

unsigned sheet_rounds(const struct sheet *s);

/* Calls of `work` per CPU-second of this process: the median over the rounds. `work` is handed how
 * many times to do it. */
double sheet_rate(const struct sheet *s, void (*work)(void *data, uint32_t times), void *data);

#endif
