#include "peerd/core/memories.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What answers of one cluster say alike. */
struct memory_common {
    struct policy_profile profile;
    struct name service;
    struct name source;
    struct determinism_id determinism;
    struct source_digest digest;
    enum source_class class;
    enum protection protection;
    uint32_t lease_ms;
};

void memories_init(struct memories *m) {
    *m = (struct memories){0};
    list_init(&m->aged);
}

void memories_free(struct core *core) {
    struct memories *m = &core->memories;
    while (list_holds_any(&m->aged))
        memory_forget(core, LIST_ELEMENT(list_first(&m->aged), struct memory, aged));
    chains_free(&m->by_digest);
}

/* ---- forgetting ------------------------------------------------------------------------------ */

static void give_shares(struct core *core, const struct memory *one) {
    interned_give(&core->interns, one->common);
    for (uint8_t i = 0; i < one->backup_count; i++)
        interned_give(&core->interns, one->backups[i]);
    interned_give(&core->interns, one->probes);
}

void memory_forget(struct core *core, struct memory *one) {
    give_shares(core, one);
    list_remove(&core->memories.aged, &one->aged);
    chains_remove(&core->memories.by_digest, &one->chained);
    free(one);
}

static struct memory *oldest(const struct memories *m) {
    struct link *first = list_first(&m->aged);
    return first == NULL ? NULL : LIST_ELEMENT(first, struct memory, aged);
}

/* The oldest is always the first, for answers are remembered in the order of time. */
void memories_expire(struct core *core) {
    struct memory *one;
    while ((one = oldest(&core->memories)) != NULL &&
           instant_reached(core->now, instant_add(one->at, CORE_IDEMPOTENT_LIFE)))
        memory_forget(core, one);
}

/* ---- remembering ----------------------------------------------------------------------------- */

/* Equal bytes for equal answers: padding is zero. */
static uint32_t take_common(struct interns *t, const struct core_answer_open *answer) {
    const struct ticket *ticket = &answer->ticket;
    struct memory_common c;
    memset(&c, 0, sizeof(c));
    memcpy(&c.profile, answer->profile, sizeof(c.profile));
    c.service = ticket->service;
    c.source = ticket->source;
    c.determinism = ticket->determinism;
    c.digest = ticket->digest;
    c.class = ticket->class;
    c.protection = ticket->protection;
    c.lease_ms = answer->lease_ms;
    return interned_take(t, &c, sizeof(c));
}

static void copy_backup(struct core_backup *out, const struct core_backup *backup) {
    memset(out, 0, sizeof(*out));
    out->cluster = backup->cluster;
    out->key = backup->key;
    out->media = backup->media;
}

static uint32_t take_backup(struct interns *t, const struct core_backup *backup) {
    struct core_backup b;
    copy_backup(&b, backup);
    return interned_take(t, &b, sizeof(b));
}

/* Most sessions have none, and those that have share them with their class: all are one number. */
static uint32_t take_probes(struct interns *t, const struct core_answer_open *answer) {
    struct core_backup list[API_PROBES_MAX];
    for (uint32_t i = 0; i < answer->probe_count; i++)
        copy_backup(&list[i], &answer->probes[i]);
    return interned_take(t, list, answer->probe_count * sizeof(list[0]));
}

static bool take_shares(struct core *core, struct memory *one,
                        const struct core_answer_open *answer) {
    one->common = take_common(&core->interns, answer);
    one->backup_count = (uint8_t)answer->backup_count;
    bool whole = one->common != INTERNED_NONE;
    for (uint8_t i = 0; i < one->backup_count; i++) {
        one->backups[i] = take_backup(&core->interns, &answer->backups[i]);
        whole &= one->backups[i] != INTERNED_NONE;
    }
    one->measures = answer->measures;
    one->probe_count = (uint8_t)answer->probe_count;
    one->probes = INTERNED_NONE;
    if (one->probe_count > 0) {
        one->probes = take_probes(&core->interns, answer);
        whole &= one->probes != INTERNED_NONE;
    }
    return whole;
}

static void make_room(struct core *core) {
    while (core->memories.aged.count >= CORE_IDEMPOTENT_MAX)
        memory_forget(core, oldest(&core->memories));
}

void memory_add(struct core *core, const uint8_t digest[CORE_ENTROPY_BYTES],
                const struct core_answer_open *answer) {
    const struct ticket *ticket = &answer->ticket;
    struct memory *one = calloc(1, sizeof(*one));
    if (one == NULL)
        return;
    assert(answer->err == ERR_OK && ticket->leg_count == 1);
    make_room(core);
    memcpy(one->digest, digest, sizeof(one->digest));
    one->at = core->now;
    one->session = ticket->session;
    one->client = ticket->client;
    one->leg = ticket->legs[0];
    one->issued_s = ticket->issued_s;
    one->expires_s = ticket->expires_s;
    one->anchor_frame = ticket->anchor_frame;
    one->anchor_wall_ms = ticket->anchor_wall_ms;
    one->elsewhere = answer->redirect != CORE_REDIRECT_NOT;
    if (!take_shares(core, one, answer) ||
        !chains_add(&core->memories.by_digest, &one->chained,
                    chains_hash(one->digest, sizeof(one->digest)))) {
        give_shares(core, one);
        free(one);
        return;
    }
    list_append(&core->memories.aged, &one->aged);
}

/* ---- telling --------------------------------------------------------------------------------- */

struct memory *memory_find(struct core *core, const uint8_t digest[CORE_ENTROPY_BYTES]) {
    memories_expire(core);
    struct chained *c =
        chains_first(&core->memories.by_digest, chains_hash(digest, CORE_ENTROPY_BYTES));
    for (; c != NULL; c = chains_after(c)) {
        struct memory *one = CHAINED_RECORD(c, struct memory, chained);
        if (memcmp(one->digest, digest, sizeof(one->digest)) == 0)
            return one;
    }
    return NULL;
}

static void tell_ticket(const struct core *core, const struct memory *one,
                        const struct memory_common *c, struct ticket *t) {
    t->session = one->session;
    t->client = one->client;
    t->legs[0] = one->leg;
    t->leg_count = 1;
    t->issuer = core->name;
    t->issued_s = one->issued_s;
    t->expires_s = one->expires_s;
    t->service = c->service;
    t->profile = c->profile.name;
    t->determinism = c->determinism;
    t->source = c->source;
    t->digest = c->digest;
    t->class = c->class;
    t->protection = c->protection;
    t->anchor_frame = one->anchor_frame;
    t->anchor_wall_ms = one->anchor_wall_ms;
    t->backup_count = one->backup_count;
}

void memory_tell(const struct core *core, const struct memory *one,
                 struct core_answer_open *answer) {
    const struct memory_common *c = interned_bytes(&core->interns, one->common);
    *answer = (struct core_answer_open){.err = ERR_OK,
                                        .lease_ms = c->lease_ms,
                                        .backup_count = one->backup_count,
                                        .probe_count = one->probe_count,
                                        .measures = one->measures,
                                        .profile = &c->profile};
    tell_ticket(core, one, c, &answer->ticket);
    for (uint8_t i = 0; i < one->backup_count; i++) {
        const struct core_backup *b = interned_bytes(&core->interns, one->backups[i]);
        answer->backups[i] = *b;
        answer->ticket.backups[i] = b->cluster;
    }
    if (one->probe_count > 0)
        memcpy(answer->probes, interned_bytes(&core->interns, one->probes),
               one->probe_count * sizeof(answer->probes[0]));
}
