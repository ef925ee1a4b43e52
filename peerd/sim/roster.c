#include "peerd/sim/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MS 2000 /* [ms] between two reports of a session that only goes on … */
#define WATCHED_MS 1000 /* [ms] … and whose path is, or was, bad */

/* Seeds under which a node remembers only so many ends that it has not told yet: what it forgets is
 * found by the digest, as it is of a real one that has very many. */
#define FORGETFUL_EVERY 4
#define FORGETFUL_ENDED 1

#define SLOT_BITS 26
#define SLOT_MASK ((1U << SLOT_BITS) - 1)

uint32_t sim_roster_place(uint32_t worker, uint32_t slot) {
    assert(worker < SIM_WORKERS_MAX && slot <= SLOT_MASK);
    return worker << SLOT_BITS | slot;
}

struct sim_entry *sim_roster_at(const struct sim_roster *r, uint32_t place) {
    assert((place & SLOT_MASK) < r->slots[place >> SLOT_BITS]);
    return &sim_shelf_at(r->shelves[place >> SLOT_BITS], place & SLOT_MASK)->entry;
}

const struct sim_entry *sim_roster_look(const struct sim_roster *r, uint32_t place,
                                        struct sim_slot *room) {
    const struct sim_slot *s =
        sim_shelf_look(r->shelves[place >> SLOT_BITS], place & SLOT_MASK, room);
    return s != NULL && s->entry.used ? &s->entry : NULL;
}

void sim_roster_room(struct sim_roster *r, uint32_t worker, struct sim_shelf *shelf,
                     uint32_t slots) {
    r->shelves[worker] = shelf;
    r->slots[worker] = slots;
}

void sim_roster_free(struct sim_roster *r) {
    free(r->list);
    free(r->ended);
}

void sim_roster_clear(struct sim_roster *r) {
    struct sim_slot room;
    for (uint32_t i = 0; i < SIM_WORKERS_MAX; i++)
        for (uint32_t slot = 0; slot < r->slots[i]; slot++)
            if (sim_shelf_look(r->shelves[i], slot, &room) != NULL)
                sim_shelf_at(r->shelves[i], slot)->entry = (struct sim_entry){0};
    memset(&r->digest, 0, sizeof(r->digest));
    r->list_count = r->ended_count = r->used = r->committed = 0;
    r->seen = 0;
}

static void toggle(const struct sim *sim, struct sim_roster *r, const struct sim_entry *e) {
    set_digest_toggle(&r->digest, &sim->clients[e->client].ticket.session, e->now.epoch,
                      (enum resume_purpose)e->now.purpose);
}

static void list(struct sim_roster *r, uint32_t place) {
    struct sim_entry *e = sim_roster_at(r, place);
    if (e->listed)
        return;
    if (r->list_count == r->list_room) {
        r->list_room = r->list_room == 0 ? 64 : 2 * r->list_room;
        r->list = sim_grow(r->list, r->list_room, sizeof(*r->list));
    }
    r->list[r->list_count++] = place;
    e->listed = true;
}

/* What peerd wants to know at once; the rest are figures. */
static bool is_news(const struct sim_news *a, const struct sim_told *b) {
    return a->epoch != b->epoch || a->purpose != b->purpose || a->cause != b->cause ||
           a->hot != b->hot || a->lost_before != b->lost_before || a->moved != b->moved.epoch ||
           !key_hint_equal(&a->served_by, &b->served_by) || a->backup_count != b->backup_count ||
           memcmp(a->backups, b->backups, sizeof(a->backups)) != 0;
}

static struct duration figures_every(const struct sim_entry *e, const struct sim_told *now) {
    bool watched = e->lost || now->cause == MOVE_CAUSE_DEGRADED;
    return duration_ms(watched ? WATCHED_MS : FIGURES_MS);
}

/* One that came back is not an ended one. */
static void unend(struct sim_roster *r, const struct session_id *id) {
    for (uint32_t i = 0; i < r->ended_count; i++)
        if (session_id_equal(&r->ended[i].id, id)) {
            r->ended[i] = r->ended[--r->ended_count];
            return;
        }
}

