#include "transcoder/media/container.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>

#define DEMUXERS_EXACT    "wav,gsm,mov"
#define DEMUXERS_SEEKABLE DEMUXERS_EXACT ",mp3,flac,ogg,matroska,aac,aiff,au"

#define PROBE_BYTES         32768 /* [bytes] looked at where a header does not tell all */
#define PROBE_BYTES_LEAST   32    /* [bytes] FFmpeg takes no less */
#define STREAMS_MAX         8     /* a cover image and a few tracks; more is an attack */
#define FOREIGN_PACKETS_MAX 4096  /* of other tracks in a row before we call it damaged */

#define GSM_BLOCK_BYTES   33
#define GSM_BLOCK_SAMPLES 160
#define GSM_MAGIC         0xd /* upper half of each block's first byte (RFC 3551 section 4.5.8) */

static bool is_pcm(enum AVCodecID id) {
    return id >= AV_CODEC_ID_FIRST_AUDIO && id < AV_CODEC_ID_ADPCM_IMA_QT;
}

static bool demuxer_is(const struct media_container *c, const char *name) {
    const char *names = c->format->iformat->name;
    return strcmp(names, name) == 0 ||
           (strncmp(names, name, strlen(name)) == 0 && names[strlen(name)] == ',');
}

/* A track is read from the one file that the catalogue names: nothing else is ever opened. */
static int refuse_nested(AVFormatContext *s, AVIOContext **io, const char *url, int flags,
                         AVDictionary **options) {
    (void)s, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

static enum err open_format(struct media_container *c, const char *location,
                            enum source_class class, struct media_why *why) {
    c->format = avformat_alloc_context();
    if (c->format == NULL)
        return ERR_NO_MEMORY;
    c->format->pb = c->input->io;
    c->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    c->format->io_open = refuse_nested;
    c->format->probesize = PROBE_BYTES;
    c->format->max_streams = STREAMS_MAX;
    c->format->format_whitelist =
        av_strdup(class == SOURCE_CLASS_EXACT ? DEMUXERS_EXACT : DEMUXERS_SEEKABLE);
    int r = avformat_open_input(&c->format, location, NULL, NULL);
    if (r == AVERROR(EINVAL)) { /* a format that is known, and not on the list */
        media_whyf(why, class == SOURCE_CLASS_EXACT
                            ? "not WAV, MP4 or GSM, which can be read exactly: normalise it "
                              "(transcoderd ingest), or give it the class seekable"
                            : "not one of the formats that are read here: normalise it to WAV");
        return ERR_UNSUPPORTED;
    }
    if (r == AVERROR_INVALIDDATA) {
        media_whyf(why, "its header is damaged, or of no format that is read here");
        return ERR_SOURCE_FAILED;
    }
    /* Demuxers that miss an optional part for want of an answer do not mention it. */
    if (r >= 0 && media_input_expired(c->input))
        r = AVERROR_EXIT;
    return r < 0 ? media_input_error(c->input, r, "reading the header", why) : ERR_OK;
}

static enum err pick_stream(struct media_container *c, enum AVMediaType type,
                            struct media_why *why) {
    for (unsigned i = 0; i < c->format->nb_streams; i++) {
        AVStream *s = c->format->streams[i];
        bool cover = (s->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
        bool wanted = s->codecpar->codec_type == type && c->stream == NULL && !cover;
        s->discard = wanted ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (wanted)
            c->stream = s;
    }
    if (c->stream == NULL) {
        media_whyf(why, type == AVMEDIA_TYPE_AUDIO ? "no audio in it" : "no pictures in it");
        return ERR_SOURCE_FAILED;
    }
    return ERR_OK;
}

/* WAV, GSM and MP4 say everything in their headers; asking for more would read and decode. Yet
 * FFmpeg suspects DTS or AC-3 in every WAV of 16-bit PCM and, while it reads the first packets,
 * probes them for all formats it knows: 1.5 ms over 32 KiB, in the very read that a hedging client
 * waits for. We go by the header, so the least it can be held to will do: one packet. */
static enum err look_further(struct media_container *c, struct media_why *why) {
    if (demuxer_is(c, "wav"))
        c->format->probesize = PROBE_BYTES_LEAST;
    if (demuxer_is(c, "wav") || demuxer_is(c, "mov") || c->raw_gsm)
        return ERR_OK;
    int r = avformat_find_stream_info(c->format, NULL);
    return r < 0 ? media_input_error(c->input, r, "reading the beginning", why) : ERR_OK;
}

static enum err check_shape(const struct media_container *c, struct media_why *why) {
    const AVCodecParameters *p = c->stream->codecpar;
    if (p->sample_rate < 4000 || p->sample_rate > MEDIA_RATE_HZ_MAX ||
        p->ch_layout.nb_channels < 1 || p->ch_layout.nb_channels > MEDIA_CHANNELS_MAX) {
        media_whyf(why, "%d Hz with %d channels is not sound that is served here", p->sample_rate,
                   p->ch_layout.nb_channels);
        return ERR_SOURCE_FAILED;
    }
    if (avcodec_find_decoder(p->codec_id) == NULL) {
        media_whyf(why, "no decoder for codec %s", avcodec_get_name(p->codec_id));
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

/* Raw GSM has no header at all: the magic of its first block is all the proof there is. */
static enum err measure_gsm(struct media_container *c, struct media_why *why) {
    if (c->input->bytes % GSM_BLOCK_BYTES != 0) {
        media_whyf(why, "%lld bytes are no whole number of GSM blocks: truncated",
                   (long long)c->input->bytes);
        return ERR_SOURCE_FAILED;
    }
    c->samples = c->input->bytes / GSM_BLOCK_BYTES * GSM_BLOCK_SAMPLES;
    return ERR_OK;
}

/* Samples that so many bytes of the track's codec hold; -1 if its blocks have no fixed size. A
 * header of PCM may give its blocks any size: FFmpeg seeks by that one and decodes by the codec's,
 * so where they differ no sample has its place. */
static int64_t samples_in(const AVCodecParameters *p, int64_t bytes) {
    if (p->block_align <= 0)
        return -1;
    int bits = av_get_exact_bits_per_sample(p->codec_id) * p->ch_layout.nb_channels;
    if (is_pcm(p->codec_id))
        return p->block_align * 8 == bits ? bytes / p->block_align : -1;
    bool gsm = p->codec_id == AV_CODEC_ID_GSM_MS;
    return gsm ? bytes / p->block_align * 2 * GSM_BLOCK_SAMPLES : -1;
}

/* What the data chunk's head promises [bytes]; -1 if it says nothing. FFmpeg drops a promise that
 * the file does not keep, so the head is read here; the demuxer stands right behind it. A size of 0
 * or 2^32-1 is what writers to a pipe leave behind, and means up to the end. */
static int64_t promised_bytes(AVIOContext *io, int64_t data_at) {
    uint8_t head[8];
    bool read = avio_seek(io, data_at - (int64_t)sizeof head, SEEK_SET) >= 0 &&
                avio_read(io, head, sizeof head) == (int)sizeof head;
    if (!read || memcmp(head, "data", 4) != 0)
        return -1;
    uint32_t size = AV_RL32(head + 4);
    return size == 0 || size == UINT32_MAX ? -1 : (int64_t)size;
}

static enum err measure_wav(struct media_container *c, struct media_why *why) {
    const AVCodecParameters *p = c->stream->codecpar;
    int64_t data_at = avio_tell(c->input->io);
    int64_t held = c->input->bytes - data_at;
    int64_t promised = c->input->seekable ? promised_bytes(c->input->io, data_at) : -1;
    if (promised > held) {
        media_whyf(why, "truncated: the header promises %lld bytes of sound, the file holds %lld",
                   (long long)promised, (long long)held);
        return ERR_SOURCE_FAILED;
    }
    c->samples = samples_in(p, promised >= 0 ? promised : held);
    if (c->samples < 0 && c->stream->duration != AV_NOPTS_VALUE)
        c->samples_guess = av_rescale_q(c->stream->duration, c->stream->time_base,
                                        (AVRational){1, p->sample_rate});
    return ERR_OK;
}

static enum err measure_mov(struct media_container *c, struct media_why *why) {
    AVStream *s = c->stream;
    int count = avformat_index_get_entries_count(s);
    const AVIndexEntry *last = count > 0 ? avformat_index_get_entry(s, count - 1) : NULL;
    /* The position is the file's word, up to 2^63: nothing may be added to it. */
    if (last != NULL && last->pos > c->input->bytes - last->size) {
        media_whyf(why, "truncated: the index names %d bytes at %lld, the file holds %lld",
                   last->size, (long long)last->pos, (long long)c->input->bytes);
        return ERR_SOURCE_FAILED;
    }
    if (s->duration > 0 && s->duration != AV_NOPTS_VALUE)
        c->samples =
            av_rescale_q(s->duration, s->time_base, (AVRational){1, s->codecpar->sample_rate});
    return ERR_OK;
}

static enum err measure(struct media_container *c, struct media_why *why) {
    AVStream *s = c->stream;
    c->samples = -1;
    c->samples_guess = -1;
    enum err e = ERR_OK;
    if (c->input->bytes < 0)
        return ERR_OK; /* a server that does not say: no promise to hold against it */
    if (c->raw_gsm)
        e = measure_gsm(c, why);
    else if (demuxer_is(c, "wav"))
        e = measure_wav(c, why);
    else if (demuxer_is(c, "mov"))
        e = measure_mov(c, why);
    else if (s->duration != AV_NOPTS_VALUE)
        c->samples_guess =
            av_rescale_q(s->duration, s->time_base, (AVRational){1, s->codecpar->sample_rate});
    if (c->samples >= 0)
        c->samples_guess = c->samples;
    if (e == ERR_OK && c->samples == 0) {
        media_whyf(why, "empty: it holds no sound");
        e = ERR_SOURCE_FAILED;
    }
    return e;
}

/* Why the container cannot be exact; NULL if it can. */
static const char *inexact_because(const struct media_container *c) {
    const AVCodecParameters *p = c->stream->codecpar;
    bool mov = demuxer_is(c, "mov");
    bool wav = demuxer_is(c, "wav");
    bool known = (is_pcm(p->codec_id) && (wav || mov)) ||
                 (p->codec_id == AV_CODEC_ID_GSM_MS && wav) || c->raw_gsm ||
                 ((p->codec_id == AV_CODEC_ID_AAC || p->codec_id == AV_CODEC_ID_ALAC) && mov);
    if (!c->input->seekable)
        return "the server does not answer range requests";
    if (!known)
        return "this codec in this container does not decode to the same samples after a seek";
    if (c->samples < 0)
        return "its length is not known";
    if (p->sample_rate % MEDIA_FRAMES_PER_S != 0)
        return "its rate has no whole number of samples in 20 ms";
    if (mov && av_cmp_q(c->stream->time_base, (AVRational){1, p->sample_rate}) != 0)
        return "its timestamps do not count samples";
    return NULL;
}

static enum err check_class(struct media_container *c, enum source_class class,
                            struct media_why *why) {
    const char *because = inexact_because(c);
    c->exact = because == NULL;
    if (class != SOURCE_CLASS_EXACT || c->exact)
        return ERR_OK;
    media_whyf(why,
               "%s in %s cannot be exact: %s; normalise it to WAV, or give it the class seekable",
               avcodec_get_name(c->stream->codecpar->codec_id), c->format->iformat->name, because);
    return ERR_UNSUPPORTED;
}

static enum err open_all(struct media_container *c, const char *location, enum source_class class,
                         struct media_why *why) {
    enum err e = open_format(c, location, class, why);
    if (e != ERR_OK)
        return e;
    c->raw_gsm = demuxer_is(c, "gsm");
    if ((e = look_further(c, why)) != ERR_OK ||
        (e = pick_stream(c, AVMEDIA_TYPE_AUDIO, why)) != ERR_OK ||
        (e = check_shape(c, why)) != ERR_OK || (e = measure(c, why)) != ERR_OK)
        return e;
    c->origin = c->stream->start_time != AV_NOPTS_VALUE ? c->stream->start_time : 0;
    return check_class(c, class, why);
}

enum err media_container_open(struct media_container **out, struct media_input *input,
                              const char *location, enum source_class class,
                              struct media_why *why) {
    *out = NULL;
    struct media_container *c = calloc(1, sizeof *c);
    if (c == NULL) {
        media_input_close(input);
        return ERR_NO_MEMORY;
    }
    c->input = input;
    enum err e = open_all(c, location, class, why);
    if (e != ERR_OK) {
        media_container_close(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

#define SIDE_MAX 4096 /* [pixels] */

static enum err check_pictures(struct media_container *c, enum source_class class,
                               struct media_why *why) {
    const AVCodecParameters *p = c->stream->codecpar;
    c->exact = demuxer_is(c, "mov") && c->input->seekable &&
               (p->codec_id == AV_CODEC_ID_H264 || p->codec_id == AV_CODEC_ID_HEVC);
    if (p->width < 16 || p->height < 16 || p->width > SIDE_MAX || p->height > SIDE_MAX) {
        media_whyf(why, "pictures of %dx%d are not served here: 16 to %d each way", p->width,
                   p->height, SIDE_MAX);
        return ERR_UNSUPPORTED;
    }
    if (class == SOURCE_CLASS_EXACT && !c->exact) {
        media_whyf(why,
                   "pictures as %s in %s cannot be exact: MP4 with H.264 or HEVC is; "
                   "or give it the class seekable",
                   avcodec_get_name(p->codec_id), c->format->iformat->name);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

enum err media_container_open_pictures(struct media_container **out, struct media_input *input,
                                       const char *location, enum source_class class,
                                       struct media_why *why) {
    *out = NULL;
    struct media_container *c = calloc(1, sizeof *c);
    if (c == NULL) {
        media_input_close(input);
        return ERR_NO_MEMORY;
    }
    c->input = input;
    enum err e = open_format(c, location, class, why);
    if (e == ERR_OK)
        e = look_further(c, why);
    if (e == ERR_OK)
        e = pick_stream(c, AVMEDIA_TYPE_VIDEO, why);
    if (e == ERR_OK)
        e = check_pictures(c, class, why);
    if (e != ERR_OK) {
        media_container_close(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void media_container_close(struct media_container *c) {
    if (c == NULL)
        return;
    avformat_close_input(&c->format);
    media_input_close(c->input);
    free(c);
}

/* Before sample 0 an MP4 may hold packets that only prepare the decoder: the beginning is theirs.
 */
static int64_t timestamp_of(const struct media_container *c, int64_t sample) {
    const AVStream *s = c->stream;
    const AVIndexEntry *first =
        sample == 0 && demuxer_is(c, "mov") ? avformat_index_get_entry(c->stream, 0) : NULL;
    if (first != NULL)
        return first->timestamp;
    return c->origin +
           av_rescale_q(sample, (AVRational){1, s->codecpar->sample_rate}, s->time_base);
}

enum err media_container_seek(struct media_container *c, int64_t sample, struct media_why *why) {
    c->input->io->error = 0;
    int r;
    if (c->raw_gsm) /* by bytes: by time the demuxer would read all that lies before */
        r = av_seek_frame(c->format, c->stream->index, sample / GSM_BLOCK_SAMPLES * GSM_BLOCK_BYTES,
                          AVSEEK_FLAG_BYTE);
    else
        r = av_seek_frame(c->format, c->stream->index, timestamp_of(c, sample),
                          AVSEEK_FLAG_BACKWARD);
    return r < 0 ? media_input_error(c->input, r, "seeking", why) : ERR_OK;
}

static enum err check_gsm(const AVPacket *packet, struct media_why *why) {
    for (int i = 0; i + GSM_BLOCK_BYTES <= packet->size; i += GSM_BLOCK_BYTES)
        if (packet->data[i] >> 4 != GSM_MAGIC) {
            media_whyf(why, "not GSM at byte %lld", (long long)packet->pos + i);
            return ERR_SOURCE_FAILED;
        }
    return ERR_OK;
}

enum err media_container_read(struct media_container *c, AVPacket *packet, struct media_why *why) {
    for (int foreign = 0; foreign < FOREIGN_PACKETS_MAX; foreign++) {
        int r = av_read_frame(c->format, packet);
        if (r == AVERROR_EOF && c->input->io->error >= 0)
            return ERR_SOURCE_ENDED;
        if (r < 0)
            return media_input_error(c->input, r == AVERROR_EOF ? c->input->io->error : r,
                                     "reading", why);
        if (c->input->io->error < 0) { /* the packet was cut short by it */
            av_packet_unref(packet);
            return media_input_error(c->input, c->input->io->error, "reading", why);
        }
        if (packet->stream_index == c->stream->index)
            return c->raw_gsm ? check_gsm(packet, why) : ERR_OK;
        av_packet_unref(packet);
    }
    media_whyf(why, "nothing of the track among %d packets", FOREIGN_PACKETS_MAX);
    return ERR_SOURCE_FAILED;
}
