/*
 * The table under monitor/perf: locations in the order of their prefixes, and what happens when
 * there are too many (perf_share: which peer gives way). For perf*.c alone.
 */
#ifndef MONITOR_PERF_TABLE_H
#define MONITOR_PERF_TABLE_H

#include "monitor/perf.h"

/* That of clients of a location: its own prefix or a wider one that it was merged into; NULL. */
struct perf_location *perf_table_own(const struct perf *p, const struct prefix *location);

/* The entry of the very prefix, or that it has just been merged into, made if need be; others may
 * move. For `ours` all others have to give way, for a peer's those of peers who have most. NULL
 * without memory or room. */
struct perf_location *perf_table_make(struct perf *p, const struct prefix *prefix, bool ours,
                                      struct instant now);

/* A full table: those peers lose words that have most of them. False without memory, or if all are
 * locations of our own clients. */
bool perf_share_free(struct perf *p);

/* Those of nobody of ours that no peer has a word on. */
void perf_table_drop_silent(struct perf *p);

/* Keeps a peer's word. False without memory. */
bool perf_table_tell(struct perf *p, struct perf_location *at, const struct perf_peer *word);

/* What is known of each peer's clients at a location: of the very prefix, else of a wider one that
 * holds it, else of narrower ones within it together. Writes at most PERF_PEERS_MAX. */
size_t perf_table_peers(const struct perf *p, const struct prefix *location, struct perf_peer *out);

/* The first `bits` of a prefix, or all of it if it has fewer. */
struct prefix perf_table_widen(const struct prefix *prefix, uint32_t bits);

/* The first that is not before it in the list. */
uint32_t perf_table_first(const struct perf *p, const struct prefix *prefix);

int perf_table_compare(const struct prefix *a, const struct prefix *b);

uint32_t perf_table_us(struct duration d); /* saturating */

#endif
