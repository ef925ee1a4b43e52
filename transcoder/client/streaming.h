/*
 * Streaming: an HLS stream of several sites as one URL of this machine, for players that know one
 * server at a time: ffmpeg, mpv, VLC, and any web player.
 *
 *     player --HTTP--> door --> relay (one a request) --> fetch (transcoder/hls) --> site, or sites
 *                       |                                   |
 *                     guide: playlist, steering -------> sites: which is asked first
 *
 * The playlist that a player begins with names no site (transcoder/hls/fold.h); the same path is
 * asked of whichever site serves. A site that gives no first byte in time is raced with the next, a
 * body that breaks off is gone on with from there (transcoder/hls/fetch.h), and what steering says
 * is followed as a player follows it. Memory is bounded: STREAMING_RELAYS_MAX requests at a time,
 * each with half a megabyte under way, or a playlist.
 */
#ifndef TRANSCODER_CLIENT_STREAMING_H
#define TRANSCODER_CLIENT_STREAMING_H

#include "peerd/base/addr.h"
#include "transcoder/hls/sites.h"

#include <stdio.h>

#define STREAMING_URL_MAX    1024 /* [characters] of one */
#define STREAMING_RELAYS_MAX 64   /* requests of players at a time; more are told 503 */

struct streaming_config {
    const char *const *urls; /* of the stream's playlist, at each site or at any peerd */
    size_t url_count;        /* 1 … SITES_MAX */
    struct addr http;        /* where players ask */
    const char *bind_ip;     /* requests leave from there; NULL: as the system likes */
    const char *ca_file;     /* whom to trust for https; NULL: the system's */
    int64_t give_up_ms;      /* [ms] until a site must have told the playlist, at the beginning */
    bool json;
    bool verbose;
};

enum streaming_end {
    STREAMING_CLOSED,     /* a signal */
    STREAMING_NOT_SERVED, /* no site told the playlist */
    STREAMING_NO_DOOR     /* the address is taken */
};

/* Serves until SIGINT or SIGTERM. Prints a line a move, and what it was like at the end. */
enum streaming_end streaming_run(const struct streaming_config *config);

#endif
