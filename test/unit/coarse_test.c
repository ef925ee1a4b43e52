#include "peerd/wire/coarse.h"

#include <criterion/criterion.h>

Test(coarse, known_codes) {
    static const struct {
        const char *what;
        uint32_t ms;
        uint8_t code;
        uint32_t back;
    } rows[] = {
        {"nothing", 0, 0, 0},
        {"exact", 31, 31, 31},
        {"exact at the step", 32, 32, 32},
        {"rounded up", 33, 33, 34},
        {"a third of a second", 300, 83, 304},
        {"largest", 507904, 255, 507904},
        {"just below it", 507903, 255, 507904},
        {"saturated", 507905, 255, 507904},
        {"all bits", UINT32_MAX, 255, 507904},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(coarse_from_ms(rows[i].ms), rows[i].code, "%s: %u", rows[i].what,
                     coarse_from_ms(rows[i].ms));
        cr_expect_eq(coarse_to_ms(rows[i].code), rows[i].back, "%s: %u", rows[i].what,
                     coarse_to_ms(rows[i].code));
    }
}

Test(coarse, every_code_is_its_own_inverse_and_they_rise) {
    for (unsigned code = 0; code < 256; code++) {
        cr_expect_eq(coarse_from_ms(coarse_to_ms((uint8_t)code)), code);
        if (code > 0)
            cr_expect_gt(coarse_to_ms((uint8_t)code), coarse_to_ms((uint8_t)(code - 1)));
    }
    cr_expect_eq(coarse_to_ms(255), COARSE_MS_MAX);
}

Test(coarse, never_less_and_at_most_a_sixteenth_more) {
    for (uint32_t ms = 0; ms <= COARSE_MS_MAX; ms++) {
        uint32_t back = coarse_to_ms(coarse_from_ms(ms));
        cr_assert(back >= ms && back - ms <= ms / 16, "%u came back as %u", ms, back);
    }
}
