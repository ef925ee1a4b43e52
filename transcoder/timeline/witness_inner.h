/*
 * What the parts of the witness share: witness.c (states and events), witness_miss.c (clocks, what
 * to do while media is missing), witness_facts.c (what a packet means), witness_paths.c (servers
 * and what goes out to them), witness_hedge.c (hedges), witness_commit.c (commits and moves),
 * witness_lost.c (single frames), witness_doubt.c (how backups are heard meanwhile),
 * witness_others.c (whether anybody is, while the serving path is silent). Private to them.
 */
#ifndef TRANSCODER_TIMELINE_WITNESS_INNER_H
#define TRANSCODER_TIMELINE_WITNESS_INNER_H

#include "transcoder/timeline/witness.h"

/* One call of witness_step(): whose, when, and where to put intentions. */
struct turn {
    struct witness *w;
    struct instant now;
    struct witness_outbox *out;
};

#define SERVER_NONE WITNESS_SERVER_NONE

#define WITNESS_HEDGE_NONE                                                                         \
    ((struct witness_hedge){                                                                       \
        .again = INSTANT_NEVER, .extend = INSTANT_NEVER, .overdue = INSTANT_NEVER})

/* ---- witness.c ---- */

/* The only place where a state changes: asserts that it may, writes the trace line. */
void witness_set_state(const struct turn *t, enum witness_state to);

/* The session is over: everybody is released. ERR_OK if the user left. */
void witness_finish(const struct turn *t, enum err why);

/* No media from `end` on; the rest is played out. */
void witness_begin_ending(const struct turn *t, enum err why, uint64_t end);

/* ---- witness_miss.c ---- */

/* How late media may be before it counts as missing, and how long a path may be silent. */
struct duration witness_miss_time(const struct witness *w);
struct duration witness_commit_time(const struct witness *w, struct instant now);

/* The frame that should have come by now; the one that a server asked now should be sending when it
 * is asked. */
uint64_t witness_live_now(const struct witness *w, struct instant now);

/* [µs] what a report says, see servo.h. */
int32_t witness_lag_us(const struct witness *w);
int32_t witness_lag_of(const struct witness *w, const struct schedule *s);

/* True if the server will not act on any report while frames come as the last one did. */
bool witness_lag_stays(const struct witness *w);
uint64_t witness_live_at(const struct witness *w, uint8_t server, struct instant now);

/* The serving path has not been heard at all since … */
struct instant witness_silent_since(const struct witness *w);

/* When media counts as missing, when silence has lasted long enough, when a server that lives
 * without sending is asked to take up again ("never" if it was, lately). */
struct instant witness_miss_at(const struct witness *w);
struct instant witness_silent_at(const struct witness *w, struct instant now);
struct instant witness_reseat_at(const struct witness *w, struct instant now);

/* No useful frame of the serving path has come since then: since media went missing, or since one
 * came after all. */
struct instant witness_bare_since(const struct witness *w);
bool witness_may_reseat(const struct witness *w, struct instant now);

void witness_begin_missing(const struct turn *t, struct instant since);
void witness_media_missing(const struct turn *t);

/* The serving server delivers again. Whoever hedges is cancelled, but not before what was lost
 * meanwhile has come from him or is past its instant: he may only now have begun. */
void witness_media_again(const struct turn *t);
bool witness_has_holes(const struct turn *t);

/* Media was missing since miss_since, until now: that counts on. */
void witness_owe_missing(struct witness *w, struct instant now);

/* The old server came back before anybody granted the commit. */
void witness_commit_needless(const struct turn *t);
void witness_reseat(const struct turn *t);

/* This process did not run for a while: the silence is ours, and what came may still be unread. The
 * question for a sign of life is asked anew, and its answer waited for. */
void witness_overslept(const struct turn *t);
void witness_keep_probing(const struct turn *t);
void witness_time_missing(const struct turn *t);
void witness_time_moving(const struct turn *t);

/* ---- witness_facts.c ---- */

void witness_fact_frame_arrived(const struct turn *t, uint8_t server, uint64_t frame,
                                enum playout_result result);
void witness_fact_cookie_received(const struct turn *t, uint8_t server,
                                  const struct message_cookie *m);
void witness_fact_granted(const struct turn *t, uint8_t server, const struct message_grant *m);
void witness_fact_refused(const struct turn *t, uint8_t server, const struct message_refuse *m);
void witness_fact_noticed(const struct turn *t, uint8_t server, const struct message_notice *m);
void witness_fact_backups_told(const struct turn *t, uint8_t server, uint64_t nonce,
                               const struct message_named *m);

