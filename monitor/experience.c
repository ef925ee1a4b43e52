#include "monitor/experience.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define IE_EFF_MAX      9500 /* [R/100] what loss can take away, of a codec without impairment */
#define DELAY_FREE_MS   100  /* [ms] mT of G.107: less delay is not noticed */
#define DELAY_MS_MAX    60000
#define BURST_MILLI_MAX 8000
#define PPM             1000000

/* Where the figures are from. "G.113" is appendix I of that Recommendation: Ie, and Bpl for loss
 * that is concealed.
 *   pcmu, pcma    G.113, with the concealment of G.711's own appendix I, which every player has by
 *                 now (without it Bpl would be 4.3)
 *   g729a         G.113, with silence suppression (VAD)
 *   g723.1        G.113, at 6.3 kbit/s with silence suppression
 *   gsm-efr       G.113
 *   gsm           Ie: G.113; Bpl ASSUMED, that of gsm-efr: G.113 has none
 *   l16           ASSUMED to be as G.711: no codec's loss, and the same kind of concealment
 *   opus          ASSUMED, both: Ie 0, since it does not sound worse than G.711 without loss, and
 *                 the Bpl of gsm-efr, which of all predictive codecs that conceal bears least
 * We have not seen the Recommendation itself: the rows of G.113 were compared with table I.4 of its
 * edition of 2024 as a university's lecture quotes it, GSM's Ie with a planning table in print. For
 * Opus no value is published that we could find: a paper that derives fullband factors from P.863
 * ("Derivation of Equipment Impairment Factors from ITU-T P.863 for Fullband Speech Codecs") says
 * that for Opus there are none, and its own would be on the scale of G.107.2, which is not ours. */
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
