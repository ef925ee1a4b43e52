#include "peerd/sim/nap.h"

#include "peerd/sim/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS_MAX 65536 /* of nonces that are counted; one that has drawn more keeps its state */

struct sim_nap {
    struct instant at; /* since when: the record's instants count from it */
    uint8_t server_count;
    uint8_t bytes[]; /* draws, the record, its servers */
};

/* ---- patterns -------------------------------------------------------------------------------- */

#define RECORD UINT32_MAX /* not a server of it */

struct pattern_key {
    uint32_t group;
    uint32_t tag;
    uint32_t part; /* RECORD, or what a server is to it */
};

struct pattern {
    struct chained chained;
    struct pattern_key key;
    uint32_t number;
    _Alignas(uint64_t) uint8_t bytes[];
};

static void note(struct sim_naps *naps, struct pattern *p, uint32_t hash) {
    if ((naps->count & (naps->count - 1)) == 0)
        naps->patterns = sim_grow(naps->patterns, naps->count == 0 ? 1 : naps->count * 2,
                                  sizeof(struct pattern *));
    bool added = chains_add(&naps->by_key, &p->chained, hash);
    assert(added);
    p->number = naps->count;
    naps->patterns[naps->count++] = p;
}

/* That of its kind; `first` becomes it if there is none. */
static const struct pattern *pattern_of(struct sim_naps *naps, const struct pattern_key *key,
                                        const void *first, size_t len) {
    uint32_t hash = chains_hash(key, sizeof(*key));
    for (struct chained *c = chains_first(&naps->by_key, hash); c != NULL; c = chains_after(c)) {
        struct pattern *p = CHAINED_RECORD(c, struct pattern, chained);
        if (memcmp(&p->key, key, sizeof(*key)) == 0)
            return p;
    }
    struct pattern *p = sim_alloc(1, sizeof(*p) + len);
    p->key = *key;
    memcpy(p->bytes, first, len);
    note(naps, p, hash);
    return p;
}

void sim_naps_free(struct sim_naps *naps) {
    for (uint32_t i = 0; i < naps->count; i++)
        free(naps->patterns[i]);
    free(naps->patterns);
    chains_free(&naps->by_key);
}

/* ---- nonces ---------------------------------------------------------------------------------- */

/* Draws since the seed; DRAWS_MAX: too many to count. */
static uint32_t draws_of(const struct rng *rng, uint64_t seed) {
    struct rng g;
    uint32_t draws = 0;
    rng_seed(&g, seed);
    while (draws < DRAWS_MAX && memcmp(&g, rng, sizeof(g)) != 0) {
        (void)rng_u64(&g);
        draws++;
    }
    return draws;
}

static size_t write_rng(uint8_t *out, const struct rng *rng, uint64_t seed) {
    uint32_t draws = draws_of(rng, seed);
    size_t n = packed_write_number(out, draws);
    if (draws < DRAWS_MAX)
        return n;
    memcpy(out + n, rng, sizeof(*rng));
    return n + sizeof(*rng);
}

static size_t read_rng(const uint8_t *in, struct rng *rng, uint64_t seed) {
    uint64_t draws;
    size_t n = packed_read_number(in, &draws);
    if (draws == DRAWS_MAX) {
        memcpy(rng, in + n, sizeof(*rng));
        return n + sizeof(*rng);
    }
    rng_seed(rng, seed);
    for (; draws > 0; draws--)
        (void)rng_u64(rng);
    return n;
}

/* ---- records --------------------------------------------------------------------------------- */

#define SERVER_MAX (PACKED_MAX(sizeof(struct witness_rest_server)) + 10)
#define ALL_MAX                                                                                    \
    (10 + sizeof(struct rng) + 10 + PACKED_MAX(sizeof(struct witness_rest)) +                      \
     WITNESS_SERVERS_MAX * SERVER_MAX)

static size_t write_part(struct sim *sim, uint8_t *out, const struct pattern_key *key,
                         const void *part, size_t len) {
    const struct pattern *p = pattern_of(&sim->naps, key, part, len);
    size_t n = packed_write_number(out, p->number);
    return n + packed_write(out + n, part, p->bytes, len);
}

static size_t read_part(const struct sim *sim, const uint8_t *in, void *part, size_t len) {
    uint64_t number;
    size_t n = packed_read_number(in, &number);
    return n + packed_read(in + n, sim->naps.patterns[number]->bytes, part, len);
}

static struct pattern_key server_key(uint32_t group, const struct witness_rest_server *s) {
    uint32_t part = s->role | (uint32_t)s->slot << 8 | (uint32_t)s->rank << 16;
    return (struct pattern_key){group, s->tag, part};
}

static size_t rest_size(uint8_t server_count) {
    return sizeof(struct witness_rest) + server_count * sizeof(struct witness_rest_server);
}

void sim_nap_write(struct sim *sim, struct sim_client *c, const struct witness_rest *rest) {
    uint8_t out[ALL_MAX];
    union sim_nap_room room;
    struct witness_rest *r = &room.rest;
    memcpy(&room, rest, rest_size(rest->server_count));
    witness_rest_shift(r, duration_us(-rest->at.us));
    size_t n = write_rng(out, &r->rng, c->seed);
    memset(&r->rng, 0, sizeof(r->rng));
    struct pattern_key key = {c->group, witness_rest_server(r, WITNESS_ROLE_SERVING)->tag, RECORD};
    n += write_part(sim, out + n, &key, r, sizeof(*r));
    for (uint8_t i = 0; i < r->server_count; i++) {
        key = server_key(c->group, &r->servers[i]);
        n += write_part(sim, out + n, &key, &r->servers[i], sizeof(r->servers[i]));
    }
    free(c->nap);
    c->nap = sim_alloc(1, sizeof(*c->nap) + n);
    c->nap->at = rest->at;
    c->nap->server_count = rest->server_count;
    memcpy(c->nap->bytes, out, n);
}

struct witness_rest *sim_nap_read(const struct sim *sim, const struct sim_client *c,
                                  union sim_nap_room *room) {
    struct witness_rest *r = &room->rest;
    const uint8_t *in = c->nap->bytes;
    struct rng rng;
    in += read_rng(in, &rng, c->seed);
    in += read_part(sim, in, r, sizeof(*r));
    r->rng = rng;
    for (uint8_t i = 0; i < c->nap->server_count; i++)
        in += read_part(sim, in, &r->servers[i], sizeof(r->servers[i]));
    witness_rest_shift(r, duration_us(c->nap->at.us));
    return r;
}