/* ---- witness_paths.c ---- */

bool witness_is_server(const struct witness *w, uint8_t server);
const char *witness_server_name(const struct witness *w, uint8_t server);

#define WITNESS_SILENT_AFTER 4 /* hellos missed in a row */

/* It has not answered for so long that it is not kept warm if anybody else is there. */
bool witness_is_silent(const struct witness_server *s);

/* May it be asked now for what is missing, or to serve? Who found no slot for a standby may have
 * one for that. */
static inline bool witness_may_be_asked(const struct witness_server *s, struct instant now) {
    return s->stand_later || !instant_before(now, s->not_before);
}

#define WITNESS_RANK_LEFT UINT8_MAX /* its way was bad: the last of the backups */

/* How often a server is asked whether it is there. Whose way was bad is listened to as a warm one:
 * what is told of that brings its sessions home. */
static inline struct duration witness_hello_every(const struct witness_config *c,
                                                  enum witness_role role, uint8_t rank) {
    return role == WITNESS_ROLE_WARM || rank == WITNESS_RANK_LEFT ? c->hello : c->hello_idle;
}

void witness_server_reset(struct witness *w, uint8_t server, const struct witness_address *address,
                          uint8_t rank, struct instant now);
void witness_assign_roles(const struct turn *t);

/* These come first from now on; who was known before comes behind them, as far as there is room. */
void witness_backups_replace(const struct turn *t, const struct named_cluster *list, uint8_t count);

struct witness_out *witness_put(const struct turn *t, enum witness_out_kind kind, uint8_t server);
void witness_send_hello(const struct turn *t, uint8_t server);
void witness_send_report(const struct turn *t);

/* One hello more, which is no rhythm's and makes nobody silent. */
void witness_send_look(const struct turn *t, uint8_t server);

/* To the hot backup: renews what it holds, and says how late its frames come. */
void witness_send_hot_report(const struct turn *t, uint8_t server, int32_t lag_us);

/* A resume that asks for no media: standby, cancel, release. */
void witness_send_plain(const struct turn *t, uint8_t server, enum resume_purpose purpose);
void witness_release(const struct turn *t, uint8_t server);
void witness_cancel(const struct turn *t, uint8_t server);

/* A resume that asks for media: hedge or commit. */
void witness_send_wanted(const struct turn *t, uint8_t server, enum resume_purpose purpose,
                         uint32_t epoch, enum move_cause cause, uint64_t from, uint64_t live);

void witness_standby_granted(const struct turn *t, uint8_t server, uint32_t lease_ms);

/* A server has refused: remembers for how long it is not to be asked again. */
void witness_server_refused(const struct turn *t, uint8_t server, const struct message_refuse *m);

/* It is not lost where it is: it would fare better elsewhere, or at home. */
static inline bool witness_is_for_gain(enum move_cause cause) {
    return cause == MOVE_CAUSE_DEGRADED || cause == MOVE_CAUSE_RETURN;
}

/* Who is to be home again, or at who is known to serve this location well, or where an operator
 * wants it, is wanted nowhere else: he stays where he is. A drain leads elsewhere. Servers of an
 * older version say no more than the cause. */
static inline bool witness_is_for_one(const struct message_notice *m) {
    return m->only || witness_is_for_gain(m->cause);
}

/* Hellos, standbys and reports that are due. */
void witness_keep_paths(const struct turn *t);
struct instant witness_paths_deadline(const struct witness *w);

/* ---- witness_lost.c ---- */

/* A frame of the serving path. If some before it have not come they are asked for again. */
void witness_frame_in_order(const struct turn *t, uint64_t frame);

/* The first one of the session. If it is not the first that is wanted, those are asked for. */
void witness_first_frame(const struct turn *t, uint64_t frame);

/* A useful frame of the one that fills, or of a server that hedges and may. */
void witness_filler_heard(const struct turn *t, uint8_t server, uint64_t frame);

/* Nobody fills any more; and if it does not serve, it is asked for nothing. */
void witness_filler_clear(struct witness *w);
void witness_filler_over(struct witness *w);

void witness_keep_nacks(const struct turn *t);
struct instant witness_nacks_deadline(const struct witness *w);

/* ---- witness_doubt.c ---- */

/* The serving path has lost so many frames. */
void witness_doubt_lost(const struct turn *t, uint64_t frames, uint64_t next);

/* Looks that are due. */
void witness_keep_doubt(const struct turn *t);

/* ---- witness_others.c ---- */

/* Media is missing from now on: who answers says something, whoever does not does not. */
void witness_others_begin(struct witness *w);

/* A packet of that server has come. */
void witness_heard(const struct turn *t, uint8_t server);

