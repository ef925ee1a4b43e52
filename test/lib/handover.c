#include "test/lib/handover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TICKET     "ticket"
#define TICKET_LEN 6
#define CREDIT     3
#define STEPS_MAX  64 /* steps of one machine at one instant: more is a busy loop */

static const struct session_id session = {.bytes = {1, 2, 3, 4}};

struct handover_config handover_config_default(void) {
    return (struct handover_config){
        .seed = 1,
        .servers = 2,
        .depth = duration_ms(200),
        .rtt = {duration_ms(40), duration_ms(40), duration_ms(40)},
        .preroll = duration_ms(6),
        .lease = duration_ms(5000),
    };
}

static struct witness_address address(uint8_t server) {
    static const char *const names[] = {"fra1", "ams1", "lon1"};
    struct witness_address a = {.hint.bytes = {(uint8_t)(server + 1)}};
    name_set(&a.name, names[server]);
    a.media = addr_ipv4((uint8_t[]){127, 0, 0, (uint8_t)(server + 1)}, 7700);
    return a;
}

/* ---- traces ---- */

static void drain_trace(struct handover *h, const char *who) {
    const struct trace_line *line;
    while ((line = trace_take(&h->trace)) != NULL) {
        size_t left = sizeof(h->text) - h->text_len;
        int len = snprintf(h->text + h->text_len, left, "%lld %s: %s\n",
                           (long long)(line->at.us / 1000), who, line->text);
        if (len > 0 && (size_t)len < left)
            h->text_len += (size_t)len;
    }
}

const char *handover_text(const struct handover *h) {
    return h->text;
}

/* ---- network ---- */

static bool is_lost(struct handover *h, uint8_t server, bool media) {
    const struct handover_server *s = &h->servers[server];
    if (s->cut || (media && s->mute))
        return true;
    return rng_below(&h->rng, 1000) < h->config.loss_per_mille;
}

static struct handover_packet *launch(struct handover *h, bool to_client, uint8_t server,
                                      bool media) {
    bool lost = is_lost(h, server, media);
    struct duration delay = duration_scale(h->config.rtt[server], 1, 2);
    delay = duration_add(delay, rng_duration(&h->rng, DURATION_ZERO, h->config.jitter));
    if (lost)
        return NULL;
    assert(h->flying_count < HANDOVER_FLYING_MAX);
    struct handover_packet *p = &h->flying[h->flying_count++];
    p->at = instant_add(h->now, delay);
    p->order = h->packets++;
    p->to_client = to_client;
    p->server = server;
    p->media = media;
    p->again = false;
    p->nack.missing = 0;
    return p;
}

static void launch_message(struct handover *h, bool to_client, uint8_t server,
                           const struct message *m) {
    struct handover_packet *p = launch(h, to_client, server, false);
    if (p != NULL)
        p->message = *m;
}

static uint32_t next_packet(const struct handover *h) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < h->flying_count; i++) {
        const struct handover_packet *p = &h->flying[i];
        if (best == UINT32_MAX || p->at.us < h->flying[best].at.us ||
            (p->at.us == h->flying[best].at.us && p->order < h->flying[best].order))
            best = i;
    }
    return best;
}

/* ---- servers ---- */

static void payload_of(const struct handover *h, uint8_t server, uint64_t frame, uint8_t out[16]) {
    memset(out, h->config.never_mergeable ? server + 1 : 0, 16);
    memcpy(out, &frame, sizeof(frame));
}

