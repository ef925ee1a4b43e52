#include "test/lib/overlay_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- sessions -------------------------------------------------------------------------------- */

static struct held *find(struct node_fake *n, const struct session_id *id) {
    for (uint32_t i = 0; i < n->held_count; i++)
        if (session_id_equal(&n->held[i].told.session, id))
            return &n->held[i];
    return NULL;
}

void overlay_hold(struct overlay *o, uint32_t cluster, const struct core_answer_open *session,
                  uint32_t epoch, enum resume_purpose purpose, uint32_t served_by) {
    struct node_fake *n = &o->sites[cluster]->node;
    const struct ticket *t = &session->ticket;
    struct held *h = find(n, &t->session);
    if (h == NULL) {
        assert(n->held_count < OVERLAY_SESSIONS_MAX);
        h = &n->held[n->held_count++];
    }
    h->changed = true;
    h->told = (struct node_session){.session = t->session,
                                    .issuer = t->issuer,
                                    .service = t->service,
                                    .profile = t->profile,
                                    .source = t->source,
                                    .backup_count = t->backup_count,
                                    .expires_s = t->expires_s,
                                    .epoch = epoch,
                                    .purpose = purpose,
                                    .client = addr_ipv4((uint8_t[4]){192, 0, 2, 7}, 5004),
                                    .lease_ms = 3000};
    memcpy(h->told.backups, t->backups, sizeof(t->backups));
    if (served_by != cluster)
        h->told.served_by = key_hint_of(&o->sites[served_by]->key.public_key);
}

void overlay_commit(struct overlay *o, uint32_t cluster, const struct core_answer_open *session,
                    uint32_t epoch, enum move_cause cause, uint32_t served_by) {
    overlay_hold(o, cluster, session, epoch, RESUME_COMMIT, served_by);
    struct held *h = find(&o->sites[cluster]->node, &session->ticket.session);
    h->told.cause = cause;
    h->told.silent_ms = cause == MOVE_CAUSE_CRASHED ? 140 : 0;
}

void overlay_end(struct overlay *o, uint32_t cluster, const struct session_id *id) {
    struct node_fake *n = &o->sites[cluster]->node;
    struct held *h = find(n, id);
    if (h == NULL)
        return;
    *h = n->held[--n->held_count];
    assert(n->ended_count < OVERLAY_SESSIONS_MAX);
    n->ended[n->ended_count++] = *id;
}

bool overlay_serves(const struct overlay *o, uint32_t cluster, const struct session_id *id) {
    const struct held *h = find(&o->sites[cluster]->node, id);
    return h != NULL && h->told.purpose == RESUME_COMMIT;
}

const struct node_session *overlay_told(const struct overlay *o, uint32_t cluster,
                                        const struct session_id *id, uint32_t *times) {
    const struct held *h = find(&o->sites[cluster]->node, id);
    *times = h == NULL ? 0 : h->times;
    return h == NULL ? NULL : &h->told;
}

uint32_t overlay_ends_ordered(const struct overlay *o, uint32_t cluster) {
    return o->sites[cluster]->node.ends_ordered;
}

/* ---- polling --------------------------------------------------------------------------------- */

void overlay_node_start(struct overlay *o, uint32_t cluster) {
    struct node_fake *n = &o->sites[cluster]->node;
    memset(n, 0, sizeof(*n));
    n->alive = n->full = true;
    n->boot = 77 + cluster;
    n->answered = o->now;
    for (uint32_t i = 0; i < o->setup.clusters; i++) {
        echo_init(&n->echo[i], n->boot);
        n->beaten[i] = o->now;
    }
    overlay_packet(o, PACKET_POLL, cluster, cluster, 5 + cluster);
    overlay_packet(o, PACKET_MEDIA_ALIVE, cluster, cluster, 20);
}

static size_t tell(struct node_fake *n, struct node_session *out, struct set_digest *digest) {
    size_t count = 0;
    for (uint32_t i = 0; i < n->held_count; i++) {
        const struct node_session *s = &n->held[i].told;
        set_digest_toggle(digest, &s->session, s->epoch, s->purpose);
        if (n->full || n->held[i].changed)
            out[count++] = *s;
    }
    return count;
}

