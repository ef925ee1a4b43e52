#include "transcoder/media/profile.h"

#include <criterion/criterion.h>
#include <string.h>

static struct media_profile profile(enum media_codec codec, uint32_t rate_hz, uint8_t channels,
                                    uint32_t bitrate_bps) {
    struct media_profile p;
    media_profile_init(&p, codec);
    p.rate_hz = rate_hz;
    p.channels = channels;
    p.bitrate_bps = bitrate_bps;
    return p;
}

Test(media_profile, defaults_are_valid_and_merge) {
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++) {
        struct media_profile p;
        struct media_why why = {""};
        media_profile_init(&p, (enum media_codec)c);
        cr_expect_eq(media_profile_check(&p, &why), ERR_OK, "%s: %s", p.name.text, why.text);
        cr_expect(media_profile_merges(&p), "%s", p.name.text);
        cr_expect_str_eq(p.name.text, media_codec_name(p.codec));
    }
}

Test(media_profile, check_says_what_to_change) {
    const struct {
        const char *what;
        struct media_profile p;
        const char *says; /* NULL: valid */
    } rows[] = {
        {"opus default rate", profile(MEDIA_CODEC_OPUS, 48000, 1, 32000), NULL},
        {"opus telephone band", profile(MEDIA_CODEC_OPUS, 8000, 1, 12000), NULL},
        {"opus stereo at its most", profile(MEDIA_CODEC_OPUS, 48000, 2, 480000), NULL},
        {"opus too big for a datagram", profile(MEDIA_CODEC_OPUS, 48000, 2, 500000), "1250 bytes"},
        {"opus at a CD's rate", profile(MEDIA_CODEC_OPUS, 44100, 1, 32000), "48000 Hz"},
        {"opus without bits", profile(MEDIA_CODEC_OPUS, 48000, 1, 0), "6000"},
        {"opus with half bytes", profile(MEDIA_CODEC_OPUS, 48000, 1, 32100), "steps of 400"},
        {"opus mono with a stereo rate", profile(MEDIA_CODEC_OPUS, 48000, 1, 300000), "256000"},
        {"opus of three channels", profile(MEDIA_CODEC_OPUS, 48000, 3, 32000), "1 or 2"},
        {"opus of none", profile(MEDIA_CODEC_OPUS, 48000, 0, 32000), "1 or 2"},
        {"pcmu", profile(MEDIA_CODEC_PCMU, 8000, 1, 0), NULL},
        {"pcmu at 16 kHz", profile(MEDIA_CODEC_PCMU, 16000, 1, 0), "8000 Hz mono"},
        {"pcma stereo", profile(MEDIA_CODEC_PCMA, 8000, 2, 0), "8000 Hz mono"},
        {"gsm at 48 kHz", profile(MEDIA_CODEC_GSM, 48000, 1, 0), "8000 Hz mono"},
        {"l16 at 8 kHz", profile(MEDIA_CODEC_L16, 8000, 1, 0), NULL},
        {"l16 stereo at 8 kHz", profile(MEDIA_CODEC_L16, 8000, 2, 0), NULL},
        {"l16 at 30 kHz, just fits", profile(MEDIA_CODEC_L16, 30000, 1, 0), NULL},
        {"l16 at 30050 Hz, just does not", profile(MEDIA_CODEC_L16, 30050, 1, 0), "1202 bytes"},
        {"l16 stereo at 16 kHz", profile(MEDIA_CODEC_L16, 16000, 2, 0), "1280 bytes"},
        {"l16 at 48 kHz", profile(MEDIA_CODEC_L16, 48000, 1, 0), "1920 bytes"},
        {"l16 at 11025 Hz", profile(MEDIA_CODEC_L16, 11025, 1, 0), "steps of 50"},
        {"l16 without a rate", profile(MEDIA_CODEC_L16, 0, 1, 0), "8000"},
        {"l16 at all there is", profile(MEDIA_CODEC_L16, UINT32_MAX, 2, 0), "48000"},
        {"no codec", profile((enum media_codec)9, 8000, 1, 0), "no such codec"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_why why = {""};
        enum err e = media_profile_check(&rows[i].p, &why);
        cr_expect_eq(e, rows[i].says == NULL ? ERR_OK : ERR_UNSUPPORTED, "%s: %s", rows[i].what,
                     err_name(e));
        cr_expect(rows[i].says == NULL || strstr(why.text, rows[i].says) != NULL, "%s: \"%s\"",
                  rows[i].what, why.text);
    }
}

Test(media_profile, check_bounds_what_only_opus_has) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.complexity = 11;
    cr_expect_eq(media_profile_check(&p, NULL), ERR_UNSUPPORTED);
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.application = (enum media_application)3;
    cr_expect_eq(media_profile_check(&p, NULL), ERR_UNSUPPORTED);
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.preroll_frames = MEDIA_PREROLL_FRAMES_MAX + 1;
    cr_expect_eq(media_profile_check(&p, NULL), ERR_UNSUPPORTED);
}

