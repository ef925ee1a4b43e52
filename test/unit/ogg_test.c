/*
 * Ogg pages: against libavformat, which reads what is written; bounds; and what stands in for a
 * packet that is missing is one for libopus, too.
 */
#include "transcoder/client/ogg.h"

#include <criterion/criterion.h>
#include <libavformat/avformat.h>
#include <opus/opus.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PACKETS 120

/* Lengths about the lacing's corners, too. */
static size_t length_of(int n) {
    static const size_t corners[] = {1, 2, 254, 255, 256, 509, 510, 511, OGG_PACKET_LEN_MAX};
    size_t count = sizeof(corners) / sizeof(corners[0]);
    return (size_t)n < count ? corners[n] : 40 + (size_t)n;
}

static void fill(uint8_t *packet, int n, size_t len) {
    for (size_t i = 0; i < len; i++)
        packet[i] = (uint8_t)((size_t)n * 31 + i);
    packet[0] = 0x78; /* 20 ms of one frame, so that their durations are read as such */
}

static void write_file(const char *path) {
    uint8_t page[OGG_PAGE_LEN_MAX], head[OGG_HEAD_LEN_MAX], packet[OGG_PACKET_LEN_MAX];
    struct ogg ogg;
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    ogg_init(&ogg, 4711);
    fwrite(head, 1, ogg_head(&ogg, 2, 48000, head), f);
    for (int n = 0; n < PACKETS; n++) {
        fill(packet, n, length_of(n));
        fwrite(page, 1, ogg_packet(&ogg, packet, length_of(n), 960, page), f);
    }
    fwrite(page, 1, ogg_end(&ogg, page), f);
    cr_assert_eq(fclose(f), 0);
}

Test(ogg, libavformat_reads_it) {
    char path[64];
    uint8_t packet[OGG_PACKET_LEN_MAX];
    AVFormatContext *context = NULL;
    AVPacket *got = av_packet_alloc();
    snprintf(path, sizeof(path), "/tmp/peerd-ogg-%d.ogg", (int)getpid());
    write_file(path);
    cr_assert_eq(avformat_open_input(&context, path, NULL, NULL), 0);
    unlink(path);
    cr_assert_eq(context->nb_streams, 1);
    const AVCodecParameters *codec = context->streams[0]->codecpar;
    cr_expect_eq(codec->codec_id, AV_CODEC_ID_OPUS);
    cr_expect_eq(codec->sample_rate, 48000);
    cr_expect_eq(codec->initial_padding, OGG_PRE_SKIP);
    int64_t first = 0;
    int n = 0;
    for (; av_read_frame(context, got) == 0; n++) {
        cr_assert_lt(n, PACKETS);
        if (n == 0)
            first = got->pts;
        fill(packet, n, length_of(n));
        cr_expect_eq((size_t)got->size, length_of(n), "packet %d", n);
        cr_expect_eq(memcmp(got->data, packet, length_of(n)), 0, "packet %d", n);
        cr_expect_eq(got->pts - first, 960 * n, "packet %d", n);
        av_packet_unref(got);
    }
    cr_expect_eq(n, PACKETS);
    av_packet_free(&got);
    avformat_close_input(&context);
}

Test(ogg, too_long_or_nothing) {
    uint8_t page[OGG_PAGE_LEN_MAX];
    static const uint8_t packet[OGG_PACKET_LEN_MAX + 1];
    struct ogg ogg;
    ogg_init(&ogg, 1);
    cr_expect_eq(ogg_packet(&ogg, packet, 0, 960, page), 0);
    cr_expect_eq(ogg_packet(&ogg, packet, sizeof(packet), 960, page), 0);
    cr_expect_eq(ogg.granule, 0, "neither has taken time");
    cr_expect_eq(ogg_packet(&ogg, packet, OGG_PACKET_LEN_MAX, 960, page), OGG_PAGE_LEN_MAX);
}

/* Whatever kind of frame came before, of 20 ms. */
Test(ogg, stand_in) {
    static const uint8_t tocs[] = {0x08, 0x48, 0x78, 0x7c, 0x7f, 0xf8, 0xfc, 0xfb};
    int error;
    OpusDecoder *decoder = opus_decoder_create(48000, 2, &error);
    opus_int16 samples[2 * 5760];
    cr_assert_eq(error, OPUS_OK);
    for (size_t i = 0; i < sizeof(tocs); i++) {
        uint8_t missing = ogg_missing(tocs[i]);
        cr_expect_eq(opus_packet_get_samples_per_frame(&missing, 48000), 960, "%02x", tocs[i]);
        cr_expect_eq(opus_decode(decoder, &missing, 1, samples, 5760, 0), 960, "%02x", tocs[i]);
    }
    opus_decoder_destroy(decoder);
}
