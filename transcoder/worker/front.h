/*
 * The front: the process that players of streams ask (--hls), over HTTP or HTTPS.
 *
 *     players --HTTP--> front_door --> shelf (transcoder/hls) --> makers --> maker processes
 *                           |             ^
 *                       front_list     kept bytes
 *
 * Each source of class exact that the catalogue has is a stream, by its name; the profiles of
 * family hls are its renditions. Playlists are text, made when asked for. Segments are made when
 * asked for, or just before; the shelf decides which, when, and who is told no. No media is decoded
 * here: what strangers' files can break is makers, which are replaced. The supervisor replaces this
 * process in turn; it keeps nothing that is not made again.
 *
 * A source with an anchor is a channel (transcoder/hls/live.h): of each of its renditions segments
 * are made before they are listed, whoever looks on, so that a cluster that others' players are
 * sent to has them at hand.
 *
 * A segment's ETag is a hash of its bytes, the same at every cluster that makes the same ones: half
 * of it from one and the rest from another, by Range and If-Range, is the whole (RFC 9110).
 *
 * What can be answered is answered at once; who waits for a segment does so 1.5 s at most and then
 * hears 404, upon which players go elsewhere at once (503 or silence costs them many seconds). Such
 * a 404 has Retry-After, others have not: it is there a second later.
 */
#ifndef TRANSCODER_WORKER_FRONT_H
#define TRANSCODER_WORKER_FRONT_H

#include "transcoder/worker/options.h"

/* Runs until the supervisor is gone; an exit status if it could not start. */
int front_run(const struct options *options);

#endif
