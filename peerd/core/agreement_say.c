#include "peerd/core/agreement_inner.h"

/* What is said to the other, and when again. */

static enum agreement_kind kind_to_say(const struct agreement *a) {
    switch (a->state) {
    case AGREEMENT_STATE_OFFERING:
        return AGREEMENT_KIND_OFFER;
    case AGREEMENT_STATE_HOLDING:
    case AGREEMENT_STATE_AGREED:
        return AGREEMENT_KIND_ACCEPT;
    case AGREEMENT_STATE_IDLE:
    case AGREEMENT_STATE_REFUSED:
    case AGREEMENT_STATE_ENDING:
        return AGREEMENT_KIND_END;
    }
    return AGREEMENT_KIND_END;
}

struct duration agreement_jittered(struct agreement *a, struct duration d) {
    return rng_duration(&a->rng, duration_scale(d, 3, 4), duration_scale(d, 5, 4));
}

static struct duration backoff(struct agreement *a) {
    struct duration third = duration_scale(duration_ms(a->lease_ms), 1, 3), d = a->retry;
    a->retry = duration_min(duration_scale(d, 2, 1), AGREEMENT_RETRY_MAX);
    return agreement_jittered(a, duration_min(d, third));
}

/* When to say it again if nothing is heard. */
static struct instant say_next(struct agreement *a, struct instant now) {
    bool pending = a->told_seq < a->news_seq;
    switch (a->state) {
    case AGREEMENT_STATE_AGREED:
        if (!pending)
            return instant_add(now, agreement_jittered(a, duration_ms(a->lease_ms / 3)));
        return instant_add(now, backoff(a));
    case AGREEMENT_STATE_OFFERING:
    case AGREEMENT_STATE_HOLDING:
    case AGREEMENT_STATE_ENDING:
        return instant_add(now, backoff(a));
    case AGREEMENT_STATE_REFUSED:
        /* While it may rely on something it should hear of it; after that it may ask. */
        return pending && a->held > 0 ? instant_add(now, backoff(a)) : INSTANT_NEVER;
    case AGREEMENT_STATE_IDLE:
        break;
    }
    return INSTANT_NEVER;
}

void agreement_say(struct agreement *a, bool asks, struct instant now,
                   struct agreement_outbox *outbox) {
    struct agreement_message *m = &outbox->message;
    bool refused = a->state == AGREEMENT_STATE_REFUSED;
    outbox->say = true;
    outbox->asks = asks;
    *m = (struct agreement_message){.cluster = a->self,
                                    .run = a->run,
                                    .seq = a->next_seq++,
                                    .kind = kind_to_say(a),
                                    .lease_ms = a->lease_ms,
                                    .offer = a->mine};
    m->heard_run = a->peer_run != 0 ? a->peer_run : a->stranger_run;
    m->heard_seq = a->peer_run != 0 ? a->peer_seq : a->stranger_seq;
    if (m->kind == AGREEMENT_KIND_ACCEPT)
        m->slots = agreement_fitting(a);
    if (m->kind == AGREEMENT_KIND_END) {
        m->why = refused ? a->why : AGREEMENT_WHY_POLICY;
        a->void_before = a->next_seq;
    }
    agreement_note_said(a, &(struct agreement_said){.seq = m->seq,
                                                    .at = now,
                                                    .version = a->version,
                                                    .lease_ms = m->lease_ms,
                                                    .slots = m->slots});
    agreement_hold_what_was_said(a);
    a->said_at = now;
    a->say_at = say_next(a, now);
}
