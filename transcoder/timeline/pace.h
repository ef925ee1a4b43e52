/*
 * Pace: which frame of one session a server sends next, and when.
 *
 * A start says `from`, the first frame that the receiver lacks, and `live`, the frame that should
 * be on the wire now. Frames from..live−1 that it does not hold already are backfill: they go out
 * as fast as is polite, the first PACE_BURST_FRAMES a quarter of a millisecond apart (ten frames in
 * 2.5 ms, well within a round trip), any more at 20 × real time, so that a long backfill does not
 * fell a thin link. Where others wait to begin (a herd) everything goes by position and at 4 × real
 * time at most, also what should be on the wire already: what is a depth of the playout buffer
 * early stays so at any rate above 1, and the first frame of the next one cannot wait until all
 * that this one has missed meanwhile is made. Who is on time again spares no more. Frame n ≥ live
 * goes out at base + (n − live) × 20 ms × (1 − rate): an absolute schedule, so that whoever wakes
 * late catches up at once. The rate is that of the listener's clock against ours, see servo.h; when
 * it changes, the schedule goes on from the frame sent last. `from` may lie ahead of `live` (a
 * planned move): nothing is sent before its instant.
 *
 * A repair asks a running sender again. Frames that it never covered are backfilled at once; those
 * that it has sent are sent again only if the last start or repair is PACE_REPEAT_MS old, because
 * until then the question has crossed the answer (a client repeats a hedge after 20, 60 and 90 ms).
 * A question that has waited to be read, as in a herd, has crossed all that went out meanwhile: it
 * says which frame should be on the wire when it arrives, and so how old it is. To take it for new
 * would be to send everything twice just where there is no time to, whereupon more questions wait.
 */
#ifndef TRANSCODER_TIMELINE_PACE_H
#define TRANSCODER_TIMELINE_PACE_H

#include "transcoder/timeline/position.h"
#include "transcoder/timeline/servo.h"

#define PACE_BURST_FRAMES    16   /* frames of backfill at the fast rate; 320 ms of media */
#define PACE_BURST_GAP_US    250  /* [µs] between them */
#define PACE_BACKFILL_GAP_US 1000 /* [µs] between further ones: 20 × real time */
#define PACE_SPARING_GAP_US  5000 /* [µs] between those of a sparing one: 4 × real time */
#define PACE_REPEAT_MS       100  /* [ms] in which a repeated request is one and the same */
#define PACE_HELD_BYTES      16   /* [bytes] bitmap of a resume: 128 frames */

struct pace {
    struct duration frame; /* 20 ms */
    struct instant base;   /* when frame `live` is due */
    uint64_t live;         /* as asked for; later the one from which the rate holds */
    int32_t rate_ppb;      /* [ppb] from there on, faster if positive */
    struct servo servo;    /* where it comes from */
    uint64_t next;         /* next frame of the paced part */
    uint64_t end;          /* one past the last frame of the stream; FRAME_NEVER if unknown */
    uint64_t covered_from; /* lowest frame that was ever asked for */
    uint64_t fill_next;    /* next frame of the backfill to look at */
    uint64_t fill_end;     /* one past its last */
    uint64_t held_from;    /* to which the bitmap refers */
    uint8_t held[PACE_HELD_BYTES];
    struct instant fill_at;   /* when its next frame may go */
    uint32_t fill_sent;       /* frames of this backfill sent */
    struct instant asked_at;  /* newest start or repair that was honoured */
    struct instant spared_at; /* before which a sparing one sends nothing */
    uint32_t spared;          /* frames that it has sent so */
    bool sparing;             /* others wait for the CPU */
    bool running;
};

/* `held` may be NULL: nothing is held. Any former run is forgotten, and its rate with it. */
void pace_start(struct pace *p, struct duration frame, uint64_t from, uint64_t live,
                const uint8_t held[PACE_HELD_BYTES], struct instant now);

/* After a start: it leaves the CPU to others who wait to begin. */
void pace_spare(struct pace *p);

/* While running only; the paced part goes on undisturbed. `live` should be on the wire as the
 * question arrives, if it is after `from`; else whoever asks cannot tell. */
void pace_repair(struct pace *p, uint64_t from, uint64_t live, const uint8_t held[PACE_HELD_BYTES],
                 struct instant now);

/* The listener reports how late frames arrive [µs], MESSAGE_LAG_UNKNOWN if it cannot tell: the
 * paced part goes faster or slower from now on. Backfill does not, nor what is stopped. */
void pace_follow(struct pace *p, int32_t lag_us, struct instant now);

/* True if it goes by our own clock, and a listener that is content changes nothing about it. */
bool pace_is_steady(const struct pace *p);

/* Where the paced part is at an instant: [µs] of media after the beginning of frame `live`,
 * negative before it. */
int64_t pace_media_us(const struct pace *p, struct instant at);

void pace_stop(struct pace *p);

/* The stream ends before `end`: nothing from there on is sent. */
void pace_end_at(struct pace *p, uint64_t end);

/* The next frame to send, backfill first. False if nothing is due: see pace_deadline(). Call until
 * false. */
bool pace_take(struct pace *p, struct instant now, uint64_t *frame);

/* Goes on as if everything that was due before `now` had been sent, and returns how many frames
 * that were. Only if it is steady, and without a backfill under way. */
uint64_t pace_pass(struct pace *p, struct instant now);

/* When `frame`, which is not before `live`, goes out. */
struct instant pace_due(const struct pace *p, uint64_t frame);

/* "never" if stopped, or if all has been sent. */
struct instant pace_deadline(const struct pace *p);

/* True once every frame before the end has been sent. */
bool pace_finished(const struct pace *p);

void pace_check_invariants(const struct pace *p);

#endif
