/*
 * Path: what a client knows of the way to one server.
 *
 * It remembers the nonces of what was sent and not yet answered, so that an answer is believed only
 * if it repeats one (an off-path forger cannot), and once. Round-trip time comes from hellos and
 * reports, which are answered at once; a grant may contain pre-roll and tells little. One sample
 * far from the others is an accident, a second one says that the way is another now: then the
 * smoothed time goes there at once, for at a gain of 1/8 it would take seconds, and positions are
 * reckoned by it. A cookie
 * proves our address to the server; it is good for one to two of the server's periods of 30 s, so
 * it is used for 25 s and renewed long before.
 *
 * Whoever wants to know whether this way loses, too (doubt.h), counts what has become of all that
 * is answered at once: a question is lost for that as soon as two round trips and PATH_SLACK_MS
 * have passed, since to wait for a second would make a bad way look good for so long.
 */
#ifndef TRANSCODER_TIMELINE_PATH_H
#define TRANSCODER_TIMELINE_PATH_H

#include "peerd/base/time.h"
#include "peerd/wire/message.h"

#define PATH_PENDING_MAX   24    /* questions remembered; an older one is forgotten unanswered */
#define PATH_COOKIE_MS_MAX 25000 /* [ms] a cookie is used for, below the server's 30 s */
#define PATH_RTT_MS_GUESS  100   /* [ms] before anything was measured */
#define PATH_FAR_MS        20    /* [ms] over half of the smoothed time: a sample is far from it */
#define PATH_LOST_MS       1000  /* [ms] a hello unanswered for so long is lost */
#define PATH_SLACK_MS      100   /* [ms] over two round trips: it counts as lost already */

/* In sixteen bytes: a listener has 192 of them, a simulator may have a hundred thousand awake. */
struct path_pending {
    uint64_t nonce;       /* 0: free */
    int64_t sent_us : 61; /* [µs] when, as an instant */
    bool hello : 1;       /* counts for loss */
    bool prompt : 1;      /* answered at once: counts for round-trip time */
    bool overdue : 1;     /* it is counted as lost already, see path_outcomes() */
};

struct path {
    uint32_t waiting; /* questions below that are not free: mostly none, and then none is read */
    struct cookie cookie;
    struct instant cookie_at;   /* when the cookie came; "never" for none */
    struct instant heard;       /* newest packet of any kind; "never" for none */
    struct duration rtt_min;    /* smallest of all; endless if unknown */
    struct duration rtt_smooth; /* RFC 6298 style, gain 1/8; endless if unknown */
    struct duration rtt_far;    /* newest sample, if it was far from that; else zero */
    uint32_t hellos_sent;       /* since the beginning */
    uint32_t hellos_answered;   /* since the beginning */
    uint32_t hellos_missed;     /* lost in a row up to now */
    uint32_t loss_per_mille;    /* [‰] smoothed, of hellos */
    bool looked_at;             /* outcomes are counted, since it was … */
    uint16_t lately_answered;   /* … and path_outcomes() was asked: prompt questions … */
    uint16_t lately_lost;       /* … and those that were not */
    struct path_pending pending[PATH_PENDING_MAX];
};

void path_init(struct path *p);

/* Remembers a question; `nonce` must not be 0. */
void path_sent(struct path *p, uint64_t nonce, bool hello, bool prompt, struct instant now);

/* True if `nonce` is that of a question not answered yet … */
bool path_waits(const struct path *p, uint64_t nonce);

/* … which it then is. */
bool path_answered(struct path *p, uint64_t nonce, struct instant now);

void path_heard(struct path *p, struct instant now);
void path_cookie_received(struct path *p, const struct cookie *cookie, struct instant now);
void path_cookie_forget(struct path *p);
bool path_has_cookie(const struct path *p, struct instant now);

/* Counts hellos that nobody answered in PATH_LOST_MS. */
void path_expire(struct path *p, struct instant now);

/* Somebody wants to know what becomes of prompt questions; what is known of those before is
 * forgotten. */
void path_look(struct path *p);

/* What has become of them since then, or since this was asked before: how many were answered or
 * should have been by now, and of these, how many were not. None is counted twice. */
struct path_outcomes {
    uint32_t asked, lost;
};
struct path_outcomes path_outcomes(struct path *p, struct instant now);

/* The smoothed round-trip time, or a guess if nothing was measured. */
struct duration path_rtt(const struct path *p);

/* True if `sample` is so far from the smoothed time, which must be known, that this is another way.
 */
bool path_is_far(const struct path *p, struct duration sample);

#endif
