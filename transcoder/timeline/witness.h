/*
 * Witness: the client's whole session. It follows one server, keeps a backup warm, hedges early and
 * commits late.
 *
 *              granted, media            media missing for the miss time
 *   OPENING -------------> FOLLOWING -----------------------------------> HEDGING
 *      |                   ^  ^  |  ^         no budget, no backup           |  |
 *      |                   |  |  |  +---- media again --- MISSING <----------+  |
 *      |                   |  |  |                           |                  |
 *      |                   |  |  +<---- media again: cancel -|------------------+
 *      |                   |  |  |                           | silent for the commit time, or
 *      |                   |  |  | notice: move              v media missing for the zombie time
 *      |                   |  +--|-------- granted ----- COMMITTING --+ refused, no answer:
 *      |                   |     v                           ^  ^-----+ next server, newer epoch
 *      |                   +-- MOVING ---- serving silent ---+  |
 *      |       both heard: release the old                      | nobody for give_up
 *      +------------------------> ENDED <------- ENDING --------+
 *          end, refusal, close            (end notice: the buffer is played out)
 *
 * Loss is never silence. Two clocks run for the serving server: *media* restarts with each useful
 * frame (one that came in time) and *silence* with any packet of that path: media, RTCP, an ack, a
 * cookie. Media missing for the miss time (2 frame times + 4 × jitter past the expected arrival,
 * 45–120 ms) starts a hedge: the backup sends what is missing, no epoch changes, and the serving
 * path is asked for a sign of life. If the serving path delivers again the hedge is cancelled, once
 * what was lost meanwhile is there or past its instant.
 * Silence for the commit time (4 × miss time, 200–400 ms) commits at the backup: cause crashed. But
 * where nobody else is heard either, it is our own access that loses, and whoever we went to would
 * be lost as well: silence counts once another has been heard for a miss time, be it a hedge or an
 * answer. Others who are not asked to hedge are asked for one; of who did not answer before nothing
 * is expected. After three seconds without anybody all may be dead, and are asked one by one. While
 * a hedge is heard nothing is lost by waiting, and on a path that has come back by itself before
 * (or is too new to tell) silence is borne for as long as that is like it, for three seconds at
 * most: see lapses.h. A path that lives without media (a zombie; a worker that was started anew and
 * knows us no more) is asked once to take the session up again, under a newer epoch; media missing
 * for the zombie time (1 s) commits elsewhere: cause degraded. What was missing lately counts on
 * until media has come for as long: who delivers a frame now and then is left, too, if more than
 * half is missing, and who loses bursts, be they the listener's own access's, is not. A hedge that
 * is about to end undecided is extended, from the same budget. Where that runs low on a path that
 * has lost bursts before, a hedge waits for half of the commit time if it can be in time then, so
 * that one is left for what does not pass.
 *
 * The client alone assigns epochs, a fresh one for each server that is asked to commit. A grant of
 * an older epoch than the newest asked for is not followed but released. All who might believe that
 * they serve are released after a commit, and again when they are heard. While nobody has granted
 * the newest, one who grants an older one too late is asked anew, and gets more time: it lives.
 *
 * Live positions are reckoned by the client's playout clock, not by the path that serves: then
 * moves do not add up to drift, and each gives the buffer its full depth back.
 *
 * Single frames that the serving path has lost are asked for once more while they can be in time,
 * see nack.h: plain loss is mended there, and is no event. One that was asked for in two rounds in
 * vain is had by a hedge, too, while a third of their budget is left: questions and answers are
 * lost in bursts. While that path is silent the backup that was heard first is asked for what its
 * hedge has lost. The next backup is asked to hedge as well when it is the last moment at which
 * that can be in time, and the first has not answered: the question may have been lost with all its
 * copies.
 *
 * With `hot` protection the warm backup sends all the time, too (two senders and no more, but
 * within a move's overlap): it is asked for a hot standby, reported to like the server that serves,
 * and asked anew where its lease has lapsed or the epoch is another. The first copy of each frame
 * counts. What one way loses the other brings, so a frame of the serving path is asked for again
 * only once the other way is late with it, too, and then of both. When media of the serving path is
 * missing the hot one covers that: it counts as a hedge that is answered already, costs nothing and
 * is not called off; the next backup is asked only if it is not heard either. Silence commits at it
 * as ever, and the next backup becomes hot. Where the hot path alone brings nothing for the zombie
 * time another backup becomes hot, and no epoch changes. A backup that may not send (ERR_BUDGET),
 * or is too old to know how, stands by silently, and is asked again later.
 *
 * Whoever serves may name other backups, since some have died: they come before all that were
 * known, and the first of them that answers is warm. The others are kept behind them while there is
 * room.
 *
 * A notice of the end says how many frames there are. What is missing before it, perhaps the very
 * last ones, is asked from a backup while the rest is played out: whoever served has nothing more
 * to send, and its silence is no event.
 *
 * The machine reads the playout buffer for what is missing and sets its end; frames are put into
 * the buffer by the caller, before it tells the witness.
 */
