#include "peerd/sim/scatter.h"

#include "peerd/base/rng.h"
#include "peerd/sim/queue.h"

#include <stdlib.h>
#include <sys/random.h>

#define BLOCKS       4000   /* of the least size; fewer of each further one, but … */
#define BLOCKS_LEAST 24     /* … no fewer than so many */
#define BYTES_LEAST  48     /* sizes grow by a quarter up to … */
#define BYTES_MOST   120000 /* … this; larger ones get pages of their own */

static void shuffle(struct rng *rng, void **blocks, uint32_t count) {
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)rng_below(rng, i);
        void *swap = blocks[other];
        blocks[other] = blocks[i - 1];
        blocks[i - 1] = swap;
    }
}

static uint32_t blocks_of(size_t bytes) {
    size_t blocks = BLOCKS / (1 + bytes / 256);
    return blocks < BLOCKS_LEAST ? BLOCKS_LEAST : (uint32_t)blocks;
}

void sim_scatter_heap(void) {
    uint64_t seed = 0;
    uint32_t count = 0, filled = 0;
    struct rng rng;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return; /* in order, then */
    rng_seed(&rng, seed);
    for (size_t bytes = BYTES_LEAST; bytes <= BYTES_MOST; bytes += bytes / 4)
        count += blocks_of(bytes);
    void **holes = sim_alloc(count, sizeof(*holes));
    for (size_t bytes = BYTES_LEAST; bytes <= BYTES_MOST; bytes += bytes / 4)
        for (uint32_t i = blocks_of(bytes); i > 0; i--) {
            holes[filled++] = sim_alloc(1, bytes);
            /* A wall that stays: without it neighbours would merge, and be in order again. */
            void **wall = sim_alloc(1, sizeof(void *));
            *wall = wall;
        }
    shuffle(&rng, holes, count);
    for (uint32_t i = 0; i < count; i++)
        free(holes[i]);
    free(holes);
}
