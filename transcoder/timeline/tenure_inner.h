/*
 * What the parts of tenure share: tenure.c (states, notices, time), tenure_admit.c (who may come),
 * tenure_asked.c (what a client asks) and tenure_table.c (slots, the index from session id to slot,
 * tombstones). Private to them.
 */
#ifndef TRANSCODER_TIMELINE_TENURE_INNER_H
#define TRANSCODER_TIMELINE_TENURE_INNER_H

#include "transcoder/timeline/tenure.h"

void tenure_table_init(struct tenure *t);

/* A free slot entered into the index under `id`, its oldest tombstone given up if need be.
 * TENURE_SLOT_NONE when every slot holds a living session. */
uint32_t tenure_table_add(struct tenure *t, const struct session_id *id);

/* Frees a slot. */
void tenure_table_remove(struct tenure *t, uint32_t slot);

void tenure_table_check_invariants(const struct tenure *t);

/* ---- tenure.c ---- */

struct tenure_short_id {
    char text[SESSION_ID_TEXT_LEN + 1];
};

/* Enough of an id for a person to tell sessions apart. */
struct tenure_short_id tenure_short_id(const struct session_id *id);

struct tenure_out *tenure_put(struct tenure_outbox *out, enum tenure_out_kind kind, uint32_t slot,
                              const struct session_id *id);

/* Whole milliseconds left, 0 if there are none. */
uint32_t tenure_ms_until(struct instant end, struct instant now);

/* The only place where a state changes, but for a tombstone that is forgotten. */
void tenure_set_state(struct tenure *t, uint32_t slot, enum tenure_state to, struct instant now,
                      struct tenure_outbox *out);

/* That cluster serves the session, which stands by here or is about to, as its client says. */
void tenure_owned_by(struct tenure *t, uint32_t slot, const struct key_hint *server);

/* Sets the slot's deadline anew; after any change to its session. */
void tenure_rearm(struct tenure *t, uint32_t slot);

void tenure_clear_notice(struct tenure_session *s);

void tenure_stop_media(struct tenure_session *s, uint32_t slot, struct tenure_outbox *out);

/* The session is over here; what stays is the fence. */
void tenure_end(struct tenure *t, uint32_t slot, enum err why, struct instant now,
                struct tenure_outbox *out);

/* ---- tenure_admit.c ---- */

/* Makes room for a session that is not here, or of which only a tombstone is. The slot, with the
 * state still to be set, or TENURE_SLOT_NONE after a refusal. */
uint32_t tenure_admit(struct tenure *t, uint32_t slot, const struct tenure_event *e,
                      struct tenure_outbox *out);

/* Who asks to be sent to, and was not here before, begins: so many at once of each cluster. */
bool tenure_may_start(struct tenure *t, uint8_t guest, const struct tenure_event *e);

/* ---- tenure_asked.c ---- */

void tenure_refuse(struct tenure *t, const struct message_resume *m, enum err error,
                   struct instant now, struct tenure_outbox *out);

void tenure_resume_received(struct tenure *t, const struct tenure_event *e,
                            struct tenure_outbox *out);
void tenure_report_received(struct tenure *t, const struct message_report *m, struct instant now,
                            struct tenure_outbox *out);

#endif
