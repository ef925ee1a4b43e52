/*
 * Print: names the bytes of a rendition of a source, as this machine makes them.
 *
 * A hash over the source's digest and all that determinism.h names, over the rendition's numbers
 * and, for pictures, over what x264 makes of a grey picture under our settings: its first packet
 * says which build it is, which nothing else tells. Two machines with equal prints make equal
 * segments; where libraries differ so do the prints, and thereby the names of segments' folders.
 */
#ifndef TRANSCODER_MEDIA_PRINT_H
#define TRANSCODER_MEDIA_PRINT_H

#include "peerd/wire/ticket.h"
#include "transcoder/hls/rendition.h"
#include "transcoder/media/media.h"

#define MEDIA_PRINT_LEN 16 /* [characters] hexadecimal */

/* `pass` as in segment.h. ERR_UNSUPPORTED: this machine's libraries cannot make it, `why` says what
 * lacks. */
enum err media_print(char out[MEDIA_PRINT_LEN + 1], const struct rendition *r,
                     const struct source_digest *source, uint32_t pass, struct media_why *why);

#endif
