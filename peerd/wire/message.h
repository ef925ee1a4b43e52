/*
 * Messages between a client and a media port: path, resume, report, notice.
 *
 * They share the port with RTP and RTCP and begin with 0xF9, a first byte that neither of those,
 * nor STUN, DTLS or TURN, uses (RFC 7983). Header, 12 bytes: 0xF9, version 3, kind, mark, nonce 8.
 * An answer repeats the nonce of what it answers, which is what keeps an off-path forger out; it is
 * no more trusted than the RTP beside it. What a client asks is signed by its key, under a label
 * of its kind, over every byte before the signature: target, epoch, counter and last frame
 * included, so that a message stolen from one path means nothing on another.
 *
 * A client that has a pass of that machine (pass.h) puts its MAC, 16 bytes, where the signature of
 * a resume or a report would stand, which is 48 bytes shorter then, and the pass's mark into the
 * header; everywhere else the mark is zero. It asks for one with a knock, which is answered as a
 * hello if it has no good cookie. Whoever is of an older version drops that, and sees signatures
 * only.
 *
 * No media and nothing longer than what was asked goes to an address that has not repeated a
 * cookie: hello (64 bytes, padded) -> cookie (48 bytes), probe -> echo (32 bytes each). A warm path
 * has its cookie already.
 *
 * After the header, fields in this order with their bytes, integers in network byte order; in
 * brackets the length of the whole message, the only one that is accepted:
 *   kind 1 hello   client: zeros [64]
 *   kind 2 cookie  worker: cookie 16, hint of its cluster 8, free slots 4, zeros 8 [48]
 *   kind 3 resume  client: cookie 16, target hint 8, session 16, purpose 1, epoch 4, counter 8,
 *                  from_frame 8, live_frame 8, held 16, hedge_ms 2, silent_ms 2, served-by hint 8,
 *                  cause 1, ticket length 2, ticket, signature 64 [176 + ticket length]
 *   kind 4 grant   worker: session 16, purpose 1, epoch 4, counter 8, start_frame 8,
 *                  mergeable_from 8, lease_ms 4, determinism id 8, hint 8 [77]
 *   kind 5 refuse  worker: session 16, purpose 1, error 1, counter 8, retry_after_ms 4, hint 8 [50]
 *   kind 6 report  client: target hint 8, session 16, epoch 4, counter 8, last_frame 8, expected 4,
 *                  lost_before 4, lost_after 4, jitter_us 4, rtt_us 4, lag_us 4, notice 4,
 *                  signature 64 [148]; one that tells of a move has before the signature: epoch 4,
 *                  detect_ms 2, first_frame_ms 2, lost 2, duplicates 2 [160]. Whoever does not
 *                  know that form drops it, so a client sends a plain one in between. In answer to
 *                  backups it has there: mark of the list 4 [152]
 *   kind 7 ack     worker, to a report: session 16, epoch 4, counter 8, lease_ms 4 [44]
 *   kind 8 notice  worker: session 16, number 4, what 1, error or (move) cause 1, target hint 8,
 *                  deadline_ms 4, of a move with the highest bit set if no other target will do,
 *                  end 8 [54]
 *   kind 9 probe   client: target hint 8, zeros [32]
 *   kind 10 echo   worker, to a probe: hint 8, zeros [32]
 *   kind 11 trips  client: target hint 8, session 16, counter 8, count 1, then of each: hint of a
 *                  cluster 8, rtt_us 4, samples 1; signature 64 [109 + 13 a trip]; from one that
 *                  loses frames, of each moreover: asked 1, lost 1 [109 + 15 a trip], and of the
 *                  server's frames meanwhile: due 2, lost 2, runs 2 [6 more]; whoever does not know
 *                  such a form drops it (wire/trip_list.h)
 *   kind 12 named  worker, to trips: session 16, count 1, then of each cluster: hint 8, family 1,
 *                  address 16, port 2, name 31 [29 + 58 a cluster] (wire/named.h)
 *   kind 13 backups worker, to a report: laid out as named, best first
 *   kind 14 knock  client: cookie 16, target hint 8, its public key 32, zeros [96]
 *   kind 15 pass   worker, to a knock: mark 1, the pass sealed to that key 80 [93]
 * Labels of the signatures: "peerd resume v1", "peerd report v1" and "peerd trips v1".
 *
 * A probe asks how far away a cluster is that does not serve its sender. Its answer is as long as
 * the question and says nothing that is not known: no state, no room, no session. Whoever is of an
 * older version counts kinds 9 and 11 to 15 as unknown and drops them. Kind 12 may be longer than
 * what it answers: it goes to an address that has repeated a cookie and is served there, after a
 * message that its client has signed, and no more than once in NAMING_EVERY
 * (transcoder/timeline/naming.h).
 *
 * What the highest bit of a move's deadline says is not known to a client of an older version: it
 * reads a deadline that is far away, of which it makes nothing, and goes to another cluster where
 * that one refuses it.
 *
 * Backups replace the ones that a client was told before, with its session or since: whom it keeps
 * warm and hedges at is in this list, and nobody else. The same goes for its length: it follows
 * signed reports only, and a few of them (transcoder/timeline/telling.h). Who forges it must have
 * seen the nonce of a report that is a second old at most, hence is on the path, where he could
 * as well drop the media; the worst that he gains is to name clusters that are of no use, since
 * nobody serves without a ticket that he trusts and is served under another's. A client of an older
 * version keeps the list of its session; peerd goes on telling it, ever more seldom.
 *
 * A backup that starts by itself what was lodged with it, for a receiver that cannot ask, sends RTP
 * to an address that proved itself to whoever lodged it: it would be told of in the lodging
 * (wire/standbys.h), and none of these kinds is needed for it.
 *
 * Ranges, refused with ERR_BAD_FIELD: enumerations and error numbers are known ones; a refusal has
 * an error; a move notice has a cause that a server can have, and no end; a move that a report
 * tells of has an epoch of at least 1; frames are at most
 * MESSAGE_FRAME_MAX, save mergeable_from and end, which may be UINT64_MAX: "never", "unknown";
 * there are 1 to NAMED_MAX named clusters, of backups TICKET_BACKUPS_MAX at most, each with a name,
 * an address and a port; a report does not tell of a move and have a mark; there are 1 to
 * MESSAGE_TRIPS_MAX trips, each of 1 to MESSAGE_TRIP_US_MAX and at least one sample, none with more
 * lost than asked, and one with something asked if they have that form; hedge_ms is at
 * most MESSAGE_HEDGE_MS_MAX; a commit has an epoch of at least 1; in a hedge, a commit and a hot
 * standby, which make a worker send, from_frame and live_frame are at most
 * MESSAGE_SPREAD_FRAMES_MAX apart, either way. Whoever is of an older version drops a hot standby
 * as a bad field; its client asks for a plain one then. A decoder cannot see replay: the receiver
 * compares `counter` and `nonce`, and drops kinds that only its own side sends
 * (message_from_client).
 */
