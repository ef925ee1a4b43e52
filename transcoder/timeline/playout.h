/*
 * Playout: the buffer between arrival and output, where frames of several servers become one
 * stream.
 *
 * Frames are chosen by position, whoever sent them. The playout clock starts once: the first frame
 * that arrives is due `depth` after its arrival, every other one a whole number of frame times
 * before or after it. The clock never stops, stretches or re-anchors. A frame is *lost* if it is
 * not in the buffer at its playout instant: what arrives at that instant or later is *late*.
 *
 * Sources are servers, numbered by the caller. From its `mergeable_from` on a source's bytes equal
 * anybody's: between two such sources the first copy wins and any further one is a duplicate.
 * Before that, a frame of a second source is kept beside the first as a *spare*, and the buffer
 * stays with the source it played last for as long as that one has the frame. This greedy rule
 * makes the fewest splices possible (one for a move, two for a false alarm) without knowing
 * beforehand who will survive.
 *
 * Storage is the caller's: `slot_count` slots and 2 × slot_count × payload_bytes_max bytes. A frame
 * further ahead than the slots reach is refused as *early*. A simulator may set payload_bytes_max
 * to 0: lengths are then kept and bytes are not.
 */
#ifndef TRANSCODER_TIMELINE_PLAYOUT_H
#define TRANSCODER_TIMELINE_PLAYOUT_H

#include "transcoder/timeline/position.h"

#include <stddef.h>

#define PLAYOUT_SOURCES_MAX   8    /* servers that a client knows at once */
#define PLAYOUT_PAYLOAD_BYTES 1920 /* [bytes] a good payload_bytes_max: L16, 48 kHz, mono */
#define PLAYOUT_SLOTS         64   /* a good slot_count: 1.28 s, several times a usual depth */
#define PLAYOUT_HELD_BYTES    16   /* [bytes] bitmap of a resume: 128 frames */

enum playout_result {
    PLAYOUT_NEW,       /* kept, nobody had sent it before */
    PLAYOUT_SPARE,     /* kept beside another source's copy with which it may not be merged */
    PLAYOUT_DUPLICATE, /* in time, but already held */
    PLAYOUT_LATE,      /* its instant has passed, with another's copy or without any */
    PLAYOUT_EARLY,     /* beyond the slots, or beyond the end of the stream; dropped */
    PLAYOUT_OVERSIZED  /* longer than payload_bytes_max; dropped */
};

enum playout_taken {
    PLAYOUT_WAIT, /* nothing is due: ask again at playout_deadline() */
    PLAYOUT_PLAY, /* a frame; its payload is valid until the next insert */
    PLAYOUT_LOST, /* the frame is lost: conceal it */
    PLAYOUT_ENDED /* the end of the stream has been played */
};

struct playout_lane {
    uint16_t len;   /* [bytes] */
    uint8_t source; /* who sent it */
    bool held;
};

struct playout_slot {
    uint64_t frame;               /* FRAME_NEVER: never used */
    struct playout_lane lanes[2]; /* the first copy, and a spare that may not be merged with it */
    uint16_t seen;                /* bit s: source s has delivered it in time */
};

struct playout_stats {
    uint64_t expected;    /* playout instants that have passed */
    uint64_t played;      /* frames played; expected = played + lost */
    uint64_t lost;        /* frames not held at their instant */
    uint64_t lost_before; /* frames that the serving source had not delivered by then at once */
    uint32_t missed_run;  /* of these in a row up to now */
    uint16_t burst_x16;   /* [1/16] mean length of such runs, the newest count an eighth; 0: none */
    uint64_t repaired;    /* frames that were first held because they were sent again */
    uint64_t lost_run;    /* frames lost in a row up to now */
    uint64_t lost_run_max; /* the longest such run */
    uint64_t duplicates;   /* further copies, spares not played included */
    uint64_t differing;    /* duplicates whose bytes differ although both sources are mergeable */
    uint64_t late;         /* arrived at or after their instant, which nobody's copy had kept */
    uint64_t early;        /* refused: beyond the slots or the end */
    uint64_t oversized;    /* refused: too long */
    uint64_t splices;      /* output went on with a source that may not be merged with the last */
};

