/*
 * A session at a worker: what tenure has granted, bound to a feed, a pace and an RTP numbering.
 *
 * Frame n of the session is frame anchor + n of the source. It goes out when the pace says so and
 * the feed has it; a frame that is due but not there yet (pre-roll, a slow server) is waited for
 * and never skipped, since the client counts positions.
 */
#ifndef TRANSCODER_WORKER_SESSION_H
#define TRANSCODER_WORKER_SESSION_H

#include "peerd/base/rng.h"
#include "peerd/net/udp.h"
#include "peerd/wire/message.h"
#include "transcoder/rtp/rtcp.h"
#include "transcoder/timeline/naming.h"
#include "transcoder/timeline/pace.h"
#include "transcoder/timeline/resend.h"
#include "transcoder/timeline/telling.h"
#include "transcoder/worker/catalogue.h"
#include "transcoder/worker/feed.h"

/* Frames due within this go out together: one wake-up and one system call for many sessions. */
#define SESSION_TOGETHER_US 1000 /* [µs] a 20th of a frame */
#define SESSION_BURST_MAX   32   /* [frames] of one session in one turn: others are waiting, too */
#define SESSION_SR_S        5    /* [s] least interval of sender reports, RFC 3550 section 6.2 */

struct worker;

struct session {
    struct worker *worker; /* whose it is, for callbacks */
    uint32_t slot;         /* number in tenure */
    struct ticket ticket;
    uint16_t token_len;
    char token[TICKET_LEN_MAX];        /* the ticket as it came */
    struct addr client;                /* has repeated a cookie */
    uint64_t nonce;                    /* of its newest message: notices repeat it */
    struct determinism_id determinism; /* of this machine for the profile */
    struct media_rtp rtp;
    struct position position;
    struct feed *feed;
    struct pace pace;
    bool hurried; /* it begins while others wait to: it spares the CPU */
    struct resend resend;
    uint16_t again_seq;      /* of the next packet that is sent again */
    uint64_t mergeable_from; /* in frames of the session, as of the last start … */
    uint64_t begun_from;     /* … which was at this frame */
    uint64_t waited_for;     /* frame that was due and not there; FRAME_NEVER for none */
    uint64_t last_sent;      /* highest frame sent */
    bool sent_any;
    struct instant begins;     /* media was asked for then, and no frame is out yet; else "never" */
    uint32_t begins_after;     /* packets had been sent before */
    enum err stopped;          /* why no more can come; ERR_OK while it can */
    bool told;                 /* tenure knows */
    uint32_t packets;          /* sent, as RTCP counts them */
    uint32_t octets;           /* [bytes] of payload */
    struct instant report_due; /* next sender report */
    bool reported;             /* one has been sent */
    /* What the client measured, from its newest report. */
    struct message_report figures;
    struct message_moved moved;              /* of the newest that told of a move */
    uint64_t trips_counter;                  /* of its newest round trips */
    struct naming naming;                    /* when its client is named others to measure */
    struct telling telling;                  /* when it is told of other backups … */
    struct message_named tells;              /* … than it goes by, and which; count 0: of none */
    struct name backups[TICKET_BACKUPS_MAX]; /* that it goes by, as it has said … */
    uint8_t backup_count;                    /* … 0: it goes by its ticket's */
    uint32_t rtcp_rtt_us;                    /* [µs] from its receiver reports; 0 unknown */
    struct rtcp_playout playout;             /* likewise: of its buffer */
    uint16_t silent_ms;                      /* [ms] evidence of the resume that brought it here */
    /* Snapshots for the supervisor. */
    bool dirty;
    struct instant told_at;
    uint64_t told_frame; /* last_frame as it was told */
    struct session *next_dirty;
    bool making; /* waits for its batch to be made */
};

/* True once, when the first frame since media was asked for is on the wire; `asked` is when. */
bool session_has_begun(struct session *s, struct instant *asked);

struct session_counters {
    uint64_t frames; /* RTP packets sent, those sent again apart */
    uint64_t resent; /* RTP packets sent again */
    uint64_t waited; /* times that a frame was due and not there */
};

/* Where encoder laps begin, in frames of the source: the same at every server, since it follows
 * from what the ticket says, and the same for all sessions of one source and profile, so that two
 * recordings of them are equal to the byte whoever served them. The price: sessions that play the
 * same position at the same instant pay for a new lap together. Those of a herd that moves began at
 * different instants, hence are at different positions; those that began together did so because
 * they were opened together, and the laps come no denser than the openings did. Another source or
 * profile has another phase. */
uint32_t session_phase(const struct ticket *ticket);

/* Makes the worker's part of a session; the feed becomes the session's, on failure as well. NULL if
 * memory is short. */
struct session *session_new(uint32_t slot, const struct ticket *ticket, const char *token,
                            size_t token_len, const struct catalogue_profile *profile,
                            struct feed *feed);
void session_free(struct session *s);

/* True if a verified ticket of the same session is about the same media: what may differ is who
 * issued it, when and for how long. */
bool session_ticket_fits(const struct session *s, const struct ticket *ticket);

/* Takes a verified ticket that fits and lasts longer than the one held; any other changes nothing.
 * For resumes that tenure has granted: a recorded one must not put an old ticket back. */
void session_ticket_renew(struct session *s, const struct ticket *ticket, const char *token,
                          size_t token_len);

/* What tenure's media intentions say. */
void session_media_start(struct session *s, uint64_t from, uint64_t live,
                         const uint8_t held[PACE_HELD_BYTES], struct instant now);
void session_media_repair(struct session *s, uint64_t from, uint64_t live,
                          const uint8_t held[PACE_HELD_BYTES], struct instant now);

/* [frames] of pre-roll for the next start, see feed_hurry. */
void session_hurry(struct session *s, uint32_t preroll);
void session_media_stop(struct session *s);

/* The feed has brought something, or has failed. */
void session_feed_changed(struct session *s);

/* True while a local pre-roll is to be done: call session_warm. */
bool session_is_warming(const struct session *s);
void session_warm(struct session *s);

/* True while frames can be made ahead of being due: call session_make, which makes a batch. */
bool session_is_wanting(const struct session *s);
void session_make(struct session *s);

/* Sends what is due by `now` and a little after it, and sender reports; at most SESSION_BURST_MAX
 * frames. */
void session_send(struct session *s, struct net_udp *udp, struct rng *rng, struct instant now,
                  struct session_counters *counters);

/* When session_send should be called next: "never" if it waits for its feed, or has stopped. */
struct instant session_deadline(const struct session *s);

/* Why there will be nothing more to send, once all that exists has been sent; ERR_OK while more may
 * come. */
enum err session_over(const struct session *s);

/* One past the last frame that the client can expect, once the session is over: of the source, or
 * of what was sent before it failed. FRAME_NEVER if nothing was. */
uint64_t session_end(const struct session *s);

/* The client lacks frames that were sent: those that are still kept and may be sent again go out at
 * once. */
void session_nack_received(struct session *s, const struct rtcp_report *report, struct net_udp *udp,
                           struct instant now, struct session_counters *counters);

/* The client is to go by these backups: it is told behind its reports. */
void session_tell(struct session *s, const struct message_named *list);

/* A report of it has been acknowledged, with that mark: whether `s->tells` is to be sent now, under
 * its nonce, or is in `backups` since now. */
enum telling_next session_reported(struct session *s, uint32_t mark);

/* A receiver report of the client. */
void session_rtcp_received(struct session *s, const struct rtcp_report *report, struct wall wall);

#endif