#ifndef TRANSCODER_TIMELINE_WITNESS_H
#define TRANSCODER_TIMELINE_WITNESS_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/rng.h"
#include "peerd/base/trace.h"
#include "peerd/wire/message.h"
#include "transcoder/timeline/budget.h"
#include "transcoder/timeline/doubt.h"
#include "transcoder/timeline/lapses.h"
#include "transcoder/timeline/nack.h"
#include "transcoder/timeline/path.h"
#include "transcoder/timeline/playout.h"
#include "transcoder/timeline/schedule.h"

#define WITNESS_SERVERS_MAX PLAYOUT_SOURCES_MAX
#define WITNESS_OUT_MAX     64 /* intentions that one event can cause: several for each server */
#define WITNESS_SERVER_NONE UINT8_MAX

/* Who has been moved so often so that it fares better, or home again, stays where it is when it is
 * asked for that once more: two ways there and back are enough of anything that comes and goes. Off
 * a bad path it goes only if it could come back, too. */
#define WITNESS_GAINS_MAX    4
#define WITNESS_GAINS_WITHIN duration_s(1800)

enum witness_state {
    WITNESS_OPENING,    /* first commit not granted yet, or no media yet */
    WITNESS_FOLLOWING,  /* the serving server delivers */
    WITNESS_MISSING,    /* it does not, and nobody can be asked to hedge */
    WITNESS_HEDGING,    /* it does not; backups send meanwhile */
    WITNESS_COMMITTING, /* some server is being asked to take over */
    WITNESS_MOVING,     /* planned: the target is being asked while the old one serves on */
    WITNESS_ENDING,     /* no more media will come; the buffer is played out */
    WITNESS_ENDED
};

enum witness_role {
    WITNESS_ROLE_FREE, /* no server in this slot */
    WITNESS_ROLE_SERVING,
    WITNESS_ROLE_WARM,  /* the backup that is kept prepared; if `cold`: its path only */
    WITNESS_ROLE_BACKUP /* a further one: its path is kept open, nothing is lodged */
};

/* What a caller knows of a server. */
struct witness_address {
    struct name name;     /* of the cluster, for traces */
    struct key_hint hint; /* of its key */
    struct addr media;    /* where to send */
};

struct witness_hedge {
    bool active;            /* asked and not over */
    bool answered;          /* a grant or a frame has come since */
    uint8_t sends;          /* of this hedge */
    struct instant asked;   /* when it was first asked … */
    struct duration trip;   /* … for what comes after such a round trip */
    struct instant again;   /* when to repeat; "never" once answered */
    struct instant extend;  /* when to ask for more time */
    struct instant overdue; /* when the next backup is asked as well; "never" once done */
};

/* What is looked at in every step comes first, and for most servers that is all: of a hundred
 * thousand listeners in one process nothing lies in a cache from one frame to the next. */
struct witness_server {
    enum witness_role role;
    uint8_t rank;                 /* order among backups, 0 first */
    struct instant hello_at;      /* when the next hello goes out */
    struct instant standby_at;    /* when the standby is asked for or renewed; "never" if not */
    struct instant standby_until; /* end of its lease; "never" if not granted */
    struct path path;
    struct witness_address address;
    struct instant not_before; /* it has refused: not to be asked again until then … */
    bool stand_later;          /* … for a standby, that is: whom we miss it may have a slot for */
    struct instant no_hedge;   /* it has no hedges left for us until then, all else it may give */
    enum err refusal;          /* why */
    struct witness_hedge hedge;
    uint32_t epoch_asked;        /* newest epoch under which it may believe to serve; 0 none */
    struct instant release_at;   /* what it was told last it has heard by then, or it was lost */
    struct instant cancel_until; /* it may go on with a hedge that was called off until then */
    bool hot;                    /* it stands by and sends, as far as we know */
    bool hot_told;               /* it was asked to, and has not been released since */
    uint8_t hot_asks;            /* in a row without an answer */
    struct instant no_hot;       /* not to be asked to send before; silently it may stand by */
    uint64_t frames;             /* media frames that came from it */
    struct instant media_at;     /* useful media last came from it */
    struct instant framed_at;    /* its first frame since media went missing; "never" if none */
    uint64_t mergeable_from;     /* from its newest grant */
};

