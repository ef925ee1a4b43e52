#include "peerd/sim/body.h"

#include "peerd/sim/queue.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES (SIM_BODY_GRAIN * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

/* Stands before each body, and at the beginning of each block. */
struct sim_body {
    struct sim_body *next; /* of those that are free, or of the blocks */
    uint32_t grains;       /* how large it is */
    max_align_t data[];
};

static struct sim_body *carve(struct sim_bodies *b, size_t size) {
    if (b->left < size) {
        struct sim_body *block = sim_grow(NULL, 1, sizeof(*block) + BLOCK_BYTES);
        block->next = b->blocks;
        b->blocks = block;
        b->left = BLOCK_BYTES;
    }
    b->left -= size;
    return (struct sim_body *)((char *)b->blocks->data + b->left);
}

void *sim_body_make(struct sim_bodies *b, size_t size) {
    size_t whole = sizeof(struct sim_body) + size;
    uint32_t grains = (uint32_t)((whole + SIM_BODY_GRAIN - 1) / SIM_BODY_GRAIN);
    assert(grains < sizeof(b->free) / sizeof(b->free[0]));
    if (WATCHED)
        return sim_grow(NULL, 1, size);
    struct sim_body *body = b->free[grains];
    if (body != NULL)
        b->free[grains] = body->next;
    else
        body = carve(b, (size_t)grains * SIM_BODY_GRAIN);
    body->grains = grains;
    return body->data;
}

void sim_body_free(struct sim_bodies *b, void *data) {
    if (WATCHED) {
        free(data);
        return;
    }
    if (data == NULL)
        return;
    struct sim_body *body = (struct sim_body *)((char *)data - offsetof(struct sim_body, data));
    body->next = b->free[body->grains];
    b->free[body->grains] = body;
}

void sim_bodies_free(struct sim_bodies *b) {
    struct sim_body *next;
    for (struct sim_body *block = b->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *b = (struct sim_bodies){0};
}
