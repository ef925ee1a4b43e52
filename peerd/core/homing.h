/*
 * Homing: sessions go back to the cluster that opened them, when that is there again.
 *
 *                        home is back for `return_after`, and is not damped
 *      (elsewhere) -----------------------------------------------------------> asked to go
 *           ^                                                                       |
 *           +--- lapsed (leaving.h): its client, or home, did not take it up -------+
 *
 * As the policy's `return` says: never; when_better, if home is nearer to the client by a quarter
 * and HOMING_GAIN, and its clients there do not fare worse; always. Only who came here since home
 * was dead, cut off or drained, or left a path that is bad no more (way_home.h); what an operator
 * moved by itself stays. That and a drain come with the same cause, so it is a drain's if where it
 * was drains, or did within a session's lease: a drain that is called off does not call back who
 * was on the way, and they are to come home as those before them. Nobody goes who came less than
 * `return_after` ago, and no more than `return_per_s` a second go. Whoever comes and goes is damped
 * (monitor/damping.h) and has nobody back until it has stayed.
 *
 * A home that lives, and that this one client is cut off from again and again, is damped by nobody.
 * So a session that was sent home in vain, since it did not go or had to flee again, stays twice as
 * long before it is sent home again, HOMING_HOLD at least and each time twice as long as the time
 * before, HOMING_HOLD_MAX at most: the penalty of routes that flap (RFC 2439) as a hold-down that
 * doubles. Each HOMING_CALM that it has stayed at home takes one such time back. To flee is never
 * held back; and who had to leave because home was drained again was not home in vain. What is
 * remembered is with the record here: a session that another cluster takes over, or that nothing is
 * held of in between, begins anew, and a restart forgets; so its client keeps count, too (gains.h).
 * A cluster's budget bounds it
 * (gains.h). While we drain, or do not know yet what we serve, nobody is sent home.
 *
 * Sessions are looked through HOMING_LOOKS at a time, and only while some home is ready.
 */
#ifndef PEERD_CORE_HOMING_H
#define PEERD_CORE_HOMING_H

#include "peerd/base/time.h"
#include "peerd/wire/message.h"

#include <stdint.h>

#define HOMING_LOOKS    512              /* sessions looked at in a step */
#define HOMING_STEP     duration_ms(100) /* [ms] between steps while somebody is found */
#define HOMING_REST     duration_s(1)    /* [s] when nobody was, or no home is ready */
#define HOMING_GAIN     duration_ms(5)   /* [ms] less is not worth the way */
#define HOMING_HOLD     duration_s(15)   /* [s] doubled by the first time in vain */
#define HOMING_HOLD_MAX duration_s(3600) /* [s] or `return_after`, if that is longer */
#define HOMING_CALM     duration_s(600)  /* [s] at home: a lasting return, as most are */
#define HOMING_VAIN_MAX 8                /* times that are counted: the longest wait is reached */

struct core;
struct core_event;
struct node_session;
struct session;

struct homing {
    struct instant next_at;  /* looked through again */
    struct instant order_at; /* the next may be asked to go */
    uint32_t cursor;         /* slot of the table */
    uint32_t in_vain;        /* slots since somebody was found */
};

void homing_init(struct homing *h, struct instant now);

/* A session is served here from now on, as its node tells. */
void homing_came(struct core *core, struct session *s, const struct node_session *told);

void homing_step(struct core *core);
struct instant homing_deadline(const struct core *core);

#endif
