#include "transcoder/worker/worker.h"

#include "peerd/net/clock.h"
#include "transcoder/rtp/rtp.h"

#include <sodium.h>
#include <string.h>

static uint64_t period_of(struct instant now) {
    return (uint64_t)(now.us / 1000000 / WORKER_PERIOD_S);
}

/* ---- hello ----------------------------------------------------------------------------------- */

static void hello_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                           struct instant now) {
    struct message answer = {.kind = MESSAGE_COOKIE, .nonce = m->nonce};
    uint8_t datagram[MESSAGE_LEN_MAX];
    cookie_make(&answer.u.cookie.cookie, w->briefing.config.cookie_secret, &d->from,
                period_of(now));
    answer.u.cookie.cluster = w->briefing.self;
    answer.u.cookie.free_slots = tenure_free(&w->tenure, now);
    size_t len = message_encode(datagram, sizeof(datagram), &answer, NULL);
    net_udp_send(w->udp, &d->from, datagram, len);
}

/* ---- passes ---------------------------------------------------------------------------------- */

static uint64_t pass_period_of(struct instant now) {
    return (uint64_t)(now.us / 1000000 / PASS_PERIOD_S);
}

/* One host must not have them all: it may knock with as many keys as it likes. */
static bool may_have_pass(struct worker *w, const struct addr *from, struct instant now) {
    const struct addr who = guard_who_comes(from);
    bool few = guard_admits(&w->knocks_guard, &who, now);
    if (!probed_admits(&w->knocked, few ? WORKER_PASSES_PER_S : WORKER_PASSES_PER_S / 2, now))
        return false;
    guard_failed(&w->knocks_guard, &who, now);
    return true;
}

/* Who is not answered signs, and asks again: a herd is not kept waiting for what would only spare
 * it later. */
static void knock_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                           struct instant now) {
    const struct message_knock *k = &m->u.knock;
    const uint8_t *secret = w->briefing.config.cookie_secret;
    struct message answer = {.kind = MESSAGE_PASS, .nonce = m->nonce};
    uint8_t datagram[MESSAGE_PASS_LEN], entropy[32];
    struct pass pass;
    if (!cookie_check(&k->cookie, secret, &d->from, period_of(now))) {
        hello_received(w, d, m, now);
        return;
    }
    if (!key_hint_equal(&k->target, briefing_called(&w->briefing, &k->target))) {
        worker_count(w, ERR_FOREIGN);
        return;
    }
    if (queue_preroll(&w->queue, now) != MEDIA_PREROLL_FULL || !may_have_pass(w, &d->from, now))
        return;
    net_entropy(entropy, sizeof(entropy));
    pass_make(&pass, secret, &k->client, pass_period_of(now));
    answer.u.pass.mark = pass.mark;
    enum err e = pass_seal(answer.u.pass.sealed, &pass, &k->client, entropy);
    sodium_memzero(&pass, sizeof(pass));
    sodium_memzero(entropy, sizeof(entropy));
    if (e != ERR_OK) {
        worker_count(w, e);
        return;
    }
    size_t len = message_encode(datagram, sizeof(datagram), &answer, NULL);
    net_udp_send(w->udp, &d->from, datagram, len);
}

/* That the client has asked it, for us: by its signature, or by a pass of ours. */
static enum err verify_asker(const struct worker *w, const struct message *m,
                             const struct public_key *client, const struct key_hint *target,
                             struct instant now) {
    const struct key_hint *called = briefing_called(&w->briefing, target);
    return m->mark == 0 ? message_verify(m, client, called)
                        : message_verify_passed(m, client, called, w->briefing.config.cookie_secret,
                                                pass_period_of(now));
}

/* ---- resume ---------------------------------------------------------------------------------- */