static void report(struct overlay *o, uint32_t cluster) {
    struct node_fake *n = &o->sites[cluster]->node;
    struct addr media[1] = {addr_ipv4((uint8_t[4]){127, 0, 0, (uint8_t)(cluster + 1)}, 7700)};
    struct node_profile profile[1] = {{.determinism = {{1}}}};
    struct node_source source[1] = {{.digest = {{2}}, .class = SOURCE_CLASS_EXACT}};
    struct node_worker worker[1] = {{.pid = 4711, .sessions = n->held_count}};
    struct node_session sessions[OVERLAY_SESSIONS_MAX];
    struct node_request r = {.boot = n->boot,
                             .seq = ++n->seq,
                             .seen = n->seen,
                             .order_seen = n->order_seen,
                             .drain = drain_kept_word(&n->drain, o->now),
                             .media = media,
                             .media_count = 1,
                             .profiles = profile,
                             .profile_count = 1,
                             .sources = source,
                             .source_count = n->full ? 1 : 0,
                             .workers = worker,
                             .worker_count = 1,
                             .full = n->full,
                             .sessions = sessions,
                             .ended = n->ended,
                             .ended_count = n->full ? 0 : n->ended_count};
    name_set(&r.node, "n1");
    name_set(&profile[0].name, "pcmu");
    name_set(&source[0].name, "news");
    r.session_count = tell(n, sessions, &r.sessions_digest);
    r.making = (struct node_making){n->makes, 4, n->spare_ms, &n->stream, n->makes ? 1 : 0};
    struct core_event e = {.kind = CORE_NODE_REPORTED};
    e.u.node = (struct core_node_reported){.request = n->seq, .node = 0, .report = &r};
    overlay_step(o, cluster, &e);
}

void overlay_node_poll(struct overlay *o, uint32_t cluster) {
    struct site *s = o->sites[cluster];
    if (!s->node.alive)
        return;
    overlay_packet(o, PACKET_POLL, cluster, cluster, 100);
    if (s->core != NULL)
        report(o, cluster);
    else
        s->node.full = true; /* connection refused: after a reconnect it tells everything */
}

static void take_order(struct overlay *o, uint32_t cluster, const struct node_order *order) {
    struct node_fake *n = &o->sites[cluster]->node;
    if (order->id <= n->order_seen)
        return;
    n->order_seen = order->id;
    if (order->what == NODE_ORDER_END) {
        n->ends_ordered++;
        overlay_end(o, cluster, &order->session);
        return;
    }
    for (uint32_t i = 0; i < o->setup.clusters; i++)
        if (public_key_equal(&o->sites[i]->key.public_key, &order->target_key)) {
            struct packet *p = overlay_packet(o, PACKET_MOVED, cluster, i, o->setup.move_ms);
            p->session = order->session;
        }
}

/* Its client is told at once, and says so at once. */
static void take_told(struct overlay *o, uint32_t cluster, const struct node_named *told) {
    struct held *h = find(&o->sites[cluster]->node, &told->session);
    assert(told->count >= 1 && told->count <= TICKET_BACKUPS_MAX);
    if (h == NULL)
        return;
    h->times++;
    if (o->setup.old_clients)
        return;
    h->told.backup_count = told->count;
    for (uint8_t i = 0; i < told->count; i++)
        h->told.backups[i] = told->list[i].cluster;
    h->changed = true;
}

void overlay_node_answered(struct overlay *o, uint32_t cluster, const struct core_answer_node *a) {
    struct node_fake *n = &o->sites[cluster]->node;
    assert(a->seq == n->seq);
    if (a->refused != ERR_OK)
        return;
    n->seen = a->seq;
    n->answered = o->now;
    n->slots = a->credit.slots;
    n->full = a->want_full;
    drain_kept_heard(&n->drain, &a->drain, o->now);
    n->ended_count = 0;
    for (uint32_t i = 0; i < n->held_count; i++)
        n->held[i].changed = false;
    for (uint32_t i = 0; i < a->order_count; i++)
        take_order(o, cluster, &a->orders[i]);
    for (uint32_t i = 0; i < a->told_count; i++)
        take_told(o, cluster, &a->told[i]);
}

