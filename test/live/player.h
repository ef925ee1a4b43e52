/*
 * A player that counts: the ear at the end of a listener's chain, outside all programs under test.
 *
 * It receives RTP on a port as any player would. Its playout clock starts once, with the first
 * packet and a fixed allowance for jitter, and never stops, stretches or re-anchors: position n is
 * due at `first arrival + allowance + n × 20 ms`. A frame is lost if it was not there at its
 * instant. Frames expected follow from the clock alone. Arrival times are the kernel's, so a busy
 * runner is no excuse. Positions follow from RTP timestamps; sequence numbers must agree.
 *
 * What peerclient says of itself is compared, never believed (evaluate.c): a packet out of order,
 * twice, or foreign at a player, bytes that differ between two sites, a program that ends or spins,
 * a restarted peerd that does not know its sessions within a second, each fails a run whatever its
 * scenario expects.
 */
#ifndef TEST_LIVE_PLAYER_H
#define TEST_LIVE_PLAYER_H

#include "peerd/net/loop.h"
#include "peerd/net/udp.h"

#include <stdio.h>

#define PLAYER_FRAME_MS     20
#define PLAYER_ALLOWANCE_MS 40 /* as the smallest jitter buffers of real players */

struct player_packet {
    struct instant at; /* arrival of the first copy; "never" while it is missing */
};

struct player {
    struct net_udp *udp;
    struct addr addr;
    uint32_t samples_per_frame; /* [ticks of the RTP clock] */
    FILE *payloads;             /* recorded in the order of positions at the end; may be NULL */
    bool started;
    struct instant first; /* arrival of the first packet */
    uint32_t ts0;
    uint16_t seq0;
    uint32_t ssrc;
    struct player_packet *packets; /* by position; owned */
    uint8_t **bodies;              /* payloads by position, if they are recorded; owned */
    uint16_t *lens;
    size_t room;
    int64_t highest; /* position, -1 for none */
    uint64_t received;
    uint64_t out_of_order;
    uint64_t duplicated;
    uint64_t foreign; /* not RTP, another SSRC, or numbers that do not agree */
};

/* What a player heard up to an instant. */
struct player_count {
    uint64_t expected; /* frames whose instant has passed */
    uint64_t lost;
    int64_t gap_max_ms;      /* longest run of lost frames */
    struct instant unbroken; /* since when no run of `break_ms` was lost; "never": not heard now */
};

/* Listens at `addr`. False if that is not possible. `recording` (may be NULL) gets payloads. */
bool player_open(struct player *p, struct net_loop *loop, const struct addr *addr,
                 uint32_t samples_per_frame, const char *recording);

/* Counts from the first packet to `now`. Frames due after `end` (a position, or -1 for an endless
 * stream) are not expected. */
struct player_count player_count(const struct player *p, struct instant now, int64_t end,
                                 int64_t break_ms);

/* Tells every run of lost frames: when the first of them was due, and how many. Up to `now` and
 * `end`, as player_count. */
void player_gaps(const struct player *p, struct instant now, int64_t end,
                 void (*gap)(void *data, struct instant from, int64_t frames), void *data);

/* When a position is due. */
struct instant player_due(const struct player *p, int64_t position);

/* Writes the recording, if one was asked for, and frees. False if it could not be written. */
bool player_close(struct player *p);

#endif
