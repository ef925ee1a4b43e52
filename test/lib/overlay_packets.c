#include "test/lib/overlay_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is under way between the clusters: packets, what cores send, and what arrives. */

/* ---- packets --------------------------------------------------------------------------------- */

struct packet *overlay_packet(struct overlay *o, enum packet_kind kind, uint32_t from, uint32_t to,
                              uint32_t delay_ms) {
    assert(o->packet_count < PACKETS_MAX);
    struct packet *p = calloc(1, sizeof(*p));
    assert(p != NULL);
    p->kind = kind;
    p->from = from;
    p->to = to;
    p->at = instant_add(o->now, duration_ms(delay_ms));
    p->order = o->orders++;
    o->packets[o->packet_count++] = p;
    return p;
}

/* A linear search will do: a test has a few dozen packets under way. */
int overlay_next_packet(const struct overlay *o) {
    int best = -1;
    for (uint32_t i = 0; i < o->packet_count; i++) {
        const struct packet *p = o->packets[i], *b = best < 0 ? NULL : o->packets[best];
        if (b == NULL || p->at.us < b->at.us || (p->at.us == b->at.us && p->order < b->order))
            best = (int)i;
    }
    return best;
}

static void remember_sent(struct overlay *o, const struct packet *p) {
    struct site *s = o->sites[p->from];
    if (s->sent[p->to] == NULL)
        s->sent[p->to] = calloc(SENT_MAX, sizeof(struct sent));
    assert(s->sent[p->to] != NULL && s->sent_count[p->to] < SENT_MAX);
    struct sent *sent = &s->sent[p->to][s->sent_count[p->to]++];
    sent->at = o->now;
    sent->len = p->len;
    memcpy(sent->data, p->data, p->len);
}

static void send_beat(struct overlay *o, uint32_t who, const struct core_send_beat *b) {
    uint32_t to = overlay_cluster_of(who, b->peer);
    uint8_t nonce[BEAT_NONCE_BYTES];
    struct packet *p = overlay_packet(o, PACKET_BEAT, who, to, overlay_one_way_ms(o));
    struct key_hint hint = key_hint_of(&o->sites[who]->key.public_key);
    bool media = b->beat.kind == BEAT_KIND_MEDIA_ALIVE;
    assert(media == !addr_is_none(&b->to));
    p->to_node = media;
    overlay_nonce(o, nonce);
    /* The answer to a node travels the other way than the node's own beats. */
    const struct seal_key *key =
        media ? &o->sites[to]->media_from[who] : &o->sites[who]->beat_to[to];
    p->len = beat_seal(p->data, sizeof(p->data), &b->beat, &hint, key, nonce);
    assert(p->len > 0);
    if (!media)
        remember_sent(o, p);
}

static void lodge(struct overlay *o, uint32_t who, const struct core_lodge_standbys *l) {
    struct packet *p = overlay_packet(o, PACKET_LODGE, who, overlay_cluster_of(who, l->peer),
                                      overlay_one_way_ms(o));
    assert(l->group_count <= 16);
    memcpy(p->groups, l->groups, l->group_count * sizeof(*l->groups));
    p->group_count = l->group_count;
    p->run = o->sites[who]->run;
}

static void slots(struct overlay *o, uint32_t who, const struct core_answer_standbys *a) {
    uint32_t asker = (uint32_t)(a->request >> 32);
    struct packet *p = overlay_packet(o, PACKET_SLOTS, who, asker, overlay_one_way_ms(o));
    assert(a->err == ERR_OK && a->slot_count <= 16);
    memcpy(p->slots, a->slots, a->slot_count * sizeof(*a->slots));
    p->group_count = a->slot_count;
    p->run = a->request & UINT32_MAX;
}

void overlay_carry_out(struct overlay *o, uint32_t who, const struct core_intention *i) {
    switch (i->kind) {
    case CORE_SEND_BEAT:
        send_beat(o, who, &i->u.beat);
        return;
    case CORE_ANSWER_OPEN:
        o->opened = i->u.open;
        return;
    case CORE_ANSWER_NODE:
        overlay_node_answered(o, who, &i->u.node);
        return;
    case CORE_ANSWER_STANDBYS:
        slots(o, who, &i->u.standbys);
        return;
    case CORE_FETCH_DESCRIPTION: {
        struct packet *p = overlay_packet(
            o, PACKET_FETCH, who, overlay_cluster_of(who, i->u.fetch.peer), overlay_one_way_ms(o));
        p->run = o->sites[who]->run;
        return;
    }
    case CORE_LODGE_STANDBYS:
        lodge(o, who, &i->u.lodge);
        return;
    case CORE_ANSWER_AGREEMENT:
    case CORE_SAY_AGREEMENT:
        assert(false && "no policy here wants an agreement");
        return;
    }
}

void overlay_packet_free(struct packet *p) {
    if (p->kind == PACKET_DESCRIPTION)
        description_free(&p->description);
    free(p);
}

/* ---- delivery -------------------------------------------------------------------------------- */

static void deliver_beat(struct overlay *o, const struct packet *p) {
    struct site *to = o->sites[p->to], *from = o->sites[p->from];
    struct beat beat;
    const struct seal_key *key = p->to_node   ? &to->media_from[p->from]
                                 : p->of_node ? &from->media_to[p->to]
                                              : &from->beat_to[p->to];
    enum err err = beat_open(&beat, p->data, p->len, key);
    assert(err == ERR_OK);
    if (p->to_node) {
        overlay_node_heard(o, p->to, p->from, &beat);
        return;
    }
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    e.u.beat = (struct core_beat_received){.peer = overlay_peer_index(p->to, p->from),
                                           .from = addr_ipv4((uint8_t[4]){127, 0, 0, 1}, 7700),
                                           .beat = &beat};
    overlay_step(o, p->to, &e);
}

