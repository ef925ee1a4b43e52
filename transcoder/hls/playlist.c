#include "transcoder/hls/playlist.h"

#include "peerd/base/utc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writing {
    char *out;
    size_t size, len;
    bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct writing *w, const char *format, ...) {
    if (w->full)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->out + w->len, w->size - w->len, format, args);
    va_end(args);
    w->full = n < 0 || (size_t)n >= w->size - w->len;
    if (!w->full)
        w->len += (size_t)n;
}

static enum err finish(const struct writing *w, size_t *len) {
    *len = w->full ? 0 : w->len;
    return w->full ? ERR_OVERSIZED : ERR_OK;
}

static bool can(const struct playlist_stream *s, const struct playlist_rendition *r) {
    return rendition_fits(&r->rendition, &s->source);
}

/* The first that can be made with this codec; NULL: none. */
static const struct playlist_rendition *first_of(const struct playlist_stream *s,
                                                 enum rendition_codec codec) {
    for (size_t i = 0; i < s->count; i++)
        if (s->renditions[i].rendition.codec == codec && can(s, &s->renditions[i]))
            return &s->renditions[i];
    return NULL;
}

static bool anything(const struct playlist_stream *s) {
    bool any = false;
    for (size_t i = 0; i < s->count && !any; i++)
        any = can(s, &s->renditions[i]);
    return any && segments_of(s->source.duration_ms) > 0;
}

/* ---- HLS ------------------------------------------------------------------------------------- */

static void put_group(struct writing *w, const struct rendition *r) {
    put(w,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"%s\",DEFAULT=YES,AUTOSELECT=YES,"
        "CHANNELS=\"%u\",URI=\"%s/index.m3u8\"\n",
        r->name.text, r->name.text, r->channels, r->name.text);
}

/* `sound` may be NULL. */
static void put_pictures(struct writing *w, const struct playlist_stream *s,
                         const struct rendition *r, const struct rendition *sound) {
    char codec[RENDITION_CODEC_LEN_MAX + 1], other[RENDITION_CODEC_LEN_MAX + 1];
    uint32_t width = rendition_width(r, &s->source);
    unsigned long long bps =
        rendition_bandwidth(r) + (sound != NULL ? rendition_bandwidth(sound) : 0);
    put(w, "#EXT-X-STREAM-INF:BANDWIDTH=%llu,CODECS=\"%s", bps,
        rendition_codec_text(r, width, codec));
    if (sound != NULL)
        put(w, ",%s", rendition_codec_text(sound, 0, other));
    put(w, "\",RESOLUTION=%ux%u,FRAME-RATE=%u.000", width, r->height, r->fps);
    if (sound != NULL)
        put(w, ",AUDIO=\"%s\"", sound->name.text);
    put(w, "\n%s/index.m3u8\n", r->name.text);
}

/* Who only listens. */
static void put_sound(struct writing *w, const struct rendition *r) {
    char codec[RENDITION_CODEC_LEN_MAX + 1];
    put(w, "#EXT-X-STREAM-INF:BANDWIDTH=%llu,CODECS=\"%s\",AUDIO=\"%s\"\n%s/index.m3u8\n",
        (unsigned long long)rendition_bandwidth(r), rendition_codec_text(r, 0, codec), r->name.text,
        r->name.text);
}