struct playout_config {
    struct duration depth; /* from the first arrival to its playout instant */
    struct duration frame; /* 20 ms */
    uint64_t first_frame;  /* first frame to be played */
    struct playout_slot *slots;
    uint32_t slot_count; /* at least depth ÷ frame + 2 */
    uint8_t *payloads;   /* 2 × slot_count × payload_bytes_max bytes; may be NULL if that is 0 */
    size_t payload_bytes_max;
};

struct playout {
    struct playout_config config;
    struct instant anchor; /* playout instant of first_frame; "never" before the first arrival */
    uint64_t next;         /* next frame to be taken */
    uint64_t high;         /* one past the highest frame ever kept */
    uint64_t end;          /* one past the last frame of the stream; FRAME_NEVER if unknown */
    uint64_t mergeable_from[PLAYOUT_SOURCES_MAX];
    uint8_t serving; /* whose misses count as lost_before, from frame serving_from on */
    uint8_t served;  /* and before it */
    uint64_t serving_from;
    uint8_t last_source; /* source of the frame played last; PLAYOUT_SOURCES_MAX before that */
    bool last_exact;     /* it was mergeable */
    struct playout_stats stats;
};

struct playout_frame {
    uint64_t frame;
    const uint8_t *payload; /* borrowed from the buffer; NULL if no bytes are kept */
    uint16_t len;           /* [bytes] */
    uint8_t source;
};

void playout_init(struct playout *p, const struct playout_config *config);

/* From a grant. A source is taken as never mergeable until this says otherwise; a slot number
 * given to another server must be reset with FRAME_NEVER. */
void playout_mergeable_from(struct playout *p, uint8_t source, uint64_t frame);

/* From frame `from` on it is this source whose misses count as lost_before. */
void playout_serving(struct playout *p, uint8_t source, uint64_t from);

/* The stream ends before frame `end`; an end once set can only come nearer. */
void playout_end_at(struct playout *p, uint64_t end);

/* Takes a frame that arrived at `arrived` (a kernel timestamp, or when it was read). The payload is
 * copied. Everything but NEW and SPARE leaves the buffer unchanged and is counted. */
enum playout_result playout_insert(struct playout *p, uint8_t source, uint64_t frame,
                                   const void *payload, size_t len, struct instant arrived);

/* One that its source has sent again, asked to: it does not hide that the path had lost it. */
enum playout_result playout_insert_again(struct playout *p, uint8_t source, uint64_t frame,
                                         const void *payload, size_t len, struct instant arrived);

/* Takes the next frame that is due. Call again until PLAYOUT_WAIT or PLAYOUT_ENDED. */
enum playout_taken playout_take(struct playout *p, struct instant now, struct playout_frame *out);

/* The playout instant of the next frame; "never" before the first arrival and after the end. */
struct instant playout_deadline(const struct playout *p);

/* Playout instant of any frame; "never" before the first arrival. */
struct instant playout_due(const struct playout *p, uint64_t frame);

/* True if a copy is in the buffer, waiting or played not long ago. */
bool playout_holds(const struct playout *p, uint64_t frame);

/* The first frame that is not held and whose instant lies after `now`: what a resume asks for. May
 * equal the end of the stream. */
uint64_t playout_missing(const struct playout *p, struct instant now);

/* True if that source has sent it itself, at once; for frames as old as there is room for. */
bool playout_was_sent(const struct playout *p, uint64_t frame, uint8_t source);

/* The last frame before the first one missing, for reports; 0 if there is none. */
uint64_t playout_last_contiguous(const struct playout *p, struct instant now);

/* Bit i (least significant first) says that from + 1 + i is held, as in message_resume. */
void playout_held(const struct playout *p, uint64_t from, uint8_t held[PLAYOUT_HELD_BYTES]);

bool playout_finished(const struct playout *p);
void playout_check_invariants(const struct playout *p);

#endif
