/*
 * A tiny overlay for scenario tests: a few cores, a network between them, nodes, all in virtual
 * time.
 *
 * Beats are really sealed and opened; descriptions, lodgings and node reports are handed over as
 * structs after the same delay. Every step of every core is followed by core_check_invariants.
 * What the cores trace is gathered into one narrative, a line each: "   0.412 fra1 > ams1 …", the
 * time in seconds since the overlay began.
 * Nodes know what real ones do as far as peerd can tell: they poll, hold sessions that the test
 * puts there, take orders on, and beat in their peerd's place when it is silent.
 */
#ifndef TEST_LIB_OVERLAY_H
#define TEST_LIB_OVERLAY_H

#include "peerd/core/core.h"
#include "peerd/core/status.h"

#define OVERLAY_CLUSTERS_MAX 8
#define OVERLAY_SESSIONS_MAX 64 /* of one node */

struct overlay;

/* Zero means the default in brackets. */
struct overlay_setup {
    uint32_t clusters;             /* [3] named fra1, ams1, lon1, par1, … */
    uint32_t rtt_ms;               /* [20] between any two */
    uint32_t interval_ms;          /* [100] */
    uint32_t detect_within_ms;     /* [400] */
    uint32_t media_alive_after_ms; /* [100] silence of its peerd after which a node speaks up */
    uint32_t move_ms;              /* [150] from an order taken on to the session's arrival */
    uint32_t capacity;             /* [100] sessions */
    uint32_t drain_per_s;          /* [10] */
    bool old_clients;              /* they take no other backups up than their ticket's */
    uint64_t seed;
};

struct overlay *overlay_new(const struct overlay_setup *setup);
void overlay_free(struct overlay *o);

/* Lets virtual time pass until so many milliseconds after the beginning. */
void overlay_run_until(struct overlay *o, uint32_t at_ms);

/* ---- faults ---- */

void overlay_kill_peerd(struct overlay *o, uint32_t cluster);
void overlay_start_peerd(struct overlay *o, uint32_t cluster);

/* peerd and nodes, at the same instant. */
void overlay_kill_site(struct overlay *o, uint32_t cluster);

/* Everything from one to the other is lost, or not any more. */
void overlay_cut(struct overlay *o, uint32_t from, uint32_t to);
void overlay_heal(struct overlay *o, uint32_t from, uint32_t to);

/* peerd is not scheduled for so long: it takes nothing in, and its timers are late. */
void overlay_stall_peerd(struct overlay *o, uint32_t cluster, uint32_t for_ms);

/* Sends again, from now on every `every_ms`, the beats that `from` had sent to `to` from the
 * instant `since_ms` on, byte for byte. */
void overlay_replay(struct overlay *o, uint32_t from, uint32_t to, uint32_t since_ms,
                    uint32_t every_ms);

/* ---- sessions ---- */

/* Opens at the cluster; returns the answer. */
struct core_answer_open overlay_open(struct overlay *o, uint32_t cluster, const char *client);

/* Puts the session of that answer to the cluster's node, as a client would. */
void overlay_commit(struct overlay *o, uint32_t cluster, const struct core_answer_open *session,
                    uint32_t epoch, enum move_cause cause, uint32_t served_by);
void overlay_hold(struct overlay *o, uint32_t cluster, const struct core_answer_open *session,
                  uint32_t epoch, enum resume_purpose purpose, uint32_t served_by);
void overlay_end(struct overlay *o, uint32_t cluster, const struct session_id *id);

/* True if the node holds it as committed. */
bool overlay_serves(const struct overlay *o, uint32_t cluster, const struct session_id *id);

/* The backups by which the session's client goes, and how often it was told of others. */
const struct node_session *overlay_told(const struct overlay *o, uint32_t cluster,
                                        const struct session_id *id, uint32_t *times);

/* Orders to end a session that the node has had. */
uint32_t overlay_ends_ordered(const struct overlay *o, uint32_t cluster);

/* ---- operator ---- */

void overlay_drain_to(struct overlay *o, uint32_t cluster, uint32_t deadline_ms, const char *to);
static inline void overlay_drain(struct overlay *o, uint32_t cluster, uint32_t deadline_ms) {
    overlay_drain_to(o, cluster, deadline_ms, "");
}
void overlay_move(struct overlay *o, uint32_t cluster, const struct session_id *id, const char *to);
void overlay_undrain(struct overlay *o, uint32_t cluster);
void overlay_check_origin(struct overlay *o, uint32_t cluster, uint32_t origin, enum err err);
void overlay_player(struct overlay *o, uint32_t cluster, const struct core_player_told *told);
void overlay_sent(struct overlay *o, uint32_t cluster, const struct core_player_sent *sent);

/* From its next report on the cluster's node says that it makes a stream of that source, with so
 * much CPU to spare, and what a player of it may cost [ms/s each]. */
void overlay_makes(struct overlay *o, uint32_t cluster, const char *source, uint32_t spare_ms,
                   uint32_t player_ms);
void overlay_policy(struct overlay *o, uint32_t cluster, const struct policy *policy);

/* ---- looking ---- */

/* NULL while it is killed. */
const struct core *overlay_core(const struct overlay *o, uint32_t cluster);
struct instant overlay_now(const struct overlay *o);

/* What cluster `who` believes of `about`. */
enum verdict overlay_verdict(const struct overlay *o, uint32_t who, uint32_t about);

/* The narrative so far; overlay_forget begins a new one. */
const char *overlay_narrative(const struct overlay *o);
void overlay_forget(struct overlay *o);

/* The lines of the narrative that hold `word`, and how many. The text is the overlay's. */
uint32_t overlay_count(const struct overlay *o, const char *word);

/* Compares; prints both on difference. `expected` is the lines, each ending with a line feed. */
bool overlay_tells(const struct overlay *o, const char *expected);

#endif
