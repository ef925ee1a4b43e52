/*
 * The post: takes an event to the other end of the network, as a datagram.
 */
#ifndef PEERD_SIM_POST_H
#define PEERD_SIM_POST_H

#include "peerd/sim/world.h"

/* Sizes of datagrams, with what IP and UDP put before them: they matter where a way has a rate. */
#define SIM_HEADERS_BYTES 28                        /* IPv4 and UDP */
#define SIM_BEAT_BYTES    (SIM_HEADERS_BYTES + 160) /* sealed, with a few views */
#define SIM_MESSAGE_BYTES (SIM_HEADERS_BYTES + 120) /* a report; hellos are shorter */
#define SIM_PROBE_BYTES   (SIM_HEADERS_BYTES + 32)  /* and its answer */
#define SIM_TRIPS_BYTES   (SIM_HEADERS_BYTES + 213) /* with eight of them */
#define SIM_NAMED_BYTES   (SIM_HEADERS_BYTES + 493) /* with as many */
#define SIM_RESUME_BYTES  (SIM_HEADERS_BYTES + 900) /* it carries the ticket */
#define SIM_RTP_BYTES     (SIM_HEADERS_BYTES + 12)  /* before the payload */
#define SIM_RTX_BYTES     (SIM_RTP_BYTES + 2)       /* likewise, sent again */
#define SIM_NACK_BYTES    (SIM_HEADERS_BYTES + 68)  /* RR, CNAME, NACK */

/* Sends `event` with a copy of `body` (`size` bytes without pointers that anybody owns; NULL and 0:
 * no body) from one end of the network to another. It is put once for each copy that arrives. */
void sim_post(struct sim *sim, uint32_t from, uint32_t to, uint32_t bytes,
              const struct sim_event *event, const void *body, size_t size);

/* [bytes] of a beat's body: most have few of the views that there is room for, and no digest or
 * blocks, which follow the last view. */
size_t sim_beat_size(const struct beat *beat);

/* A beat as a body, and as it was: `room` is used where it has a digest or blocks. */
void sim_beat_pack(struct sim_beat *body, const struct beat *beat);
const struct beat *sim_beat_unpack(const struct sim_beat *body, struct beat *room);

/* [bytes] of a message's body, as far as its kind reaches. */
size_t sim_message_size(const struct message *message);

#endif
