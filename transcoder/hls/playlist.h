/*
 * Playlists of a stream that is made on demand: text that follows from source and renditions.
 *
 * The multivariant playlist names every rendition that can be made of the source; a media playlist
 * names all segments of one (RFC 8216bis), and the MPD of DASH both at once (ISO/IEC 23009-1, from
 * the very same segments). URIs are relative, so that the copy of every cluster is the same text,
 * and peerd can make each cluster a pathway of it (multivariant.h).
 *
 * A channel (live.h) has the same playlists with a window of segments that moves: the text follows
 * from anchor and time.
 *
 * Segments lie in a folder that is named after their *print*: source, rendition and all that their
 * bytes depend on in the machine that makes them. Clusters whose bytes would differ have different
 * prints, so nobody and nothing on the way can put the two together; a player that goes from one to
 * the other reads the other's media playlist first.
 */
#ifndef TRANSCODER_HLS_PLAYLIST_H
#define TRANSCODER_HLS_PLAYLIST_H

#include "transcoder/hls/live.h"

#define PLAYLIST_RENDITIONS_MAX 16
#define PLAYLIST_PRINT_LEN      16      /* [characters] hexadecimal */
#define PLAYLIST_LEN_MAX        4194304 /* [characters] SEGMENTS_MAX lines, and room */

/* A rendition and the name of its segments' folder. */
struct playlist_rendition {
    struct rendition rendition;
    char print[PLAYLIST_PRINT_LEN + 1];
};

struct playlist_stream {
    struct rendition_source source;
    const struct playlist_rendition *renditions; /* in the order of the policy */
    size_t count;                                /* at most PLAYLIST_RENDITIONS_MAX */
    const struct live_channel *channel;          /* NULL: a recording */
};

/* Each writes a terminated text and its length. ERR_NOT_FOUND: nothing can be made of the source,
 * or not this rendition. ERR_OVERSIZED: it does not fit. */
enum err playlist_multivariant(char *out, size_t size, size_t *len,
                               const struct playlist_stream *s);
enum err playlist_media(char *out, size_t size, size_t *len, const struct rendition_source *source,
                        const struct playlist_rendition *r);
/* Of a channel, as it is now. Errors of live_window as well. */
enum err playlist_live(char *out, size_t size, size_t *len, const struct playlist_stream *s,
                       const struct playlist_rendition *r, struct wall now);
/* `now` counts for a channel only: as above. */
enum err playlist_mpd(char *out, size_t size, size_t *len, const struct playlist_stream *s,
                      struct wall now);

/* What a path asks for. */
enum playlist_object {
    PLAYLIST_MULTIVARIANT, /* STREAM/master.m3u8 */
    PLAYLIST_MPD,          /* STREAM/manifest.mpd */
    PLAYLIST_MEDIA,        /* STREAM/RENDITION/index.m3u8 */
    PLAYLIST_SEGMENT       /* STREAM/RENDITION/PRINT/init.mp4, …/NUMBER.m4s */
};

struct playlist_path {
    enum playlist_object object;
    struct name stream;
    struct name rendition;
    char print[PLAYLIST_PRINT_LEN + 1];
    uint32_t number; /* SEGMENT_INIT for init.mp4 */
};

/* Takes a path apart that begins with one slash. False: it is none of these. */
bool playlist_path_read(struct playlist_path *out, const char *path);

/* What is likely to be asked for after a segment: what the player names (CMCD `nor`, relative to
 * the path, already decoded; may be empty), if that is a segment of the same stream, else the
 * successor. False: there is none. */
bool playlist_path_next(struct playlist_path *out, const struct playlist_path *path,
                        const char *named);

#endif
