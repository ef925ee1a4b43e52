/*
 * Ingest: makes of any recording that can be read one of class exact.
 *
 * What comes of it is an MP4 of pictures at a constant rate, in H.264 with one that needs no other
 * at the beginning of every segment (segments.h) and none that refers across, and of sound at 48
 * kHz without loss (ALAC), so that any position is decoded to the sample from wherever one starts.
 * Time begins at 0; pictures last as long as sound does. The recording is read once, from its
 * beginning, by one thread with the processor features that all have, and no date is written: from
 * the same recording the same libraries make the same bytes on any machine. Clusters that ingest
 * for themselves agree on the digest; where libraries differ, copy the file.
 */
#ifndef TRANSCODER_MEDIA_INGEST_H
#define TRANSCODER_MEDIA_INGEST_H

#include "peerd/base/err.h"
#include "transcoder/hls/rendition.h"
#include "transcoder/media/media.h"

struct media_ingest {
    const char *from; /* a file or URL of any format that class seekable takes */
    const char *to;   /* a file, written beside itself and put in its place when it is whole */
    uint32_t height;  /* [lines] of what is made, even; 0: the recording's, 1080 at most */
    uint32_t fps;     /* [pictures/s] of what is made; 0: RENDITION_FPS */
};

/* What was made. */
struct media_ingested {
    uint64_t duration_ms;
    uint32_t width, height; /* [square pixels]; 0: sound alone */
    uint32_t fps;
};

/* ERR_UNSUPPORTED: no such recording can be read, or a number is none of its kind;
 * ERR_SOURCE_FAILED: it is damaged; ERR_IO: nothing can be written there. `why` says more; `to` is
 * as it was then. */
enum err media_ingest(struct media_ingested *out, const struct media_ingest *order,
                      struct media_why *why);

#endif
