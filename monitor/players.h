/*
 * Players: what strangers' players say of how streams reach them, by pathway and location.
 *
 * A player that asks whom to fetch from says where it is and how fast that was, and with CMCD how
 * full its buffer is and whether it ran dry. That is a stranger's word about somebody else's
 * server: it is summed up here for operators to look at, one row for each pathway and location;
 * what moves players is core/audiences, which takes the rating of each word. A row that nobody has
 * added to for the longest time makes room for a new one, so that whoever asks from many addresses
 * crowds out rows and no memory. Sums by pathway stay.
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
#define PLAYERS_BUFFER_MS    4000       /* [ms] of media: whoever holds so much is at ease */

/* [R/100] What words are worth, on the scale of sessions (monitor/experience), so that the same
 * thresholds hold: nobody has measured an R for players that stop and go on. */
#define PLAYERS_CENTI_WELL 9200 /* at ease */
#define PLAYERS_CENTI_THIN 6000 /* it is about to stop: an empty buffer, or too slow a path … */
#define PLAYERS_CENTI_DRY  4000 /* … and it has */

/* What one request said; what it did not is PLAYERS_UNKNOWN. */
struct players_word {
    uint32_t throughput_kbps; /* [kbit/s] as the player measured it, lately */
    uint32_t buffer_ms;       /* [ms] of media that it holds */
    bool starved;             /* it has run dry since it asked before */
};

/* [R/100] of a word, 0 if it says nothing of that. Whoever has run dry is worst off; the buffer
 * counts up to PLAYERS_BUFFER_MS; a rate below that of the poorest rendition (0: unknown) cannot
 * go well for long. */
uint32_t players_rate(const struct players_word *word, uint32_t poorest_kbps);

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
