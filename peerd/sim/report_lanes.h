/*
 * The swim lanes of a page: time from left to right; events, how many each cluster serves, a lane a
 * cluster, a lane a listener. Inline SVG, coloured by the classes of report_style.c.
 */
#ifndef PEERD_SIM_REPORT_LANES_H
#define PEERD_SIM_REPORT_LANES_H

#include "peerd/sim/report_picture.h"

#include <stdio.h>

/* What stands in one drawing. */
struct lanes_view {
    int64_t from_ms, to_ms;
    bool close;      /* a part of the run: only listeners to whom something happened in it */
    uint32_t client; /* the one that a close view is about; UINT32_MAX: none */
};

/* False if memory is short. */
bool report_lanes_write(FILE *out, const struct picture *picture, const struct lanes_view *view);

/* What the colours and signs mean. */
void report_lanes_write_legend(FILE *out, const struct picture *picture);

/* The class of a cluster's colour, such as `k3`. */
const char *report_lanes_colour(const struct picture *picture, uint32_t cluster);

#endif
