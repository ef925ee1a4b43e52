/*
 * A rush: clients who all want to be served by one cluster, at once.
 *
 * Half of them come to each of its two workers, as a crowd (crowd.h) in a process of its own that
 * does nothing else. They commit under a ticket that nothing was lodged for and lack no frame, so
 * that what their answers take is the control path: cookie, ticket, signature, admission, the
 * source opened, the answer. What their media costs comes after, until each has heard a frame.
 */
#ifndef TEST_BENCH_RUSH_H
#define TEST_BENCH_RUSH_H

#include "test/bench/site.h"

#define RUSH_CROWDS 2

struct rush_result {
    uint32_t count;
    double answered_s;     /* [s] from the first question to the last answer */
    double heard_s;        /* [s] … until all have heard a frame */
    double answered_cpu_s; /* [s] of CPU of the workers until the last answer … */
    double heard_cpu_s;    /* … and until all have heard */
    double peerd_cpu_s;    /* [s] of CPU of peerd and supervisor until the last answer */
    double load_cpu_s;     /* [s] of CPU of the crowds until then */
    uint64_t busy;         /* times that somebody was told to come again */
};

enum rush_kind {
    RUSH_PASSED, /* they have knocked before, as whoever has a backup does in calm */
    RUSH_SIGNED, /* and these have not */
    RUSH_APART   /* signed, one after another */
};

/* Apart: each when the one before has heard its first frame. Ends the process if anybody is
 * refused or hears nothing. The sessions are gone afterwards. */
struct rush_result rush_run(const struct site *site, enum media_codec codec, uint32_t count,
                            enum rush_kind kind);

#endif
