#include "peerd/wire/coarse.h"

/* Code e·16 + m stands for m if e is 0, else for (16 + m) · 2^(e-1). */

uint32_t coarse_to_ms(uint8_t code) {
    uint32_t exponent = code >> 4;
    uint32_t mantissa = code & 15;
    return exponent == 0 ? mantissa : (16 + mantissa) << (exponent - 1);
}

uint8_t coarse_from_ms(uint32_t ms) {
    if (ms < 16)
        return (uint8_t)ms;
    for (uint32_t exponent = 1; exponent <= 15; exponent++) {
        uint32_t unit = 1U << (exponent - 1);
        uint32_t units = ms / unit + (ms % unit != 0);
        if (units <= 31)
            return (uint8_t)(exponent << 4 | (units - 16));
    }
    return 255;
}
