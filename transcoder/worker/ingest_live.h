/*
 * `transcoderd ingest --live`: a source that comes in becomes a folder of chunks (hls/incoming.h).
 *
 * The anchor of a feed is when it was first begun, by this machine's clock. Whoever begins it again
 * goes on in the same folder with the number that the time of day says: no number is used twice,
 * and what was missed meanwhile is a gap. A chunk is written beside itself and put in its place
 * when it is whole, the index after it. The source's clock is held to ours (hls/tempo.h).
 */
#ifndef TRANSCODER_WORKER_INGEST_LIVE_H
#define TRANSCODER_WORKER_INGEST_LIVE_H

#include <stdint.h>

struct ingest_live {
    const char *from;   /* "-", a file, a FIFO or a URL */
    const char *folder; /* made if it is not there */
    uint32_t height;    /* [lines] 0: the source's */
    uint32_t fps;       /* [pictures/s] 0: RENDITION_FPS */
    uint32_t late_ms;   /* [ms] 0: what the feed has, INCOMING_LATE_MS for a new one */
};

/* Until the source ends (0) or fails (1). */
int ingest_live(const struct ingest_live *order);

#endif
