/*
 * Programs of the same build as children of a benchmark: ../bin/NAME as seen from it. They die with
 * it, whatever way it ends. What one used is what the scheduler counted for it, in nanoseconds and
 * not in ticks.
 */
#ifndef TEST_BENCH_CHILD_H
#define TEST_BENCH_CHILD_H

#include <sys/types.h>

/* Starts a program; `words` begins with its name and ends with NULL. What it prints and logs goes
 * to the file `log`, anew. Ends the benchmark if it cannot. */
pid_t child_start(const char *log, const char *const words[]);

/* Kills it and buries it; *pid is 0 then. Nothing happens if it is so already. */
void child_end(pid_t *pid);

/* [s] of CPU, user and system, of all threads of a process since it started. Ends the benchmark if
 * it is gone. */
double child_cpu_s(pid_t pid);

#endif
