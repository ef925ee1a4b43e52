/*
 * A WAV file being written: 16-bit PCM whose header is true at any moment but the last second.
 *
 * A client may be killed at any time and what it recorded until then must open in any player, so
 * the sizes in the header are corrected once a second of sound, after the samples they count.
 */
#ifndef TRANSCODER_MEDIA_WAV_H
#define TRANSCODER_MEDIA_WAV_H

#include "peerd/base/err.h"
#include "transcoder/media/media.h"

struct media_wav;

/* Creates or replaces the file. ERR_IO (reason in `why`), ERR_NO_MEMORY. */
enum err media_wav_create(struct media_wav **out, const char *path, uint32_t rate_hz,
                          uint8_t channels, struct media_why *why);

/* Appends interleaved samples, `count` of all channels together, a whole number a channel. ERR_IO:
 * disk full or so, the file is valid up to what was counted last. ERR_FULL: it would pass 4 GiB,
 * which its format cannot say; nothing was written. */
enum err media_wav_write(struct media_wav *w, const int16_t *samples, size_t count);

/* Corrects the header and closes; accepts NULL. ERR_IO if the last bytes could not be written. */
enum err media_wav_close(struct media_wav *w);

#endif
