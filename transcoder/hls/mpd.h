/*
 * An MPD of several clusters, made from that of one of them.
 *
 * What multivariant.h does for HLS, for DASH: an origin's own MPD (ISO/IEC 23009-1) names segments
 * relative to where it lies; its copies at other clusters are alike. Added are one BaseURL for each
 * pathway, whose serviceLocation is its name, the first pathway's first, and one ContentSteering
 * (DASH-IF, ETSI TS 103 998) that says whom to ask. The steering manifest is that of HLS
 * (steering.h). All else is copied as it stands. Players need not ask before they begin: whoever
 * cannot reach the cluster that steers plays nevertheless. dash.js asks when playing begins; it has
 * to be there by then, so a page that calls play() before dash.js has loaded the MPD is not
 * steered.
 *
 * It is read as far as that takes: elements and attributes, no entities and no document type. What
 * steering could not move is refused by name: URIs that lie elsewhere, a BaseURL of the whole, a
 * Location (players would fetch the next MPD there), steering of somebody else's. Of an MPD that
 * changes (type="dynamic") players fetch the next one where they had the first from.
 */
#ifndef TRANSCODER_HLS_MPD_H
#define TRANSCODER_HLS_MPD_H

#include "transcoder/hls/multivariant.h"

#define MPD_DEPTH_MAX 32 /* elements inside one another */

/* Writes the MPD, terminated, and its length; an origin's may have MULTIVARIANT_IN_MAX characters.
 * Errors, with a fault: BAD_FIELD for what is no MPD, UNSUPPORTED for what cannot be steered,
 * OVERSIZED for what is too long, too deep or does not fit. `out` is garbage then. */
enum err mpd_write(char *out, size_t out_size, size_t *len, const struct multivariant *m,
                   const char *origin, size_t origin_len, struct multivariant_fault *fault);

#endif