static void answer(struct handover *h, uint8_t server, const struct tenure_out *o, uint64_t nonce) {
    struct message m = {.nonce = nonce};
    switch (o->kind) {
    case TENURE_GRANT:
        m.kind = MESSAGE_GRANT;
        m.u.grant = (struct message_grant){
            .session = o->session,
            .purpose = o->purpose,
            .epoch = o->epoch,
            .counter = o->counter,
            .start_frame = o->from,
            .mergeable_from = h->config.never_mergeable ? FRAME_NEVER : o->from,
            .lease_ms = o->lease_ms,
        };
        break;
    case TENURE_REFUSE:
        m.kind = MESSAGE_REFUSE;
        m.u.refuse = (struct message_refuse){.session = o->session,
                                             .purpose = o->purpose,
                                             .error = o->error,
                                             .counter = o->counter,
                                             .retry_after_ms = o->retry_after_ms};
        break;
    case TENURE_ACK:
        m.kind = MESSAGE_ACK;
        m.u.ack = (struct message_ack){.session = o->session,
                                       .epoch = o->epoch,
                                       .counter = o->counter,
                                       .lease_ms = o->lease_ms};
        break;
    case TENURE_NOTICE:
        m.kind = MESSAGE_NOTICE;
        m.u.notice = o->notice;
        break;
    case TENURE_PREPARE:
    case TENURE_MEDIA_START:
    case TENURE_MEDIA_REPAIR:
    case TENURE_MEDIA_STOP:
    case TENURE_FORGET:
        return;
    }
    launch_message(h, true, server, &m);
}

static void obey(struct handover *h, uint8_t server, const struct tenure_out *o) {
    struct handover_server *s = &h->servers[server];
    switch (o->kind) {
    case TENURE_MEDIA_START:
        pace_start(&s->pace[o->slot], duration_ms(FRAME_MS), o->from, o->live, o->held,
                   instant_add(h->now, h->config.preroll));
        if (h->config.end > 0)
            pace_end_at(&s->pace[o->slot], h->config.end);
        s->ended[o->slot] = false;
        return;
    case TENURE_MEDIA_REPAIR:
        pace_repair(&s->pace[o->slot], o->from, o->live, o->held, h->now);
        return;
    case TENURE_MEDIA_STOP:
    case TENURE_FORGET:
    case TENURE_PREPARE:
        pace_stop(&s->pace[o->slot]);
        return;
    case TENURE_ACK:
        pace_follow(&s->pace[o->slot], o->lag_us, h->now);
        return;
    case TENURE_GRANT:
    case TENURE_REFUSE:
    case TENURE_NOTICE:
        return;
    }
}

static void step_server(struct handover *h, uint8_t server, const struct tenure_event *e,
                        uint64_t nonce) {
    struct tenure_outbox out = {.trace = &h->trace};
    tenure_step(&h->servers[server].tenure, e, &out);
    tenure_check_invariants(&h->servers[server].tenure);
    for (uint32_t i = 0; i < out.count; i++) {
        obey(h, server, &out.items[i]);
        answer(h, server, &out.items[i], nonce);
    }
    drain_trace(h, address(server).name.text);
}

static void lease_credit(struct handover *h, uint8_t server) {
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = h->now};
    e.u.credit.slots = CREDIT;
    e.u.credit.until = instant_add(h->now, duration_s(300));
    step_server(h, server, &e, 0);
}

static void boot(struct handover *h, uint8_t server) {
    struct handover_server *s = &h->servers[server];
    struct tenure_config config = {
        .session_lease = h->config.lease,
        .standby_lease = h->config.lease,
        .hedge_ms_max = 500,
        .hedges_per_minute = h->config.hedges_per_minute ? h->config.hedges_per_minute : 60,
        .retry_ms = 500,
        .retry_draining_ms = 2000,
    };
    s->alive = true;
    s->boot++;
    for (int i = 0; i < HANDOVER_SESSIONS_MAX; i++)
        s->pace[i].running = false;
    assert(tenure_index_count(HANDOVER_SESSIONS_MAX) <= 16);
    tenure_init(&s->tenure, &config, s->sessions, s->due, s->index, HANDOVER_SESSIONS_MAX);
    lease_credit(h, server);
}

static void refuse(struct handover *h, const struct handover_packet *p, enum err error) {
    const struct message_resume *r = &p->message.u.resume;
    struct message m = {.kind = MESSAGE_REFUSE, .nonce = p->message.nonce};
    m.u.refuse = (struct message_refuse){.session = r->session,
                                         .purpose = r->purpose,
                                         .error = error,
                                         .counter = r->counter,
                                         .retry_after_ms = err_retryable(error) ? 500 : 0};
    launch_message(h, true, p->server, &m);
}

