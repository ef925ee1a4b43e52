#include "transcoder/media/mux.h"

#include <stdlib.h>
#include <string.h>

void media_bytes_free(struct media_bytes *b) {
    av_free(b->data);
    *b = (struct media_bytes){0};
}

/* What was written since the buffer was opened; it is closed. */
static struct media_bytes take(AVFormatContext *f) {
    struct media_bytes out = {0};
    int len = avio_close_dyn_buf(f->pb, &out.data);
    f->pb = NULL;
    out.len = len > 0 ? (size_t)len : 0;
    return out;
}

static enum err fault(int averror, const char *doing, struct media_why *why) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    media_whyf(why, "%s: %s", doing, av_make_error_string(text, sizeof text, averror));
    return averror == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

/* frag_discont: times are absolute. */
static int write_header(AVFormatContext *f, uint32_t number) {
    AVDictionary *o = NULL;
    av_dict_set(&o, "movflags",
                "frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer", 0);
    av_dict_set(&o, "use_editlist", "0", 0);
    av_dict_set_int(&o, "fragment_index", (int64_t)number + 1, 0);
    int r = avformat_write_header(f, &o);
    av_dict_free(&o);
    return r;
}

enum err media_mux_open(struct media_mux *m, const AVCodecParameters *parameters, AVRational base,
                        AVRational rate, uint32_t number, struct media_why *why) {
    *m = (struct media_mux){0};
    int r = avformat_alloc_output_context2(&m->format, NULL, "mp4", NULL);
    AVStream *s = r >= 0 ? avformat_new_stream(m->format, NULL) : NULL;
    if (s == NULL)
        return ERR_NO_MEMORY;
    m->format->flags |= AVFMT_FLAG_BITEXACT;
    m->format->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    if (avcodec_parameters_copy(s->codecpar, parameters) < 0)
        return ERR_NO_MEMORY;
    s->codecpar->codec_tag = 0;
    s->time_base = base;
    s->avg_frame_rate = rate;
    r = avio_open_dyn_buf(&m->format->pb);
    if (r >= 0)
        r = write_header(m->format, number);
    if (r < 0)
        return fault(r, "beginning an MP4", why);
    m->init = take(m->format);
    return avio_open_dyn_buf(&m->format->pb) < 0 ? ERR_NO_MEMORY : ERR_OK;
}

enum err media_mux_write(struct media_mux *m, AVPacket *packet, struct media_why *why) {
    packet->stream_index = 0;
    int r = av_write_frame(m->format, packet);
    av_packet_unref(packet);
    return r < 0 ? fault(r, "writing an MP4", why) : ERR_OK;
}

enum err media_mux_finish(struct media_mux *m, struct media_bytes *out, struct media_why *why) {
    int r = av_write_frame(m->format, NULL); /* the fragment is whole */
    if (r < 0)
        return fault(r, "ending a fragment", why);
    *out = take(m->format);
    if (out->data != NULL)
        return ERR_OK;
    return ERR_NO_MEMORY;
}

void media_mux_close(struct media_mux *m) {
    if (m->format != NULL && m->format->pb != NULL) {
        struct media_bytes rest = take(m->format);
        media_bytes_free(&rest);
    }
    avformat_free_context(m->format);
    media_bytes_free(&m->init);
    *m = (struct media_mux){0};
}