Test(media_profile, only_low_delay_opus_merges) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.application = MEDIA_APPLICATION_VOIP;
    cr_expect(!media_profile_merges(&p));
    p.application = MEDIA_APPLICATION_AUDIO;
    cr_expect(!media_profile_merges(&p));
}

Test(media_profile, rtp_facts) {
    const struct {
        struct media_profile p;
        const char *rtpmap;
        uint8_t payload_type;
        uint32_t clock_hz, samples;
        size_t payload_bytes;
        const char *fmtp;
    } rows[] = {
        {profile(MEDIA_CODEC_OPUS, 48000, 1, 32000), "opus/48000/2", 111, 48000, 960, 80,
         "stereo=0;sprop-stereo=0;cbr=1;maxaveragebitrate=32000"},
        {profile(MEDIA_CODEC_OPUS, 16000, 2, 64000), "opus/48000/2", 111, 48000, 960, 160,
         "stereo=1;sprop-stereo=1;cbr=1;maxaveragebitrate=64000"},
        {profile(MEDIA_CODEC_PCMU, 8000, 1, 0), "PCMU/8000", 0, 8000, 160, 160, ""},
        {profile(MEDIA_CODEC_PCMA, 8000, 1, 0), "PCMA/8000", 8, 8000, 160, 160, ""},
        {profile(MEDIA_CODEC_GSM, 8000, 1, 0), "GSM/8000", 3, 8000, 160, 33, ""},
        {profile(MEDIA_CODEC_L16, 16000, 1, 0), "L16/16000", 112, 16000, 320, 640, ""},
        {profile(MEDIA_CODEC_L16, 8000, 2, 0), "L16/8000/2", 112, 8000, 160, 640, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_rtp rtp;
        media_profile_rtp(&rows[i].p, &rtp);
        cr_expect_str_eq(rtp.rtpmap, rows[i].rtpmap);
        cr_expect_str_eq(rtp.fmtp, rows[i].fmtp, "%s", rows[i].rtpmap);
        cr_expect_eq(rtp.payload_type, rows[i].payload_type, "%s", rows[i].rtpmap);
        cr_expect_eq(rtp.clock_rate_hz, rows[i].clock_hz, "%s", rows[i].rtpmap);
        cr_expect_eq(rtp.samples_per_frame, rows[i].samples, "%s", rows[i].rtpmap);
        cr_expect_eq(media_profile_payload_bytes(&rows[i].p), rows[i].payload_bytes, "%s",
                     rows[i].rtpmap);
    }
}

Test(media_profile, names_go_both_ways) {
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++) {
        enum media_codec back;
        cr_expect(media_codec_by_name(&back, media_codec_name((enum media_codec)c)));
        cr_expect_eq((int)back, c);
    }
    for (int a = MEDIA_APPLICATION_LOWDELAY; a <= MEDIA_APPLICATION_VOIP; a++) {
        enum media_application back;
        cr_expect(
            media_application_by_name(&back, media_application_name((enum media_application)a)));
        cr_expect_eq((int)back, a);
    }
    enum media_codec codec;
    cr_expect(!media_codec_by_name(&codec, "mp3"));
    cr_expect(!media_codec_by_name(&codec, "OPUS"));
    cr_expect(!media_codec_by_name(&codec, ""));
}