static void resume_at_server(struct handover *h, const struct handover_packet *p) {
    struct handover_server *s = &h->servers[p->server];
    const struct message_resume *r = &p->message.u.resume;
    bool known = tenure_find(&s->tenure, &r->session) != TENURE_SLOT_NONE;
    if (r->cookie.bytes[0] != s->boot)
        refuse(h, p, ERR_BAD_COOKIE);
    else if (s->refuse != ERR_OK)
        refuse(h, p, s->refuse);
    else if (!known && r->ticket_len == 0)
        refuse(h, p, ERR_UNKNOWN_SESSION);
    else
        step_server(
            h, p->server,
            &(struct tenure_event){.kind = TENURE_RESUME_RECEIVED, .now = h->now, .u.resume = r},
            p->message.nonce);
}

static void nack_at_server(struct handover *h, const struct handover_packet *p) {
    struct handover_server *s = &h->servers[p->server];
    uint32_t slot = tenure_find(&s->tenure, &h->witness.config.session);
    for (unsigned i = 0; i < NACK_FRAMES_MAX && slot != TENURE_SLOT_NONE; i++) {
        uint64_t frame = p->nack.from + i;
        if ((p->nack.missing >> i & 1) == 0 || h->config.deaf ||
            !resend_may(&s->resend[slot], &s->pace[slot], frame, h->now))
            continue;
        s->resent++;
        struct handover_packet *again = launch(h, true, p->server, true);
        if (again == NULL)
            continue;
        again->frame = frame;
        again->again = true;
    }
}

static void packet_at_server(struct handover *h, const struct handover_packet *p) {
    struct handover_server *s = &h->servers[p->server];
    if (!s->alive)
        return;
    if (p->nack.missing != 0) {
        nack_at_server(h, p);
        return;
    }
    struct message m = {.nonce = p->message.nonce};
    switch (p->message.kind) {
    case MESSAGE_HELLO:
        m.kind = MESSAGE_COOKIE;
        m.u.cookie.cookie.bytes[0] = (uint8_t)s->boot;
        launch_message(h, true, p->server, &m);
        return;
    case MESSAGE_RESUME:
        resume_at_server(h, p);
        return;
    case MESSAGE_REPORT:
        step_server(h, p->server,
                    &(struct tenure_event){.kind = TENURE_REPORT_RECEIVED,
                                           .now = h->now,
                                           .u.report = &p->message.u.report},
                    p->message.nonce);
        return;
    case MESSAGE_COOKIE:
    case MESSAGE_GRANT:
    case MESSAGE_REFUSE:
    case MESSAGE_ACK:
    case MESSAGE_NOTICE:
    case MESSAGE_PROBE:
    case MESSAGE_ECHO:
    case MESSAGE_TRIPS:
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
    case MESSAGE_KNOCK:
    case MESSAGE_PASS:
        assert(!"a witness never sends these");
    }
}

static void send_media(struct handover *h, uint8_t server) {
    struct handover_server *s = &h->servers[server];
    for (uint32_t i = 0; i < HANDOVER_SESSIONS_MAX && s->alive; i++) {
        uint64_t frame;
        pace_check_invariants(&s->pace[i]);
        while (pace_take(&s->pace[i], h->now, &frame)) {
            s->sent++;
            struct handover_packet *p = launch(h, true, server, true);
            if (p != NULL)
                p->frame = frame;
        }
        if (!s->pace[i].running || !pace_finished(&s->pace[i]) || s->ended[i])
            continue;
        s->ended[i] = true;
        struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = h->now};
        e.u.source.session = s->sessions[i].id;
        e.u.source.error = ERR_SOURCE_ENDED;
        e.u.source.end = h->config.end;
        step_server(h, server, &e, 0);
    }
}

/* ---- client ---- */

