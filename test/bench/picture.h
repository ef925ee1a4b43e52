/* A picture of the shoot-out: detection time against mistakes, a line for each detector (SVG). */
#ifndef TEST_BENCH_PICTURE_H
#define TEST_BENCH_PICTURE_H

#include "test/bench/replay.h"

struct picture_set {
    const char *name;
    const struct replay_result *results;
    size_t count;
    size_t customary; /* which of them, from 1; 0 for none */
};

/* False, after a message, if the file cannot be written. */
bool picture_write(const char *path, const char *title, const struct picture_set *sets,
                   size_t count, double wish_per_hour, double wish_ms);

#endif
