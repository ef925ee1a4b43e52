/*
 * A death, many times over: what it is like for listeners of a site when it dies, under a given way
 * of watching it and with so much held ready elsewhere. In the simulator, or once with the real
 * programs.
 */
#ifndef TEST_BENCH_TRADEOFF_H
#define TEST_BENCH_TRADEOFF_H

#include <stdbool.h>
#include <stdint.h>

struct tradeoff_case {
    double interval_ms;     /* between beats; a site is dead after four of them, 200 ms at least */
    const char *protection; /* as in a scenario: cold, warm, hot */
    unsigned capacity;      /* of each of the other sites; 0: more than enough */
    unsigned reserved;      /* of it, slots set aside for the site that dies */
    unsigned busy;          /* of it, listeners of their own who want one */
    unsigned listeners;     /* of the site that dies */
};

struct tradeoff_found {
    uint32_t moved;        /* listeners that were taken over, all runs */
    double first_frame_ms; /* median, from the first frame missing to the new server's first … */
    double first_frame_ms_p99;
    double lost_frames; /* a listener, mean */
    double lost_share;  /* of listeners that lost any */
    double known_ms;    /* median, until a peer is sure that the site is dead … */
    double known_ms_p99;
    double unserved;    /* share of the dead site's listeners without media 5 s later */
    double own_refused; /* share of the others' own listeners without a session by then */
};

/* Many runs in the simulator, of seeds 1 to `runs`. */
void tradeoff_simulate(const struct tradeoff_case *c, unsigned runs, struct tradeoff_found *out);

/* One run of the real programs over the same paths; false, with a reason, where they cannot run. */
bool tradeoff_live(const struct tradeoff_case *c, struct tradeoff_found *out, char *why,
                   unsigned why_size);

#endif
