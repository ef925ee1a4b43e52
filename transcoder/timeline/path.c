#include "transcoder/timeline/path.h"

#include <assert.h>

void path_init(struct path *p) {
    *p = (struct path){
        .cookie_at = INSTANT_NEVER,
        .heard = INSTANT_NEVER,
        .rtt_min = DURATION_ENDLESS,
        .rtt_smooth = DURATION_ENDLESS,
    };
}

static void count_hello(struct path *p, bool lost) {
    int32_t sample = lost ? 1000 : 0;
    p->loss_per_mille =
        (uint32_t)((int32_t)p->loss_per_mille + (sample - (int32_t)p->loss_per_mille) / 8);
    p->hellos_missed = lost ? p->hellos_missed + 1 : 0;
}

static void count_up(uint16_t *count) {
    *count = (uint16_t)(*count + (*count < UINT16_MAX));
}

/* It is given up, if it was not before. */
static void count_lost(struct path *p, const struct path_pending *q) {
    if (p->looked_at && q->prompt && !q->overdue)
        count_up(&p->lately_lost);
}

static struct duration waits(const struct path_pending *q, struct instant now) {
    return instant_since(now, instant_us(q->sent_us));
}

/* A free place, or the one whose question is oldest. */
static struct path_pending *place(struct path *p) {
    struct path_pending *oldest = &p->pending[0];
    for (int i = 0; i < PATH_PENDING_MAX; i++) {
        if (p->pending[i].nonce == 0)
            return &p->pending[i];
        if (p->pending[i].sent_us < oldest->sent_us)
            oldest = &p->pending[i];
    }
    if (oldest->hello)
        count_hello(p, true);
    count_lost(p, oldest);
    return oldest;
}

void path_sent(struct path *p, uint64_t nonce, bool hello, bool prompt, struct instant now) {
    assert(nonce != 0);
    struct path_pending *q = place(p);
    p->waiting += q->nonce == 0;
    *q = (struct path_pending){.nonce = nonce, .sent_us = now.us, .hello = hello, .prompt = prompt};
    if (hello)
        p->hellos_sent++;
}

bool path_is_far(const struct path *p, struct duration sample) {
    int64_t off = sample.us - p->rtt_smooth.us;
    int64_t far = p->rtt_smooth.us / 2 + duration_ms(PATH_FAR_MS).us;
    return off > far || -off > far;
}

/* Pre-roll in an answer makes it late, never early: it can confirm that the way is longer. */
static void confirm_rtt(struct path *p, struct duration sample) {
    bool longer = p->rtt_far.us != 0 && p->rtt_smooth.us < p->rtt_far.us;
    if (!longer || !path_is_far(p, sample) || sample.us < p->rtt_smooth.us)
        return;
    p->rtt_smooth = duration_min(p->rtt_far, sample);
    p->rtt_far = DURATION_ZERO;
}

static void learn_rtt(struct path *p, struct duration sample) {
    if (sample.us < 0)
        return;
    p->rtt_min = duration_min(p->rtt_min, sample);
    if (p->rtt_smooth.us == DURATION_ENDLESS.us) {
        p->rtt_smooth = sample;
        return;
    }
    struct duration before = p->rtt_far, smooth = p->rtt_smooth;
    bool far = path_is_far(p, sample), longer = smooth.us < sample.us;
    bool again = far && before.us != 0 && (smooth.us < before.us) == longer;
    p->rtt_far = far && !again ? sample : DURATION_ZERO;
    if (again) /* the nearer of both */
        p->rtt_smooth = longer ? duration_min(before, sample) : duration_max(before, sample);
    else
        p->rtt_smooth.us += (sample.us - smooth.us) / 8;
}

bool path_waits(const struct path *p, uint64_t nonce) {
    for (int i = 0; i < PATH_PENDING_MAX && nonce != 0 && p->waiting > 0; i++)
        if (p->pending[i].nonce == nonce)
            return true;
    return false;
}

bool path_answered(struct path *p, uint64_t nonce, struct instant now) {
    if (nonce == 0 || p->waiting == 0)
        return false;
    for (int i = 0; i < PATH_PENDING_MAX; i++) {
        struct path_pending *q = &p->pending[i];
        if (q->nonce != nonce)
            continue;
        if (q->prompt)
            learn_rtt(p, waits(q, now));
        else
            confirm_rtt(p, waits(q, now));
        if (p->looked_at && q->prompt && !q->overdue)
            count_up(&p->lately_answered);
        if (q->hello) {
            p->hellos_answered++;
            count_hello(p, false);
        }
        q->nonce = 0;
        p->waiting--;
        return true;
    }
    return false;
}

void path_heard(struct path *p, struct instant now) {
    if (instant_is_never(p->heard) || instant_before(p->heard, now))
        p->heard = now;
}

void path_cookie_received(struct path *p, const struct cookie *cookie, struct instant now) {
    p->cookie = *cookie;
    p->cookie_at = now;
}

void path_cookie_forget(struct path *p) {
    p->cookie_at = INSTANT_NEVER;
}

bool path_has_cookie(const struct path *p, struct instant now) {
    if (instant_is_never(p->cookie_at))
        return false;
    return duration_less(instant_since(now, p->cookie_at), duration_ms(PATH_COOKIE_MS_MAX));
}

void path_expire(struct path *p, struct instant now) {
    for (int i = 0; i < PATH_PENDING_MAX && p->waiting > 0; i++) {
        struct path_pending *q = &p->pending[i];
        if (q->nonce == 0 || duration_less(waits(q, now), duration_ms(PATH_LOST_MS)))
            continue;
        if (q->hello)
            count_hello(p, true);
        count_lost(p, q);
        q->nonce = 0;
        p->waiting--;
    }
}

void path_look(struct path *p) {
    p->looked_at = true;
    p->lately_answered = p->lately_lost = 0;
}

struct path_outcomes path_outcomes(struct path *p, struct instant now) {
    struct duration patience = duration_ms(PATH_LOST_MS);
    if (!duration_is_endless(p->rtt_smooth))
        patience = duration_min(patience, duration_add(duration_scale(p->rtt_smooth, 2, 1),
                                                       duration_ms(PATH_SLACK_MS)));
    for (int i = 0; i < PATH_PENDING_MAX && p->looked_at && p->waiting > 0; i++) {
        struct path_pending *q = &p->pending[i];
        if (q->nonce == 0 || !q->prompt || q->overdue || duration_less(waits(q, now), patience))
            continue;
        count_up(&p->lately_lost);
        q->overdue = true;
    }
    const struct path_outcomes out = {(uint32_t)p->lately_answered + p->lately_lost,
                                      p->lately_lost};
    p->lately_answered = p->lately_lost = 0;
    return out;
}

struct duration path_rtt(const struct path *p) {
    return p->rtt_smooth.us == DURATION_ENDLESS.us ? duration_ms(PATH_RTT_MS_GUESS) : p->rtt_smooth;
}
