/*
 * Named: other clusters, for a client to find out how far away they are, or to have as its backups.
 *
 * The cluster that opens a session names the first ones in its answer (wire/api.h). While it
 * serves, others take their turn (topo/turn.h): they travel as a message of their own, an answer to
 * the round trips that the client has told (kind 12 of wire/message.h), and to a node in peerd's
 * answer (wire/node.h). Backups that replace those of the ticket travel the same road (kind 13,
 * peerd/core/replan.h).
 */
#ifndef PEERD_WIRE_NAMED_H
#define PEERD_WIRE_NAMED_H

#include "peerd/base/addr.h"
#include "peerd/base/bytes.h"
#include "peerd/base/id.h"
#include "peerd/wire/keys.h"

#define NAMED_MAX         8  /* a handful */
#define NAMED_LEN         29 /* [bytes] of a message that names nobody, which there is not … */
#define NAMED_CLUSTER_LEN 58 /* [bytes] … and each of them more */
#define NAMED_COUNT_AT    28 /* [bytes] offset of how many there are */

struct named_cluster {
    struct name name;     /* of the cluster */
    struct key_hint hint; /* of its key */
    struct addr media;    /* where it answers probes */
};

struct message_named {
    struct session_id session;
    uint8_t count; /* 1 to NAMED_MAX */
    struct named_cluster list[NAMED_MAX];
};

/* True if there are as many as there may be, each with a name and an address to be asked at. */
bool named_in_range(const struct message_named *n);

/* The part of a message behind its header: session 16, count 1, then of each: hint 8, family 1 (4
 * or 6), address 16 (IPv4 in the first four, the rest zero), port 2, name 31, filled up with zeros.
 */
void named_write(struct writer *w, const struct message_named *n);

/* The inverse; false if there is a name or an address that is none. There must be bytes for as many
 * as it says, at most NAMED_MAX. */
bool named_read(struct reader *r, struct message_named *out);

/* A number that stands for a list in its order, by which a client says which one it goes by: never
 * 0, and of two lists hardly ever the same. */
uint32_t named_mark(const struct message_named *n);

#endif
