/*
 * What peersim was asked on its command line.
 */
#ifndef PEERD_SIM_ARGUMENTS_H
#define PEERD_SIM_ARGUMENTS_H

#include "peerd/sim/sim.h"

#include <stdbool.h>
#include <stdint.h>

struct arguments {
    const char *file;    /* NULL: the swarm */
    const char *html;    /* file for a page; NULL: none */
    const char *matrix;  /* file of round-trip times; NULL: as the scenario says */
    const char *save_to; /* folder for what was cut down */
    uint64_t seed;
    uint64_t runs; /* 0: a single one */
    uint64_t first_seed;
    uint64_t jobs; /* 0: as many as there are cores */
    bool range;    /* `--seed A..B`: the runs from first_seed on, and their curve */
    bool seed_given, json, trace, print, scatter;
    bool shrink, no_shrink, keep_going;
    enum sim_sleep sleep;
    bool apart;
};

/* −1 to go on; else the exit status, and why has been said. */
int arguments_parse(struct arguments *out, int argc, char **argv);

#endif
