/*
 * The inside of streaming.h, shared by streaming.c (door, report), guide.c (playlist and steering)
 * and relay.c (one request of a player) only.
 */
#ifndef TRANSCODER_CLIENT_STREAMING_INNER_H
#define TRANSCODER_CLIENT_STREAMING_INNER_H

#include "peerd/net/http_client.h"
#include "peerd/net/http_server.h"
#include "peerd/net/loop.h"
#include "transcoder/client/streaming.h"
#include "transcoder/hls/fetch.h"
#include "transcoder/hls/fold.h"

#define STREAMING_PLAYLIST_MAX 4194304 /* [bytes] as long as any of transcoder/hls/playlist.h */

/* What is known of the stream, and whom steering says to ask next. */
struct guide {
    struct streaming *s;
    struct net_timer timer;
    size_t url;                     /* the next one to be asked for the playlist */
    unsigned redirects;             /* in a row */
    char from[URI_LEN_MAX + 1];     /* where the playlist is asked for, or was last */
    char asking[URI_LEN_MAX + 1];   /* the same of steering */
    char steering[URI_LEN_MAX + 1]; /* empty: nobody steers */
    bool known;                     /* the playlist */
    bool media;                     /* it has one rendition, which is at `path` */
    char path[URI_LEN_MAX + 1];
    char *text; /* of FOLD_IN_MAX characters */
    size_t text_len;
    struct instant playlist_at; /* when the playlist was asked for last */
    uint32_t asked, answered;   /* of steering */
    char why[160];              /* what was wrong last */
};

struct relay;

struct streaming {
    struct streaming_config config;
    struct net_loop *loop;
    struct net_http_client *client;
    struct net_http_server *server;
    struct net_timer patience; /* for the first playlist */
    struct sites sites;
    struct guide guide;
    struct relay *relays; /* a list */
    uint32_t relay_count;
    struct net_http_request *waiting[STREAMING_RELAYS_MAX]; /* for the playlist */
    uint32_t waiting_count;
    uint32_t told_moves; /* of sites.moves: printed */
    enum streaming_end end;
    uint64_t bits_per_s; /* measured; 0: not yet */
    uint64_t requests, failed, broken, hedges, resumes, bytes;
    uint64_t served[SITES_MAX]; /* requests, by the site that ended them */
    struct instant began;
};

/* ---- streaming.c ---- */

/* Opens the door in that loop. False: it says why, and wants to be closed all the same. */
bool streaming_open(struct streaming *s, struct net_loop *loop,
                    const struct streaming_config *config);

/* Lets the loop run for a moment, so that players are told. Not from within it. */
void streaming_close(struct streaming *s);

/* Another site may have been chosen meanwhile: says so. */
void streaming_looked(struct streaming *s);

/* The playlist is known: whoever waits for it has it. */
void streaming_known(struct streaming *s);

/* With --verbose. */
__attribute__((format(printf, 2, 3))) void streaming_say(struct streaming *s, const char *format,
                                                         ...);

/* ---- guide.c ---- */

bool guide_open(struct guide *g, struct streaming *s);
void guide_close(struct guide *g);

/* ---- relay.c ---- */

/* Takes the request over. */
void relay_begin(struct streaming *s, struct net_http_request *request);

/* Ends all of them. Not from within the loop. */
void relay_end_all(struct streaming *s);

#endif
