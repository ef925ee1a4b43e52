/*
 * CMCD: what a player says of itself with each request (CTA-5004, version 1).
 *
 * A player sends it as the query argument `CMCD`, percent-encoded, or spread over four headers
 * (CMCD-Request, -Object, -Status, -Session). Both are lists of `key=value`, so both are read by
 * the same function: the caller has undone the percent-encoding and calls it once for the argument,
 * or once for each header, into one struct. Keys that are not named here are left out, as the
 * standard wants of unknown ones (a custom key has a hyphen in its name). Version 2 writes some
 * numbers as lists, one for each kind of media: of those the least counts, since what a person
 * feels is the emptiest buffer and the slowest fetch.
 *
 * What a player says is a stranger's word: it is bounded here and weighed elsewhere.
 */
#ifndef TRANSCODER_HLS_CMCD_H
#define TRANSCODER_HLS_CMCD_H

#include "peerd/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMCD_TEXT_MAX 2048       /* [characters] of one argument or header; players send some 200 */
#define CMCD_ID_MAX   64         /* [characters] of session and content (CTA-5004 table 1) */
#define CMCD_URL_MAX  512        /* [characters] of the next object; a longer one is left out */
#define CMCD_UNKNOWN  UINT32_MAX /* a number that the player did not give */
#define CMCD_KBPS_MAX 100000000U /* [kbit/s] larger rates are nobody's */
#define CMCD_MS_MAX   86400000U  /* [ms] a day: more is no buffer and no segment */

/* The headers that it may come in. */
#define CMCD_HEADERS "CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session"

/* `ot`: what is being asked for. */
enum cmcd_object {
    CMCD_OBJECT_UNKNOWN,
    CMCD_OBJECT_MANIFEST,   /* m */
    CMCD_OBJECT_AUDIO,      /* a */
    CMCD_OBJECT_VIDEO,      /* v */
    CMCD_OBJECT_MUXED,      /* av */
    CMCD_OBJECT_INIT,       /* i */
    CMCD_OBJECT_CAPTION,    /* c */
    CMCD_OBJECT_TIMED_TEXT, /* tt */
    CMCD_OBJECT_KEY,        /* k */
    CMCD_OBJECT_OTHER       /* o */
};

struct cmcd {
    uint32_t bitrate_kbps;    /* br: of the object's rendition [kbit/s] */
    uint32_t buffer_ms;       /* bl: of the media that is asked for [ms] */
    uint32_t deadline_ms;     /* dl: until the buffer is empty, at the rate of play [ms] */
    uint32_t duration_ms;     /* d: of the object [ms] */
    uint32_t throughput_kbps; /* mtp: measured by the player [kbit/s] */
    uint32_t top_kbps;        /* tb: of the best rendition that it may play [kbit/s] */
    uint32_t rate_permille;   /* pr: of play, 1000 for real time, 0 for none */
    bool starved;             /* bs: the buffer was empty since the request before */
    bool startup;             /* su: it needs this to start, to seek or after starving */
    bool live;                /* st=l */
    enum cmcd_object object;
    char session[CMCD_ID_MAX + 1];      /* sid: random, of this playing; empty for none */
    char content[CMCD_ID_MAX + 1];      /* cid; empty for none */
    char next_object[CMCD_URL_MAX + 1]; /* nor: relative to the one asked for, decoded; or empty */
};

/* Of a player that has said nothing. */
void cmcd_init(struct cmcd *out);

/* Adds what the text says; what it names twice counts as it stands last. On failure `out` is as it
 * was: ERR_OVERSIZED, or ERR_BAD_FIELD for a known key whose value is none of its kind, text that
 * is no list, or characters outside of printable ASCII. */
enum err cmcd_read(struct cmcd *out, const char *text, size_t len);

#endif
