/*
 * Trip list: how far away a client finds clusters that do not serve it, and how well it hears them;
 * a part of a message (kind 11 of wire/message.h).
 *
 * A client whose media loses frames says how many packets it has lately sent to each backup and
 * how many were not answered, so that whoever serves it can tell a bad path of its own from the
 * client's bad access (monitor/ways.h), and, once for all of them, what became of the frames that
 * were due of that one in the same time. So does, but for the frames, one that was asked to leave a
 * bad path, for as long as it may be wanted back there. Else these figures are left out, as in the
 * forms that older versions know.
 */
#ifndef PEERD_WIRE_TRIP_LIST_H
#define PEERD_WIRE_TRIP_LIST_H

#include "peerd/base/bytes.h"
#include "peerd/base/id.h"
#include "peerd/wire/keys.h"

#define MESSAGE_TRIPS_MAX   16        /* in one message: whom a client knows, and whom it probes */
#define MESSAGE_TRIP_US_MAX 10000000U /* [µs] longer ones are no round trips */

#define TRIPS_LEN        109 /* [bytes] of a message without any, with its signature … */
#define TRIPS_TRIP_LEN   13  /* [bytes] … each of them more … */
#define TRIPS_LOOKED_LEN 15  /* [bytes] … or so many, with what was asked and lost */
#define TRIPS_OWN_LEN    6   /* [bytes] after these: what became of the frames of whoever serves */
#define TRIPS_COUNT_AT   44  /* [bytes] offset of how many there are */

/* A client's round trip to a cluster that does not serve it. */
struct message_trip {
    struct key_hint cluster;
    uint32_t rtt_us; /* [µs] smoothed */
    uint8_t samples; /* that it stands on */
    uint8_t asked;   /* packets lately sent that are answered at once … */
    uint8_t lost;    /* … of which so many were not */
};

/* Of the server's frames, in the time that the questions stand for. */
struct trip_own {
    uint16_t due;  /* [frames]; 0: it does not say … */
    uint16_t lost; /* … of these on their way … */
    uint16_t runs; /* … in so many runs */
};

struct message_trips {
    struct key_hint target;
    struct session_id session;
    uint64_t counter; /* grows with each message of this kind */
    uint8_t count;
    struct message_trip list[MESSAGE_TRIPS_MAX];
    struct trip_own own; /* only with something asked */
};

/* True if there are as many as there may be, and each may be said. */
bool trip_list_in_range(const struct message_trips *t);

/* [bytes] of the whole message. */
size_t trip_list_len(const struct message_trips *t);

/* The part of a message between its header and its signature. */
void trip_list_write(struct writer *w, const struct message_trips *t);

/* The inverse: what is left says which form it has. False for a longer one without anything
 * asked, or due. There must be bytes for as many as it says, at most MESSAGE_TRIPS_MAX, and a
 * signature. */
bool trip_list_read(struct reader *r, struct message_trips *out);

#endif