static void step_client(struct handover *h, const struct witness_event *e) {
    struct witness_outbox out = {.trace = &h->trace};
    witness_step(&h->witness, e, &out);
    witness_check_invariants(&h->witness);
    playout_check_invariants(&h->playout);
    drain_trace(h, "client");
    for (uint32_t i = 0; i < out.count; i++) {
        const struct witness_out *o = &out.items[i];
        struct message m = {.kind = MESSAGE_HELLO, .nonce = o->nonce};
        switch (o->kind) {
        case WITNESS_SEND_HELLO:
            break;
        case WITNESS_SEND_RESUME:
            witness_resume_fill(&m, &h->witness, o, TICKET, TICKET_LEN);
            if (o->u.resume.purpose == RESUME_COMMIT)
                h->replay = (struct handover_packet){.server = o->server, .message = m};
            break;
        case WITNESS_SEND_REPORT:
            witness_report_fill(&m, &h->witness, o);
            break;
        case WITNESS_SEND_NACK: {
            struct handover_packet *p = launch(h, false, o->server, false);
            if (p != NULL)
                p->nack = o->u.nack;
            continue;
        }
        case WITNESS_MOVED:
            assert(h->move_count < HANDOVER_MOVES_MAX);
            h->moves[h->move_count++] = o->u.moved;
            continue;
        case WITNESS_SESSION_ENDED:
            h->ended = true;
            h->ended_why = o->u.ended;
            continue;
        }
        launch_message(h, false, o->server, &m);
    }
}

static void media_at_client(struct handover *h, const struct handover_packet *p) {
    uint8_t payload[16];
    payload_of(h, p->server, p->frame, payload);
    if (p->again) {
        playout_insert_again(&h->playout, p->server, p->frame, payload, sizeof(payload), h->now);
        step_client(h, &(struct witness_event){
                           .kind = WITNESS_PACKET_HEARD, .now = h->now, .server = p->server});
        return;
    }
    struct witness_event e = {.kind = WITNESS_FRAME_ARRIVED, .now = h->now, .server = p->server};
    e.u.media.frame = p->frame;
    e.u.media.result =
        playout_insert(&h->playout, p->server, p->frame, payload, sizeof(payload), h->now);
    if (e.u.media.result == PLAYOUT_NEW) {
        h->disordered += p->frame < h->arrived_high;
        if (!instant_is_never(h->arrived_at))
            h->arrival_gap_max =
                duration_max(h->arrival_gap_max, instant_since(h->now, h->arrived_at));
        h->arrived_at = h->now;
    }
    if (p->frame >= h->arrived_high)
        h->arrived_high = p->frame + 1;
    step_client(h, &e);
}

static void packet_at_client(struct handover *h, const struct handover_packet *p) {
    const struct message *m = &p->message;
    if (p->media) {
        media_at_client(h, p);
        return;
    }
    struct witness_event e = {.now = h->now, .server = p->server, .nonce = m->nonce};
    switch (m->kind) {
    case MESSAGE_COOKIE:
        e.kind = WITNESS_COOKIE_RECEIVED;
        e.u.cookie = m->u.cookie;
        break;
    case MESSAGE_GRANT:
        e.kind = WITNESS_GRANTED;
        e.u.grant = m->u.grant;
        break;
    case MESSAGE_REFUSE:
        e.kind = WITNESS_REFUSED;
        e.u.refuse = m->u.refuse;
        break;
    case MESSAGE_ACK:
        e.kind = WITNESS_ACKNOWLEDGED;
        e.u.ack = m->u.ack;
        break;
    case MESSAGE_NOTICE:
        e.kind = WITNESS_NOTICED;
        e.u.notice = m->u.notice;
        break;
    case MESSAGE_HELLO:
    case MESSAGE_RESUME:
    case MESSAGE_REPORT:
    case MESSAGE_PROBE:
    case MESSAGE_ECHO:
    case MESSAGE_TRIPS:
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
    case MESSAGE_KNOCK:
    case MESSAGE_PASS:
        assert(!"a server never sends these");
    }
    step_client(h, &e);
}

static void play(struct handover *h) {
    struct playout_frame f;
    enum playout_taken taken;
    while ((taken = playout_take(&h->playout, h->now, &f)) == PLAYOUT_PLAY ||
           taken == PLAYOUT_LOST) {
        uint8_t payload[16];
        if (taken == PLAYOUT_LOST)
            continue;
        payload_of(h, f.source, f.frame, payload);
        h->wrong += f.len != sizeof(payload) || memcmp(f.payload, payload, sizeof(payload)) != 0;
    }
}

/* ---- time ---- */

