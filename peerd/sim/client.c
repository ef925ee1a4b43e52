#include "peerd/sim/client.h"

#include "peerd/sim/chronicle.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/liar.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/overlap.h"
#include "peerd/sim/post.h"
#include "peerd/sim/probing.h"
#include "peerd/sim/sleep.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN      "ticket" /* the ticket itself is the client's number */
#define TOKEN_LEN  6
#define FRAME_BITS 47
#define AGAIN_BIT  47 /* sent again */
#define NAP_BITS   48 /* from here on: which nap it belongs to */
#define TICKS_MAX  1000

/* ---- making one ---- */

void sim_client_init(struct sim *sim, uint32_t index, uint32_t group, uint32_t number) {
    struct sim_client *c = &sim->clients[index];
    c->index = index;
    c->group = group;
    c->number = number;
    c->seed = rng_u64(&sim->rng);
    c->heard = c->over_at = sim->now;
    c->served_from = c->anchor = c->servable = INSTANT_NEVER;
    c->notes.served_by = UINT32_MAX;
}

struct sim_client_name sim_client_name(const struct sim *sim, const struct sim_client *c) {
    struct sim_client_name name;
    snprintf(name.text, sizeof(name.text), "%s-%" PRIu32,
             sim->scenario->clients[c->group].name.text, c->number + 1);
    return name;
}

/* What an open session needs, in one piece. */
struct listening {
    struct witness witness;
    struct playout playout;
    struct sim_probing *probing; /* NULL unless the client `probes` */
    struct overlap overlap;
    uint64_t played; /* one past the frame played last */
    struct playout_slot slots[];
};

static void begin_listening(struct sim_client *c, uint32_t slot_count) {
    struct listening *l = sim_alloc(1, sizeof(*l) + slot_count * sizeof(l->slots[0]));
    l->playout.config.slots = l->slots;
    c->witness = &l->witness;
    c->playout = &l->playout;
    c->opened = true;
}

/* Only of those who have one a cache line more is looked at. */
struct sim_probing *sim_client_probing(const struct sim_client *c) {
    return c->probes ? ((const struct listening *)(const void *)c->witness)->probing : NULL;
}

static struct listening *listening_of(const struct sim_client *c) {
    return (struct listening *)(void *)c->witness;
}

uint16_t sim_client_buffer_ms(const struct sim *sim, const struct sim_client *c) {
    int64_t ms = duration_in_ms(sim->scenario->clients[c->group].buffer);
    return (uint16_t)(ms < UINT16_MAX ? ms : UINT16_MAX);
}

static struct sim_heard total_of(const struct sim_client *c) {
    const struct playout_stats *s = &c->playout->stats;
    return (struct sim_heard){.expected = (uint32_t)s->expected,
                              .lost = (uint32_t)s->lost,
                              .duplicated = (uint32_t)s->duplicates,
                              .hedges = (uint32_t)c->witness->stats.hedges,
                              .lost_run_max = (uint32_t)s->lost_run_max};
}

static void end_listening(struct sim_client *c) {
    if (c->witness == NULL)
        return;
    c->total = total_of(c);
    free(sim_client_probing(c));
    c->probes = false;
    free(c->witness); /* the first member of what begin_listening() made */
    c->witness = NULL;
    c->playout = NULL;
}

void sim_client_free(struct sim_client *c) {
    sim_sleep_free(c);
    end_listening(c);
    free(c->outcome);
    free(c->holders);
}