void sim_roster_changed(const struct sim *sim, struct sim_roster *r, uint32_t place,
                        uint32_t client, const struct sim_told *told) {
    struct sim_entry *e = sim_roster_at(r, place);
    bool fresh = !e->used;
    assert(fresh || e->client == client);
    if (fresh) {
        *e = (struct sim_entry){.used = true, .client = client, .listed = e->listed};
        unend(r, &sim->clients[client].ticket.session);
        r->used++;
    } else {
        toggle(sim, r, e);
        r->committed -= e->now.purpose == RESUME_COMMIT;
    }
    if (fresh || is_news(&e->told, told) ||
        !duration_less(instant_since(sim->now, e->told_at), figures_every(e, told))) {
        e->changed = true;
        list(r, place);
    }
    e->now = *told;
    e->at = sim->now;
    toggle(sim, r, e);
    r->committed += e->now.purpose == RESUME_COMMIT;
}

void sim_roster_ended(const struct sim *sim, struct sim_roster *r, uint32_t place) {
    struct sim_slot room;
    if (sim_roster_look(r, place, &room) == NULL)
        return;
    struct sim_entry *e = sim_roster_at(r, place);
    toggle(sim, r, e);
    r->committed -= e->now.purpose == RESUME_COMMIT;
    r->used--;
    e->used = false;
    bool forgetful = sim->options.seed % FORGETFUL_EVERY == 0;
    if (forgetful && r->ended_count >= FORGETFUL_ENDED)
        return;
    if (r->ended_count == r->ended_room) {
        r->ended_room = r->ended_room == 0 ? 64 : 2 * r->ended_room;
        r->ended = sim_grow(r->ended, r->ended_room, sizeof(*r->ended));
    }
    r->ended[r->ended_count++] = (struct sim_ended){.id = sim->clients[e->client].ticket.session};
}

/* ---- telling ---- */

/* The ticket's part of a line. */
static void fill_ticket(const struct sim *sim, uint32_t client, struct node_session *out) {
    const struct sim_client *c = &sim->clients[client];
    const struct scenario_clients *group = &sim->scenario->clients[c->group];
    out->session = c->ticket.session;
    out->issuer = sim->scenario->clusters[c->ticket.issuer].identity.name;
    out->service = group->service;
    out->profile = group->profile;
    out->source = group->source;
    out->expires_s = c->ticket.expires_s;
    out->backup_count = c->ticket.backup_count;
    for (uint32_t i = 0; i < c->ticket.backup_count; i++)
        out->backups[i] = sim->scenario->clusters[c->ticket.backups[i]].identity.name;
}

/* The snapshot with its lease as it is now. */
static void fill_line(const struct sim *sim, uint32_t place, const struct sim_entry *e,
                      struct node_session *out) {
    bool rests = sim->clients[e->client].nap != NULL; /* then its lease stands still */
    int64_t spent = rests ? 0 : duration_in_ms(instant_since(sim->now, e->at));
    const struct sim_told *t = &e->now;
    *out = (struct node_session){
        .epoch = t->epoch,
        .purpose = (enum resume_purpose)t->purpose,
        .hot = t->hot != 0,
        .worker = place >> SLOT_BITS,
        .last_frame = t->last_frame,
        .client = sim_client_addr(sim, e->client),
        .lease_ms = spent >= (int64_t)t->lease_ms ? 0 : t->lease_ms - (uint32_t)spent,
        .expected = t->expected,
        .lost_before = t->lost_before,
        .lost_after = t->lost_after,
        .rtt_us = t->rtt_us,
        .jitter_us = t->jitter_us,
        .buffer_ms = t->buffer_ms,
        .burst_x16 = t->burst_x16,
        .silent_ms = t->silent_ms,
        .cause = (enum move_cause)t->cause,
        .served_by = t->served_by,
        .preroll = (enum node_preroll)t->preroll,
        .merges_after = t->merges_after == UINT16_MAX ? NODE_MERGES_NEVER : t->merges_after,
        .moved = t->moved};
    fill_ticket(sim, e->client, out);
    out->backup_count = t->backup_count > 0 ? t->backup_count : out->backup_count;
    for (uint8_t i = 0; i < t->backup_count; i++)
        out->backups[i] = sim->scenario->clusters[t->backups[i]].identity.name;
}

