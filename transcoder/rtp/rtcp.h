/*
 * RTCP: sender and receiver reports, SDES CNAME and BYE (RFC 3550 section 6), Generic NACK (RFC
 * 4585 section 6.2.1), and an APP packet of ours (section 6.7); always compound.
 *
 * The APP packet tells what a receiver's playout buffer is like, which a receiver report does not:
 * subtype 0, name "PLAY", depth 2 [ms], mean length of runs of lost frames 2 [1/16 frames]. Whoever
 * does not know it skips it.
 *
 * A compound packet begins with SR or RR and carries a CNAME; BYE comes last. Decoding checks every
 * length and the rules of appendix A.2, skips kinds it does not know, and keeps the first
 * RTCP_BLOCKS_MAX report blocks. Wall time exists only at the edge: the caller passes a mapping
 * between its monotonic clock and NTP time.
 */
#ifndef TRANSCODER_RTP_RTCP_H
#define TRANSCODER_RTP_RTCP_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_BLOCKS_MAX    4   /* report blocks kept; a session here has one or two */
#define RTCP_CNAME_LEN_MAX 63  /* [characters] kept and written; the format allows 255 */
#define RTCP_NACKS_MAX     8   /* pairs kept and written: 8 × 17 packets in a row */
#define RTCP_LEN_MAX       320 /* [bytes] of what is written here: SR, blocks, CNAME, NACK, BYE */

/* One instant in both clocks. */
struct rtcp_clock {
    struct instant at; /* monotonic */
    uint64_t ntp;      /* 32.32 fixed point seconds since 1900, the same instant */
};

struct rtcp_block {
    uint32_t ssrc;           /* whom it is about */
    uint8_t fraction_lost;   /* [1/256] since the last report */
    int32_t cumulative_lost; /* packets, 24 bits signed; duplicates make it negative */
    uint32_t highest_seq;    /* cycles in the upper, sequence number in the lower 16 bits */
    uint32_t jitter;         /* [ticks of the RTP clock] */
    uint32_t last_sr;        /* middle 32 bits of the newest SR's NTP time; 0 none */
    uint32_t delay;          /* [1/65536 s] since then */
};

/* Packets that are missing: number `seq`, and seq + 1 + i for each bit i of `after`. */
struct rtcp_nack {
    uint16_t seq;
    uint16_t after;
};

/* A receiver's buffer. */
struct rtcp_playout {
    uint16_t depth_ms;  /* [ms] from arrival to playout; 0: it is not told */
    uint16_t burst_x16; /* [1/16 frames] that are missed in a row, lately; 0: none was */
};

struct rtcp_report {
    uint32_t ssrc;    /* of the sender of this packet */
    bool is_sender;   /* SR; else RR and the next four mean nothing */
    uint64_t ntp;     /* 32.32 fixed point [s since 1900] */
    uint32_t rtp;     /* the same instant as RTP timestamp [ticks of the RTP clock] */
    uint32_t packets; /* sent since the beginning */
    uint32_t octets;  /* [bytes] of payload sent since the beginning */
    struct rtcp_block blocks[RTCP_BLOCKS_MAX];
    uint8_t block_count;
    char cname[RTCP_CNAME_LEN_MAX + 1]; /* empty: none; a longer one is cut */
    uint32_t nack_ssrc;                 /* whose packets are missing */
    struct rtcp_nack nacks[RTCP_NACKS_MAX];
    uint8_t nack_count; /* 0: no Generic NACK */
    struct rtcp_playout playout;
    bool bye; /* the sender leaves */
};

/* Adds a missing packet, in rising order. False if there is no room. */
bool rtcp_nack_add(struct rtcp_report *r, uint16_t seq);

/* Writes SR or RR, SDES with the CNAME, and NACK and BYE if asked. Returns the length, 0 if it does
 * not fit or there is no CNAME. */
size_t rtcp_encode(uint8_t *out, size_t out_size, const struct rtcp_report *r);

/* Decodes a whole compound packet in full before `out` is touched. ERR_TRUNCATED, ERR_BAD_VERSION,
 * ERR_BAD_KIND (does not begin with SR or RR), ERR_BAD_FIELD. */
enum err rtcp_decode(struct rtcp_report *out, const void *datagram, size_t len);

struct rtcp_clock rtcp_clock_from_wall(struct instant at, struct wall wall);
uint64_t rtcp_ntp_at(const struct rtcp_clock *c, struct instant t);
struct instant rtcp_instant_at(const struct rtcp_clock *c, uint64_t ntp);

/* The middle 32 bits, for last_sr. */
uint32_t rtcp_ntp_middle(uint64_t ntp);
/* A duration in units of 1/65536 s, saturating. */
uint32_t rtcp_delay(struct duration d);

/* Round-trip time from a block about us, arrived at NTP time `now`; false if the other side has
 * not heard an SR yet, or if the figures make no sense. */
bool rtcp_round_trip(const struct rtcp_block *b, uint64_t now, struct duration *rtt);

/* When to send again, RFC 3550 section 6.3.1 for two parties: the larger of `least` and what 5 % of
 * the session's bandwidth allows, randomised by `unit` in [0,1) over half to one and a half, and
 * made up for reconsideration (÷ 1.21828). The first report waits half as long. */
struct duration rtcp_interval(uint32_t bandwidth_bps, uint32_t packet_bytes_mean,
                              struct duration least, bool first, double unit);

#endif
