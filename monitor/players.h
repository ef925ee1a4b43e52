/*
 * Players: what strangers' players say of how streams reach them, by pathway and location.
 *
 * A player that asks whom to fetch from says where it is and how fast that was, and with CMCD how
 * full its buffer is and whether it ran dry. That is a stranger's word about somebody else's
 * server: it is summed up here for operators to look at, one row for each pathway and location, and
 * moves nobody. A row that nobody has added to for the longest time makes room for a new one, so
 * that whoever asks from many addresses crowds out rows and no memory. Sums by pathway stay.
 */
#ifndef MONITOR_PLAYERS_H
#define MONITOR_PLAYERS_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAYERS_ROWS_MAX     128 /* pathways and locations */
#define PLAYERS_PATHWAYS_MAX 32  /* names of clusters; those that come later are not counted */
#define PLAYERS_UNKNOWN      UINT32_MAX
#define PLAYERS_KBPS_MAX     100000000U /* [kbit/s] larger rates are nobody's */

/* What one request said; what it did not is PLAYERS_UNKNOWN. */
struct players_word {
    uint32_t throughput_kbps; /* [kbit/s] as the player measured it, lately */
    uint32_t buffer_ms;       /* [ms] of media that it holds */
    bool starved;             /* it has run dry since it asked before */
};

struct players_sum {
    uint64_t asked;
    uint64_t starved;       /* of them so many had run dry */
    double throughput_kbps; /* [kbit/s] smoothed, each word an eighth; 0: none was told */
    double buffer_ms;       /* [ms] likewise */
};

struct players_row {
    struct name pathway;
    struct prefix location;
    struct instant heard;
    struct players_sum sum;
};

struct players_pathway {
    struct name pathway;
    struct players_sum sum;
};

struct players {
    struct players_row rows[PLAYERS_ROWS_MAX];
    size_t row_count;
    struct players_pathway pathways[PLAYERS_PATHWAYS_MAX];
    size_t pathway_count;
};

void players_init(struct players *p);

/* A player at that pathway (a name that is one of our clusters', which the caller knows). */
void players_told(struct players *p, const struct name *pathway, const struct prefix *location,
                  const struct players_word *word, struct instant now);

#endif