/* The serving path has lived without media since then: since media went missing, or since it was
 * heard again after nobody was. */
struct instant witness_back_since(const struct witness *w);

/* Before that the silence of the serving path is no evidence against it: nobody else is heard. */
struct instant witness_compared_at(const struct witness *w);

/* Asks those who are not asked to hedge for a sign of life, unless somebody was heard. */
void witness_ask_others(const struct turn *t);

/* ---- witness_hot.c ---- */

/* True if it is to be asked to send, were it known which frame is live. */
bool witness_hot_may(const struct turn *t, uint8_t server);

/* Asks the warm backup for a hot standby if that may be, and true then; else it is to be asked for
 * a plain one. */
bool witness_hot_ask(const struct turn *t, uint8_t server);

/* It has granted that: it sends from now on. */
void witness_hot_granted(const struct turn *t, uint8_t server, uint32_t epoch, uint32_t lease_ms);

/* It has refused to send, or sends no more, for whatever reason. */
void witness_hot_refused(const struct turn *t, uint8_t server, uint32_t retry_after_ms);
void witness_hot_over(struct witness *w, uint8_t server);

/* A frame of it. */
void witness_hot_frame(const struct turn *t, uint8_t server, uint64_t frame);

/* It has acknowledged a report. */
void witness_hot_acknowledged(const struct turn *t, uint8_t server, uint32_t lease_ms);

/* Reports that are due; a way that brings nothing is given up. */
void witness_hot_keep(const struct turn *t);
struct instant witness_hot_deadline(const struct witness *w);

/* It covers what the serving path does not bring. False if there is none that was just heard. */
bool witness_hot_cover(const struct turn *t);

/* When the hot backup should have brought that frame; now if there is none. */
struct instant witness_hot_brings(const struct witness *w, uint64_t frame, struct instant now);

/* ---- witness_hedge.c ---- */

/* Asks the next best backup to hedge. False if there is none or no budget. */
bool witness_hedge_next(const struct turn *t);
/* The serving path delivers, but for this frame, whatever it is asked: a backup is asked to hedge
 * while there is time, and budget for more than this. */
void witness_hedge_single(const struct turn *t, uint64_t frame);
/* True while the first hedge of a lapse is better kept for another: see witness.h. */
bool witness_hedge_is_spared(const struct turn *t);
void witness_hedge_ask(const struct turn *t, uint8_t server); /* once more, or for the first time */
void witness_hedge_answered(const struct turn *t, uint8_t server, bool heard);
void witness_hedges_cancel(const struct turn *t, uint8_t except);
/* Before it is asked to serve: a hedge that was asked for the place of a much shorter way would be
 * too late for ever, and whoever serves goes on where it hedges. */
void witness_hedge_displaced(const struct turn *t, uint8_t server);
/* Of our own accord: those who send go on until their time is over. */
void witness_hedges_forget(struct witness *w);
bool witness_is_hedging(const struct witness *w);

/* Repeats, extends, and asks further servers. */
void witness_keep_hedges(const struct turn *t);
struct instant witness_hedges_deadline(const struct witness *w);

/* ---- witness_commit.c ---- */

/* Asks `server`, or the best one if that is WITNESS_SERVER_NONE, to serve. */
void witness_attempt_start(const struct turn *t, enum witness_state state, enum move_cause cause,
                           uint8_t server);
void witness_attempt_send(const struct turn *t);
void witness_attempt_next(const struct turn *t);
void witness_keep_attempt(const struct turn *t);
struct instant witness_attempt_deadline(const struct witness *w);
void witness_attempt_clear(struct witness *w);

/* The best server to commit at, WITNESS_SERVER_NONE if none may be asked now. */
uint8_t witness_choose_server(const struct witness *w, struct instant now, bool serving_too);

void witness_commit_granted(const struct turn *t, uint8_t server, uint32_t epoch);

/* The server of the attempt serves from now on. */
void witness_follow(const struct turn *t);

/* Asks the new server for what the move left out, a few times. */
void witness_keep_repairs(const struct turn *t);

/* Notes the first frame of a move's target; closes a move that the output has passed. */
void witness_move_framed(struct witness *w, uint8_t server, struct instant now);
void witness_move_settle(const struct turn *t, bool at_once);
/* What a report of that number tells of the newest move, if anything. */
void witness_tale_tell(struct witness *w, struct message_moved *out, uint64_t counter);
/* The server that serves has acknowledged that report. */
void witness_report_heard(struct witness *w, const struct message_ack *m);
struct instant witness_move_deadline(const struct witness *w);

#endif
