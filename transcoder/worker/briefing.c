#include "transcoder/worker/worker.h"

#include "peerd/net/clock.h"

#include <string.h>
#include <sys/resource.h>

/* [frames] 1 s: what was swallowed before that no playout buffer waits for any more. */
#define ADOPT_REACH_FRAMES 50

/* ---- configuration --------------------------------------------------------------------------- */

static void set_limits(struct worker *w) {
    const struct node_limits *l = &w->briefing.config.limits;
    struct tenure_config *c = &w->tenure.config;
    c->session_lease = duration_ms(l->session_lease_ms);
    c->standby_lease = duration_ms(l->standby_lease_ms);
    c->hedge_ms_max = l->hedge_ms_max;
    c->hedges_per_minute = l->hedges_per_minute;
    c->hot_max = l->hot_max;
    c->retry_ms = WORKER_RETRY_MS;
    c->retry_draining_ms = WORKER_DRAINING_MS;
}

static void set_draining(struct worker *w, bool draining, struct instant now) {
    const struct tenure_event e = {
        .kind = TENURE_DRAIN_CHANGED, .now = now, .u.draining = draining};
    deeds_step(w, &e, NULL);
}

/* Every key by which our cluster signs tickets that are good. */
static void note_others(struct briefing *b) {
    b->other_count = 0;
    for (size_t i = 0; i < b->issuer_count && b->other_count < WORKER_OTHER_KEYS; i++)
        if (name_equal(&b->issuers[i].cluster, &b->config.cluster) &&
            !public_key_equal(&b->issuers[i].key, &b->config.cluster_key))
            b->others[b->other_count++] = key_hint_of(&b->issuers[i].key);
}

const struct key_hint *briefing_called(const struct briefing *b, const struct key_hint *target) {
    for (size_t i = 0; i < b->other_count; i++)
        if (key_hint_equal(&b->others[i], target))
            return &b->others[i];
    return &b->self;
}

const struct name *briefing_guest(const struct briefing *b, const struct name *issuer) {
    return name_equal(issuer, &b->config.cluster) ? NULL : issuer;
}

static bool revokes(const struct briefing *b, const struct public_key *key) {
    for (size_t i = 0; i < b->issuer_count; i++)
        if (ticket_issuer_is_revoked(&b->issuers[i]) && public_key_equal(&b->issuers[i].key, key))
            return true;
    return false;
}

static bool revokes_more(const struct briefing *before, const struct briefing *after) {
    for (size_t i = 0; i < after->issuer_count; i++)
        if (ticket_issuer_is_revoked(&after->issuers[i]) &&
            !revokes(before, &after->issuers[i].key))
            return true;
    return false;
}

/* The rows of those that are revoked, as if they were not: what verifies by them was signed by one.
 */
static size_t list_revoked(const struct briefing *b, struct ticket_issuer *out) {
    size_t count = 0;
    for (size_t i = 0; i < b->issuer_count; i++)
        if (ticket_issuer_is_revoked(&b->issuers[i]))
            out[count++] = ticket_issuer_of(&b->issuers[i].cluster, &b->issuers[i].key);
    return count;
}

/* A key that is revoked may be a thief's: what it has let in ends. One that is merely not listed
 * any more lets nobody in, but ends nothing: peerd may have been started anew and not know it yet.
 */
static void end_revoked(struct worker *w, struct instant now) {
    static struct ticket_issuer revoked[NODE_ISSUERS_MAX];
    const struct briefing *b = &w->briefing;
    size_t count = list_revoked(b, revoked);
    struct ticket ticket;
    for (uint32_t slot = 0; slot < WORKER_SLOTS; slot++) {
        struct session *s = w->sessions[slot];
        if (s == NULL || s->stopped != ERR_OK ||
            ticket_verify(&ticket, s->token, s->token_len, revoked, count, net_wall(),
                          duration_ms(b->config.limits.skew_ms)) != ERR_OK)
            continue;
        s->stopped = ERR_UNKNOWN_ISSUER;
        worker_session_settle(w, s, now);
    }
}