void handover_init(struct handover *h, const struct handover_config *config) {
    memset(h, 0, sizeof(*h));
    h->config = *config;
    h->arrived_at = INSTANT_NEVER;
    rng_seed(&h->rng, config->seed);
    trace_init(&h->trace);
    playout_init(&h->playout, &(struct playout_config){.depth = config->depth,
                                                       .frame = duration_ms(FRAME_MS),
                                                       .slots = h->slots,
                                                       .slot_count = PLAYOUT_SLOTS,
                                                       .payloads = h->payloads,
                                                       .payload_bytes_max = 16});
    struct witness_config wc = witness_config_default();
    wc.session = session;
    wc.mergeable = !config->never_mergeable;
    if (config->client_hedges_per_minute > 0)
        wc.hedges_per_minute = config->client_hedges_per_minute;
    struct witness_address list[HANDOVER_SERVERS_MAX];
    for (uint8_t i = 0; i < config->servers; i++) {
        list[i] = address(i);
        boot(h, i);
    }
    witness_init(&h->witness, &wc, &h->playout, &list[0], &list[1], (uint8_t)(config->servers - 1),
                 config->seed ^ 0x5eed, h->now);
    step_client(h, &(struct witness_event){.kind = WITNESS_SESSION_OPENED, .now = h->now});
}

static void deliver(struct handover *h) {
    uint32_t i = next_packet(h);
    if (i == UINT32_MAX || !instant_reached(h->now, h->flying[i].at))
        return;
    struct handover_packet p = h->flying[i];
    h->flying[i] = h->flying[--h->flying_count];
    if (h->servers[p.server].cut)
        return;
    if (p.to_client)
        packet_at_client(h, &p);
    else
        packet_at_server(h, &p);
}

static struct instant server_deadline(const struct handover *h, uint8_t server) {
    const struct handover_server *s = &h->servers[server];
    if (!s->alive)
        return INSTANT_NEVER;
    struct instant at = tenure_deadline(&s->tenure);
    for (int i = 0; i < HANDOVER_SESSIONS_MAX; i++)
        at = instant_min(at, pace_deadline(&s->pace[i]));
    return at;
}

static struct instant next_instant(const struct handover *h) {
    struct instant at = instant_min(witness_deadline(&h->witness), playout_deadline(&h->playout));
    for (uint8_t i = 0; i < h->config.servers; i++)
        at = instant_min(at, server_deadline(h, i));
    uint32_t packet = next_packet(h);
    return packet == UINT32_MAX ? at : instant_min(at, h->flying[packet].at);
}

static void step_all(struct handover *h) {
    deliver(h);
    for (uint8_t i = 0; i < h->config.servers; i++) {
        if (!h->servers[i].alive)
            continue;
        if (instant_reached(h->now, tenure_deadline(&h->servers[i].tenure)))
            step_server(h, i, &(struct tenure_event){.kind = TENURE_TICKED, .now = h->now}, 0);
        send_media(h, i);
    }
    play(h);
    if (instant_reached(h->now, witness_deadline(&h->witness)))
        step_client(h, &(struct witness_event){.kind = WITNESS_TICKED, .now = h->now});
}

void handover_run(struct handover *h, int64_t ms) {
    struct instant end = instant_add(h->now, duration_ms(ms));
    int steps = 0;
    for (;;) {
        struct instant at = next_instant(h);
        if (instant_is_never(at) || instant_before(end, at))
            break;
        steps = instant_before(h->now, at) ? 0 : steps + 1;
        assert(steps < STEPS_MAX);
        h->now = instant_max(h->now, at);
        step_all(h);
    }
    h->now = end;
}

void handover_kill(struct handover *h, uint8_t server) {
    h->servers[server].alive = false;
}

void handover_restart(struct handover *h, uint8_t server) {
    boot(h, server);
}

void handover_order_move(struct handover *h, uint8_t server, uint8_t target, int64_t deadline_ms) {
    struct tenure_event e = {.kind = TENURE_MOVE_ORDERED, .now = h->now};
    e.u.move.session = session;
    e.u.move.target = address(target).hint;
    e.u.move.cause = MOVE_CAUSE_DRAIN;
    e.u.move.deadline = duration_ms(deadline_ms);
    step_server(h, server, &e, 0);
}

void handover_replay(struct handover *h) {
    struct handover_packet *p = launch(h, false, h->replay.server, false);
    if (p != NULL)
        p->message = h->replay.message;
}
