/*
 * Outputs: where the sidecar puts frames as they fall due: RTP to a local port for any player, a
 * local URL with Ogg/Opus (local.h), a WAV recording, raw payloads. Any number of them at once.
 */
#ifndef TRANSCODER_CLIENT_OUTPUTS_H
#define TRANSCODER_CLIENT_OUTPUTS_H

#include "peerd/net/loop.h"
#include "transcoder/client/peerclient.h"

#include <stdio.h>

struct outputs_config {
    const char *rtp;  /* ip:port; NULL for none */
    const char *sdp;  /* file that describes what arrives there; NULL for none */
    const char *wav;  /* file; NULL for none */
    const char *raw;  /* file; NULL for none */
    const char *http; /* ip:port at which players listen; NULL for none */
};

struct outputs;

/* NULL, and `why` filled, if an address makes no sense. Files are made when the media is known. */
struct outputs *outputs_new(const struct outputs_config *config, char *why, size_t why_size);

/* False, and `why` filled, if a file or socket cannot be made. `loop` is the session's. */
bool outputs_open(struct outputs *o, struct net_loop *loop, const struct peerclient_media *media,
                  char *why, size_t why_size);

/* A frame's instant has come. A lost one is concealed in the WAV and left out elsewhere. */
void outputs_frame(struct outputs *o, const struct peerclient_frame *frame);

/* The file that could not be written to, as it was named; NULL while all is well. */
const char *outputs_failed(const struct outputs *o);

/* Finishes the files, and what players hear, before the session is freed; false if the last bytes
 * could not be written. Accepts NULL. */
bool outputs_free(struct outputs *o);

#endif
