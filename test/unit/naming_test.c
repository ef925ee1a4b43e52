#include "transcoder/timeline/naming.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

Test(naming, asks_when_those_named_have_had_their_packets) {
    struct naming n = {.began = false};
    uint64_t nonce = 0;
    int asked = 0;
    for (int64_t ms = 4000; ms < 300000; ms += 10000) {
        if (!naming_told(&n, (uint64_t)ms, at_ms(ms)))
            continue;
        asked++;
        cr_assert(naming_named(&n, at_ms(ms + 700), &nonce));
        cr_expect_eq(nonce, (uint64_t)ms, "in answer to that message");
        cr_expect_not(naming_named(&n, at_ms(ms + 800), &nonce), "once");
    }
    cr_expect_eq(asked, 5, "every fifty seconds, and not with the first message: %d", asked);
}

Test(naming, asks_again_if_nobody_answers_and_in_answer_to_the_newest) {
    struct naming n = {.began = false};
    uint64_t nonce = 0;
    cr_expect_not(naming_named(&n, at_ms(1), &nonce), "nobody has told anything");
    cr_expect_not(naming_told(&n, 1, at_ms(1000)));
    cr_expect_not(naming_told(&n, 2, at_ms(45999)));
    cr_expect(naming_told(&n, 3, at_ms(46000)));
    cr_expect_not(naming_told(&n, 4, at_ms(56000)));
    cr_expect(naming_told(&n, 5, at_ms(66000)));
    cr_expect(naming_named(&n, at_ms(66500), &nonce));
    cr_expect_eq(nonce, 5u);
}
