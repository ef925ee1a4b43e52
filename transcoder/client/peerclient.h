/*
 * peerclient: a media session that survives the death of the site that serves it.
 *
 * Open a session at any of several clusters; frames come back one by one at their playout instants,
 * each played or lost, on a clock that starts once and never stops. Behind that one backup is kept
 * warm; missing media is asked of it before the buffer runs dry (a hedge), and the session moves
 * there when its server has fallen silent (a commit). The caller sees frames and, afterwards, a
 * record of each move.
 *
 * One session an object, one object a thread: peerclient_run has its own event loop and calls back
 * from the thread that runs it. Nothing here touches signals except that SIGPIPE is ignored. No
 * pointer handed to a callback outlives it.
 */
#ifndef PEERCLIENT_H
#define PEERCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peerclient;

/* How a session ended, or why it never began. */
enum peerclient_end {
    PEERCLIENT_END_NONE,         /* it has not */
    PEERCLIENT_END_CLOSED,       /* peerclient_stop, or the duration asked for is over */
    PEERCLIENT_END_SOURCE_ENDED, /* played to its end */
    PEERCLIENT_END_SOURCE_FAILED,
    PEERCLIENT_END_REFUSED,     /* no cluster wants it: see the report's detail */
    PEERCLIENT_END_UNREACHABLE, /* no cluster answers */
    PEERCLIENT_END_INTERNAL     /* out of memory or descriptors on this machine */
};

/* What the frames are, known once a cluster has answered. */
struct peerclient_media {
    const char *encoding;       /* RTP name: opus, PCMU, PCMA, GSM, L16 */
    uint8_t payload_type;       /* RTP */
    uint32_t clock_rate_hz;     /* [Hz] of RTP timestamps */
    uint8_t channels;           /* as in rtpmap */
    const char *fmtp;           /* SDP parameters, may be "" */
    uint32_t frame_ms;          /* [ms] 20 */
    uint32_t samples_per_frame; /* [ticks of the RTP clock] */
    uint32_t ssrc;
    const char *session; /* 22 characters of base64url */
    const char *cluster; /* where it begins: the one that answered, or a peer of it */
};

/* One frame, at its playout instant. */
struct peerclient_frame {
    uint64_t index;      /* position since the beginning of the session [frames] */
    bool lost;           /* not there at its instant: conceal it; payload is NULL */
    const void *payload; /* codec payload, without RTP header */
    size_t len;          /* [bytes] */
    uint16_t seq;        /* RTP sequence number */
    uint32_t timestamp;  /* RTP timestamp */
    int64_t due_us;      /* [µs] CLOCK_MONOTONIC: when it is to be heard */
};

/* A move that is over. */
struct peerclient_move {
    const char *cause; /* drain, degraded, crashed, partitioned, return */
    const char *from;  /* cluster */
    const char *to;
    uint32_t epoch;    /* the new one */
    int64_t detect_ms; /* [ms] from the first missing arrival to the decision to act */
    int64_t
        first_frame_ms; /* [ms] from the first missing arrival to the new server's first frame */
    int64_t gap_ms;     /* [ms] of media missing at the output */
    int64_t at_us;      /* [µs] CLOCK_MONOTONIC: from then on the new cluster serves */
    bool hedged;        /* a hedge bridged it */
};

struct peerclient_config {
    const char *const *clusters; /* base URLs, e.g. http://192.0.2.1:7680, tried in this order */
    size_t cluster_count;
    const char *token; /* bearer token; NULL: the address is enough */
    const char *service;
    const char *profile;
    const char *source;
    const char *protection; /* cold, warm or hot (both send); NULL: warm */
    uint64_t start_ms;      /* [ms] into the source */
    uint32_t buffer_ms;     /* [ms] playout buffer, 40 to 5000; 0: 200 */
    uint32_t give_up_ms;    /* [ms] without any server before it ends; 0: 10000 */
    const char *bind_ip;    /* local address of the media socket and of requests; NULL: any */
    const char *ca_file;    /* of https clusters; NULL: the system's */
    struct peerclient
        *beside; /* whose thread it shares, see peerclient_run; NULL: one of its own */
    void (*opened)(void *data, const struct peerclient_media *media); /* may be NULL, all four */
    void (*frame)(void *data, const struct peerclient_frame *frame);
    void (*moved)(void *data, const struct peerclient_move *move);
    void (*trace)(void *data, int64_t at_us, const char *line); /* what happens, in words */
    void *data;
};

/* How far away a cluster is. */
struct peerclient_trip {
    char cluster[32];
    const char *role; /* serving, backup, candidate */
    double rtt_ms;    /* [ms] smoothed; 0 unknown */
    uint32_t samples; /* that it stands on: of candidates the last 8 at most */
};

#define PEERCLIENT_TRIPS_MAX 16

struct peerclient_report {
    enum peerclient_end end;
    char detail[256];         /* why, for people */
    uint64_t frames_expected; /* playout instants that have passed */
    uint64_t frames_played;
    uint64_t frames_lost;        /* not there at their instant */
    uint64_t frames_lost_before; /* of the serving cluster's, before any hedge or repair */
    uint64_t frames_repaired;    /* lost on the way and sent again in time (RFC 4588) */
    uint64_t frames_duplicated;
    uint64_t frames_late;      /* came after their instant, when nobody else had brought them */
    uint64_t frames_differing; /* duplicates that should have been the same bytes and were not */
    uint64_t packets_foreign;  /* dropped: not from a server of this session, or not understood */
    uint64_t hot_begun;        /* times that a backup began to send, too (protection hot), … */
    uint64_t hot_expected;     /* … frames that its way should have brought since … */
    uint64_t hot_lost;    /* … and has not; those of the serving way are frames_lost_before */
    char hot_cluster[32]; /* which it is now; empty if none is */
    uint64_t hedges;
    uint64_t hedge_cancels;
    uint64_t moves;
    double rtt_ms;        /* [ms] to the serving cluster; 0 unknown */
    double jitter_ms;     /* [ms] RFC 3550 */
    char cluster[32];     /* serving now, or last */
    uint64_t probes_sent; /* to clusters that the serving one named beside the backups, … */
    uint64_t probes_answered;
    uint32_t trip_count; /* … which come last */
    struct peerclient_trip trips[PEERCLIENT_TRIPS_MAX];
};

/* Makes a session object; the configuration is copied. NULL if memory is short or a value makes no
 * sense: `why` (may be NULL) then says which. */
struct peerclient *peerclient_new(const struct peerclient_config *config, char *why,
                                  size_t why_size);

/* Opens the session and runs it to its end, once; afterwards it only says again how it ended.
 * Callbacks come from in here.
 *
 * Sessions that were made beside this one (`beside`, always the one that was made without it) are
 * opened and run with it, in one thread and with one poll for all of them: it returns when the last
 * of them has ended. Run for one of those it opens nothing and says how that one ended. */
enum peerclient_end peerclient_run(struct peerclient *client);

/* Asks a session to end; from a callback, from another thread, or from a signal handler. No frame
 * is played after it; asked before peerclient_run, that ends as soon as it begins. */
void peerclient_stop(struct peerclient *client);

/* Counts up to now; from callbacks, or after peerclient_run. */
void peerclient_report(const struct peerclient *client, struct peerclient_report *out);

/* Frees it, not while it runs, and those that were made beside it before it. Accepts NULL. */
void peerclient_free(struct peerclient *client);

const char *peerclient_end_name(enum peerclient_end end);

#ifdef __cplusplus
}
#endif

#endif