/* All parts are here: from now on this holds. */
static void config_complete(struct worker *w) {
    struct briefing *b = &w->briefing;
    bool revoked = revokes_more(b, &w->next);
    b->config = w->next.config;
    b->complete = !name_is_empty(&b->config.cluster);
    b->self = key_hint_of(&b->config.cluster_key);
    memcpy(b->issuers, w->next.issuers, sizeof(b->issuers));
    b->issuer_count = w->next.issuer_count;
    note_others(b);
    catalogue_move(&b->catalogue, &w->next.catalogue);
    w->receiving = false;
    set_limits(w);
    set_draining(w, b->config.draining, net_now());
    if (revoked)
        end_revoked(w, net_now());
}

static void config_begins(struct worker *w, const struct link_config *c) {
    catalogue_free(&w->next.catalogue);
    w->next.config = *c;
    w->next.issuer_count = 0;
    w->receiving = true;
}

static void credit_leased(struct worker *w, const struct link_credit *c) {
    uint32_t max = w->briefing.config.limits.sessions_max;
    const struct tenure_event e = {
        .kind = TENURE_CREDIT_LEASED,
        .now = net_now(),
        .u.credit = {.slots = c->slots < max ? c->slots : max, .until = c->until},
    };
    deeds_step(w, &e, NULL);
}