struct witness_config {
    struct session_id session;
    uint64_t first_frame;       /* frame that the session starts at */
    struct duration frame;      /* 20 ms */
    bool cold;                  /* protection: nothing is lodged at the backup, but for hedges */
    bool hot;                   /* protection: the warm backup sends, too */
    bool mergeable;             /* of the profile: a resume names frames held; else all are asked */
    struct duration miss_min;   /* 45 ms: two frames lost in a row are no reason yet */
    struct duration miss_max;   /* 120 ms */
    struct duration commit_min; /* 200 ms of silence */
    struct duration commit_max; /* 400 ms: well within a hedge */
    struct duration young;  /* 20 s: a path that serves no longer may be one that loses bursts */
    struct duration zombie; /* 1 s without media on a living path */
    struct duration hedge;  /* 500 ms */
    uint32_t hedges_per_minute; /* client side; the worker has its own */
    uint32_t moves_per_minute;  /* beyond it each commit waits longer (ping-pong) */
    struct duration dwell;      /* 2 s after a commit: no move to fare better, wished or not */
    struct duration hello;      /* 500 ms to the warm backup */
    struct duration hello_idle; /* 5 s to the others */
    struct duration report;     /* 500 ms to the serving server */
    struct duration attempt;    /* 300 ms + 2 round trips for an answer to a commit */
    struct duration give_up;    /* 10 s without any server: the session ends */
    uint32_t lead_frames;       /* 4: a planned target starts this far ahead of live */
    uint32_t overlap_frames;    /* 3: heard from it before the old one is released */
    bool looks;                 /* the cluster wants to know how others are heard: see doubt.h */
};

/* One commit being asked for. */
struct witness_attempt {
    uint8_t server; /* WITNESS_SERVER_NONE: waiting for somebody to become eligible */
    uint32_t epoch;
    uint64_t counter; /* of its first resume: what answers an older one is not about it */
    enum move_cause cause;
    uint8_t from;   /* who served; WITNESS_SERVER_NONE at the start */
    uint8_t sends;  /* resumes sent to this server */
    bool granted;   /* and its frames are awaited (MOVING) */
    bool wished;    /* by who serves, which sends on */
    uint32_t heard; /* frames heard from it since */
    uint32_t tried; /* bit s: server s was asked in this round */
    bool returned;  /* to one that had answered too late */
    bool only;      /* it is wanted at the first one and nowhere else (MOVING) */
    struct {
        struct instant at;        /* when it was asked under its newest epoch */
        struct duration patience; /* it was too slow: so long at least it gets next time */
    } of[WITNESS_SERVERS_MAX];
    uint64_t begins;      /* frame from which this server was asked last to send */
    struct instant asked; /* this server … */
    struct duration trip; /* … for what comes after such a round trip */
    struct instant again; /* when to repeat */
    struct instant until; /* when the next one is asked */
    struct instant give_up;
};

/* Whose lost frames are asked for while the serving path is silent. */
struct witness_filler {
    uint8_t server; /* a backup that hedges, heard first; WITNESS_SERVER_NONE if there is none */
    uint64_t high;  /* one past its highest frame; at first the one that was missing first */
};

/* A move, complete once the output has passed it. */
struct witness_move {
    enum move_cause cause;
    struct name from;
    struct name to;
    uint32_t epoch;
    struct instant at; /* from then on the new server serves */
    int64_t detect_ms; /* [ms] first missing arrival to the first hedge, else commit */
    int64_t
        first_frame_ms;  /* [ms] first missing arrival to the new server's first frame; −1 none */
    int64_t gap_ms;      /* [ms] of media missing at the output */
    uint64_t duplicates; /* [frames] further copies meanwhile */
    bool hedged;
};

/* The way of the hot backup. */
struct witness_hot {
    uint8_t server;           /* WITNESS_SERVER_NONE: nobody is hot */
    uint8_t unheard;          /* reports in a row without an answer */
    uint32_t epoch;           /* under which it was asked: the newest, until there is a newer */
    struct instant since;     /* it has been granted */
    struct instant report_at; /* next report */
    struct schedule schedule; /* when its frames are expected */
    uint64_t expected;        /* frames that it should have brought, of all that were hot … */
    uint64_t lost;            /* … and has not */
    uint64_t begun;           /* times that a backup became hot */
};