/* The copy outlives the core's scratch. */
static void copy_description(struct description *out, const struct description *d) {
    *out = *d;
#define COPY(field, count)                                                                         \
    out->field = malloc((d->count + 1) * sizeof(*d->field));                                       \
    assert(out->field != NULL);                                                                    \
    memcpy(out->field, d->field, d->count * sizeof(*d->field))
    COPY(services, service_count);
    COPY(profiles, profile_count);
    COPY(sources, source_count);
    COPY(media, media_count);
    COPY(origins, origin_count);
#undef COPY
}

static void deliver_fetch(struct overlay *o, const struct packet *p) {
    struct description d;
    enum err err = core_describe(o->sites[p->to]->core, (struct wall){0}, &d);
    assert(err == ERR_OK);
    struct packet *answer =
        overlay_packet(o, PACKET_DESCRIPTION, p->to, p->from, overlay_one_way_ms(o));
    answer->run = p->run;
    copy_description(&answer->description, &d);
    snprintf(answer->description.clients_url, sizeof(answer->description.clients_url),
             "https://%s.example:7680", d.cluster.text);
}

static void deliver_description(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    e.u.described = (struct core_peer_described){.peer = overlay_peer_index(p->to, p->from),
                                                 .description = &p->description};
    overlay_step(o, p->to, &e);
}

static void deliver_lodging(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    e.u.lodged = (struct core_standbys_lodged){.request = (uint64_t)p->from << 32 | p->run,
                                               .peer = overlay_peer_index(p->to, p->from),
                                               .ttl_ms = 30000,
                                               .groups = p->groups,
                                               .group_count = p->group_count};
    overlay_step(o, p->to, &e);
}

static void deliver_slots(struct overlay *o, const struct packet *p) {
    struct core_event e = {.kind = CORE_STANDBYS_ANSWERED};
    e.u.standbys = (struct core_standbys_answered){.peer = overlay_peer_index(p->to, p->from),
                                                   .slots = p->slots,
                                                   .slot_count = p->group_count,
                                                   .ttl_ms = 30000};
    overlay_step(o, p->to, &e);
}

static void replay(struct overlay *o, const struct packet *p) {
    const struct site *from = o->sites[p->from];
    const struct sent *sent = &from->sent[p->to][p->index];
    struct packet *beat = overlay_packet(o, PACKET_BEAT, p->from, p->to, 0);
    beat->len = sent->len;
    memcpy(beat->data, sent->data, sent->len);
    if (p->index + 1 == from->sent_count[p->to])
        return;
    struct packet *next = overlay_packet(o, PACKET_REPLAY, p->from, p->to, p->every_ms);
    next->index = p->index + 1;
    next->every_ms = p->every_ms;
}

void overlay_replay(struct overlay *o, uint32_t from, uint32_t to, uint32_t since_ms,
                    uint32_t every_ms) {
    const struct site *s = o->sites[from];
    uint32_t first = 0;
    while (first < s->sent_count[to] && s->sent[to][first].at.us < 1000000000 + since_ms * 1000)
        first++;
    assert(first < s->sent_count[to]);
    struct packet *p = overlay_packet(o, PACKET_REPLAY, from, to, every_ms);
    p->index = first;
    p->every_ms = every_ms;
}

/* A request to a dead peerd, or an answer to a dead run, is simply lost: the core has its own
 * timeouts. What arrives during a stall waits in the socket. */
void overlay_deliver(struct overlay *o, struct packet *p) {
    const struct site *to = o->sites[p->to];
    bool for_core = p->kind != PACKET_POLL && p->kind != PACKET_MEDIA_ALIVE &&
                    p->kind != PACKET_MOVED && p->kind != PACKET_REPLAY && !p->to_node;
    bool answer = p->kind == PACKET_DESCRIPTION || p->kind == PACKET_SLOTS;
    if (p->from != p->to && p->kind != PACKET_REPLAY && o->cut[p->from][p->to])
        return;
    if (for_core && (to->core == NULL || (answer && p->run != to->run)))
        return;
    switch (p->kind) {
    case PACKET_BEAT:
        deliver_beat(o, p);
        return;
    case PACKET_POLL:
        overlay_node_poll(o, p->to);
        return;
    case PACKET_FETCH:
        deliver_fetch(o, p);
        return;
    case PACKET_DESCRIPTION:
        deliver_description(o, p);
        return;
    case PACKET_LODGE:
        deliver_lodging(o, p);
        return;
    case PACKET_SLOTS:
        deliver_slots(o, p);
        return;
    case PACKET_MEDIA_ALIVE:
        overlay_node_beats(o, p->to);
        return;
    case PACKET_MOVED:
        overlay_node_moved(o, p);
        return;
    case PACKET_REPLAY:
        replay(o, p);
        return;
    }
}

bool overlay_put_off(struct overlay *o, struct packet *p) {
    const struct site *s = o->sites[p->to];
    bool for_core = p->kind != PACKET_MEDIA_ALIVE && p->kind != PACKET_MOVED && !p->to_node;
    if (!for_core || instant_reached(o->now, s->stalled_until))
        return false;
    p->at = s->stalled_until;
    return true;
}
