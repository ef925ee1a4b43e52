/* What the files of the swim lanes share. */
#ifndef PEERD_SIM_REPORT_LANES_PRIVATE_H
#define PEERD_SIM_REPORT_LANES_PRIVATE_H

#include "peerd/sim/report_lanes.h"

#define LANES_WIDTH        1160 /* [px], as are all of these */
#define LANES_X0           176  /* time begins; names stand to the left … */
#define LANES_NAME         168  /* where names end */
#define LANES_X1           1052 /* … and ends; figures stand to the right */
#define LANES_ELEMENTS_MAX 9000 /* about 150 bytes each */
#define LANES_MERGE        3.0  /* what is closer together is drawn as one */

struct lanes {
    FILE *out;
    const struct picture *p;
    struct lanes_view view;
    double y;           /* where the next lane begins */
    uint32_t *elements; /* of listeners, so far: a page has to stay small */
};

/* True if there is room for one more bar, sign or tick of a listener. */
bool lanes_may_add(const struct lanes *l);

double lanes_x(const struct lanes *l, int64_t ms);        /* not limited to the view */
double lanes_x_within(const struct lanes *l, int64_t ms); /* limited to it */
bool lanes_visible(const struct lanes *l, int64_t from_ms, int64_t to_ms);

/* `text` in the left column, from its end at `x`, at height `y`. */
void lanes_label(const struct lanes *l, int x, double y, const char *class, const char *text);

void lanes_events(struct lanes *l);   /* time axis and event labels */
void lanes_audience(struct lanes *l); /* how many each cluster serves */
void lanes_clusters(struct lanes *l);
void lanes_clients(struct lanes *l);

/* Lines through all lanes, at the instants of events. */
void lanes_event_lines(const struct lanes *l, double top, double bottom);

#endif
