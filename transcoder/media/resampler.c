#include "transcoder/media/resampler.h"

#include <assert.h>
#include <libavutil/channel_layout.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

static bool is_copy(const AVChannelLayout *in, enum AVSampleFormat format, int in_rate_hz,
                    int out_rate_hz, int out_channels) {
    bool interleaved =
        format == AV_SAMPLE_FMT_S16 || (format == AV_SAMPLE_FMT_S16P && in->nb_channels == 1);
    return interleaved && in->nb_channels == out_channels && in_rate_hz == out_rate_hz;
}

static enum err open_swr(struct media_resampler *r, const AVChannelLayout *in_layout,
                         enum AVSampleFormat in_format, int in_rate_hz, int out_rate_hz) {
    AVChannelLayout out_layout, in = {0};
    av_channel_layout_default(&out_layout, r->channels);
    if (in_layout->order == AV_CHANNEL_ORDER_UNSPEC) /* many WAV headers do not say */
        av_channel_layout_default(&in, in_layout->nb_channels);
    else if (av_channel_layout_copy(&in, in_layout) < 0)
        return ERR_NO_MEMORY;
    int e = swr_alloc_set_opts2(&r->swr, &out_layout, AV_SAMPLE_FMT_S16, out_rate_hz, &in,
                                in_format, in_rate_hz, 0, NULL);
    if (e >= 0)
        e = swr_init(r->swr);
    av_channel_layout_uninit(&in);
    return e >= 0 ? ERR_OK : e == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

enum err media_resampler_init(struct media_resampler *r, const AVChannelLayout *in_layout,
                              enum AVSampleFormat in_format, int in_rate_hz, int out_rate_hz,
                              int out_channels) {
    *r = (struct media_resampler){.frame_samples = out_rate_hz / MEDIA_FRAMES_PER_S,
                                  .channels = out_channels};
    r->frame = calloc((size_t)r->frame_samples * (size_t)out_channels, sizeof *r->frame);
    if (r->frame == NULL)
        return ERR_NO_MEMORY;
    if (is_copy(in_layout, in_format, in_rate_hz, out_rate_hz, out_channels))
        return ERR_OK;
    return open_swr(r, in_layout, in_format, in_rate_hz, out_rate_hz);
}

void media_resampler_destroy(struct media_resampler *r) {
    swr_free(&r->swr);
    free(r->frame);
    r->frame = NULL;
}

bool media_resampler_reset(struct media_resampler *r) {
    r->filled = 0;
    return r->swr == NULL || swr_init(r->swr) >= 0;
}

static int copy(struct media_resampler *r, const uint8_t *const *planes, int count) {
    int room = r->frame_samples - r->filled;
    int taken = count < room ? count : room;
    if (taken > 0)
        memcpy(r->frame + r->filled * r->channels, planes[0],
               (size_t)taken * (size_t)r->channels * sizeof *r->frame);
    r->filled += taken;
    return taken;
}

int media_resampler_feed(struct media_resampler *r, const uint8_t *const *planes, int count) {
    assert(!media_resampler_full(r));
    if (r->swr == NULL)
        return copy(r, planes, count);
    uint8_t *out[] = {(uint8_t *)(r->frame + r->filled * r->channels)};
    /* The prototype lacks a const that the documentation grants. */
    int got = swr_convert(r->swr, out, r->frame_samples - r->filled,
                          (const uint8_t **)(uintptr_t)planes, count);
    if (got < 0)
        return got;
    r->filled += got;
    return count;
}

const int16_t *media_resampler_take(struct media_resampler *r) {
    assert(media_resampler_full(r));
    r->filled = 0;
    return r->frame;
}
