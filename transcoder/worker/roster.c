#include "transcoder/worker/roster.h"

#include <stdlib.h>
#include <string.h>

/* Running out of memory is a refusal here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
    struct link_session session;
    bool changed;             /* since it was last put into a request */
    bool lost;                /* … which told of more frames lost than the one before */
    uint64_t seq;             /* of that request; 0 none */
    struct instant told_at;   /* when */
    struct node_session told; /* what it said then */
    UT_hash_handle hh;        /* by session id */
};

struct ended {
    struct session_id id;
    uint64_t seq; /* of the request that said so; 0 none yet */
};

struct roster {
    struct entry *entries;
    size_t count;
    struct ended *ended; /* NODE_SESSIONS_MAX of them; what does not fit is found by the digest */
    size_t ended_count;
    struct set_digest digest;
    uint64_t seen; /* highest request answered */
    struct node_session *out_sessions;
    struct session_id *out_ended;
};

struct roster *roster_new(void) {
    struct roster *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->ended = calloc(NODE_SESSIONS_MAX, sizeof(*r->ended));
    r->out_ended = calloc(NODE_SESSIONS_MAX, sizeof(*r->out_ended));
    if (r->ended == NULL || r->out_ended == NULL) {
        roster_free(r);
        return NULL;
    }
    return r;
}

void roster_free(struct roster *r) {
    struct entry *e, *next;
    if (r == NULL)
        return;
    HASH_ITER(hh, r->entries, e, next) {
        HASH_DEL(r->entries, e);
        free(e);
    }
    free(r->ended);
    free(r->out_ended);
    free(r->out_sessions);
    free(r);
}

static struct entry *find(const struct roster *r, const struct session_id *id) {
    struct entry *e;
    HASH_FIND(hh, r->entries, id->bytes, sizeof(id->bytes), e);
    return e;
}

static void toggle(struct roster *r, const struct link_session *s) {
    set_digest_toggle(&r->digest, &s->node.session, s->node.epoch, s->node.purpose);
}

static bool same_backups(const struct node_session *a, const struct node_session *b) {
    bool same = a->backup_count == b->backup_count;
    for (uint8_t i = 0; same && i < a->backup_count; i++)
        same = name_equal(&a->backups[i], &b->backups[i]);
    return same;
}

/* What peerd wants to know at once; the rest are figures. */
static bool news(const struct node_session *a, const struct node_session *b) {
    return a->epoch != b->epoch || a->purpose != b->purpose || a->worker != b->worker ||
           a->cause != b->cause || a->hot != b->hot || a->lost_before != b->lost_before ||
           a->moved.epoch != b->moved.epoch ||
           (a->last_frame == 0) != (b->last_frame == 0) || /* it has begun to send */
           !addr_equal(&a->client, &b->client) || !same_backups(a, b) ||
           memcmp(&a->served_by, &b->served_by, sizeof(a->served_by)) != 0;
}

static struct duration figures_every(const struct entry *e, const struct node_session *now) {
    bool watched = e->lost || now->cause == MOVE_CAUSE_DEGRADED;
    return duration_ms(watched ? ROSTER_WATCHED_MS : ROSTER_FIGURES_MS);
}

/* A session that came back is not an ended one. */
static void unend(struct roster *r, const struct session_id *id) {
    for (size_t i = 0; i < r->ended_count; i++)
        if (session_id_equal(&r->ended[i].id, id)) {
            r->ended[i] = r->ended[--r->ended_count];
            return;
        }
}

static struct entry *add(struct roster *r, const struct session_id *id) {
    if (r->count == NODE_SESSIONS_MAX)
        return NULL;
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->session.node.session = *id;
    HASH_ADD(hh, r->entries, session.node.session, sizeof(struct session_id), e);
    if (e->hh.tbl == NULL) {
        free(e);
        return NULL;
    }
    r->count++;
    unend(r, id);
    return e;
}

bool roster_session_changed(struct roster *r, const struct link_session *s) {
    struct entry *e = find(r, &s->node.session);
    bool fresh = e == NULL;
    if (fresh)
        e = add(r, &s->node.session);
    if (e == NULL)
        return false;
    if (!fresh)
        toggle(r, &e->session);
    if (fresh || news(&e->told, &s->node) ||
        !duration_less(instant_since(s->at, e->told_at), figures_every(e, &s->node)))
        e->changed = true;
    e->session = *s;
    toggle(r, s);
    return true;
}

