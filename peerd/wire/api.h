/*
 * The client API: opening a session over HTTP, and how a refusal looks.
 *
 * POST /v1/sessions with a session request answers 201 and a session answer, or a problem
 * (RFC 9457, application/problem+json). peerd and peerclient share this codec. The headers
 * (Authorization, Idempotency-Key, Retry-After) belong to whoever speaks HTTP.
 *
 * Request:
 *   {"service":"radio", "profile":"opus-32", "source":"news", "client_key":"k4.public.…",
 *    "protection":"cold|warm|hot" (optional, warm), "start_ms":0 (optional)}
 * Answer:
 *   {"session":"…", "ticket":"v4.public.…", "epoch":1, "lease_ms":…, "expires":… [s since the Unix
 *    epoch], "cluster":{"name":…,"key":…}, "media":"ip:port",
 *    which serves it at first, and need not be the one that was asked (core/redirect.h),
 *    "backups":[{"cluster":…,"key":…,"media":"ip:port"}, …] in order of preference,
 *    "probes":[the same, …] (optional) other clusters: how far away they and the backups are, the
 *             client may find out and tell; without this member it is not asked to tell,
 *    "rtp":{"encoding":"opus", "payload_type":96, "clock_rate":48000 [Hz], "channels":2,
 *           "frame_ms":20, "samples_per_frame":960, "ssrc":…, "seq0":…, "ts0":…, "fmtp":"…"}}
 * Problem:
 *   {"title":…, "status":404, "detail":…, "code":"unknown_source", "retry_after_s":… (optional)}
 *
 * A request may have no member of another name: a misspelt one would silently mean something else.
 * In answers and problems they are ignored, so that a client may be older than its cluster.
 */
#ifndef PEERD_WIRE_API_H
#define PEERD_WIRE_API_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/fault.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/ticket.h"

#define API_REQUEST_LEN_MAX  4096         /* [bytes] JSON; a full one has about 400 */
#define API_ANSWER_LEN_MAX   16384        /* [bytes] JSON */
#define API_PROBLEM_LEN_MAX  4096         /* [bytes] JSON */
#define API_START_MS_MAX     31536000000U /* [ms] one year into a source */
#define API_LEASE_MS_MAX     86400000U    /* [ms] one day */
#define API_RETRY_AFTER_MAX  86400U       /* [s] one day */
#define API_ENCODING_LEN_MAX 15           /* [characters] RFC 3551 names have up to 5 */
#define API_FMTP_LEN_MAX     127          /* [characters] */
#define API_TITLE_LEN_MAX    95           /* [bytes] */
#define API_PROBES_MAX       8            /* a handful */

struct api_session_request {
    struct name service;
    struct name profile;
    struct name source;
    struct public_key client_key; /* whose holder alone may use the ticket */
    enum protection protection;
    uint64_t start_ms; /* [ms] position in the source of the first frame */
};

/* What RTP and SDP need to know (RFC 3550, RFC 8866). */
struct api_rtp {
    char encoding[API_ENCODING_LEN_MAX + 1]; /* name of RFC 3551 or RFC 7587 */
    uint8_t payload_type;                    /* 0..127 */
    uint32_t clock_rate_hz;                  /* [Hz] of timestamps; JSON "clock_rate" */
    uint8_t channels;                        /* of the rtpmap: 2 for opus, whatever is inside */
    uint32_t frame_ms;                       /* [ms] */
    uint32_t samples_per_frame;              /* timestamp units */
    uint32_t ssrc;
    uint16_t seq0;                   /* sequence number of frame 0 */
    uint32_t ts0;                    /* timestamp of frame 0 */
    char fmtp[API_FMTP_LEN_MAX + 1]; /* may be empty */
};

struct api_backup {
    struct name cluster;
    struct public_key key;
    struct addr media; /* where it answers hello */
};

struct api_session_answer {
    struct session_id session;
    char ticket[TICKET_LEN_MAX + 1]; /* terminated; not verified here */
    uint32_t epoch;                  /* of the first commit, 1 */
    uint32_t lease_ms;               /* [ms] */
    int64_t expires_s;               /* [s] since the Unix epoch; JSON "expires" */
    struct name cluster;
    struct public_key cluster_key;
    struct addr media; /* where to say hello and commit */
    struct api_backup backups[TICKET_BACKUPS_MAX];
    uint8_t backup_count;
    bool measures;                            /* there is a JSON member "probes" */
    struct api_backup probes[API_PROBES_MAX]; /* best first; none is among the backups */
    uint8_t probe_count;
    struct api_rtp rtp;
};

struct api_problem {
    char title[API_TITLE_LEN_MAX + 1];   /* the same for every occurrence: err_text */
    uint32_t status;                     /* HTTP status, 400..599 */
    char detail[WIRE_FAULT_LEN_MAX + 1]; /* this occurrence; may be empty */
    enum err code;                       /* ERR_COUNT where the sender knows one we do not */
    uint32_t retry_after_s;              /* [s]; 0 none */
};

/* Encoders: compact JSON from malloc, the caller's to free(); NULL if memory is short or text is
 * not UTF-8. `len` may be NULL. */
char *api_session_request_encode(const struct api_session_request *r, size_t *len);
char *api_session_answer_encode(const struct api_session_answer *a, size_t *len);
char *api_problem_encode(const struct api_problem *p, size_t *len);

/* Decoders: in full before `out` is touched. `fault` may be NULL; it is made to be the detail of a
 * 400. Errors: TRUNCATED, OVERSIZED, BAD_FIELD, NO_MEMORY. */
enum err api_session_request_decode(struct api_session_request *out, const char *text, size_t len,
                                    struct wire_fault *fault);
enum err api_session_answer_decode(struct api_session_answer *out, const char *text, size_t len,
                                   struct wire_fault *fault);
enum err api_problem_decode(struct api_problem *out, const char *text, size_t len,
                            struct wire_fault *fault);

/* The HTTP status in which an error is told at any door of peerd: 4xx for what the asker must
 * change, 429 and 503 for what it may try again after a while. 200 for ERR_OK. */
uint32_t api_status_of(enum err e);

/* A problem with title, status and code of `e`. `detail` is made printable and cut to fit; it
 * may be NULL. The caller sets retry_after_s, and 401 in place of 403 where credentials were
 * missing. */
struct api_problem api_problem_of(enum err e, const char *detail);

#endif
