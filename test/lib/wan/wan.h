/*
 * A wide-area network on one machine: places, and the ways between them.
 *
 * The emulator is a process of its own, which dies with whoever started it; it is told what to do
 * over a unix socket, and has done it when a call here returns. At first every way is open and
 * takes no time.
 */
#ifndef TEST_LIB_WAN_WAN_H
#define TEST_LIB_WAN_WAN_H

#include "test/lib/wan/forwarder.h"

struct wan;

/* Starts the emulator between places that exist. NULL with the reason in `why`. */
struct wan *wan_start(const struct wan_place *places, uint32_t count, uint64_t seed, char *why,
                      size_t why_size);

/* Ends it. Accepts NULL. */
void wan_stop(struct wan *w);

/* One direction between two places. False if the emulator does not answer; so below. */
bool wan_set_way(struct wan *w, uint32_t from, uint32_t to, const struct path_quality *quality);

/* What all ways from that place have in common, and all ways to it: bursts or outages. */
bool wan_set_mile(struct wan *w, uint32_t place, const struct way_mile *mile);

/* Which directions swallow everything, at [from × count + to]: all change at one instant. */
bool wan_set_cuts(struct wan *w, const bool *cuts);

/* False once the emulator has ended, which nobody but wan_stop should bring about. */
bool wan_lives(struct wan *w);

/* What happened since this was asked last. */
bool wan_count(struct wan *w, struct wan_counters *out);

#endif
