#include "transcoder/worker/worker.h"

#include <assert.h>
#include <string.h>

/* ---- messages out ---------------------------------------------------------------------------- */

static void send_message(struct worker *w, const struct addr *to, const struct message *m) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode(datagram, sizeof(datagram), m, NULL);
    assert(len > 0 && "a message of ours is in range");
    if (w->udp != NULL)
        net_udp_send(w->udp, to, datagram, len);
}

void deeds_refuse(struct worker *w, const struct addr *to, const struct message_refuse *refusal,
                  uint64_t nonce) {
    struct message m = {.kind = MESSAGE_REFUSE, .nonce = nonce, .u.refuse = *refusal};
    m.u.refuse.cluster = w->briefing.self;
    worker_count(w, refusal->error);
    send_message(w, to, &m);
}

static void grant(struct worker *w, const struct tenure_out *o, struct deeds_question *q) {
    struct session *s = w->sessions[o->slot];
    struct message m = {.kind = MESSAGE_GRANT, .nonce = q->nonce};
    m.u.grant = (struct message_grant){.session = o->session,
                                       .purpose = o->purpose,
                                       .epoch = o->epoch,
                                       .counter = o->counter,
                                       .start_frame = o->from,
                                       .mergeable_from = FRAME_NEVER,
                                       .lease_ms = o->lease_ms,
                                       .cluster = w->briefing.self};
    if (s != NULL) { /* a tombstone grants a release, too */
        m.u.grant.determinism = s->determinism;
        m.u.grant.mergeable_from = s->mergeable_from;
        s->client = q->client;
        s->nonce = q->nonce;
        if (o->purpose == RESUME_HEDGE || o->purpose == RESUME_COMMIT)
            s->silent_ms = q->silent_ms;
        session_ticket_renew(s, q->ticket, q->token, q->token_len);
    }
    send_message(w, &q->from, &m);
}

static void refuse(struct worker *w, const struct tenure_out *o, const struct deeds_question *q) {
    const struct session *s = o->unasked ? w->sessions[o->slot] : NULL;
    const struct message_refuse refusal = {.session = o->session,
                                           .purpose = o->purpose,
                                           .error = o->error,
                                           .counter = o->counter,
                                           .retry_after_ms = o->retry_after_ms};
    if (s != NULL)
        deeds_refuse(w, &s->client, &refusal, s->nonce);
    else if (!o->unasked && q != NULL && !q->silent)
        deeds_refuse(w, &q->from, &refusal, q->nonce);
}

static void acknowledge(struct worker *w, const struct tenure_out *o,
                        const struct deeds_question *q) {
    struct message m = {.kind = MESSAGE_ACK, .nonce = q->nonce};
    m.u.ack = (struct message_ack){
        .session = o->session, .epoch = o->epoch, .counter = o->counter, .lease_ms = o->lease_ms};
    if (w->sessions[o->slot] != NULL)
        w->sessions[o->slot]->nonce = q->nonce;
    send_message(w, &q->from, &m);
}

