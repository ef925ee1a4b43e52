#include "peerd/io/acquaintances.h"

#include "peerd/io/daemon.h"
#include "peerd/wire/introductions.h"

#include <stdlib.h>
#include <string.h>

#define SOON   duration_s(15) /* a peer asks every five seconds, a curious one once a minute */
#define RECENT duration_s(30)

/* Whom we can introduce; all borrowed. */
struct entry {
    const uint8_t *key;
    const char *envelope;
};

struct page {
    struct entry all[POLICY_PEERS_MAX + FIND_CLUSTERS_MAX];
    size_t count;
};

void acquaintances_free(struct acquaintances *a) {
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        free(a->envelopes[i]);
}

void acquaintances_keep(struct acquaintances *a, const struct find *f, const struct find_key *key,
                        const struct description *d, const char *envelope, size_t len) {
    const struct find_cluster *c = find_by_key(f, key);
    if (c == NULL)
        return;
    size_t place = (size_t)(c - f->clusters);
    free(a->envelopes[place]);
    a->envelopes[place] =
        d->doors != NULL && len <= ACQUAINTANCE_LEN_MAX ? strndup(envelope, len) : NULL;
    a->keys[place] = *key;
}

void acquaintances_init(struct acquaintances *a) {
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        a->asked[i] = a->wants[i] = instant_us(INT64_MIN);
}

void acquaintances_asked(struct acquaintances *a, const struct find *f, const struct find_key *key,
                         struct instant now) {
    const struct find_cluster *c = find_by_key(f, key);
    if (c == NULL)
        return;
    size_t place = (size_t)(c - f->clusters);
    if (instant_before(now, instant_add(a->asked[place], SOON)))
        a->wants[place] = now;
    a->asked[place] = now;
}

void acquaintances_wanting(const struct acquaintances *a, const struct find *f, struct instant now,
                           struct find_clients *out) {
    for (uint32_t i = 0; i < f->top && out->wanting_count < FIND_PEERS_MAX; i++)
        if (f->clusters[i].used && f->clusters[i].state != FIND_STATE_ACCEPTED &&
            instant_before(now, instant_add(a->wants[i], RECENT)))
            out->wanting[out->wanting_count++] = f->clusters[i].claim.key;
}

static void add(struct page *p, const uint8_t *key, const char *envelope) {
    if (envelope != NULL && strlen(envelope) <= INTRODUCTION_LEN_MAX)
        p->all[p->count++] = (struct entry){key, envelope};
}

/* Peers stand in the other list. */
static void add_found(struct page *p, const struct acquaintances *a, const struct find *f) {
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        if (c->used && c->state == FIND_STATE_REFUSED && c->refusal == FIND_REFUSAL_FULL &&
            find_key_equal(&c->claim.key, &a->keys[i]))
            add(p, a->keys[i].bytes, a->envelopes[i]);
    }
}

static int by_key(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return memcmp(x->key, y->key, FIND_KEY_BYTES);
}

static char *encode(const struct page *p, const struct public_key *after, size_t *len) {
    const char *envelopes[INTRODUCTIONS_MAX];
    struct public_key last = {{0}};
    size_t first = 0, count = p->count < INTRODUCTIONS_MAX ? p->count : INTRODUCTIONS_MAX;
    while (first < p->count && memcmp(p->all[first].key, after->bytes, FIND_KEY_BYTES) <= 0)
        first++;
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = &p->all[(first + i) % p->count];
        envelopes[i] = e->envelope;
        memcpy(last.bytes, e->key, sizeof(last.bytes));
    }
    return introductions_encode(envelopes, count, count < p->count ? &last : NULL, len);
}

char *acquaintances_page(const struct daemon *d, const struct acquaintances *a,
                         const struct find *f, uint32_t asker, const struct public_key *after,
                         size_t *len) {
    struct page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (i != asker && !d->peers[i]->revoked)
            add(p, d->peers[i]->key.bytes, d->peers[i]->envelope);
    if (a != NULL && f != NULL)
        add_found(p, a, f);
    qsort(p->all, p->count, sizeof(p->all[0]), by_key);
    char *json = encode(p, after, len);
    free(p);
    return json;
}