/* Pictures stand with the first sound of each codec: a player takes the codec that it can. */
enum err playlist_multivariant(char *out, size_t size, size_t *len,
                               const struct playlist_stream *s) {
    static const enum rendition_codec sounds[] = {RENDITION_AAC, RENDITION_OPUS};
    struct writing w = {.out = out, .size = size};
    *len = 0;
    if (!anything(s))
        return ERR_NOT_FOUND;
    put(&w, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for (size_t i = 0; i < s->count; i++)
        if (rendition_is_sound(&s->renditions[i].rendition))
            put_group(&w, &s->renditions[i].rendition);
    for (size_t c = 0; c < sizeof(sounds) / sizeof(sounds[0]); c++) {
        const struct playlist_rendition *sound = first_of(s, sounds[c]);
        bool silent = first_of(s, RENDITION_AAC) == NULL && first_of(s, RENDITION_OPUS) == NULL;
        for (size_t i = 0; (sound != NULL || (silent && c == 0)) && i < s->count; i++)
            if (!rendition_is_sound(&s->renditions[i].rendition) && can(s, &s->renditions[i]))
                put_pictures(&w, s, &s->renditions[i].rendition,
                             sound != NULL ? &sound->rendition : NULL);
    }
    for (size_t i = 0; i < s->count; i++)
        if (rendition_is_sound(&s->renditions[i].rendition))
            put_sound(&w, &s->renditions[i].rendition);
    return finish(&w, len);
}

enum err playlist_media(char *out, size_t size, size_t *len, const struct rendition_source *source,
                        const struct playlist_rendition *r) {
    struct writing w = {.out = out, .size = size};
    uint32_t count = segments_of(source->duration_ms);
    *len = 0;
    if (count == 0 || !rendition_fits(&r->rendition, source))
        return ERR_NOT_FOUND;
    put(&w,
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"%s/init.mp4\"\n",
        r->print);
    for (uint32_t i = 0; i < count && !w.full; i++) {
        uint32_t ms = segment_ms(source->duration_ms, i);
        put(&w, "#EXTINF:%u.%03u,\n%s/%u.m4s\n", ms / 1000, ms % 1000, r->print, i);
    }
    put(&w, "#EXT-X-ENDLIST\n");
    return finish(&w, len);
}

/* A date with milliseconds; of one that no calendar has, nothing. */
static void put_date(struct writing *w, const char *before, int64_t us, const char *after) {
    char text[UTC_TEXT_LEN + 1];
    if (utc_to_text(us / 1000000, text))
        put(w, "%s%.19s.%03dZ%s", before, text, (int)(us / 1000 % 1000), after);
}

enum err playlist_live(char *out, size_t size, size_t *len, const struct playlist_stream *s,
                       const struct playlist_rendition *r, struct wall now) {
    struct writing w = {.out = out, .size = size};
    struct live_window window;
    *len = 0;
    if (!rendition_fits(&r->rendition, &s->source))
        return ERR_NOT_FOUND;
    enum err e = live_window(&window, s->channel, now);
    if (e != ERR_OK)
        return e;
    put(&w,
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:%u\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"%s/init.mp4\"\n",
        window.first, r->print);
    put_date(&w, "#EXT-X-PROGRAM-DATE-TIME:", live_begins_us(s->channel, window.first), "\n");
    for (uint32_t i = 0; i < window.count; i++)
        put(&w, "#EXTINF:%u.%03u,\n%s%s/%u.m4s\n", SEGMENT_MS / 1000, SEGMENT_MS % 1000,
            live_is_gap(s->channel, window.first + i) ? "#EXT-X-GAP\n" : "", r->print,
            window.first + i);
    return finish(&w, len);
}

/* ---- DASH ------------------------------------------------------------------------------------ */

static void put_representation(struct writing *w, const struct playlist_stream *s,
                               const struct playlist_rendition *p) {
    const struct rendition *r = &p->rendition;
    char codec[RENDITION_CODEC_LEN_MAX + 1];
    uint32_t width = rendition_width(r, &s->source);
    put(w, "   <Representation id=\"%s\" bandwidth=\"%llu\" codecs=\"%s\"", r->name.text,
        (unsigned long long)rendition_bandwidth(r), rendition_codec_text(r, width, codec));
    if (rendition_is_sound(r))
        put(w, " audioSamplingRate=\"%u\"", RENDITION_RATE_HZ);
    else
        put(w, " width=\"%u\" height=\"%u\" frameRate=\"%u\"", width, r->height, r->fps);
    put(w,
        ">\n    <SegmentTemplate timescale=\"1000\" duration=\"%u\" startNumber=\"0\""
        " initialization=\"%s/%s/init.mp4\" media=\"%s/%s/$Number$.m4s\"/>\n   </Representation>\n",
        SEGMENT_MS, r->name.text, p->print, r->name.text, p->print);
}

static void put_adaptation(struct writing *w, const struct playlist_stream *s,
                           enum rendition_codec codec) {
    if (first_of(s, codec) == NULL)
        return;
    const char *kind = codec == RENDITION_H264 ? "video" : "audio";
    put(w,
        "  <AdaptationSet contentType=\"%s\" mimeType=\"%s/mp4\" segmentAlignment=\"true\" "
        "startWithSAP=\"1\">\n",
        kind, kind);
    for (size_t i = 0; i < s->count; i++)
        if (s->renditions[i].rendition.codec == codec && can(s, &s->renditions[i]))
            put_representation(w, s, &s->renditions[i]);
    put(w, "  </AdaptationSet>\n");
}

static void put_mpd(struct writing *w, const char *type) {
    put(w,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"%s\" minBufferTime=\"PT3.2S\"\n"
        "     profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" ",
        type);
}

/* A player of a channel is told when it began, from which every number follows (what comes in began
 * to be there later than its date), and what time it is: of its own clock nothing is known. */
static enum err begin_live_mpd(struct writing *w, const struct playlist_stream *s,
                               struct wall now) {
    const int64_t since_us = s->channel->since_us + s->channel->late_us;
    enum err e = live_offered(s->channel, now);
    if (e != ERR_OK)
        return e;
    put_mpd(w, "dynamic");
    put_date(w, "availabilityStartTime=\"", since_us, "\"");
    put_date(w, " publishTime=\"", since_us, "\"\n");
    put(w, "     timeShiftBufferDepth=\"PT%u.%uS\" suggestedPresentationDelay=\"PT12.8S\">\n",
        SEGMENT_MS * LIVE_LISTED / 1000, SEGMENT_MS * LIVE_LISTED % 1000 / 100);
    put_date(w, " <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"", now.us,
             "\"/>\n");
    return ERR_OK;
}

enum err playlist_mpd(char *out, size_t size, size_t *len, const struct playlist_stream *s,
                      struct wall now) {
    struct writing w = {.out = out, .size = size};
    *len = 0;
    if (!anything(s))
        return ERR_NOT_FOUND;
    unsigned long long ms = s->source.duration_ms;
    enum err e = s->channel != NULL ? begin_live_mpd(&w, s, now) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (s->channel == NULL) {
        put_mpd(&w, "static");
        put(&w, "mediaPresentationDuration=\"PT%llu.%03lluS\">\n", ms / 1000, ms % 1000);
    }
    put(&w, " <Period id=\"0\" start=\"PT0S\">\n");
    put_adaptation(&w, s, RENDITION_H264);
    put_adaptation(&w, s, RENDITION_AAC);
    put_adaptation(&w, s, RENDITION_OPUS);
    put(&w, " </Period>\n</MPD>\n");
    return finish(&w, len);
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* The name up to the next slash, which is passed; false: there is none. */
static bool take_name(struct name *out, const char **at) {
    size_t len = strcspn(*at, "/");
    if ((*at)[len] != '/' || !name_from_text(out, *at, len))
        return false;
    *at += len + 1;
    return true;
}

static bool take_print(char out[PLAYLIST_PRINT_LEN + 1], const char **at) {
    if (strspn(*at, "0123456789abcdef") != PLAYLIST_PRINT_LEN || (*at)[PLAYLIST_PRINT_LEN] != '/')
        return false;
    memcpy(out, *at, PLAYLIST_PRINT_LEN);
    out[PLAYLIST_PRINT_LEN] = '\0';
    *at += PLAYLIST_PRINT_LEN + 1;
    return true;
}

/* One way to write each number: none has a needless zero. */
static bool take_number(uint32_t *out, const char *at) {
    if (strcmp(at, "init.mp4") == 0) {
        *out = SEGMENT_INIT;
        return true;
    }
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 10 || (at[0] == '0' && digits > 1) ||
        strcmp(at + digits, ".m4s") != 0)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (uint64_t)(at[i] - '0');
    *out = (uint32_t)number;
    return number <= LIVE_NUMBER_MAX;
}

bool playlist_path_read(struct playlist_path *out, const char *path) {
    *out = (struct playlist_path){.number = 0};
    const char *at = path + 1;
    if (path[0] != '/' || !take_name(&out->stream, &at))
        return false;
    out->object = PLAYLIST_MULTIVARIANT;
    if (strcmp(at, "master.m3u8") == 0)
        return true;
    out->object = PLAYLIST_MPD;
    if (strcmp(at, "manifest.mpd") == 0)
        return true;
    if (!take_name(&out->rendition, &at))
        return false;
    out->object = PLAYLIST_MEDIA;
    if (strcmp(at, "index.m3u8") == 0)
        return true;
    out->object = PLAYLIST_SEGMENT;
    return take_print(out->print, &at) && take_number(&out->number, at);
}

/* `named` is relative to STREAM/RENDITION/PRINT/; of "../" there may be two before it leaves the
 * stream. */
static bool read_named(struct playlist_path *out, const struct playlist_path *path,
                       const char *named) {
    *out = *path;
    if (strncmp(named, "../../", 6) == 0) {
        named += 6;
        if (!take_name(&out->rendition, &named) || !take_print(out->print, &named))
            return false;
    } else if (strncmp(named, "../", 3) == 0) {
        named += 3;
        if (!take_print(out->print, &named))
            return false;
    }
    return take_number(&out->number, named);
}

bool playlist_path_next(struct playlist_path *out, const struct playlist_path *path,
                        const char *named) {
    if (read_named(out, path, named))
        return true;
    *out = *path;
    out->number = path->number == SEGMENT_INIT ? 0 : path->number + 1;
    return out->number <= LIVE_NUMBER_MAX;
}
