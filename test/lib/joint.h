/*
 * Joints: what is seen and heard where a segment ends and the next one begins, beside an encoder
 * that never stopped.
 *
 * Segments are made one by one, each as by another cluster, and put one after the other; ffmpeg's
 * command line encodes the same film with the same settings in a single run, with a key picture
 * wherever a segment begins. Both are decoded by ffmpeg and compared with the film itself: PSNR
 * over the pictures nearest to each joint, SNR over the sound nearest to it. What differs between
 * the two is what a switch costs.
 */
#ifndef TEST_LIB_JOINT_H
#define TEST_LIB_JOINT_H

#include "transcoder/media/segment.h"

#include <stdbool.h>

#define JOINT_PICTURES 5    /* on either side */
#define JOINT_SAMPLES  2048 /* on either side: two frames of AAC, two and a bit of Opus */

struct joint {
    uint32_t count;
    double ours_db, steady_db; /* on average over all joints */
    double worst_db;           /* ours less the other's where that is least */
};

/* `film` is of class exact, has pictures of the rendition's size and rate (sound: 48 kHz, two
 * channels) and lasts whole segments; `dir` gets files. False after a line on standard error. */
bool joint_measure(struct joint *out, const char *film, const char *dir, const struct rendition *r);

/* The ffmpeg options that say of an encoder what a rendition says: " -c:v libx264 …". Returns
 * `out`. */
const char *joint_options(char out[512], const struct rendition *r);

#endif
