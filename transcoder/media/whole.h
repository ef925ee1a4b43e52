/*
 * The whole of a small file behind a location of the catalogue (input.h says which there are).
 */
#ifndef TRANSCODER_MEDIA_WHOLE_H
#define TRANSCODER_MEDIA_WHOLE_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "transcoder/media/media.h"

/* May wait for a network, `timeout` for each piece: in a thread of its own. ERR_OVERSIZED: it has
 * more than `most` bytes. Others as media_input_open. The bytes are the caller's, to be freed with
 * media_bytes_free. */
enum err media_whole(struct media_bytes *out, const char *location, size_t most,
                     struct duration timeout, struct media_why *why);

#endif
