/*
 * The wide space: every cluster and every group of listeners in a network namespace of its own, and
 * the emulator of test/lib/wan between them.
 *
 * All that passes between two of them - beats, control, sessions, media - has the delay, jitter,
 * loss, rate and cuts that the scenario gives their way. The runner stands in a place of its own,
 * from which everything that is not dark can be reached at once: it asks, it does not take part.
 * Cluster i is 10.(i+1).0.1, listener n is 10.(100+group).(1+n/250).(n%250+1), the server of source
 * i (`origin`) is 10.(200+i).0.1: clusters alone reach it, and whoever is dark does not.
 *
 * A scenario that says nothing of links has loopback in a plain space, and 20 ms here. Media of a
 * group share the last mile; what runs inside a cluster takes no time. Not here: clocks that step
 * or drift, more than 16 clusters or 200 listeners; peersim has them.
 */
#ifndef TEST_LIVE_WIDE_H
#define TEST_LIVE_WIDE_H

#include "test/live/space.h"

#define WIDE_GROUPS_MAX  64
#define WIDE_ORIGINS_MAX 8

/* True if the scenario says anything that a plain space cannot do, or the environment asks for it
 * (LIVE_WAN=1). `mark` (may be NULL) is where it is said, if it is said at one place. */
bool wide_is_wanted(const struct scenario *scenario, struct mark *mark);

/* Refuses networks (`network` of clients) that are not to be had: in a wide space each group has
 * its own, in a plain one all are neighbours. */
bool wide_permits(const struct scenario *scenario, struct faults *faults);

/* Makes the places and starts the emulator; the ways are as the scenario says. We should be in a
 * private namespace already. NULL with the reason in `why`. */
struct wide *wide_open(const struct scenario *scenario, uint64_t seed, char *why, size_t why_size);
void wide_close(struct wide *w);

/* Makes cuts and dark clusters as the space has them. False if the emulator does not answer. */
bool wide_apply(struct wide *w, const struct space *s);

/* From now on this row counts as the last of the scenario's links. False if the emulator does not
 * answer, or memory is short. */
bool wide_set_link(struct wide *w, const struct scenario_link *link);

struct addr wide_site_addr(uint32_t site, uint16_t port);
struct addr wide_origin_addr(uint32_t source, uint16_t port);
struct addr wide_listener_addr(const struct wide *w, uint32_t listener, uint16_t port);
int wide_site_of(const struct wide *w, uint32_t ip);
int wide_listener_of(uint32_t ip);
const struct wan_place *wide_site_place(const struct wide *w, uint32_t site);
const struct wan_place *wide_origin_place(const struct wide *w, uint32_t source);
const struct wan_place *wide_listener_place(const struct wide *w, uint32_t listener);

/* False once the emulator has ended: from then on nothing arrives anywhere. */
bool wide_lives(const struct wide *w);

/* One sentence about it; static storage. */
const char *wide_describe(const struct wide *w);

#endif