enum err door_open_feed(struct worker *w, const struct catalogue_source *source,
                        const struct catalogue_profile *profile, const struct ticket *ticket,
                        struct feed **out) {
    const struct feed_options options = {
        .loop = w->loop,
        .location = source->spec.location,
        .source = {.class = source->spec.class, .loop = source->spec.loop},
        .profile = profile->profile,
        .phase = session_phase(ticket),
    };
    struct media_why why = {.text = ""};
    enum err e = feed_open(out, &options, &why);
    if (e != ERR_OK)
        net_log(w->log, NET_LOG_WARNING, "source cannot be opened",
                NET_TEXT("source", source->spec.name.text), NET_TEXT("error", err_name(e)),
                NET_TEXT("why", why.text));
    return e;
}

static bool has_expired(const struct worker *w, const struct ticket *t) {
    int64_t skew_us = (int64_t)w->briefing.config.limits.skew_ms * 1000;
    return net_wall().us > t->expires_s * 1000000 + skew_us;
}

/* The ticket that a resume goes by: that of the session, if it is held and the resume brings no
 * other, or else the one it brings, verified. */
static enum err find_ticket(const struct worker *w, const struct message_resume *r,
                            const struct session *s, struct ticket *out) {
    const struct briefing *b = &w->briefing;
    bool same =
        s != NULL && (r->ticket_len == 0 || (r->ticket_len == s->token_len &&
                                             memcmp(r->ticket, s->token, r->ticket_len) == 0));
    if (same) {
        *out = s->ticket;
        return has_expired(w, out) ? ERR_EXPIRED : ERR_OK;
    }
    if (r->ticket_len == 0)
        return ERR_UNKNOWN_SESSION;
    enum err e = ticket_verify(out, r->ticket, r->ticket_len, b->issuers, b->issuer_count,
                               net_wall(), duration_ms(b->config.limits.skew_ms));
    if (e != ERR_OK)
        return e;
    bool fits =
        session_id_equal(&out->session, &r->session) && (s == NULL || session_ticket_fits(s, out));
    return fits ? ERR_OK : ERR_FOREIGN;
}

/* True if tenure could admit a session now: opening files for those it must refuse would let a herd
 * that asks in vain fell those who are served. */
static bool has_room(const struct worker *w, const struct message_resume *r, const struct ticket *t,
                     struct instant now) {
    return tenure_has_room(&w->tenure, r, &t->issuer, &t->service,
                           guests_priority(&w->guests, &t->service), now);
}

/* Whom it says its ticket is of, where that matters: for some peers slots are kept. */
static const struct name *claimed_issuer(const struct worker *w, const struct message_resume *r,
                                         const struct session *s) {
    const struct briefing *b = &w->briefing;
    if (s != NULL || r->ticket_len == 0 || !guests_keep_any(&w->guests))
        return NULL;
    const struct ticket_issuer *by =
        ticket_claimed(r->ticket, r->ticket_len, b->issuers, b->issuer_count);
    return by != NULL ? briefing_guest(b, &by->cluster) : NULL;
}

static bool wants_media(enum resume_purpose p) {
    return p == RESUME_STANDBY || p == RESUME_HEDGE || p == RESUME_COMMIT || p == RESUME_HOT;
}

/* Everything that tenure takes for granted. Fills the question. */
static enum err verify_resume(struct worker *w, const struct message *m, struct session *s,
                              struct ticket *ticket, struct deeds_question *q, struct instant now) {
    const struct message_resume *r = &m->u.resume;
    const struct catalogue_source *source;
    const struct addr who = guard_who_comes(&q->from);
    if (!cookie_check(&r->cookie, w->briefing.config.cookie_secret, &q->from, period_of(now)))
        return ERR_BAD_COOKIE;
    if (!guard_admits(&w->guard, &who, now))
        return ERR_BUDGET;
    if (tenure_turns_away(&w->tenure, r, claimed_issuer(w, r, s), now))
        return ERR_NO_CREDIT;
    enum err e = find_ticket(w, r, s, ticket);
    if (e == ERR_OK)
        e = verify_asker(w, m, &ticket->client, &r->target, now);
    if (e == ERR_BAD_SIGNATURE || e == ERR_BAD_COOKIE)
        guard_failed(&w->guard, &who, now);
    if (e != ERR_OK || s != NULL || !wants_media(r->purpose))
        return e;
    e = catalogue_admit(&w->briefing.catalogue, ticket, &source, &q->profile);
    if (e == ERR_OK && has_room(w, r, ticket, now))
        e = door_open_feed(w, source, q->profile, ticket, &q->feed);
    return e;
}

