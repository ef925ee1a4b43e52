/*
 * Virtual time for code that runs on a net_loop: the clock stands still while anything is left to
 * do, and jumps to the next timer when nothing is.
 *
 * From standstill_begin on, net_now is that clock in the whole process, and net_loop_run_until
 * moves it: it lets the loop take whatever has arrived, until nothing more does, and only then goes
 * on to the next deadline. So a machine that is busy, or a process that is stopped for a while,
 * changes nothing: timers are never late, and nobody misses one. Tests run as fast as the loop
 * does.
 *
 * It is for a single process, on one thread, whose sockets speak to one another on loopback: other
 * processes, threads and libraries with clocks of their own (libcurl, c-ares) know nothing of it.
 * Test binaries are linked so that it comes between the folders and the system: see `--wrap` in the
 * Makefile.
 */
#ifndef TEST_LIB_STANDSTILL_H
#define TEST_LIB_STANDSTILL_H

#include "peerd/base/time.h"

/* To be called before the loop is made; time never runs by itself again in this process. */
void standstill_begin(void);

/* Lets time pass where no loop runs. */
void standstill_pass(struct duration by);

#endif