struct witness_stats {
    uint64_t hedges;        /* started, a server each */
    uint64_t extensions;    /* of running hedges */
    uint64_t cancels;       /* it was only loss */
    uint64_t commits;       /* granted, the first one not counted */
    uint64_t refusals;      /* received */
    uint64_t budget_denied; /* hedges not asked for want of budget, or put off to spare it */
    uint64_t forged;        /* answers with another's nonce, notices of another session: dropped */
    uint64_t gains_denied;  /* wishes to move that were not heeded: moved too often of late */
    uint64_t nacked;        /* frames asked for once more, each time */
    uint64_t stale_grants;  /* of an epoch no longer asked for, released */
};

struct witness {
    struct witness_config config;
    enum witness_state state;
    struct playout *playout; /* borrowed */
    struct rng rng;
    struct schedule schedule; /* of the serving path … */
    struct lapses lapses;     /* … and how long it has lost everything */
    struct nack nack;         /* … and what single frames */
    struct doubt doubt;       /* whether it alone does */
    uint64_t doubt_from;      /* frames from there on have not been told in doubt … */
    bool doubt_run;           /* … and the one before was lost */
    struct witness_filler filler;
    uint8_t serving;            /* slot; WITNESS_SERVER_NONE before the first grant */
    uint32_t epoch;             /* granted */
    uint32_t epoch_high;        /* newest ever asked for */
    uint64_t counter;           /* last used */
    uint64_t follow_counter;    /* last used when the serving server was first followed */
    struct instant follow_at;   /* no miss is seen before: a new server gets time to begin */
    struct instant miss_since;  /* when the first missing frame should have arrived */
    struct instant decided_at;  /* first hedge or commit since then; "never" if none */
    uint64_t miss_lost;         /* playout's lost when media went missing … */
    uint64_t miss_duplicates;   /* … and its duplicates */
    bool hedged;                /* somebody was asked to hedge since then */
    struct duration bear;       /* so long it is like lapses before */
    uint8_t again;              /* useful frames of the serving server since then */
    int64_t debt_us;            /* [µs] media missing lately, less the time that it came since */
    struct instant debt_at;     /* when that was true */
    struct instant probed_at;   /* first such question since media went missing */
    struct instant wake_at;     /* deadline after the last step: who comes much later has slept */
    struct instant probe_at;    /* next question for a sign of life while media is missing */
    uint32_t others;            /* bit s: server s answered when media went missing … */
    struct instant others_at;   /* … and when any was heard first since then; "never": none was */
    struct instant back_at;     /* the serving path is heard again, after nobody was; "never" */
    struct instant report_at;   /* next report */
    struct instant report_next; /* … and when it would be once the last one is answered */
    struct instant gained[WITNESS_GAINS_MAX]; /* newest first; "never": less often */
    uint32_t lease_ms;          /* [ms] that a report renews, as the server has said; 0: unknown */
    uint8_t unheard;            /* reports in a row without an answer: a lease hangs on them */
    struct instant reseated_at; /* the serving server was asked to take up again; "never" */
    struct instant dwell_until;
    struct instant repair_at; /* next look for holes of a move or an end; "never" if done */
    uint8_t repairs;          /* looks since the move */
    uint64_t begins;          /* frame from which its server was asked to send, until then */
    struct budget hedges;
    struct budget moves;
    struct witness_attempt attempt;
    struct witness_move move;  /* the newest one, until it is settled */
    bool move_open;            /* it is not settled yet */
    uint8_t move_to;           /* its slot */
    struct instant move_miss;  /* its miss_since */
    bool move_framed;          /* first_frame_ms is known */
    uint64_t move_settled_at;  /* frame whose playout settles it */
    uint64_t move_lost;        /* playout's lost when it began … */
    uint64_t move_duplicates;  /* … and its duplicates */
    struct message_moved tale; /* a settled move that reports tell of; epoch 0: none */
    uint8_t tale_reports;      /* since it is there */
    uint64_t tale_counter;     /* of the newest report that told it */
    uint32_t notice;           /* newest number seen */
    uint64_t reported[2];      /* nonces of the newest reports: what may name other backups */
    uint32_t told;             /* mark of the list that was named last … */
    uint8_t told_by;           /* … by this server … */
    uint8_t told_reports;      /* … whom so many more reports tell that we go by it */
    enum err end_error;        /* why it ends */
    enum err refusal;          /* newest one of a commit since anybody granted one; ERR_OK none */
    struct witness_stats stats;
    struct witness_hot hot;
    struct witness_server servers[WITNESS_SERVERS_MAX]; /* last: they are large */
};

