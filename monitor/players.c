#include "monitor/players.h"

#include <string.h>

#define SHARE 8 /* of a word in what is smoothed */

void players_init(struct players *p) {
    p->row_count = p->pathway_count = 0;
}

uint32_t players_rate(const struct players_word *word, uint32_t poorest_kbps) {
    const uint32_t best = PLAYERS_CENTI_WELL - PLAYERS_CENTI_THIN;
    bool fast = word->throughput_kbps != PLAYERS_UNKNOWN && poorest_kbps > 0;
    if (word->starved)
        return PLAYERS_CENTI_DRY;
    if (fast && word->throughput_kbps < poorest_kbps)
        return PLAYERS_CENTI_THIN;
    if (word->buffer_ms == PLAYERS_UNKNOWN)
        return fast ? PLAYERS_CENTI_WELL : 0;
    uint32_t held = word->buffer_ms < PLAYERS_BUFFER_MS ? word->buffer_ms : PLAYERS_BUFFER_MS;
    return PLAYERS_CENTI_THIN + best * held / PLAYERS_BUFFER_MS;
}

static void smooth(double *of, uint32_t word) {
    if (word != PLAYERS_UNKNOWN)
        *of = *of == 0 ? word : *of + (word - *of) / SHARE;
}

static void add(struct players_sum *sum, const struct players_word *word) {
    sum->asked++;
    sum->starved += word->starved;
    smooth(&sum->throughput_kbps,
           word->throughput_kbps <= PLAYERS_KBPS_MAX ? word->throughput_kbps : PLAYERS_UNKNOWN);
    smooth(&sum->buffer_ms, word->buffer_ms);
}

static struct players_sum *sum_of(struct players *p, const struct name *pathway) {
    for (size_t i = 0; i < p->pathway_count; i++)
        if (name_equal(&p->pathways[i].pathway, pathway))
            return &p->pathways[i].sum;
    if (p->pathway_count == PLAYERS_PATHWAYS_MAX)
        return NULL;
    p->pathways[p->pathway_count] = (struct players_pathway){.pathway = *pathway};
    return &p->pathways[p->pathway_count++].sum;
}

static bool is_same_place(const struct prefix *a, const struct prefix *b) {
    return a->bits == b->bits && addr_equal(&a->addr, &b->addr);
}

static struct players_row *row_of(struct players *p, const struct name *pathway,
                                  const struct prefix *location) {
    struct players_row *oldest = NULL;
    for (size_t i = 0; i < p->row_count; i++) {
        struct players_row *row = &p->rows[i];
        if (name_equal(&row->pathway, pathway) && is_same_place(&row->location, location))
            return row;
        if (oldest == NULL || instant_before(row->heard, oldest->heard))
            oldest = row;
    }
    if (p->row_count < PLAYERS_ROWS_MAX)
        oldest = &p->rows[p->row_count++];
    *oldest = (struct players_row){.pathway = *pathway, .location = *location};
    return oldest;
}

void players_told(struct players *p, const struct name *pathway, const struct prefix *location,
                  const struct players_word *word, struct instant now) {
    struct players_sum *sum = sum_of(p, pathway);
    struct players_row *row = row_of(p, pathway, location);
    if (sum != NULL)
        add(sum, word);
    add(&row->sum, word);
    row->heard = now;
}
