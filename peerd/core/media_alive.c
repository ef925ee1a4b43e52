#include "peerd/core/peering.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Nodes whose peerd has gone silent beat in its place. Such a beat proves life the same way as any
 * other: by echoing what we sent, here in answer to the node itself. So every beat of a node is
 * answered, one for one, with nothing larger than itself.
 */

static struct media_alive *find(const struct peering *p, uint8_t node) {
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL && p->media[i]->node == node)
            return p->media[i];
    return NULL;
}

static bool is_mute(const struct media_alive *m, struct instant now) {
    return instant_reached(now, instant_add(m->heard, VERDICT_HEARING_MAX));
}

/* A free place, or that of a node that has fallen silent; NULL if there is none. */
static struct media_alive *make(struct core *core, struct peering *p, uint8_t node) {
    int at = -1;
    for (int i = 0; i < PEERING_MEDIA_MAX && at < 0; i++)
        if (p->media[i] == NULL || is_mute(p->media[i], core->now))
            at = i;
    if (at < 0)
        return NULL;
    if (p->media[at] == NULL)
        p->media[at] = malloc(sizeof(struct media_alive));
    struct media_alive *m = p->media[at];
    if (m == NULL)
        return NULL;
    *m = (struct media_alive){.node = node, .heard = core->now, .life_at = INSTANT_NEVER};
    echo_init(&m->echo, core_new_boot(core));
    return m;
}

static struct instant later(struct instant a, struct instant b) {
    return instant_is_never(a) || (!instant_is_never(b) && instant_before(a, b)) ? b : a;
}

struct instant media_alive_life(const struct peering *p) {
    struct instant newest = INSTANT_NEVER;
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL)
            newest = later(newest, p->media[i]->life_at);
    return newest;
}

struct instant media_alive_heard(const struct peering *p) {
    struct instant newest = INSTANT_NEVER;
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL)
            newest = later(newest, p->media[i]->heard);
    return newest;
}

void media_alive_received(struct core *core, struct peering *p, const struct core_event *event) {
    const struct beat *beat = event->u.beat.beat;
    struct media_alive *m = find(p, beat->node);
    core->counters.media_alive_received++;
    if (m == NULL)
        m = make(core, p, beat->node);
    if (m == NULL) {
        core->counters.media_alive_dropped++;
        return;
    }
    struct echo_proof proof = echo_beat_received(&m->echo, beat, core->now);
    if (proof.result == ECHO_REPLAYED) {
        core->counters.media_alive_dropped++;
        return;
    }
    m->heard = core->now;
    m->from = event->u.beat.from;
    m->answer = true;
    if (proof.result == ECHO_LIFE)
        m->life_at = later(m->life_at, proof.life_at);
    if (instant_is_never(p->media_since) && p->detector.opinion != DETECTOR_TRUST)
        p->media_since = core->now;
    peering_judge(core, p);
}

bool media_alive_waits(const struct peering *p) {
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL && p->media[i]->answer)
            return true;
    return false;
}

void media_alive_step(struct core *core, struct peering *p, struct core_outbox *outbox) {
    for (int i = 0; i < PEERING_MEDIA_MAX; i++) {
        struct media_alive *m = p->media[i];
        if (m == NULL || !m->answer)
            continue;
        struct core_intention *out = outbox_put(outbox, CORE_SEND_BEAT);
        if (out == NULL)
            return; /* stays due */
        m->answer = false;
        out->u.beat.peer = p->index;
        out->u.beat.to = m->from;
        out->u.beat.beat.kind = BEAT_KIND_MEDIA_ALIVE;
        out->u.beat.beat.node = m->node;
        out->u.beat.beat.interval_ms = (uint16_t)duration_in_ms(core->policy.detection.interval);
        echo_fill(&m->echo, &out->u.beat.beat, core->now);
        core->counters.beats_sent++;
    }
}

void media_alive_free(struct peering *p) {
    for (int i = 0; i < PEERING_MEDIA_MAX; i++) {
        free(p->media[i]);
        p->media[i] = NULL;
    }
}
