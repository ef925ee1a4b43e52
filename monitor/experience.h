/*
 * Experience: what a listener makes of loss and delay, in the terms of the field.
 *
 * Voice is rated by the E-model, ITU-T Recommendation G.107 (06/2015), with all its parameters at
 * their default values but those that a network changes:
 *
 *     R = 93.2 - Idd - Ie,eff         Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl)
 *
 * Idd is the impairment by delay alone, without echo: nobody talks back here, or an echo canceller
 * stands before us. Ie and Bpl belong to a codec: those of G.711, G.729A, G.723.1 and GSM enhanced
 * full rate, and GSM's Ie, are G.113's, appendix I; those of Opus and L16 and GSM's Bpl are assumed
 * by us and confirmed by nobody (experience.c has each row's source). R is between 0 and 100: above
 * 80 users are satisfied, below 60 nearly all of them are not (G.109); MOS follows from it (annex
 * B). A stream that waits is rated by its rebuffering ratio, the share of time spent waiting.
 *
 * Figures are whole numbers of hundredths, thousandths or millionths, so that what is decided by
 * them is the same whatever compiler was at work.
 */
#ifndef MONITOR_EXPERIENCE_H
#define MONITOR_EXPERIENCE_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPERIENCE_R_MAX  9320 /* [R/100] nothing lost, no delay: G.107 with default values */
#define EXPERIENCE_RANDOM 1000 /* [1/1000] BurstR of independent loss */

/* How a codec bears loss. */
struct experience_codec {
    const char *name; /* as in policies */
    uint16_t ie_x10;  /* [1/10] equipment impairment without loss */
    uint16_t bpl_x10; /* [1/10] robustness: half of what there is to lose is lost at so many % */
};

/* What a network did to a voice. */
struct experience_voice {
    uint32_t loss_ppm;     /* of frames, missing when they were due */
    uint32_t burst_milli;  /* BurstR, see experience_burst_milli(); 0 counts as random */
    struct duration delay; /* one way, from mouth to ear: buffers included */
};

/* That of a policy's codec name; NULL if it is none. */
const struct experience_codec *experience_codec_of(const char *name);

/* [R/100] 0 … EXPERIENCE_R_MAX. A NULL codec is one without loss of its own and concealed as G.711
 * is. */
uint32_t experience_r_centi(const struct experience_codec *codec,
                            const struct experience_voice *voice);

/* [MOS/1000] 1000 … 4500. */
uint32_t experience_mos_milli(uint32_t r_centi);

/* [1/1000] BurstR: mean length of runs of lost frames, in parts of what it would be if loss were
 * independent. 1000 if nothing is lost or the runs are unknown (0), and 8000 at most. Beyond 2 the
 * model is less sure (G.107, 7.5): it was fitted to packets lost in the short run. */
uint32_t experience_burst_milli(uint64_t expected, uint64_t lost, uint64_t runs);

/* [ppm] of the time since the start that was spent waiting. */
uint32_t experience_rebuffering_ppm(struct duration waited, struct duration played);

#endif