#ifndef PEERD_WIRE_MESSAGE_H
#define PEERD_WIRE_MESSAGE_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/named.h"
#include "peerd/wire/pass.h"
#include "peerd/wire/ticket.h"
#include "peerd/wire/trip_list.h"

#define MESSAGE_FIRST_BYTE 0xF9
#define MESSAGE_LEN_MAX    1200 /* [bytes] */
#define MESSAGE_HELLO_LEN  64   /* [bytes] */
#define MESSAGE_COOKIE_LEN 48   /* [bytes] */
#define MESSAGE_PROBE_LEN  32   /* [bytes] and of an echo */
#define MESSAGE_KNOCK_LEN  96   /* [bytes] */
#define MESSAGE_PASS_LEN   93   /* [bytes] */
#define COOKIE_BYTES       16   /* [bytes] */
#define HELD_BITS          128  /* frames after from_frame that a resume can say are held */

/* Bounds on what a client may say, so that sums of frames never overflow and no message makes a
 * worker produce more than a minute of backfill. */
#define MESSAGE_FRAME_MAX         ((uint64_t)1 << 48) /* 178,000 years of 20 ms */
#define MESSAGE_FRAME_UNKNOWN     UINT64_MAX
#define MESSAGE_LAG_UNKNOWN       INT32_MIN
#define MESSAGE_HEDGE_MS_MAX      2000 /* [ms] policy allows less, 500 by default */
#define MESSAGE_SPREAD_FRAMES_MAX 3000 /* [frames] one minute */

enum message_kind {
    MESSAGE_HELLO = 1,
    MESSAGE_COOKIE = 2,
    MESSAGE_RESUME = 3,
    MESSAGE_GRANT = 4,
    MESSAGE_REFUSE = 5,
    MESSAGE_REPORT = 6,
    MESSAGE_ACK = 7,
    MESSAGE_NOTICE = 8,
    MESSAGE_PROBE = 9,
    MESSAGE_ECHO = 10,
    MESSAGE_TRIPS = 11,
    MESSAGE_NAMED = 12,
    MESSAGE_BACKUPS = 13,
    MESSAGE_KNOCK = 14,
    MESSAGE_PASS = 15
};