static void refuse_resume(struct worker *w, const struct message *m, enum err error,
                          const struct addr *to, struct instant now) {
    const struct message_refuse refusal = {
        .session = m->u.resume.session,
        .purpose = m->u.resume.purpose,
        .error = error,
        .counter = m->u.resume.counter,
        .retry_after_ms = tenure_retry_ms(&w->tenure, &m->u.resume, error, now)};
    deeds_refuse(w, to, &refusal, m->nonce);
}

static struct session *find_session(const struct worker *w, const struct session_id *id) {
    uint32_t slot = tenure_find(&w->tenure, id);
    return slot == TENURE_SLOT_NONE ? NULL : w->sessions[slot];
}

static void resume_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                            struct instant now) {
    const struct message_resume *r = &m->u.resume;
    struct session *s = find_session(w, &r->session);
    struct ticket ticket;
    struct deeds_question q = {.from = d->from,
                               .client = d->from,
                               .nonce = m->nonce,
                               .ticket = &ticket,
                               .token = r->ticket,
                               .token_len = r->ticket_len,
                               .silent_ms = r->silent_ms};
    enum err e = verify_resume(w, m, s, &ticket, &q, now);
    if (e != ERR_OK) {
        refuse_resume(w, m, e, &d->from, now);
        return;
    }
    const struct tenure_event event = {.kind = TENURE_RESUME_RECEIVED,
                                       .now = now,
                                       .issuer = briefing_guest(&w->briefing, &ticket.issuer),
                                       .service = &ticket.service,
                                       .priority = guests_priority(&w->guests, &ticket.service),
                                       .unready = s == NULL && q.feed == NULL,
                                       .u.resume = r};
    deeds_step(w, &event, &q);
    feed_close(q.feed);
}

/* ---- report ---------------------------------------------------------------------------------- */

static void figures_received(struct worker *w, struct session *s, const struct message_report *r,
                             struct instant now) {
    bool begun = s->told_frame == 0 && s->sent_any; /* an operator would read "frame 0" */
    bool moved = r->moved.epoch != 0, loses = r->lost_before != s->figures.lost_before;
    struct duration every = duration_ms(loses ? WORKER_LOST_MS : WORKER_FIGURES_MS);
    s->figures = *r;
    if (moved)
        s->moved = r->moved;
    if (begun || moved || !duration_less(instant_since(now, s->told_at), every))
        worker_session_dirty(w, s);
}

/* A report carries no cookie, so who forges some must not make another's go unheard: failures count
 * against the session named, and from where its client is known to be only those from there. What a
 * pass proves costs less than the refusal of it: it is looked at whatever others have forged. */
static enum err verify_report(struct worker *w, const struct message *m, const struct session *s,
                              const struct addr *from, struct instant now) {
    const struct addr who = guard_who_names(&m->u.report.session, addr_equal(&s->client, from));
    if (m->mark == 0 && !guard_admits(&w->reports_guard, &who, now))
        return ERR_BUDGET;
    enum err e = verify_asker(w, m, &s->ticket.client, &m->u.report.target, now);
    if (e == ERR_BAD_SIGNATURE)
        guard_failed(&w->reports_guard, &who, now);
    return e;
}

static void send_backups(struct worker *w, const struct session *s, uint64_t nonce) {
    const struct message m = {.kind = MESSAGE_BACKUPS, .nonce = nonce, .u.named = s->tells};
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode(datagram, sizeof(datagram), &m, NULL);
    if (len > 0)
        net_udp_send(w->udp, &s->client, datagram, len);
}

