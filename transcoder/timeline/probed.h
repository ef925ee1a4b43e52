/*
 * Probed: how many probes a worker answers, and which round trips it believes its client.
 *
 * Whoever asks is a stranger and need not prove its address: an answer is as long as its question,
 * so that nobody is worth more as a mirror than as himself. What a flood of them can take from
 * those who listen is bounded, by so many a second and worker; beyond, and with none permitted,
 * they are dropped without a word. Nothing is kept of whoever asked.
 *
 * What a client of ours tells of others is believed if its key has signed it for us and it is newer
 * than all that it has told before. Replayed, or overtaken by a newer one, it is refused: a word
 * counts for half an hour from when it is heard, and must not be made young again by who recorded
 * it.
 */
#ifndef TRANSCODER_TIMELINE_PROBED_H
#define TRANSCODER_TIMELINE_PROBED_H

#include "peerd/base/time.h"
#include "peerd/wire/message.h"

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

/* Judges decoded round trips, while their datagram is there. `newest` is the counter of those taken
 * before, of the same session, 0 at first; it becomes theirs only if they are taken, so that nobody
 * who cannot sign can shut later ones out. Errors: REPLAYED, FOREIGN, BAD_SIGNATURE. */
enum err probed_take_trips(uint64_t *newest, const struct message *m,
                           const struct public_key *client, const struct key_hint *me);

#endif