enum resume_purpose {
    RESUME_STANDBY = 1, /* be ready: verify, open the source, set credit aside */
    RESUME_HEDGE = 2,   /* send what is missing for hedge_ms; no epoch changes */
    RESUME_COMMIT = 3,  /* serve from now on under this epoch (a start is a commit of epoch 1) */
    RESUME_CANCEL = 4,  /* it was only loss: stop the hedge */
    RESUME_RELEASE = 5, /* the client is served under this epoch elsewhere, or leaves */
    RESUME_HOT = 6      /* be ready, and send as whoever serves does; no epoch changes */
};

enum move_cause {
    MOVE_CAUSE_NONE, /* a start */
    MOVE_CAUSE_DRAIN,
    MOVE_CAUSE_DEGRADED,
    MOVE_CAUSE_CRASHED,
    MOVE_CAUSE_PARTITIONED,
    MOVE_CAUSE_RETURN
};

enum notice_what {
    NOTICE_END = 1, /* the session is over here: `error` says why */
    NOTICE_MOVE = 2 /* please move to `target` within deadline_ms */
};

struct cookie {
    uint8_t bytes[COOKIE_BYTES];
};

struct message_cookie {
    struct cookie cookie;
    struct key_hint cluster; /* who answers */
    uint32_t free_slots;
};

struct message_resume {
    struct cookie cookie;
    struct key_hint target; /* the cluster it is for */
    struct session_id session;
    enum resume_purpose purpose;
    uint32_t epoch;              /* assigned by the client alone */
    uint64_t counter;            /* grows with each signed message of a session to a target */
    uint64_t from_frame;         /* first frame that is missing */
    uint64_t live_frame;         /* the frame that should be on the wire as this arrives */
    uint8_t held[HELD_BITS / 8]; /* bit i (least significant first): from_frame + 1 + i is held */
    uint16_t hedge_ms;           /* [ms] */
    uint16_t silent_ms;          /* [ms] evidence: how long the serving path has been silent */
    struct key_hint served_by;   /* evidence: who served so far; zero for nobody */
    enum move_cause cause;
    uint16_t ticket_len; /* [characters]; 0 where the target verified it before */
    char ticket[TICKET_LEN_MAX];
};

struct message_grant {
    struct session_id session;
    enum resume_purpose purpose;
    uint32_t epoch;
    uint64_t counter;        /* of the resume that it answers */
    uint64_t start_frame;    /* first frame that will be sent */
    uint64_t mergeable_from; /* from here bytes equal anybody's; UINT64_MAX never */
    uint32_t lease_ms;       /* [ms] until it ends by itself unless a report renews it */
    struct determinism_id determinism;
    struct key_hint cluster;
};

struct message_refuse {
    struct session_id session;
    enum resume_purpose purpose;
    enum err error;
    uint64_t counter;
    uint32_t retry_after_ms; /* [ms]; 0 do not retry */
    struct key_hint cluster;
};

/* What a move was like for its client, known when its output has passed it. Each figure stays at
 * its maximum where it would be more. */
struct message_moved {
    uint32_t epoch;          /* of the commit; 0: nothing is told */
    uint16_t detect_ms;      /* [ms] from the first missing frame to the first hedge, or commit */
    uint16_t first_frame_ms; /* [ms] from there to the new server's first; 65535: none came */
    uint16_t lost;           /* [frames] missing at their playout instant since then */
    uint16_t duplicates;     /* [frames] further copies since then */
};

#define MESSAGE_MOVED_NO_FRAME UINT16_MAX

#define MESSAGE_DEADLINE_MS_MAX 0x7fffffffU

struct message_report {
    struct key_hint target;
    struct session_id session;
    uint32_t epoch;
    uint64_t counter;
    uint64_t last_frame;  /* last contiguous frame received */
    uint32_t expected;    /* frames expected since the session began, as RFC 3550 counts them */
    uint32_t lost_before; /* missing before any repair or hedge */
    uint32_t lost_after;  /* missing at their playout instant */
    uint32_t jitter_us;   /* [µs] RFC 3550 section 6.4.1 */
    uint32_t rtt_us;      /* [µs]; 0 unknown */
    int32_t lag_us;       /* [µs] frames arrive so much later than a depth before their playout
                             instant, earlier if negative; MESSAGE_LAG_UNKNOWN */
    uint32_t notice;      /* number of the newest notice seen */
    struct message_moved moved;
    uint32_t backups; /* mark of the list that the target has told and the client goes by
                         (named_mark); 0: nothing is said, and nothing can be beside a move */
};

struct message_ack {
    struct session_id session;
    uint32_t epoch;
    uint64_t counter;
    uint32_t lease_ms; /* [ms] */
};

