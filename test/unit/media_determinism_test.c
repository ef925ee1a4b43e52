#include "transcoder/media/determinism.h"

#include <criterion/criterion.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <string.h>

static bool same_id(const struct media_profile *a, const struct media_profile *b) {
    struct determinism_id x, y;
    media_determinism_id(a, &x);
    media_determinism_id(b, &y);
    return memcmp(&x, &y, sizeof x) == 0;
}

Test(media_determinism, changes_with_all_that_bytes_depend_on) {
    enum {
        RATE = 1,
        CHANNELS,
        BITRATE,
        COMPLEXITY,
        APPLICATION,
        CODEC
    };
    const char *const what[] = {"nothing",    "rate",        "channels", "bit rate",
                                "complexity", "application", "codec"};
    struct media_profile opus;
    media_profile_init(&opus, MEDIA_CODEC_OPUS);
    for (int i = 0; i <= CODEC; i++) {
        struct media_profile p = opus;
        p.rate_hz = i == RATE ? 24000 : p.rate_hz;
        p.channels = i == CHANNELS ? 2 : p.channels;
        p.bitrate_bps = i == BITRATE ? 24000 : p.bitrate_bps;
        p.complexity = i == COMPLEXITY ? 4 : p.complexity;
        p.application = i == APPLICATION ? MEDIA_APPLICATION_VOIP : p.application;
        p.codec = i == CODEC ? MEDIA_CODEC_L16 : p.codec;
        cr_expect_eq(same_id(&opus, &p), i == 0, "%s", what[i]);
    }
}

Test(media_determinism, does_not_change_with_a_name_or_a_preroll) {
    struct media_profile a, b;
    media_profile_init(&a, MEDIA_CODEC_OPUS);
    b = a;
    name_set(&b.name, "radio");
    b.preroll_frames = 200;
    cr_expect(same_id(&a, &b));
}

Test(media_determinism, names_the_libraries_and_the_processor) {
    struct media_profile p;
    char text[MEDIA_DETERMINISM_TEXT_LEN_MAX + 1], version[32];
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    media_determinism_text(&p, text);
    snprintf(version, sizeof version, "avcodec=%u ", avcodec_version());
    cr_expect(strstr(text, version) != NULL, "%s", text);
    cr_expect(strstr(text, "opus=libopus ") != NULL, "%s", text);
    cr_expect(strstr(text, "cpu=") != NULL, "%s", text);
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    cr_expect_null(strstr(media_determinism_text(&p, text), "libopus"));
}
