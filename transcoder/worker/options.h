/*
 * The command line of transcoderd, checked in full before anything is opened.
 *
 * A worker is started by its supervisor from the same binary with one internal option that says
 * which inherited descriptors are its socket and its link; everything else it is told over the
 * link.
 *
 * Without a peerd, `transcoderd --config FILE --media 127.0.0.1:7700` serves what the file says, in
 * the form of peerd's answer to a node (peerd/wire/node.h), credit without end; SIGHUP reads it
 * again. Tests and benchmarks use it. Who has a key in `issuers` can sign tickets for it:
 *
 *   {"seq": 1, "lease_ms": 1000, "poll_ms": 100, "want_full": false, "draining": false,
 *    "self": {"name": "fra1", "key": "k4.public.…"},
 *    "catalogue": {"hash": "AAAAAAAAAAAAAAAAAAAAAA",
 *     "sources": [{"name": "a", "location": "/srv/a.wav", "class": "exact", "loop": true}],
 *     "profiles": [{"name": "opus", "codec": "opus", "rate_hz": 48000, "channels": 1,
 *                   "bitrate_bps": 32000, "complexity": 5, "preroll_frames": 100}]},
 *    "issuers": [{"name": "fra1", "key": "k4.public.…"}],
 *    "credit": {"slots": 100, "lease_ms": 300000}, "orders": [], "media_alive": [],
 *    "limits": {"sessions_max": 1000, "session_lease_ms": 5000, "standby_lease_ms": 10000,
 *               "skew_ms": 1000, "hedge_ms_max": 500, "hedges_per_minute": 12}}
 */
#ifndef TRANSCODER_WORKER_OPTIONS_H
#define TRANSCODER_WORKER_OPTIONS_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/net/log.h"
#include "peerd/wire/keys.h"
#include "transcoder/worker/registration.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_TEXT_LEN_MAX 255 /* [characters] of a path or a host name */
#define OPTIONS_FAULT_MAX    400 /* [bytes] one line on standard error */

/* A worker later than this with the next frame, or with an answer, is switched off: five times
 * the playout buffer of a listener, so nothing is lost that was not lost already. */
#define OPTIONS_STALL_MS 1000

#define OPTIONS_CACHE_MB     256   /* [MiB] an hour of one stream at 600 kbit/s */
#define OPTIONS_CACHE_MB_MAX 65536 /* [MiB] */

enum options_run {
    OPTIONS_RUN_SUPERVISOR,
    OPTIONS_RUN_WORKER, /* internal … */
    OPTIONS_RUN_FRONT,  /* … */
    OPTIONS_RUN_MAKER,  /* … */
    OPTIONS_RUN_HELP,
    OPTIONS_RUN_VERSION
};

struct options {
    enum options_run run;
    char peerd[OPTIONS_TEXT_LEN_MAX + 1]; /* "host:port" of peer_listen; empty with `config` */
    struct public_key peerd_keys[REGISTRATION_KEYS_MAX];
    size_t peerd_key_count;
    char key_file[OPTIONS_TEXT_LEN_MAX + 1];
    char config[OPTIONS_TEXT_LEN_MAX + 1]; /* a stored answer in place of a peerd; may be empty */
    struct name name;                      /* of this node */
    struct addr media;                     /* of worker 0; worker i has the port after i more */
    struct addr advertise;                 /* the same as told to others; none: the bound one */
    struct addr metrics; /* a plain HTTP door for Prometheus; none: there is none */
    uint32_t workers;    /* processes */
    struct addr hls;     /* a door for players of streams; none: there is none */
    char hls_cert[OPTIONS_TEXT_LEN_MAX + 1]; /* PEM of that door; empty: plain HTTP */
    char hls_key[OPTIONS_TEXT_LEN_MAX + 1];
    uint32_t hls_cache_mb; /* [MiB] of segments kept */
    uint32_t hls_makers;   /* processes that make them */
    uint32_t
        clock_within_ms;   /* [ms] by the operator's word, of wall time; 0: the kernel's counts */
    struct duration stall; /* the power switch, see OPTIONS_STALL_MS */
    enum net_log_format log_format;
    enum net_log_level log_level;
    /* OPTIONS_RUN_WORKER only */
    int worker_link_fd;
    int worker_board_fd;
    int worker_media_fd; /* the first of … */
    uint32_t worker_media_count;
    int supervisor_pid; /* whoever else is the parent, it is already gone */
};

/* Parses argv. False with one line without a line feed in `fault`, which says what to change. */
bool options_parse(struct options *out, int argc, char **argv, char fault[OPTIONS_FAULT_MAX]);

/* The text of --help. */
const char *options_help(void);

#endif