enum witness_event_kind {
    WITNESS_SESSION_OPENED, /* begin: everything else is in place */
    WITNESS_FRAME_ARRIVED,  /* after playout_insert() */
    WITNESS_PACKET_HEARD,   /* RTCP, or anything genuine without an event of its own */
    WITNESS_COOKIE_RECEIVED,
    WITNESS_GRANTED,
    WITNESS_REFUSED,
    WITNESS_ACKNOWLEDGED,
    WITNESS_NOTICED,
    WITNESS_BACKUPS_TOLD, /* the serving server names other backups, best first */
    WITNESS_TICKED,       /* the deadline was reached */
    WITNESS_CLOSED        /* the user leaves */
};

struct witness_event {
    enum witness_event_kind kind;
    struct instant now;
    uint8_t server; /* slot from which it came; see witness_server_find() */
    uint64_t nonce; /* COOKIE, GRANTED, REFUSED, ACKNOWLEDGED, BACKUPS: from the message's header */
    union {
        struct {
            uint64_t frame;
            enum playout_result result;
        } media;
        struct message_cookie cookie;
        struct message_grant grant;
        struct message_refuse refuse;
        struct message_ack ack;
        struct message_notice notice;
        struct message_named backups;
    } u;
};

enum witness_out_kind {
    WITNESS_SEND_HELLO,
    WITNESS_SEND_RESUME, /* see witness_resume_fill() */
    WITNESS_SEND_REPORT, /* see witness_report_fill(); the caller adds its own counts */
    WITNESS_SEND_NACK,   /* RTCP: what is missing came neither at first nor again */
    WITNESS_MOVED,       /* a move is complete */
    WITNESS_SESSION_ENDED
};

struct witness_out {
    enum witness_out_kind kind;
    uint8_t server; /* SEND_*: slot to send to */
    uint64_t nonce; /* SEND_*: for the message's header */
    union {
        struct {
            enum resume_purpose purpose;
            bool with_ticket;
            uint32_t epoch;
            uint64_t counter;
            uint64_t from_frame;
            uint64_t live_frame;
            uint8_t held[HELD_BITS / 8];
            uint16_t hedge_ms;
            uint16_t silent_ms;
            struct cookie cookie;
            struct key_hint served_by;
            enum move_cause cause;
        } resume;
        struct {
            uint32_t epoch;
            uint64_t counter;
            uint64_t last_frame;
            uint32_t rtt_us;
            int32_t lag_us;
            uint32_t notice;
            struct message_moved moved;
            uint32_t backups;
        } report;
        struct nack_question nack;
        struct witness_move moved;
        enum err ended; /* ERR_OK: closed by the user; ERR_SOURCE_ENDED: played to the end; … */
    } u;
};

struct witness_outbox {
    struct witness_out items[WITNESS_OUT_MAX];
    uint32_t count;
    struct trace *trace; /* may be NULL */
};

/* 20 ms frames and the defaults named at the fields; session and first_frame are zero. */
struct witness_config witness_config_default(void);

/* `serving` is the server that the ticket's issuer named, `backups` the others in order. `playout`
 * must outlive the machine; `seed` is fresh entropy, from which nonces are drawn. */
void witness_init(struct witness *w, const struct witness_config *config, struct playout *playout,
                  const struct witness_address *serving, const struct witness_address *backups,
                  uint8_t backup_count, uint64_t seed, struct instant now);

/* Empties `out` (but its trace), then handles the event. */
void witness_step(struct witness *w, const struct witness_event *e, struct witness_outbox *out);

struct instant witness_deadline(const struct witness *w);
void witness_check_invariants(const struct witness *w);

/* Slot of the server at an address, WITNESS_SERVER_NONE for a stranger, who is to be ignored. */
uint8_t witness_server_find(const struct witness *w, const struct addr *media);

/* Where to look for the next packet's frame: pass it to position_frame(). */
uint64_t witness_frame_near(const struct witness *w);

/* Turn an intention into a message; the caller signs and sends it. The ticket is copied if the
 * intention wants it. */
void witness_resume_fill(struct message *m, const struct witness *w, const struct witness_out *o,
                         const char *ticket, size_t ticket_len);
void witness_report_fill(struct message *m, const struct witness *w, const struct witness_out *o);

/* What became of the frames of whoever serves, since it is in doubt and this was asked: for the
 * words that go with it (prober.h). The newest ones, which may yet come, are left for the next
 * time. */
struct trip_own witness_own_frames(struct witness *w);

const char *witness_state_name(enum witness_state s);

#endif
