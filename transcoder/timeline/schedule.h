/*
 * Schedule: when frames of the serving path arrive, learnt from those that did.
 *
 * Frame n is expected at offset + n × 20 ms. The offset is the smallest seen in the last one to two
 * windows: queues only add delay, so the minimum is the path itself, and two alternating windows
 * let it follow a changed path or a drifting clock. Jitter is RFC 3550's (section 6.4.1), fed by
 * frames in rising order only, and each sample is capped: a backfill or an outage says nothing
 * about jitter. No clock but the client's is involved, which is why a resume's `live_frame` comes
 * from here.
 */
#ifndef TRANSCODER_TIMELINE_SCHEDULE_H
#define TRANSCODER_TIMELINE_SCHEDULE_H

#include "transcoder/timeline/position.h"

#define SCHEDULE_WINDOW_MS     2000 /* [ms] of each of the two windows */
#define SCHEDULE_SAMPLE_MS_MAX 40   /* [ms] cap of one sample of jitter: two frame times */

struct schedule {
    struct duration frame;       /* 20 ms */
    struct instant window_since; /* start of the running window; "never" before any arrival */
    int64_t offset_us[2];  /* [µs] smallest arrival − n·frame: running and previous window */
    int64_t transit_us;    /* [µs] arrival − n·frame of the frame before */
    int64_t jitter_us_x16; /* [µs/16] smoothed, gain 1/16 */
    uint64_t high;         /* one past the highest frame that arrived */
    bool stale;            /* the next arrival replaces the offset */
};

void schedule_init(struct schedule *s, struct duration frame);

/* Another server serves from now on: its first frame replaces the offset, which stays until then,
 * and the jitter is kept. */
void schedule_restart(struct schedule *s);

void schedule_frame_arrived(struct schedule *s, uint64_t frame, struct instant now);

bool schedule_known(const struct schedule *s);

/* The frame that arrives at `at` if all goes well; 0 if nothing has arrived yet. */
uint64_t schedule_live(const struct schedule *s, struct instant at);

/* When `frame` ought to arrive; "never" if nothing has arrived yet. */
struct instant schedule_expected(const struct schedule *s, uint64_t frame);

struct duration schedule_jitter(const struct schedule *s);

#endif