/* The client has committed at the target, which sends already, and lets go of the old server. */
void overlay_node_moved(struct overlay *o, const struct packet *p) {
    struct node_fake *from = &o->sites[p->from]->node, *to = &o->sites[p->to]->node;
    struct held *h = find(from, &p->session);
    if (h == NULL || !from->alive || !to->alive)
        return;
    struct held *arrived = find(to, &p->session);
    if (arrived == NULL)
        arrived = &to->held[to->held_count++];
    *arrived = *h;
    arrived->changed = true;
    arrived->told.epoch++;
    arrived->told.purpose = RESUME_COMMIT;
    arrived->told.cause = MOVE_CAUSE_DRAIN;
    arrived->told.served_by = key_hint_of(&o->sites[p->from]->key.public_key);
    overlay_end(o, p->from, &p->session);
}

/* ---- media-alive ----------------------------------------------------------------------------- */

static void beat_to(struct overlay *o, uint32_t cluster, uint32_t to) {
    struct site *s = o->sites[cluster];
    struct beat b = {.kind = BEAT_KIND_MEDIA_ALIVE, .interval_ms = 100};
    struct key_hint hint = key_hint_of(&s->key.public_key);
    uint8_t nonce[BEAT_NONCE_BYTES];
    struct packet *p = overlay_packet(o, PACKET_BEAT, cluster, to, overlay_one_way_ms(o));
    echo_fill(&s->node.echo[to], &b, o->now);
    s->node.beaten[to] = o->now;
    overlay_nonce(o, nonce);
    p->of_node = true;
    p->len = beat_seal(p->data, sizeof(p->data), &b, &hint, &s->media_to[to], nonce);
    assert(p->len > 0);
}

void overlay_node_beats(struct overlay *o, uint32_t cluster) {
    struct site *s = o->sites[cluster];
    struct duration silence = duration_ms(o->setup.media_alive_after_ms);
    if (!s->node.alive)
        return;
    overlay_packet(o, PACKET_MEDIA_ALIVE, cluster, cluster, 20);
    if (s->core != NULL || !instant_reached(o->now, instant_add(s->node.answered, silence)))
        return;
    for (uint32_t i = 0; i < o->setup.clusters; i++)
        if (i != cluster &&
            instant_reached(o->now, instant_add(s->node.beaten[i], duration_ms(100))))
            beat_to(o, cluster, i);
}

void overlay_node_heard(struct overlay *o, uint32_t cluster, uint32_t from, const struct beat *b) {
    struct site *s = o->sites[cluster];
    if (!s->node.alive)
        return;
    struct echo_proof proof = echo_beat_received(&s->node.echo[from], b, o->now);
    /* The first answers are echoed at once: until then we have proven nothing. */
    if (s->core == NULL && (proof.result == ECHO_CANDIDATE || proof.new_boot))
        beat_to(o, cluster, from);
}

/* What stands beside a node and is no part of one. */
void overlay_check_origin(struct overlay *o, uint32_t cluster, uint32_t origin, enum err err) {
    struct core_event e = {.kind = CORE_ORIGIN_CHECKED};
    e.u.checked = (struct core_origin_checked){origin, err};
    overlay_step(o, cluster, &e);
}

void overlay_sent(struct overlay *o, uint32_t cluster, const struct core_player_sent *sent) {
    struct core_event e = {.kind = CORE_PLAYER_SENT};
    e.u.sent = *sent;
    overlay_step(o, cluster, &e);
}

void overlay_makes(struct overlay *o, uint32_t cluster, const char *source, uint32_t spare_ms,
                   uint32_t player_ms) {
    struct node_fake *n = &o->sites[cluster]->node;
    n->makes = true;
    n->spare_ms = spare_ms;
    n->stream.player_ms = player_ms;
    name_set(&n->stream.source, source);
}

void overlay_player(struct overlay *o, uint32_t cluster, const struct core_player_told *told) {
    struct core_event e = {.kind = CORE_PLAYER_TOLD};
    e.u.player = *told;
    overlay_step(o, cluster, &e);
}
