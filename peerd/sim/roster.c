#include "peerd/sim/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MS 2000 /* [ms] between two reports of a session that only goes on */

void sim_roster_init(struct sim_roster *r, uint32_t entry_count) {
    *r = (struct sim_roster){.entry_count = entry_count};
    r->entries = sim_alloc(entry_count, sizeof(*r->entries));
    r->list = sim_alloc(entry_count, sizeof(*r->list));
}

void sim_roster_free(struct sim_roster *r) {
    free(r->entries);
    free(r->list);
    free(r->ended);
}

void sim_roster_clear(struct sim_roster *r) {
    memset(r->entries, 0, r->entry_count * sizeof(*r->entries));
    memset(&r->digest, 0, sizeof(r->digest));
    r->list_count = r->ended_count = r->used = r->committed = 0;
    r->seen = 0;
}

static void toggle(struct sim_roster *r, const struct sim_entry *e) {
    set_digest_toggle(&r->digest, &e->now.session, e->now.epoch, e->now.purpose);
}

static void list(struct sim_roster *r, uint32_t place) {
    if (!r->entries[place].listed)
        r->list[r->list_count++] = place;
    r->entries[place].listed = true;
}

/* What peerd wants to know at once; the rest are figures. */
static bool is_news(const struct node_session *a, const struct node_session *b) {
    return a->epoch != b->epoch || a->purpose != b->purpose || a->cause != b->cause ||
           a->lost_after != b->lost_after || !addr_equal(&a->client, &b->client) ||
           !key_hint_equal(&a->served_by, &b->served_by);
}

/* One that came back is not an ended one. */
static void unend(struct sim_roster *r, const struct session_id *id) {
    for (uint32_t i = 0; i < r->ended_count; i++)
        if (session_id_equal(&r->ended[i].id, id)) {
            r->ended[i] = r->ended[--r->ended_count];
            return;
        }
}

void sim_roster_changed(struct sim_roster *r, uint32_t place, const struct node_session *session,
                        struct instant now) {
    struct sim_entry *e = &r->entries[place];
    bool fresh = !e->used;
    assert(fresh || session_id_equal(&e->now.session, &session->session));
    if (fresh) {
        *e = (struct sim_entry){.used = true, .listed = e->listed};
        unend(r, &session->session);
        r->used++;
    } else {
        toggle(r, e);
        r->committed -= e->now.purpose == RESUME_COMMIT;
    }
    if (fresh || is_news(&e->told, session) ||
        !duration_less(instant_since(now, e->told_at), duration_ms(FIGURES_MS))) {
        e->changed = true;
        list(r, place);
    }
    e->now = *session;
    e->at = now;
    toggle(r, e);
    r->committed += e->now.purpose == RESUME_COMMIT;
}

void sim_roster_ended(struct sim_roster *r, uint32_t place) {
    struct sim_entry *e = &r->entries[place];
    if (!e->used)
        return;
    toggle(r, e);
    r->committed -= e->now.purpose == RESUME_COMMIT;
    r->used--;
    if (r->ended_count == r->ended_room) {
        r->ended_room = r->ended_room == 0 ? 64 : 2 * r->ended_room;
        r->ended = sim_grow(r->ended, r->ended_room, sizeof(*r->ended));
    }
    r->ended[r->ended_count++] = (struct sim_ended){.id = e->now.session};
    e->used = false;
}

/* The snapshot with its lease as it is now. */
static struct node_session as_of(const struct sim_entry *e, struct instant now) {
    struct node_session s = e->now;
    int64_t spent = duration_in_ms(instant_since(now, e->at));
    s.lease_ms = spent >= (int64_t)s.lease_ms ? 0 : s.lease_ms - (uint32_t)spent;
    return s;
}

static void tell(struct sim_entry *e, struct node_request *request, uint64_t seq,
                 struct instant now) {
    if (e->changed || e->seq == 0) {
        e->told = e->now;
        e->told_at = now;
    }
    e->changed = false;
    e->seq = seq;
    request->sessions[request->session_count++] = as_of(e, now);
}

static void tell_all(struct sim_roster *r, struct node_request *request, uint64_t seq,
                     struct instant now) {
    request->sessions = sim_alloc(r->used, sizeof(*request->sessions));
    for (uint32_t place = 0; place < r->entry_count; place++)
        if (r->entries[place].used) {
            list(r, place);
            tell(&r->entries[place], request, seq, now);
        }
}

/* Those on the list, which loses whatever was told and acknowledged. */
static void tell_changes(struct sim_roster *r, struct node_request *request, uint64_t seq,
                         struct instant now) {
    uint32_t kept = 0;
    request->sessions = sim_alloc(r->list_count, sizeof(*request->sessions));
    for (uint32_t i = 0; i < r->list_count; i++) {
        struct sim_entry *e = &r->entries[r->list[i]];
        e->listed = e->used && (e->changed || e->seq > r->seen);
        if (!e->listed)
            continue;
        tell(e, request, seq, now);
        r->list[kept++] = r->list[i];
    }
    r->list_count = kept;
}

void sim_roster_fill(struct sim_roster *r, struct node_request *request, uint64_t seq, bool full,
                     struct instant now) {
    if (full)
        tell_all(r, request, seq, now);
    else
        tell_changes(r, request, seq, now);
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

uint32_t sim_roster_find(const struct sim_roster *r, const struct session_id *id) {
    for (uint32_t place = 0; place < r->entry_count; place++)
        if (r->entries[place].used && session_id_equal(&r->entries[place].now.session, id))
            return place;
    return UINT32_MAX;
}
