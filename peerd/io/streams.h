/*
 * Streams: the door of players, whose media other programs serve.
 *
 * GET /v1/hls/NAME/master.m3u8   the origin's own multivariant playlist, with every cluster that
 *                                has it as a pathway (transcoder/hls/multivariant)
 * GET /v1/dash/NAME/manifest.mpd  the same of its MPD, where it has one (transcoder/hls/mpd)
 * GET /v1/steer/NAME             which pathway to take now: RFC 8216bis section 7, and DASH-IF's
 * for DASH; with _HLS_pathway and _HLS_throughput, or _DASH_pathway and _DASH_throughput, and CMCD
 * as an argument or in headers
 *
 * GET /v1/cmcd/NAME              a request for media of an origin of ours, passed on by the server
 *                                that answers it: how its player fares, by CMCD. Answered 204
 *
 * The first three are for everybody, since the origins are: no token is asked for, and scripts of
 * any page may read the answers (CORS). Neither is ever kept by anybody on the way. A name that
 * some cluster has is answered 200, else 404; players give up steering for good when they hear 404
 * or 429, so that nobody is refused for asking often. Without a playlist of our own yet a player is
 * sent to the best peer for it.
 */
#ifndef PEERD_IO_STREAMS_H
#define PEERD_IO_STREAMS_H

#include "peerd/io/daemon.h"

#include <stdio.h>

#define STREAMS_TTL_LIVE_S 2 /* [s] players ask again; more is too slow for 8 s of buffer */
#define STREAMS_TTL_S      5 /* [s] of what is there already: players hold more of it */
#define ORIGINS_WHY_MAX    255

/* Is it about one of them? Then it is for everybody. */
bool streams_wanted(const struct net_http_request *r);
void streams_handle(struct daemon *d, struct net_http_request *r);
enum err streams_open(struct daemon *d);
void streams_close(struct daemon *d);
/* Families of a metrics page, while there is any origin. */
void streams_metrics(const struct daemon *d, FILE *out);

/* origins.c */
/* The policy in force is another. */
void origins_configure(struct daemon *d);
void origins_close(struct daemon *d);
/* The newest good one, by index in the policy; NULL: none yet. */
const char *origins_playlist(const struct daemon *d, uint32_t index, size_t *len);
/* The same of its MPD; NULL also where policy names none. */
const char *origins_mpd(const struct daemon *d, uint32_t index, size_t *len);
/* [kbit/s] What the poorest variant of it needs; 0: not known. */
uint32_t origins_poorest_kbps(const struct daemon *d, uint32_t index);
/* What was wrong when it was looked at last; "" for nothing. */
const char *origins_why(const struct daemon *d, uint32_t index);

#endif