static void remove_entry(struct roster *r, struct entry *e) {
    toggle(r, &e->session);
    if (r->ended_count < NODE_SESSIONS_MAX)
        r->ended[r->ended_count++] = (struct ended){.id = e->session.node.session};
    HASH_DEL(r->entries, e);
    r->count--;
    free(e);
}

void roster_session_ended(struct roster *r, const struct session_id *id, uint32_t worker) {
    struct entry *e = find(r, id);
    /* The client may have gone over to another worker of this machine: that one speaks for it. */
    if (e != NULL && e->session.node.worker == worker)
        remove_entry(r, e);
}

void roster_worker_lost(struct roster *r, uint32_t worker) {
    struct entry *e, *next;
    HASH_ITER(hh, r->entries, e, next) {
        if (e->session.node.worker == worker)
            remove_entry(r, e);
    }
}

void roster_each(const struct roster *r, uint32_t worker,
                 void (*each)(void *data, const struct link_session *s), void *data) {
    for (struct entry *e = r->entries; e != NULL; e = e->hh.next)
        if (e->session.node.worker == worker)
            each(data, &e->session);
}

uint32_t roster_worker_of(const struct roster *r, const struct session_id *id) {
    const struct entry *e = find(r, id);
    return e == NULL ? UINT32_MAX : e->session.node.worker;
}

uint32_t roster_guests(const struct roster *r, const struct name *issuer, uint32_t *here,
                       uint32_t count) {
    uint32_t sum = 0;
    memset(here, 0, count * sizeof(*here));
    for (struct entry *e = r->entries; e != NULL; e = e->hh.next) {
        const struct node_session *n = &e->session.node;
        if (n->worker >= count || !name_equal(&n->issuer, issuer))
            continue;
        here[n->worker]++;
        sum++;
    }
    return sum;
}

/* The snapshot with the lease as it is now. */
static struct node_session as_of(const struct link_session *s, struct instant now) {
    struct node_session n = s->node;
    int64_t spent = duration_in_ms(instant_since(now, s->at));
    n.lease_ms = spent >= (int64_t)n.lease_ms ? 0 : n.lease_ms - (uint32_t)spent;
    return n;
}

bool roster_fill(struct roster *r, struct node_request *request, uint64_t seq, bool full,
                 struct instant now) {
    free(r->out_sessions);
    r->out_sessions = calloc(r->count == 0 ? 1 : r->count, sizeof(*r->out_sessions));
    if (r->out_sessions == NULL)
        return false;
    request->sessions = r->out_sessions;
    for (struct entry *e = r->entries; e != NULL; e = e->hh.next) {
        if (!full && !e->changed && e->seq <= r->seen)
            continue;
        if (e->changed || full || e->seq == 0) {
            e->lost = e->seq != 0 && e->told.lost_before != e->session.node.lost_before;
            e->told = e->session.node;
            e->told_at = now;
        }
        e->changed = false;
        e->seq = seq;
        request->sessions[request->session_count++] = as_of(&e->session, now);
    }
    request->ended = r->out_ended;
    for (size_t i = 0; i < r->ended_count; i++) {
        r->ended[i].seq = seq;
        request->ended[request->ended_count++] = r->ended[i].id;
    }
    request->full = full;
    request->sessions_digest = r->digest;
    return true;
}

void roster_acknowledged(struct roster *r, uint64_t seq) {
    size_t kept = 0;
    r->seen = seq;
    for (size_t i = 0; i < r->ended_count; i++)
        if (r->ended[i].seq == 0 || r->ended[i].seq > seq)
            r->ended[kept++] = r->ended[i];
    r->ended_count = kept;
}

size_t roster_count(const struct roster *r) {
    return r->count;
}

uint32_t roster_committed(const struct roster *r) {
    uint32_t n = 0;
    for (struct entry *e = r->entries; e != NULL; e = e->hh.next)
        n += e->session.node.purpose == RESUME_COMMIT;
    return n;
}