static void guests_allotted(struct worker *w, const struct link_guests *g) {
    if (g->count <= NODE_GUESTS_MAX)
        guests_limit_set(&w->guests, g->limits, g->count, &g->services);
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* By which key the client knows the target: the one that was in force when its ticket was signed,
 * since it was told of its backups then. Where that is unclear, it finds one by itself. */
static struct key_hint known_as(const struct worker *w, const struct session *s,
                                const struct name *target, const struct public_key *key) {
    const struct briefing *b = &w->briefing;
    const struct ticket_issuer *then = NULL;
    for (size_t i = 0; s != NULL && i < b->issuer_count; i++) {
        const struct ticket_issuer *row = &b->issuers[i];
        if (name_equal(&row->cluster, target) && s->ticket.issued_s <= row->issued_until_s &&
            (then == NULL || row->issued_until_s < then->issued_until_s))
            then = row;
    }
    return key_hint_of(then != NULL ? &then->key : key);
}

static struct session *find_session(const struct worker *w, const struct session_id *id) {
    uint32_t slot = tenure_find(&w->tenure, id);
    return slot == TENURE_SLOT_NONE ? NULL : w->sessions[slot];
}

static void move_ordered(struct worker *w, const struct node_order *o) {
    const struct tenure_event e = {
        .kind = TENURE_MOVE_ORDERED,
        .now = net_now(),
        .u.move = {.session = o->session,
                   .target = known_as(w, find_session(w, &o->session), &o->target, &o->target_key),
                   .cause = o->cause,
                   .only = o->only,
                   .deadline = duration_ms(o->deadline_ms)},
    };
    deeds_step(w, &e, NULL);
}

static void end_ordered(struct worker *w, const struct node_order *o) {
    struct session *s = find_session(w, &o->session);
    if (s == NULL)
        return;
    s->stopped = o->error == ERR_OK ? ERR_MOVED : o->error;
    worker_session_settle(w, s, net_now());
}

/* By the keys under which moves will be ordered there, see above. */
static void backups_ordered(struct worker *w, const struct node_named *n) {
    struct session *s = find_session(w, &n->session);
    if (s == NULL || n->count > TICKET_BACKUPS_MAX)
        return;
    struct message_named list = {.session = n->session, .count = n->count};
    for (uint8_t i = 0; i < n->count; i++)
        list.list[i] = (struct named_cluster){n->list[i].cluster,
                                              known_as(w, s, &n->list[i].cluster, &n->list[i].key),
                                              n->list[i].media};
    session_tell(s, &list);
}

static void order_received(struct worker *w, const struct node_order *o) {
    switch (o->what) {
    case NODE_ORDER_MOVE:
        move_ordered(w, o);
        return;
    case NODE_ORDER_END:
        end_ordered(w, o);
        return;
    }
}

/* ---- adoption -------------------------------------------------------------------------------- */

/* The resume that the client would send if it had to: serving goes on at the frame that is due now,
 * with what was swallowed before it. A hedge is over by now and its standby is what remains. */
static struct message_resume resume_of(const struct link_session *l, struct instant now) {
    struct message_resume r = {.session = l->node.session,
                               .purpose = l->node.purpose == RESUME_COMMIT ? RESUME_COMMIT
                                                                           : RESUME_STANDBY,
                               .epoch = l->node.epoch,
                               .counter = l->counter,
                               .served_by = l->node.served_by,
                               .cause = l->node.cause};
    if (r.purpose != RESUME_COMMIT)
        return r;
    int64_t since_us = instant_since(now, l->live_at).us;
    /* Rounded up, so that the pace falls on the old one's grid or a little behind it. */
    r.live_frame = l->live_frame + (since_us > 0 ? (uint64_t)(since_us / (FRAME_MS * 1000)) : 0);
    r.from_frame = l->node.last_frame < r.live_frame ? l->node.last_frame + 1 : r.live_frame;
    if (r.live_frame - r.from_frame > ADOPT_REACH_FRAMES)
        r.from_frame = r.live_frame - ADOPT_REACH_FRAMES;
    return r;
}

/* When the frame that a resume calls live was due under the old pace. */
static struct instant due_of(const struct link_session *l, const struct message_resume *r) {
    int64_t frames = (int64_t)(r->live_frame - l->live_frame);
    return instant_add(l->live_at, duration_ms(frames * FRAME_MS));
}

static bool adopt(struct worker *w, const struct link_session *l, struct instant now) {
    const struct briefing *b = &w->briefing;
    const struct catalogue_source *source;
    struct ticket ticket;
    struct deeds_question q = {.silent = true,
                               .client = l->node.client,
                               .ticket = &ticket,
                               .token = l->ticket,
                               .token_len = l->ticket_len};
    if (ticket_verify(&ticket, l->ticket, l->ticket_len, b->issuers, b->issuer_count, net_wall(),
                      duration_ms(b->config.limits.skew_ms)) != ERR_OK ||
        catalogue_admit(&b->catalogue, &ticket, &source, &q.profile) != ERR_OK ||
        door_open_feed(w, source, q.profile, &ticket, &q.feed) != ERR_OK)
        return false;
    const struct message_resume r = resume_of(l, now);
    /* The event's instant sets the pace: that of the frame, not that of our waking up. */
    const struct tenure_event e = {
        .kind = TENURE_RESUME_RECEIVED,
        .issuer = briefing_guest(b, &ticket.issuer),
        .service = &ticket.service,
        .priority = guests_priority(&w->guests, &ticket.service),
        .adopted = true,
        .now = r.purpose == RESUME_COMMIT ? due_of(l, &r) : now,
        .u.resume = &r,
    };
    deeds_step(w, &e, &q);
    feed_close(q.feed);
    return tenure_find(&w->tenure, &l->node.session) != TENURE_SLOT_NONE;
}

/* Draining refuses newcomers; who was here before the process died is none. */
static void adopt_received(struct worker *w, const struct link_session *l) {
    struct instant now = net_now();
    bool draining = w->tenure.draining;
    if (draining)
        set_draining(w, false, now);
    bool adopted = adopt(w, l, now);
    if (draining)
        set_draining(w, true, now);
    if (adopted)
        return;
    const struct link_ended ended = {.session = l->node.session, .error = ERR_SOURCE_FAILED};
    link_send(w->link, LINK_ENDED, &ended);
}

/* ---- pings ----------------------------------------------------------------------------------- */

static uint64_t cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Only those who are bounded are ever refused. */
static void tell_refused(struct worker *w) {
    for (uint32_t i = 0; i < GUESTS_MAX; i++) {
        struct link_refused r = {.issuer = w->guests.rows[i].issuer};
        r.more = w->guests.rows[i].turned_away;
        if (r.more.refused == 0 && r.more.denied == 0)
            continue;
        r.more = guests_refused(&w->guests, &r.issuer);
        link_send(w->link, LINK_REFUSED, &r);
    }
}

static void tell_window(struct worker *w, const struct window *row, struct window *told) {
    struct link_window l = {.issuer = told->issuer};
    if (!name_equal(&row->issuer, &told->issuer)) { /* the row is another cluster's now */
        link_send(w->link, LINK_WINDOW, &l);
        *told = (struct window){.issuer = row->issuer};
    }
    bool same = window_starts(row) == window_starts(told) && row->under_way == told->under_way &&
                row->in_time == told->in_time && row->late == told->late &&
                row->refused == told->refused;
    bool used = row->under_way + row->in_time + row->late + row->refused > 0;
    if (same || !used)
        return;
    l = (struct link_window){.issuer = row->issuer,
                             .starts = window_starts(row),
                             .under_way = row->under_way,
                             .in_time = row->in_time - told->in_time,
                             .late = row->late - told->late,
                             .busy = row->refused - told->refused};
    if (link_send(w->link, LINK_WINDOW, &l))
        *told = *row;
}

/* Since the status before. */
static uint32_t sent_late_ms(struct worker *w, int64_t at_hand_us) {
    int64_t us = w->late_count > 0 ? w->late_us / w->late_count : at_hand_us;
    w->late_us = 0;
    w->late_count = 0;
    return us > 0 ? (uint32_t)(us / 1000) : 0;
}

static void ping_received(struct worker *w, const struct link_ping *p) {
    const struct tenure *t = &w->tenure;
    int64_t late_us = instant_since(net_now(), due_first(&w->due)).us;
    struct link_status s = {.ping = p->number,
                            .frames = w->counters.frames,
                            .resent = w->counters.resent,
                            .probes = w->probed.answered,
                            .probes_refused = w->probed.refused,
                            .waited = w->counters.waited,
                            .sessions = t->counts[TENURE_STANDBY] + t->counts[TENURE_HEDGING] +
                                        t->counts[TENURE_SERVING],
                            .late_ms = late_us > 0 ? (uint32_t)(late_us / 1000) : 0,
                            .sent_late_ms = sent_late_ms(w, late_us),
                            .credit_used = t->credit_used,
                            .cpu_ms = cpu_ms(),
                            .dropped = w->dropped};
    memcpy(s.refused, w->refused, sizeof(s.refused));
    link_send(w->link, LINK_STATUS, &s);
    tell_refused(w);
    for (uint32_t i = 0; i < WINDOWS_MAX; i++)
        tell_window(w, &t->windows.rows[i], &w->told[i]);
}

/* ---- the link -------------------------------------------------------------------------------- */

static struct catalogue *open_catalogue(struct worker *w) {
    return w->receiving ? &w->next.catalogue : &w->briefing.catalogue;
}

/* Flat switch: one kind of message a case. */
void briefing_received(struct worker *w, enum link_kind kind, const void *body) {
    switch (kind) {
    case LINK_PLACE:
        worker_place(w, ((const struct link_place *)body)->index);
        return;
    case LINK_CONFIG_BEGIN:
        config_begins(w, body);
        return;
    case LINK_CONFIG_SOURCE: /* alone: what is known of one source has changed */
        catalogue_put_source(open_catalogue(w), body);
        return;
    case LINK_CONFIG_PROFILE:
        catalogue_put_profile(open_catalogue(w), body);
        return;
    case LINK_CONFIG_ISSUER:
        if (w->next.issuer_count < NODE_ISSUERS_MAX)
            w->next.issuers[w->next.issuer_count++] = *(const struct ticket_issuer *)body;
        return;
    case LINK_CONFIG_END:
        config_complete(w);
        return;
    case LINK_CREDIT:
        credit_leased(w, body);
        return;
    case LINK_GUESTS:
        guests_allotted(w, body);
        return;
    case LINK_ORDER:
        order_received(w, body);
        return;
    case LINK_ADOPT:
        adopt_received(w, body);
        return;
    case LINK_BEGIN:
        worker_begin(w);
        return;
    case LINK_NAMED:
        door_named(w, body, net_now());
        return;
    case LINK_TOLD:
        backups_ordered(w, body);
        return;
    case LINK_PING:
        ping_received(w, body);
        return;
    case LINK_CONFIG_RENDITION: /* for the front of streams */
    case LINK_READY:
    case LINK_STATUS:
    case LINK_REFUSED:
    case LINK_WINDOW:
    case LINK_SESSION:
    case LINK_ENDED:
    case LINK_TRIP:
    case LINK_STREAMS:
    case LINK_STREAM:
    case LINK_RENDITION_COST:
    case LINK_ASK:
    case LINK_KINDS:
        return; /* a supervisor does not say these */
    }
}
