/*
 * What audiences.c (who is sent where) and audiences_words.c (what is known of each place) share.
 */
#ifndef PEERD_CORE_AUDIENCES_INNER_H
#define PEERD_CORE_AUDIENCES_INNER_H

#include "peerd/core/audiences.h"

/* The row of that place; NULL: nothing is heard of it. */
const struct audience_row *audience_find(const struct core *core, const struct name *origin,
                                         const struct name *cluster, const struct prefix *location);

/* Clients of it within the last AUDIENCES_FRESH, at least. */
uint32_t audience_clients(const struct core *core, const struct audience_row *row);

/* [R/100] of late; `figures` are what it stands on, faded until now. */
struct audience_figures {
    uint32_t centi, spread_centi, figures;
};
struct audience_figures audience_now(const struct core *core, const struct audience_row *row);

/* What is known of the same stream and place at other clusters, heard or told within
 * AUDIENCES_FRESH. */
size_t audience_others(const struct core *core, const struct audience_row *row,
                       struct degrade_peer out[DEGRADE_PEERS_MAX]);

/* [R/100] So much chance may make of a mean: 95 % of normal ones, one-sided. */
uint32_t audience_chance(uint32_t spread_centi, uint32_t reports);

/* Made if need be; NULL without memory. */
struct audiences *audiences_made(struct core *core);

/* Which lots are to be elsewhere, by its state. */
struct audience_lots {
    uint16_t from, to; /* without the last */
};
struct audience_lots audience_leaving(const struct audience_row *row);

/* What a cluster has told of its own players, while that is fresh. */
bool audience_wants_away(const struct core *core, const struct name *origin,
                         const struct name *cluster, const struct prefix *location, uint32_t lot);

/* All players are kept away from there. */
bool audience_is_held(const struct audience_row *row);

#endif
