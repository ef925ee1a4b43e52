#include "monitor/outlook.h"

#include <inttypes.h>
#include <stdio.h>

#define WHEN_LEN 40

/* "in 212 ms", as far as that is known. */
static const char *when(struct instant at, struct instant now, char out[WHEN_LEN]) {
    int64_t ms = instant_is_never(at) ? 0 : duration_in_ms(instant_since(at, now));
    if (ms > 0)
        snprintf(out, WHEN_LEN, "in %" PRId64 " ms", ms);
    else
        snprintf(out, WHEN_LEN, "at its next change");
    return out;
}

#define SAY(...) snprintf(out.text, sizeof(out.text), __VA_ARGS__)

struct outlook_text outlook_of(const struct verdict_result *verdict,
                               const struct detector_figures *figures,
                               struct duration detect_within, struct instant now) {
    struct outlook_text out = {{0}};
    char at[WHEN_LEN];
    int64_t within = duration_in_ms(detect_within);
    int64_t hearing = duration_in_ms(VERDICT_HEARING_MAX);
    int64_t late = duration_in_ms(duration_add(figures->expected, figures->margin));
    when(verdict->again_at, now, at);
    switch (verdict->rule) {
    case 1:
        SAY("alive with its first beat that answers one of ours; nobody is convicted unheard");
        break;
    case 2:
        SAY("alive when it says that it drains no longer; suspect when %" PRId64
            " ms pass without a beat",
            late);
        break;
    case 3:
        SAY("alive when its clients fare like others' again");
        break;
    case 4:
        SAY("suspect when %" PRId64 " ms pass without a beat; crashed after %" PRId64
            " ms without proof of life, or sooner if its clients miss it too",
            late, within);
        break;
    case 5:
        SAY("alive with its next answer; crashed after %" PRId64
            " ms without proof of life if nobody objects, or sooner if its clients miss it too",
            within);
        break;
    case 6:
        SAY("alive with its next answer; crashed if its nodes prove nothing for %" PRId64 " ms",
            hearing);
        break;
    case 7:
        SAY("headless if that node proves itself, else judged by others %s", at);
        break;
    case 8:
        SAY("alive when it answers us; judged by others if its beats stop for %" PRId64 " ms",
            within);
        break;
    case 9:
        SAY("alive with its next answer; crashed when what others heard is %" PRId64
            " ms old, or %" PRId64 " s after we lost it, whatever they say (judged anew %s)",
            within, duration_in_ms(VERDICT_VETO_MAX) / 1000, at);
        break;
    case 11:
        SAY("alive with its next answer; partitioned if a witness still hears it; crashed if not, "
            "judged anew %s",
            at);
        break;
    case 12:
        if (figures->loses && !figures->measured)
            SAY("alive with its next answer; crashed %s, or sooner if its clients miss it too", at);
        else
            SAY("alive with its next answer; crashed %s, or as soon as another witness misses it",
                at);
        break;
    default:
        SAY("alive with its next beat that answers one of ours");
        break;
    }
    return out;
}
