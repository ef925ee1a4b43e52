/*
 * What choosing peers costs: ten to twenty of a thousand candidates that cover 16, 64 and 256
 * locations with two backups each.
 *
 * Places are drawn on a plane, and each location looks for backups near it, as those of an overlay
 * over a continent do. In CPU-time of this process. It is done when the overlay changes, once a
 * minute at most.
 */
#include "peerd/base/rng.h"
#include "test/bench/sheet.h"
#include "topo/choose.h"

#include <stdio.h>
#include <stdlib.h>

#define CANDIDATES 1000
#define AIM_MS     5.0 /* for 64 locations */

struct choosing {
    struct choose_candidate candidates[CANDIDATES];
    uint32_t weights[CHOOSE_LOCATIONS_MAX];
    uint32_t rtt_us[CHOOSE_LOCATIONS_MAX * CANDIDATES];
    uint32_t locations;
};

static void draw(struct choosing *w, uint32_t locations) {
    static int32_t x[CANDIDATES], y[CANDIDATES];
    struct rng g;
    rng_seed(&g, 1);
    w->locations = locations;
    for (uint32_t c = 0; c < CANDIDATES; c++) {
        x[c] = (int32_t)rng_below(&g, 200000);
        y[c] = (int32_t)rng_below(&g, 100000);
        w->candidates[c] = (struct choose_candidate){
            .place = {1 + rng_below(&g, 60), 1 + (uint64_t)(x[c] / 20000 * 10 + y[c] / 20000),
                      1 + rng_below(&g, 30)},
            .cost = (uint32_t)rng_below(&g, 20)};
        snprintf(w->candidates[c].name.text, sizeof(w->candidates[c].name.text), "c%u", c);
    }
    for (uint32_t l = 0; l < locations; l++) {
        int32_t at_x = (int32_t)rng_below(&g, 200000), at_y = (int32_t)rng_below(&g, 100000);
        w->weights[l] = 1 + (uint32_t)rng_below(&g, 100);
        for (uint32_t c = 0; c < CANDIDATES; c++)
            w->rtt_us[l * CANDIDATES + c] =
                2000 + (uint32_t)abs(at_x - x[c]) + (uint32_t)abs(at_y - y[c]);
    }
}

static void choose(void *data, uint32_t times) {
    struct choosing *w = data;
    for (uint32_t i = 0; i < times; i++) {
        struct choose_result r;
        enum err e = choose_peers(&r, &(struct choose_task){.own = {99, 99, 99},
                                                            .candidates = w->candidates,
                                                            .candidate_count = CANDIDATES,
                                                            .weights = w->weights,
                                                            .location_count = w->locations,
                                                            .rtt_us = w->rtt_us,
                                                            .good_us = 30000,
                                                            .backups = 2,
                                                            .peers_min = 10,
                                                            .peers_max = 20,
                                                            .peering_cost = 10});
        if (e != ERR_OK || r.count < 10)
            sheet_die("too few peers were chosen");
    }
}

static double ms_of(const struct sheet *s, struct choosing *w, uint32_t locations) {
    draw(w, locations);
    return 1e3 / sheet_rate(s, choose, w);
}

int main(int argc, char **argv) {
    static struct choosing w;
    struct sheet s;
    sheet_open(&s, "choose", "what a choice of peers among 1000 clusters costs", argc, argv);
    sheet_group(&s, "choose", "10 to 20 of 1000 candidates, CPU-time of one choice");
    sheet_put(&s, "locations_16_ms", "for 16 locations", ms_of(&s, &w, 16), "ms");
    sheet_put_aimed(&s, "locations_64_ms", "for 64 locations", ms_of(&s, &w, 64), "ms", -AIM_MS);
    sheet_put(&s, "locations_256_ms", "for 256 locations", ms_of(&s, &w, 256), "ms");
    return sheet_close(&s);
}