static void tell(const struct sim *sim, struct sim_roster *r, uint32_t place,
                 struct node_request *request, uint64_t seq) {
    struct sim_entry *e = sim_roster_at(r, place);
    if (e->changed || e->seq == 0) {
        e->lost = e->seq != 0 && e->told.lost_before != e->now.lost_before;
        e->told = (struct sim_news){.epoch = e->now.epoch,
                                    .purpose = e->now.purpose,
                                    .hot = e->now.hot,
                                    .cause = e->now.cause,
                                    .lost_before = e->now.lost_before,
                                    .served_by = e->now.served_by,
                                    .moved = e->now.moved.epoch,
                                    .backup_count = e->now.backup_count};
        memcpy(e->told.backups, e->now.backups, sizeof(e->told.backups));
        e->told_at = sim->now;
    }
    e->changed = false;
    e->seq = seq;
    fill_line(sim, place, e, &request->sessions[request->session_count++]);
}

static void tell_all(const struct sim *sim, struct sim_roster *r, struct node_request *request,
                     uint64_t seq) {
    request->sessions = sim_alloc(r->used, sizeof(*request->sessions));
    struct sim_slot room;
    for (uint32_t worker = 0; worker < SIM_WORKERS_MAX; worker++)
        for (uint32_t slot = 0; slot < r->slots[worker]; slot++) {
            uint32_t place = sim_roster_place(worker, slot);
            if (sim_roster_look(r, place, &room) == NULL)
                continue;
            list(r, place);
            tell(sim, r, place, request, seq);
        }
}

/* It was looked at although its listener sleeps. */
static void fold_again(const struct sim *sim, const struct sim_roster *r, uint32_t place) {
    const struct sim_entry *e = sim_roster_at(r, place);
    if (e->used && sim->clients[e->client].nap != NULL)
        sim_shelf_fold(r->shelves[place >> SLOT_BITS], place & SLOT_MASK);
}

/* Those on the list, which loses whatever was told and acknowledged. */
static void tell_changes(const struct sim *sim, struct sim_roster *r, struct node_request *request,
                         uint64_t seq) {
    uint32_t kept = 0;
    request->sessions = sim_alloc(r->list_count, sizeof(*request->sessions));
    for (uint32_t i = 0; i < r->list_count; i++) {
        struct sim_entry *e = sim_roster_at(r, r->list[i]);
        e->listed = e->used && (e->changed || e->seq > r->seen);
        if (!e->listed) {
            fold_again(sim, r, r->list[i]);
            continue;
        }
        tell(sim, r, r->list[i], request, seq);
        r->list[kept++] = r->list[i];
    }
    r->list_count = kept;
}

void sim_roster_fill(const struct sim *sim, struct sim_roster *r, struct node_request *request,
                     uint64_t seq, bool full) {
    if (full)
        tell_all(sim, r, request, seq);
    else
        tell_changes(sim, r, request, seq);
    request->ended = sim_alloc(r->ended_count, sizeof(*request->ended));
    for (uint32_t i = 0; i < r->ended_count; i++) {
        r->ended[i].seq = seq;
        request->ended[request->ended_count++] = r->ended[i].id;
    }
    request->full = full;
    request->sessions_digest = r->digest;
}

void sim_roster_acknowledged(struct sim_roster *r, uint64_t seq) {
    uint32_t kept = 0;
    r->seen = seq;
    for (uint32_t i = 0; i < r->ended_count; i++)
        if (r->ended[i].seq == 0 || r->ended[i].seq > seq)
            r->ended[kept++] = r->ended[i];
    r->ended_count = kept;
}