/* Which backups it goes by, see telling.h. */
static void take_word(struct worker *w, struct session *s, uint32_t mark, uint64_t nonce) {
    switch (session_reported(s, mark)) {
    case TELLING_NOTHING:
        return;
    case TELLING_TELL:
        send_backups(w, s, nonce);
        return;
    case TELLING_TAKEN:
        worker_session_dirty(w, s);
        return;
    }
}

static void report_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                            struct instant now) {
    const struct message_report *r = &m->u.report;
    struct session *s = find_session(w, &r->session);
    struct deeds_question q = {.from = d->from, .client = d->from, .nonce = m->nonce};
    /* Its key is not known here any more, so this answer is not verified. It is shorter than the
     * question, and tells the client to commit here again, with its ticket. */
    enum err e = s == NULL ? ERR_UNKNOWN_SESSION : verify_report(w, m, s, &d->from, now);
    if (e != ERR_OK) {
        const struct message_refuse refusal = {
            .session = r->session, .purpose = RESUME_COMMIT, .error = e, .counter = r->counter};
        deeds_refuse(w, &d->from, &refusal, m->nonce);
        return;
    }
    if (has_expired(w, &s->ticket) && s->stopped == ERR_OK) {
        s->stopped = ERR_EXPIRED;
        worker_session_settle(w, s, now);
    }
    const struct tenure_event event = {.kind = TENURE_REPORT_RECEIVED, .now = now, .u.report = r};
    uint32_t slot = s->slot;
    deeds_step(w, &event, &q);
    /* Tenure acknowledges what is new and ours to serve, and may have let it go with that. */
    if (w->sessions[slot] != s || w->tenure.sessions[slot].state == TENURE_HOT ||
        w->outbox.count == 0 || w->outbox.items[0].kind != TENURE_ACK)
        return;
    figures_received(w, s, r, now); /* who serves is told of the session's figures */
    take_word(w, s, r->backups, m->nonce);
}

/* ---- probes -------------------------------------------------------------------------------- */

static void probe_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                           struct instant now) {
    const struct key_hint *target = &m->u.probe.target;
    struct message answer = {.kind = MESSAGE_ECHO, .nonce = m->nonce, .u.echo = {*target}};
    uint8_t datagram[MESSAGE_LEN_MAX];
    if (!key_hint_equal(target, briefing_called(&w->briefing, target))) {
        worker_count(w, ERR_FOREIGN);
        return;
    }
    if (!probed_admits(&w->probed, w->briefing.config.limits.probes_per_s, now))
        return;
    size_t len = message_encode(datagram, sizeof(datagram), &answer, NULL);
    net_udp_send(w->udp, &d->from, datagram, len);
}

/* Of a session that is served here, from where its client is. Nobody is answered. */
static enum err take_trips(struct worker *w, const struct message *m, struct session *s,
                           const struct addr *from, struct instant now) {
    const struct message_trips *t = &m->u.trips;
    if (s == NULL || !addr_equal(&s->client, from))
        return ERR_UNKNOWN_SESSION;
    const struct addr who = guard_who_names(&t->session, true);
    if (!guard_admits(&w->reports_guard, &who, now))
        return ERR_BUDGET;
    enum err e = probed_take_trips(&s->trips_counter, m, &s->ticket.client,
                                   briefing_called(&w->briefing, &t->target));
    if (e == ERR_BAD_SIGNATURE)
        guard_failed(&w->reports_guard, &who, now);
    return e;
}

static void trips_received(struct worker *w, const struct net_datagram *d, const struct message *m,
                           struct instant now) {
    const struct message_trips *t = &m->u.trips;
    struct session *s = find_session(w, &t->session);
    enum err e = take_trips(w, m, s, &d->from, now);
    if (e != ERR_OK) {
        worker_count(w, e);
        return;
    }
    for (uint8_t i = 0; i < t->count; i++) {
        const struct node_trip trip = {.client = s->client,
                                       .cluster = t->list[i].cluster,
                                       .rtt_us = t->list[i].rtt_us,
                                       .samples = t->list[i].samples,
                                       .asked = t->list[i].asked,
                                       .lost = t->list[i].lost,
                                       .due = t->own.due,
                                       .missing = t->own.lost,
                                       .runs = t->own.runs,
                                       .session = s->ticket.session};
        link_send(w->link, LINK_TRIP, &trip);
    }
    if (naming_told(&s->naming, m->nonce, now))
        link_send(w->link, LINK_ASK, &s->ticket.session);
}