void sim_client_outcome(struct sim_client *c, const char *format, ...) {
    char text[REPORT_TEXT_LEN_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t size = (size_t)len < sizeof(text) ? (size_t)len + 1 : sizeof(text);
    free(c->outcome);
    c->outcome = sim_alloc(size, 1);
    memcpy(c->outcome, text, size);
}

/* ---- sending ---- */

static void send_message(struct sim *sim, struct sim_client *c, uint8_t server,
                         const struct message *m) {
    uint32_t worker = sim_worker_at(sim, &c->witness->servers[server].address.media);
    assert(worker != UINT32_MAX);
    uint32_t cluster = sim->workers[worker].cluster;
    struct message lie;
    if (m->kind == MESSAGE_RESUME)
        overlap_sent(&listening_of(c)->overlap, cluster, m->u.resume.purpose,
                     path_rtt(&c->witness->servers[server].path), sim_client_now(sim, c));
    if (sim_liar_is(sim, c)) {
        lie = *m;
        m = &lie;
        if (!sim_liar_says(sim, c, &lie))
            return;
    }
    sim_post(sim, sim_network_group(&sim->network, c->group), cluster,
             m->kind == MESSAGE_RESUME ? SIM_RESUME_BYTES : SIM_MESSAGE_BYTES,
             &(struct sim_event){.kind = SIM_TO_WORKER, .a = worker, .b = c->index}, m,
             sim_message_size(m));
}

static void send_nack(struct sim *sim, struct sim_client *c, const struct witness_out *o) {
    const struct nack_question *q = &o->u.nack;
    uint32_t worker = sim_worker_at(sim, &c->witness->servers[o->server].address.media);
    assert(worker != UINT32_MAX);
    sim_post(sim, sim_network_group(&sim->network, c->group), sim->workers[worker].cluster,
             SIM_NACK_BYTES,
             &(struct sim_event){.kind = SIM_NACK, .a = worker, .b = c->index, .n = q->from},
             &q->missing, sizeof(q->missing));
}

static void note_move(struct sim *sim, const struct sim_client *c, const struct witness_move *m) {
    struct sim_clock clock = sim_client_clock(sim, c);
    struct instant at = sim_clock_true(&clock, m->at);
    struct report_move move = {.group = c->group,
                               .from = m->from,
                               .to = m->to,
                               .at_ms = duration_in_ms(instant_since(at, sim->zero)),
                               .detect_ms = m->detect_ms,
                               .first_frame_ms = m->first_frame_ms,
                               .gap_ms = m->gap_ms};
    snprintf(move.client, sizeof(move.client), "%s", sim_client_name(sim, c).text);
    name_set(&move.cause, move_cause_name(m->cause));
    sim_invariants_moved(sim, c, m);
    if (sim->closing)
        return;
    report_add_move(&sim->report, &move);
    sim_narrative_move(sim, &move);
}

static void carry_out(struct sim *sim, struct sim_client *c, const struct witness_out *o) {
    struct message m = {.kind = MESSAGE_HELLO, .nonce = o->nonce};
    switch (o->kind) {
    case WITNESS_SEND_HELLO:
        break;
    case WITNESS_SEND_RESUME:
        witness_resume_fill(&m, c->witness, o, TOKEN, TOKEN_LEN);
        break;
    case WITNESS_SEND_REPORT:
        witness_report_fill(&m, c->witness, o);
        break;
    case WITNESS_SEND_NACK:
        send_nack(sim, c, o);
        return;
    case WITNESS_MOVED:
        note_move(sim, c, &o->u.moved);
        return;
    case WITNESS_SESSION_ENDED:
        sim_client_over(sim, c, o->u.ended == ERR_OK ? "closed" : err_text(o->u.ended));
        return;
    }
    send_message(sim, c, o->server, &m);
}

/* ---- steps ---- */

static void note_played(struct sim *sim, struct sim_client *c, uint64_t frame, bool lost) {
    const struct playout_stats *s = &c->playout->stats;
    struct sim_clock clock = sim_client_clock(sim, c);
    struct instant due = sim_clock_true(&clock, playout_due(c->playout, frame));
    sim_chronicle_frame(sim, c, due, lost);
    if (!lost) {
        c->reordered += frame < listening_of(c)->played;
        listening_of(c)->played = frame + 1;
        c->heard = due;
        if (instant_is_never(c->served_from))
            c->served_from = due;
    } else if ((int64_t)s->lost_run * FRAME_MS >= REPORT_BREAK_MS) {
        c->served_from = INSTANT_NEVER;
    }
}

void sim_client_play(struct sim *sim, struct sim_client *c) {
    struct instant now = sim_client_now(sim, c);
    struct playout_frame f;
    enum playout_taken taken;
    while ((taken = playout_take(c->playout, now, &f)) == PLAYOUT_PLAY || taken == PLAYOUT_LOST)
        note_played(sim, c, f.frame, taken == PLAYOUT_LOST);
}

static void step(struct sim *sim, struct sim_client *c, struct witness_event *e) {
    struct witness_outbox *out = &sim->witness_outbox;
    e->now = sim_client_now(sim, c);
    sim->steps++;
    sim_client_play(sim, c);
    sim_invariants_client_steps(sim, c, e);
    witness_step(c->witness, e, out);
    for (uint32_t i = 0; i < out->count; i++)
        carry_out(sim, c, &out->items[i]);
    if (sim->trace.count > 0)
        sim_narrative_drain(sim, &sim->trace, sim_client_name(sim, c).text);
    if (c->probes && c->state == SIM_CLIENT_OPEN)
        sim_probing_step(sim, c, sim_client_probing(c));
    sim_invariants_client_stepped(sim, c);
    sim_chronicle_client_stepped(sim, c);
    sim_due_client(sim, c);
    bool may_rest = e->kind == WITNESS_FRAME_ARRIVED || e->kind == WITNESS_COOKIE_RECEIVED ||
                    e->kind == WITNESS_GRANTED || e->kind == WITNESS_ACKNOWLEDGED;
    if (c->state == SIM_CLIENT_OVER)
        end_listening(c);
    else if (may_rest &&
             instant_is_never(c->witness->repair_at)) /* perhaps it has all it wants now */
        sim_sleep_try(sim, c);
}

void sim_client_due(struct sim *sim, struct sim_client *c) {
    uint32_t ticks = 0;
    if (c->nap != NULL) {
        sim_sleep_wake(sim, c);
        return;
    }
    do {
        step(sim, c, &(struct witness_event){.kind = WITNESS_TICKED});
        assert(++ticks < TICKS_MAX);
    } while (c->state == SIM_CLIENT_OPEN &&
             instant_reached(sim_client_now(sim, c), witness_deadline(c->witness)));
}

/* Frames that were in the air when it fell asleep are sent again when it wakes: each knows the nap
 * that it belongs to. */
uint64_t sim_client_frame_tag(const struct sim_client *c, uint64_t frame, bool again) {
    assert(frame < UINT64_C(1) << FRAME_BITS);
    return frame | (uint64_t)again << AGAIN_BIT | (uint64_t)c->naps << NAP_BITS;
}

void sim_client_media_received(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    const struct sim_worker *w = &sim->workers[e->b];
    uint32_t end = sim_network_group(&sim->network, c->group);
    uint64_t frame = e->n & ((UINT64_C(1) << FRAME_BITS) - 1);
    if (c->state != SIM_CLIENT_OPEN || c->nap != NULL || e->n >> NAP_BITS != c->naps ||
        !sim_network_open(&sim->network, w->cluster, end) || sim_liar_ignores(sim, c, w->cluster))
        return;
    struct instant now = sim_client_now(sim, c);
    struct addr from = sim_worker_addr(sim, w);
    struct witness_event event = {.kind = WITNESS_FRAME_ARRIVED,
                                  .server = witness_server_find(c->witness, &from)};
    if (event.server == WITNESS_SERVER_NONE)
        return;
    sim_client_play(sim, c);
    if ((e->n >> AGAIN_BIT & 1) != 0) {
        playout_insert_again(c->playout, event.server, frame, NULL,
                             sim->streams[c->group].frame_bytes, now);
        event.kind = WITNESS_PACKET_HEARD;
        step(sim, c, &event);
        return;
    }
    sim_invariants_frame_arrived(sim, c, e->b);
    event.u.media.frame = frame;
    event.u.media.result = playout_insert(c->playout, event.server, frame, NULL,
                                          sim->streams[c->group].frame_bytes, now);
    if (event.u.media.result == PLAYOUT_DUPLICATE)
        c->apart += !overlap_covers(&listening_of(c)->overlap, now);
    if (instant_is_never(c->anchor) && event.u.media.result == PLAYOUT_NEW)
        c->anchor = instant_sub(instant_add(now, sim->scenario->clients[c->group].buffer),
                                duration_ms((int64_t)frame * FRAME_MS));
    step(sim, c, &event);
}

static bool fill_event(const struct sim_client *c, const struct message *m,
                       struct witness_event *out) {
    switch (m->kind) {
    case MESSAGE_COOKIE:
        out->kind = WITNESS_COOKIE_RECEIVED;
        out->u.cookie = m->u.cookie;
        return true;
    case MESSAGE_GRANT:
        out->kind = WITNESS_GRANTED;
        out->u.grant = m->u.grant;
        return true;
    case MESSAGE_REFUSE:
        out->kind = WITNESS_REFUSED;
        out->u.refuse = m->u.refuse;
        return true;
    case MESSAGE_ACK:
        out->kind = WITNESS_ACKNOWLEDGED;
        out->u.ack = m->u.ack;
        return true;
    case MESSAGE_NOTICE:
        out->kind = WITNESS_NOTICED;
        out->u.notice = m->u.notice;
        return session_id_equal(&m->u.notice.session, &c->ticket.session);
    case MESSAGE_HELLO:
    case MESSAGE_RESUME:
    case MESSAGE_REPORT:
    case MESSAGE_PROBE:
    case MESSAGE_TRIPS:
        return false; /* servers do not ask */
    case MESSAGE_ECHO:
        return false; /* and are not probed */
    case MESSAGE_BACKUPS:
        out->kind = WITNESS_BACKUPS_TOLD;
        out->u.backups = m->u.named;
        return true;
    case MESSAGE_NAMED:
        return false; /* it is for the prober */
    case MESSAGE_KNOCK:
    case MESSAGE_PASS:
        return false; /* who signs, and who has a pass, proves the same: here nobody has one */
    }
    return false;
}

void sim_client_message_received(struct sim *sim, const struct sim_event *e) {
    struct sim_client *c = &sim->clients[e->a];
    const struct message *m = e->body;
    const struct sim_worker *w = &sim->workers[e->b];
    uint32_t end = sim_network_group(&sim->network, c->group);
    struct addr from = sim_worker_addr(sim, w);
    sim_sleep_wake(sim, c);
    if (c->state == SIM_CLIENT_OPEN && sim_network_open(&sim->network, w->cluster, end) &&
        !sim_liar_ignores(sim, c, w->cluster)) {
        struct witness_event event = {.server = witness_server_find(c->witness, &from),
                                      .nonce = m->nonce};
        if (m->kind == MESSAGE_BACKUPS) {
            c->named = true;
            c->named_at = sim->now;
        }
        if (event.server != WITNESS_SERVER_NONE && fill_event(c, m, &event))
            step(sim, c, &event);
        else if (c->probes)
            sim_probing_heard(sim, c, sim_client_probing(c), &from, m);
    }
    sim_body_free(&sim->bodies, e->body);
}

/* ---- life ---- */

struct witness_address sim_client_address_of(const struct sim *sim, const struct addr *media) {
    const struct sim_site *site = &sim->sites[sim_cluster_at(sim, media)];
    return (struct witness_address){
        .name = site->policy.cluster.name, .hint = site->hint, .media = *media};
}

/* Where the session begins is not always where the ticket is from: then it is named in it. */
static void take_ticket(const struct sim *sim, struct sim_client *c, uint32_t issuer,
                        const struct core_answer_open *answer) {
    uint32_t serving = sim_cluster_at(sim, &answer->media);
    struct sim_ticket *t = &c->ticket;
    *t = (struct sim_ticket){
        .session = answer->ticket.session, .issuer = issuer, .expires_s = answer->ticket.expires_s};
    if (serving != issuer)
        t->backups[t->backup_count++] = serving;
    for (uint32_t i = 0; i < answer->backup_count; i++) {
        uint32_t backup = sim_cluster_at(sim, &answer->backups[i].media);
        if (backup != issuer)
            t->backups[t->backup_count++] = backup;
    }
    assert(t->backup_count == answer->ticket.backup_count);
}

static void prepare(struct sim *sim, struct sim_client *c, enum protection protection,
                    const struct witness_address *serving, const struct witness_address *backups,
                    uint8_t backup_count) {
    struct witness_config config = witness_config_default();
    struct playout_config playout = {.depth = sim->scenario->clients[c->group].buffer,
                                     .frame = duration_ms(FRAME_MS)};
    playout.slot_count = (uint32_t)(duration_in_ms(playout.depth) / FRAME_MS) + SIM_SLOTS_SPARE;
    begin_listening(c, playout.slot_count);
    playout.slots = c->playout->config.slots;
    playout_init(c->playout, &playout);
    config.session = c->ticket.session;
    /* Half of the listeners know how few hedges policy allows, the others find out. */
    if (c->seed % 2 == 0 && sim->scenario->limits.hedges_per_minute < config.hedges_per_minute)
        config.hedges_per_minute = sim->scenario->limits.hedges_per_minute;
    config.cold = protection == PROTECTION_COLD;
    config.hot = protection == PROTECTION_HOT;
    witness_init(c->witness, &config, c->playout, serving, backups, backup_count, c->seed,
                 sim_client_now(sim, c));
}

void sim_client_opened(struct sim *sim, struct sim_client *c, uint32_t issuer,
                       const struct core_answer_open *answer) {
    struct witness_address serving = sim_client_address_of(sim, &answer->media);
    struct witness_address backups[TICKET_BACKUPS_MAX];
    for (uint32_t i = 0; i < answer->backup_count; i++)
        backups[i] = sim_client_address_of(sim, &answer->backups[i].media);
    take_ticket(sim, c, issuer, answer);
    prepare(sim, c, answer->ticket.protection, &serving, backups, (uint8_t)answer->backup_count);
    c->witness->config.looks = answer->measures;
    ((struct listening *)(void *)c->witness)->probing = sim_probing_new(sim, c, answer);
    c->probes = answer->measures;
    c->state = SIM_CLIENT_OPEN;
    c->heard = sim->now;
    sim_invariants_client_opened(sim, c);
    step(sim, c, &(struct witness_event){.kind = WITNESS_SESSION_OPENED});
}

/* ---- sleep ---- */

static bool has_played(const struct playout *p) {
    return p->next > p->config.first_frame;
}

/* Of one that has played nothing yet it is known when it will. */
void sim_client_drowse(struct sim *sim, struct sim_client *c) {
    sim_client_play(sim, c);
    if (!has_played(c->playout))
        c->served_from = playout_due(c->playout, c->playout->config.first_frame);
    end_listening(c);
}

void sim_client_rouse(struct sim *sim, struct sim_client *c, const struct witness_rest *rest,
                      const struct witness_ways *ways) {
    struct witness_address nobody = {0};
    prepare(sim, c, rest->cold ? PROTECTION_COLD : PROTECTION_WARM, &nobody, NULL, 0);
    for (uint8_t i = 0; i < rest->server_count; i++) {
        const struct witness_rest_server *s = &rest->servers[i];
        struct addr media = sim_worker_addr(sim, &sim->workers[s->tag]);
        c->witness->servers[s->slot].address = sim_client_address_of(sim, &media);
    }
    c->witness->servers[0].role = WITNESS_ROLE_FREE; /* unless the record says otherwise */
    witness_rest_restore(c->witness, rest, ways, sim->streams[c->group].frame_bytes, sim->now);
    overlap_serves(&listening_of(c)->overlap, sim_client_served_by(sim, c));
    if (has_played(c->playout))
        c->heard = instant_max(c->heard, playout_due(c->playout, c->playout->next - 1));
    else
        c->served_from = INSTANT_NEVER;
}

void sim_client_over(struct sim *sim, struct sim_client *c, const char *outcome) {
    if (c->state == SIM_CLIENT_OVER)
        return;
    c->state = SIM_CLIENT_OVER;
    c->over_at = sim->now;
    sim_client_outcome(c, "%s", outcome);
    sim_due_client(sim, c);
    sim_chronicle_client_over(sim, c);
    if (!sim->closing)
        sim_narrative_fact(sim, "%s is over: %s", sim_client_name(sim, c).text, outcome);
}

void sim_client_close(struct sim *sim, struct sim_client *c) {
    sim_sleep_wake(sim, c);
    if (c->state == SIM_CLIENT_OPEN)
        step(sim, c, &(struct witness_event){.kind = WITNESS_CLOSED});
    else
        sim_client_over(sim, c, "closed");
}

void sim_client_leave(struct sim *sim, struct sim_client *c) {
    c->leaving = true;
    sim_client_close(sim, c);
}

void sim_client_vanish(struct sim *sim, struct sim_client *c) {
    sim_sleep_wake(sim, c);
    if (c->state == SIM_CLIENT_OPEN)
        sim_client_play(sim, c);
    c->leaving = true;
    sim_client_over(sim, c, "gone without a word");
    end_listening(c);
}

uint32_t sim_client_served_by(const struct sim *sim, const struct sim_client *c) {
    if (c->nap != NULL)
        return sim_sleep_served_by(sim, c);
    if (c->state != SIM_CLIENT_OPEN || c->witness->serving == WITNESS_SERVER_NONE)
        return UINT32_MAX;
    return sim_cluster_at(sim, &c->witness->servers[c->witness->serving].address.media);
}

static const char *outcome_of(const struct sim_client *c) {
    if (c->state == SIM_CLIENT_OPEN)
        return "playing";
    if (c->outcome != NULL)
        return c->outcome;
    return c->state == SIM_CLIENT_WAITING ? "its time has not come" : "opening";
}

void sim_client_report(struct sim *sim, struct sim_client *c, struct report_client *out) {
    *out = (struct report_client){
        .group = c->group, .served_from_ms = REPORT_UNSERVED, .left = c->leaving || !c->called};
    out->outcome = outcome_of(c);
    if (!c->opened)
        return;
    struct sim_heard total = c->total;
    if (c->nap != NULL) {
        total = sim_sleep_heard(sim, c);
    } else if (c->state == SIM_CLIENT_OPEN) {
        sim_client_play(sim, c);
        total = total_of(c);
    }
    sim_chronicle_client_over(sim, c);
    out->frames_expected = total.expected;
    out->frames_lost = total.lost;
    out->frames_duplicated = total.duplicated;
    out->reordered = c->reordered;
    out->duplicates_apart = c->apart;
    out->hedges = total.hedges;
    out->gap_max_ms = (int64_t)total.lost_run_max * FRAME_MS;
    bool ended = strcmp(outcome_of(c), err_text(ERR_SOURCE_ENDED)) == 0;
    bool hears = c->state == SIM_CLIENT_OPEN || ended;
    uint64_t end = sim->streams[c->group].end;
    if (ended && total.expected < end) { /* frames that it never heard of are lost all the same */
        out->frames_expected = end;
        out->frames_lost += end - total.expected;
    }
    uint32_t by = sim_client_served_by(sim, c);
    if (by != UINT32_MAX)
        out->served_by = sim->scenario->clusters[by].identity.name.text;
    if (hears && instant_reached(sim->now, c->served_from))
        out->served_from_ms = duration_in_ms(instant_since(c->served_from, sim->zero));
}
