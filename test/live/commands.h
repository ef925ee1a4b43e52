/*
 * What live-run can be told to do, one file each.
 */
#ifndef TEST_LIVE_COMMANDS_H
#define TEST_LIVE_COMMANDS_H

#include <stddef.h>

enum command_exit {
    COMMAND_DONE = 0,    /* as expected */
    COMMAND_UNMET = 1,   /* not as expected */
    COMMAND_USAGE = 2,   /* wrong options */
    COMMAND_CANNOT = 3,  /* it could not be run at all */
    COMMAND_SKIPPED = 77 /* this machine does not permit it, which has been said */
};

struct command {
    const char *name;
    const char *words; /* for the usage */
    const char *help;
    int (*run)(int argc, char **argv); /* argv[0] is the command */
};

int command_run(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_same(int argc, char **argv);
int command_hostile(int argc, char **argv);
int command_wan(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_trials(int argc, char **argv);

/* The folder of the programs that were built along with this one; static storage. */
const char *command_bin(void);

/* A seed nobody has chosen, short enough to be typed again. */
unsigned long long command_any_seed(void);

#endif
