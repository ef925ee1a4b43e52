/*
 * Turn: which clusters a client is to measure next, of all that could serve it.
 *
 * A client measures a handful at a time (topo/probe). The cluster that serves it knows all who
 * could be its backup, in the order of their ranking, and what clients of that location have found
 * (topo/trips). Whoever was never named to anybody there comes first, in that order, so that what
 * counts most is known first; then whoever was named or heard longest ago; of those alike the
 * better ranked. So the clients of a location find out together, a lone one finds out about all of
 * them in turns, and one who never answers takes no more room than any other.
 */
#ifndef TOPO_TURN_H
#define TOPO_TURN_H

#include "topo/trips.h"

#define TURN_CANDIDATES_MAX 64

/* Writes the indexes of those whose turn it is, at most `room`, first come first, and notes in `t`
 * that they have had it; returns how many. `clusters` are numbers as trips knows them, best ranked
 * first, at most TURN_CANDIDATES_MAX. Without a location it is the best ranked every time. */
size_t turn_choose(struct trips *t, const struct prefix *location, const uint16_t *clusters,
                   size_t count, struct instant now, uint8_t *out, size_t room);

#endif
