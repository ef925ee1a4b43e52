/*
 * Probed: how many probes a worker answers.
 *
 * Whoever asks is a stranger and need not prove its address: an answer is as long as its question,
 * so that nobody is worth more as a mirror than as himself. What a flood of them can take from
 * those who listen is bounded, by so many a second and worker; beyond, and with none permitted,
 * they are dropped without a word. Nothing is kept of whoever asked.
 */
#ifndef TRANSCODER_TIMELINE_PROBED_H
#define TRANSCODER_TIMELINE_PROBED_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct probed {
    struct instant since; /* the present second began */
    uint32_t in_second;   /* answered in it */
    uint64_t answered;    /* in all … */
    uint64_t refused;     /* … and those that were not */
};

/* True: answer it. `per_s` is what policy permits now, 0: none. */
bool probed_admits(struct probed *p, uint32_t per_s, struct instant now);

#endif
