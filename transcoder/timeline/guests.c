#include "transcoder/timeline/guests.h"

#include <assert.h>

void guests_init(struct guests *g) {
    *g = (struct guests){0};
}

static struct guest *find(const struct guests *g, const struct name *issuer) {
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        if (name_equal(&g->rows[i].issuer, issuer))
            return (struct guest *)&g->rows[i];
    return NULL;
}

uint32_t guests_here(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row != NULL ? row->here : 0;
}

uint64_t guests_refused(struct guests *g, const struct name *issuer) {
    struct guest *row = find(g, issuer);
    uint64_t refused = row != NULL ? row->refused : 0;
    if (row != NULL)
        row->refused = 0;
    return refused;
}

/* Of whom nobody is here and nothing was said. */
static bool is_free(const struct guest *row) {
    return name_is_empty(&row->issuer) || (row->here == 0 && row->slots == UINT32_MAX);
}

static struct guest *take(struct guests *g, const struct name *issuer) {
    struct guest *row = find(g, issuer);
    for (uint32_t i = 0; i < GUESTS_MAX && row == NULL; i++) {
        if (!is_free(&g->rows[i]))
            continue;
        row = &g->rows[i];
        *row = (struct guest){.issuer = *issuer, .slots = UINT32_MAX};
    }
    return row;
}

void guests_limit_set(struct guests *g, const struct node_guest_limit *limits, size_t count) {
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        g->rows[i].slots = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        struct guest *row = take(g, &limits[i].issuer);
        if (row == NULL)
            continue;
        row->slots = limits[i].slots;
        row->refusal = limits[i].refusal;
    }
}

uint8_t guests_row(struct guests *g, const struct name *issuer) {
    const struct guest *row = name_is_empty(issuer) ? NULL : take(g, issuer);
    return row == NULL ? GUESTS_NONE : (uint8_t)(row - g->rows);
}

enum err guests_admit(struct guests *g, uint8_t row) {
    if (row == GUESTS_NONE || g->rows[row].here < g->rows[row].slots)
        return ERR_OK;
    g->rows[row].refused++;
    return g->rows[row].refusal;
}

bool guests_room(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row == NULL || row->here < row->slots;
}

static bool denies(const struct guest *row) {
    return row->slots != UINT32_MAX && row->refusal == ERR_DENIED;
}

bool guests_deny(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row != NULL && denies(row);
}

enum err guests_serve(struct guests *g, uint8_t row) {
    if (row == GUESTS_NONE || !denies(&g->rows[row]))
        return ERR_OK;
    g->rows[row].refused++;
    return ERR_DENIED;
}

void guests_count(struct guests *g, uint8_t row, int change) {
    if (row == GUESTS_NONE)
        return;
    assert(change >= 0 || g->rows[row].here > 0);
    g->rows[row].here += (uint32_t)change;
}

uint32_t guests_part(uint32_t slots, const uint32_t *here, uint32_t count, uint32_t worker,
                     uint64_t turn) {
    uint64_t sum = 0, before = 0;
    assert(worker < count);
    for (uint32_t i = 0; i < count; i++) {
        before += i < worker ? here[i] : 0;
        sum += here[i];
    }
    if (sum >= slots) {
        uint64_t left = before < slots ? slots - before : 0;
        return here[worker] < left ? here[worker] : (uint32_t)left;
    }
    uint32_t rest = slots - (uint32_t)sum;
    return here[worker] + rest / count + ((worker + turn) % count < rest % count);
}

/* ---- the node -------------------------------------------------------------------------------- */

static uint64_t refused_before(const struct guests_allotted *a, const struct name *issuer) {
    for (uint32_t i = 0; i < a->count; i++)
        if (name_equal(&a->limits[i].issuer, issuer))
            return a->refused[i];
    return 0;
}

void guests_allot(struct guests_allotted *a, const struct node_guest_limit *limits, size_t count) {
    struct guests_allotted next = {.count = 0};
    for (size_t i = 0; i < count && next.count < NODE_GUESTS_MAX; i++) {
        next.limits[next.count] = limits[i];
        next.refused[next.count++] = refused_before(a, &limits[i].issuer);
    }
    *a = next;
}

void guests_allotted_refused(struct guests_allotted *a, const struct name *issuer, uint64_t count) {
    for (uint32_t i = 0; i < a->count; i++)
        if (name_equal(&a->limits[i].issuer, issuer))
            a->refused[i] += count;
}
