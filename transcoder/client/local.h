/*
 * Local: the session as a URL of this machine, for players that take no RTP: mpv, VLC, ffmpeg,
 * curl, any browser. Ogg/Opus, live: who comes in the midst hears what is played now, and all hear
 * the same.
 *
 * Runs in the loop of the session. Pages are written as frames fall due; who takes them too slowly
 * is cut off, and nobody waits for it. A site that dies is not seen here at all.
 */
#ifndef TRANSCODER_CLIENT_LOCAL_H
#define TRANSCODER_CLIENT_LOCAL_H

#include "peerd/base/addr.h"
#include "peerd/net/loop.h"
#include "transcoder/client/peerclient.h"

struct local;

/* Listens. NULL, and `why` filled, if the address is taken or the media is no Opus. */
struct local *local_open(struct net_loop *loop, const struct addr *at,
                         const struct peerclient_media *media, char *why, size_t why_size);

/* A frame's instant has come; a lost one is left to the players' decoders to conceal. */
void local_frame(struct local *l, const struct peerclient_frame *frame);

/* Ends what is heard, and lets the loop run for a moment so that players are told. Accepts NULL.
 * Not from within the loop. */
void local_close(struct local *l);

#endif