static void notify(struct worker *w, const struct tenure_out *o) {
    const struct session *s = w->sessions[o->slot];
    const struct message m = {.kind = MESSAGE_NOTICE, .nonce = s->nonce, .u.notice = o->notice};
    send_message(w, &s->client, &m);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* Where the sessions are found by what RTCP says of them: in one of a few places beginning with the
 * SSRC's own. If all are taken the first loses its: what is not found costs a statistic, or a
 * repair.
 */
static uint16_t *ssrc_place(struct worker *w, uint32_t ssrc, unsigned i) {
    return &w->by_ssrc[(ssrc + i) % WORKER_SSRC_COUNT];
}

struct session *worker_session_of(struct worker *w, uint32_t ssrc) {
    for (unsigned i = 0; i < WORKER_SSRC_PLACES; i++) {
        struct session *s = w->sessions[*ssrc_place(w, ssrc, i) % WORKER_SLOTS];
        if (s != NULL && s->position.ssrc == ssrc)
            return s;
    }
    return NULL;
}

/* True if the session that a place names would be looked for there. */
static bool is_taken(struct worker *w, uint16_t *place) {
    const struct session *s = w->sessions[*place % WORKER_SLOTS];
    for (unsigned i = 0; s != NULL && i < WORKER_SSRC_PLACES; i++)
        if (ssrc_place(w, s->position.ssrc, i) == place)
            return true;
    return false;
}

static void index_ssrc(struct worker *w, const struct session *s) {
    uint16_t *place = ssrc_place(w, s->position.ssrc, 0);
    for (unsigned i = 0; i < WORKER_SSRC_PLACES; i++) {
        if (is_taken(w, ssrc_place(w, s->position.ssrc, i)))
            continue;
        place = ssrc_place(w, s->position.ssrc, i);
        break;
    }
    *place = (uint16_t)s->slot;
}

static void prepare(struct worker *w, const struct tenure_out *o, struct deeds_question *q) {
    assert(q != NULL && q->feed != NULL && "tenure admits nobody without credit");
    assert(w->sessions[o->slot] == NULL);
    struct session *s =
        session_new(o->slot, q->ticket, q->token, q->token_len, q->profile, q->feed);
    q->feed = NULL;
    if (s == NULL)
        return; /* out of memory: tenure is told when its outbox is done */
    s->client = q->client;
    s->nonce = q->nonce;
    s->silent_ms = q->silent_ms;
    w->sessions[o->slot] = s;
    worker_session_watch(w, s);
    index_ssrc(w, s);
}

/* Flat switch: one intention a case. */
static void do_one(struct worker *w, const struct tenure_out *o, struct deeds_question *q,
                   struct instant now) {
    struct session *s = o->slot == TENURE_SLOT_NONE ? NULL : w->sessions[o->slot];
    bool asked = q != NULL && !q->silent;
    switch (o->kind) {
    case TENURE_GRANT:
        if (asked)
            grant(w, o, q);
        break;
    case TENURE_REFUSE:
        refuse(w, o, q);
        break;
    case TENURE_ACK:
        if (asked)
            acknowledge(w, o, q);
        if (s != NULL)
            pace_follow(&s->pace, o->lag_us, now);
        break;
    case TENURE_PREPARE:
        prepare(w, o, q);
        return;
    case TENURE_MEDIA_START:
        if (s != NULL)
            session_hurry(s, asked ? queue_preroll(&w->queue, now) : MEDIA_PREROLL_FULL);
        if (s != NULL)
            session_media_start(s, o->from, o->live, o->held, now);
        break;
    case TENURE_MEDIA_REPAIR:
        if (s != NULL)
            session_hurry(s, asked ? queue_preroll(&w->queue, now) : MEDIA_PREROLL_FULL);
        if (s != NULL)
            session_media_repair(s, o->from, o->live, o->held, now);
        break;
    case TENURE_MEDIA_STOP:
        if (s != NULL)
            session_media_stop(s);
        break;
    case TENURE_NOTICE:
        if (s != NULL)
            notify(w, o);
        break;
    case TENURE_FORGET:
        if (s != NULL)
            worker_session_forget(w, o->slot, o->error);
        return;
    }
    if (s == NULL)
        return;
    worker_session_settle(w, s, now);
    if (o->kind != TENURE_ACK)
        worker_session_dirty(w, s);
}

/* A session of which memory could not hold our part is over as soon as it began. */
static void end_without_memory(struct worker *w, const struct session_id *id, struct instant now) {
    const struct tenure_event e = {
        .kind = TENURE_SOURCE_STOPPED,
        .now = now,
        .u.source = {.session = *id, .error = ERR_NO_MEMORY, .end = FRAME_NEVER},
    };
    tenure_step(&w->tenure, &e, &w->outbox);
}

void deeds_step(struct worker *w, const struct tenure_event *event, struct deeds_question *q) {
    tenure_step(&w->tenure, event, &w->outbox);
    struct session_id lost;
    bool is_lost = false;
    for (uint32_t i = 0; i < w->outbox.count; i++) {
        const struct tenure_out *o = &w->outbox.items[i];
        do_one(w, o, q, event->now);
        if (o->kind == TENURE_PREPARE && w->sessions[o->slot] == NULL) {
            lost = o->session;
            is_lost = true;
        }
    }
    if (is_lost)
        end_without_memory(w, &lost, event->now);
    worker_tenure_settle(w);
}
