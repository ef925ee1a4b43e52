#include "transcoder/timeline/drain_kept.h"

void drain_kept_heard(struct drain_kept *k, const struct drain_word *told, struct instant now) {
    if (told->number == 0 || told->number < k->word.number)
        return;
    *k = (struct drain_kept){.word = *told, .heard = now};
}

struct drain_word drain_kept_word(const struct drain_kept *k, struct instant now) {
    struct drain_word w = k->word;
    if (w.number == 0 || !w.active)
        return w;
    int64_t passed_ms = duration_in_ms(instant_since(now, k->heard));
    w.age_ms += passed_ms > 0 ? (uint64_t)passed_ms : 0;
    if (w.age_ms > DRAIN_WORD_MS_MAX)
        w.age_ms = DRAIN_WORD_MS_MAX;
    return w;
}