struct message_notice {
    struct session_id session;
    uint32_t number; /* grows; a repeated notice keeps its number */
    enum notice_what what;
    enum err error;         /* with NOTICE_END */
    enum move_cause cause;  /* with NOTICE_MOVE: drain, degraded or return */
    struct key_hint target; /* with NOTICE_MOVE */
    uint32_t deadline_ms;   /* [ms], with NOTICE_MOVE; at most MESSAGE_DEADLINE_MS_MAX */
    bool only;              /* with NOTICE_MOVE: to no other cluster if that one refuses */
    uint64_t end;           /* with NOTICE_END: one past the last frame that there is to hear */
};

struct message_probe {
    struct key_hint target; /* the cluster it is for */
};

struct message_echo {
    struct key_hint cluster; /* who answers */
};

struct message_knock {
    struct cookie cookie;
    struct key_hint target;   /* the cluster it is for */
    struct public_key client; /* to which the pass is to be sealed */
};

struct message_pass {
    uint8_t mark;
    uint8_t sealed[PASS_SEALED_BYTES];
};

struct message {
    enum message_kind kind;
    uint8_t mark; /* of a decoded resume or report: of the pass that proves it; 0: it is signed */
    uint64_t nonce;
    union {
        struct message_cookie cookie;
        struct message_resume resume;
        struct message_grant grant;
        struct message_refuse refuse;
        struct message_report report;
        struct message_ack ack;
        struct message_notice notice;
        struct message_probe probe;
        struct message_echo echo;
        struct message_trips trips;
        struct message_named named; /* of MESSAGE_BACKUPS, too */
        struct message_knock knock;
        struct message_pass pass;
    } u;
    /* Of a decoded resume, report or trips: what the signature, or the MAC, stands over, borrowed
     * from the datagram. */
    struct {
        const uint8_t *data;
        size_t len; /* [bytes] without the signature */
    } signed_part;
};

/* True for the kinds that a client sends; a worker drops the others, a client these. */
bool message_from_client(enum message_kind kind);

/* True for the kinds that its key signs. */
bool message_is_signed(enum message_kind kind);

/* Encodes; `pair` signs resumes, reports and trips and may be NULL for other kinds. Returns the
 * length, or 0 if it does not fit or a field is outside the range that the decoder accepts: then
 * clamp the field (a client that was suspended may be further behind than a backfill reaches). */
size_t message_encode(uint8_t *out, size_t out_size, const struct message *m,
                      const struct key_pair *pair);

/* The same of a resume or a report that a pass proves. */
size_t message_encode_passed(uint8_t *out, size_t out_size, const struct message *m,
                             const struct pass *pass);

/* Decodes in full before `out` is touched; signatures are checked by message_verify, once the key
 * is known from the ticket: until then nothing in `out` may change any state. The signed part is
 * borrowed from `datagram`. Errors: TRUNCATED, OVERSIZED, BAD_MAGIC, BAD_VERSION, BAD_KIND,
 * BAD_FIELD; count, trace and drop. */
enum err message_decode(struct message *out, const void *datagram, size_t len);

/* Checks the signature of a decoded resume, report or trips while its datagram is still there. May
 * not be called for other kinds. ERR_FOREIGN if `target` is not `me`, ERR_BAD_SIGNATURE, also of
 * one that a pass proves. */
enum err message_verify(const struct message *m, const struct public_key *client,
                        const struct key_hint *me);

/* The same of one whose mark is not zero. `secret` is the machine's, `period` the present one of
 * passes. ERR_FOREIGN, ERR_BAD_COOKIE: it is not proved by what this machine would have handed out,
 * which it may have done with another secret; its client signs then. */
enum err message_verify_passed(const struct message *m, const struct public_key *client,
                               const struct key_hint *me, const uint8_t secret[32],
                               uint64_t period);

/* The bitmap of a resume. Frames outside from_frame + 1 .. from_frame + HELD_BITS are not held and
 * cannot be noted; from_frame itself is missing by definition. */
bool resume_holds(const struct message_resume *r, uint64_t frame);
void resume_note_held(struct message_resume *r, uint64_t frame);

/* Cookies: keyed BLAKE2b over address and a coarse period, so that a worker keeps no state for
 * strangers. `period` is the number of the current 30 s period; the one before is accepted too. */
void cookie_make(struct cookie *out, const uint8_t secret[32], const struct addr *who,
                 uint64_t period);
bool cookie_check(const struct cookie *c, const uint8_t secret[32], const struct addr *who,
                  uint64_t period);

const char *resume_purpose_name(enum resume_purpose p);
const char *move_cause_name(enum move_cause c);

#endif