/* peerd has answered what was asked then. It goes where the session's client has proved to be. */
void door_named(struct worker *w, const struct node_named *n, struct instant now) {
    struct session *s = find_session(w, &n->session);
    struct message m = {.kind = MESSAGE_NAMED,
                        .u.named = {.session = n->session, .count = n->count}};
    uint8_t datagram[MESSAGE_LEN_MAX];
    if (s == NULL || !naming_named(&s->naming, now, &m.nonce))
        return;
    for (uint8_t i = 0; i < n->count; i++)
        m.u.named.list[i] = (struct named_cluster){n->list[i].cluster, key_hint_of(&n->list[i].key),
                                                   n->list[i].media};
    size_t len = message_encode(datagram, sizeof(datagram), &m, NULL);
    if (len > 0)
        net_udp_send(w->udp, &s->client, datagram, len);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* RTCP is not signed: it is heeded from where the client has proved to be. */
static void rtcp_received(struct worker *w, const struct net_datagram *d, struct instant now) {
    struct rtcp_report report;
    if (rtcp_decode(&report, d->data, d->len) != ERR_OK ||
        (report.block_count == 0 && report.nack_count == 0)) {
        w->dropped++;
        return;
    }
    uint32_t ssrc = report.nack_count > 0 ? report.nack_ssrc : report.blocks[0].ssrc;
    struct session *s = worker_session_of(w, ssrc);
    if (s == NULL || !addr_equal(&s->client, &d->from))
        return;
    session_rtcp_received(s, &report, net_wall());
    if (report.nack_count > 0)
        session_nack_received(s, &report, w->udp, now, &w->counters);
}

static void message_received(struct worker *w, const struct net_datagram *d, struct instant now) {
    struct message m;
    enum err e = message_decode(&m, d->data, d->len);
    if (e == ERR_OK && !message_from_client(m.kind))
        e = ERR_REFLECTED;
    if (e == ERR_OK && !w->briefing.complete)
        e = ERR_NOT_YET; /* nobody has told us yet whose worker we are; the client asks again */
    if (e != ERR_OK) {
        w->dropped++;
        worker_count(w, e);
        return;
    }
    switch (m.kind) {
    case MESSAGE_HELLO:
        hello_received(w, d, &m, now);
        return;
    case MESSAGE_RESUME:
        resume_received(w, d, &m, now);
        return;
    case MESSAGE_REPORT:
        report_received(w, d, &m, now);
        return;
    case MESSAGE_PROBE:
        probe_received(w, d, &m, now);
        return;
    case MESSAGE_TRIPS:
        trips_received(w, d, &m, now);
        return;
    case MESSAGE_KNOCK:
        knock_received(w, d, &m, now);
        return;
    case MESSAGE_ECHO:
    case MESSAGE_COOKIE:
    case MESSAGE_GRANT:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_NOTICE:
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
    case MESSAGE_PASS:
        return;
    }
}

void door_datagram_received(struct worker *w, const struct net_datagram *d, struct instant now) {
    if (d->len > 0 && d->data[0] == MESSAGE_FIRST_BYTE)
        message_received(w, d, now);
    else if (rtp_kind(d->data, d->len) == RTP_KIND_RTCP)
        rtcp_received(w, d, now);
    else
        w->dropped++;
    if (w->dropped > w->dropped_logged) {
        /* The log itself sees to it that a flood does not become one there. */
        net_log(w->log, NET_LOG_DEBUG, "datagram dropped", NET_ADDR("from", &d->from),
                NET_NUMBER("bytes", d->len));
        w->dropped_logged = w->dropped;
    }
}
