#include "monitor/experience.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define IE_EFF_MAX      9500 /* [R/100] what loss can take away, of a codec without impairment */
#define DELAY_FREE_MS   100  /* [ms] mT of G.107: less delay is not noticed */
#define DELAY_MS_MAX    60000
#define BURST_MILLI_MAX 8000
#define PPM             1000000

/* G.113, appendix I (05/2002 and later): Ie, and Bpl for loss that is concealed. G.711 counts
 * with the concealment of its own appendix I, which every player has by now (without it Bpl would
 * be 4.3). Its row, and those of G.729A and G.723.1, both with silence suppression, and of GSM
 * enhanced full rate were compared with table I.4 of the edition of 2024 as a university's
 * lecture quotes it, not with the recommendation itself. Of GSM full rate only the Ie could be
 * checked, and only by a planning table in print that gives it the bounds of G.728 at 12.8
 * kbit/s, whose Ie is 20; it has no Bpl there and takes that of the enhanced one. For Opus there
 * is none, and none that we know of for the wideband and fullband models (G.107.1, G.107.2); it
 * takes the same, since it does not sound worse than G.711 without loss, and of all predictive
 * codecs that conceal this one bears least. */
static const struct experience_codec codecs[] = {
    {"pcmu", 0, 251}, {"pcma", 0, 251},    {"l16", 0, 251},      {"gsm", 200, 100},
    {"opus", 0, 100}, {"g729a", 110, 190}, {"g723.1", 150, 161}, {"gsm-efr", 50, 100},
};

const struct experience_codec *experience_codec_of(const char *name) {
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (strcmp(codecs[i].name, name) == 0)
            return &codecs[i];
    return NULL;
}

/* [R/100] G.107, clause 7.4, at the default sensitivity sT = 1. */
static uint32_t idd_centi(struct duration delay) {
    double ms = (double)delay.us / 1000;
    if (ms <= DELAY_FREE_MS)
        return 0;
    if (ms > DELAY_MS_MAX)
        ms = DELAY_MS_MAX;
    double x = log2(ms / DELAY_FREE_MS);
    double near = pow(1 + pow(x, 6), 1.0 / 6), far = pow(1 + pow(x / 3, 6), 1.0 / 6);
    double idd = 25 * (near - 3 * far + 2);
    return idd < 0 ? 0 : (uint32_t)lround(idd * 100);
}

/* [R/100] G.107, clause 7.5, all of it in whole numbers. */
static uint32_t ie_eff_centi(const struct experience_codec *codec,
                             const struct experience_voice *voice) {
    uint64_t ie = 10U * codec->ie_x10, loss = voice->loss_ppm < PPM ? voice->loss_ppm : PPM;
    uint64_t burst = voice->burst_milli == 0 ? EXPERIENCE_RANDOM : voice->burst_milli;
    uint64_t bears = 1000U * (uint64_t)codec->bpl_x10; /* [ppm], as loss is */
    return (uint32_t)(ie + (IE_EFF_MAX - ie) * loss / (loss * 1000 / burst + bears));
}

uint32_t experience_r_centi(const struct experience_codec *codec,
                            const struct experience_voice *voice) {
    uint32_t less = ie_eff_centi(codec == NULL ? &codecs[0] : codec, voice);
    less += idd_centi(voice->delay);
    return less > EXPERIENCE_R_MAX ? 0 : EXPERIENCE_R_MAX - less;
}

uint32_t experience_mos_milli(uint32_t r_centi) {
    int64_t r = r_centi < 10000 ? r_centi : 10000;
    /* Annex B: 1 + 0.035 R + R (R - 60) (100 - R) 7e-6, which dips below 1 beneath R = 6.5. */
    int64_t mos = 1000 + r * 35 / 100 + r * (r - 6000) * (10000 - r) * 7 / 1000000000;
    return mos < 1000 ? 1000 : (uint32_t)mos;
}

uint32_t experience_burst_milli(uint64_t expected, uint64_t lost, uint64_t runs) {
    if (lost == 0 || runs == 0 || runs > lost || expected == 0 || lost > expected ||
        expected > UINT32_MAX)
        return EXPERIENCE_RANDOM;
    uint64_t mean = lost * 1000 / runs; /* independent loss p has runs of 1 / (1 - p) */
    uint64_t burst = mean * (expected - lost) / expected;
    return burst < EXPERIENCE_RANDOM ? EXPERIENCE_RANDOM
           : burst > BURST_MILLI_MAX ? BURST_MILLI_MAX
                                     : (uint32_t)burst;
}

uint32_t experience_rebuffering_ppm(struct duration waited, struct duration played) {
    if (waited.us <= 0)
        return 0;
    struct duration all = duration_add(waited, played.us < 0 ? DURATION_ZERO : played);
    struct duration share = duration_scale(waited, PPM, all.us);
    return share.us > PPM ? PPM : (uint32_t)share.us;
}
