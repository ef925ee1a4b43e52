/*
 * A studio: the real transcoderd alone with its door for players of streams (--hls), one maker of
 * segments, and films that ffmpeg's command line makes.
 *
 * Programs are those of the same build; all die with the benchmark. Players' questions are asked
 * one at a time over a connection that is kept; what a process used is what the scheduler counted
 * for it.
 */
#ifndef TEST_BENCH_STUDIO_H
#define TEST_BENCH_STUDIO_H

#include "peerd/base/addr.h"
#include "transcoder/hls/playlist.h"

#include <sys/types.h>

#define STUDIO_ADDRESS    "127.0.254.1"
#define STUDIO_PORT       18080
#define STUDIO_SEGMENTS   8
#define STUDIO_RENDITIONS 4
#define STUDIO_BODY_MAX   (8U << 20) /* [bytes] */

struct studio {
    char dir[64];
    char film[96];  /* STUDIO_SEGMENTS whole ones of 1280x720 at 25/s, and AAC … */
    char small[96]; /* … the same of 320x180 */
    const struct rendition *renditions;
    char prints[STUDIO_RENDITIONS][PLAYLIST_PRINT_LEN + 1];
    pid_t supervisor, front, maker;
    int fd;        /* the connection; -1: none */
    uint8_t *body; /* of the last answer */
    size_t body_len;
};

/* Makes folder and films. Ends the process if it cannot. */
void studio_init(struct studio *s, const struct rendition renditions[STUDIO_RENDITIONS]);

/* Starts transcoderd and waits until every rendition is at hand, and no segment of it is made. */
void studio_start(struct studio *s);

/* Kills what runs, removes the folder. */
void studio_destroy(struct studio *s);

/* [status] of the answer to GET; its body is in `body` until the next one. */
unsigned studio_get(struct studio *s, const char *path);

/* The path of a segment, or with SEGMENT_INIT of what stands before all of them. */
const char *studio_path(const struct studio *s, size_t rendition, uint32_t number, char out[128]);

/* Fetches it, again while it is not there in time. Ends the process if it never is. */
void studio_fetch(struct studio *s, size_t rendition, uint32_t number);

#endif
