/*
 * Numbers with units, as people write them: 250ms, 2%, 64kbit/s, 48kHz.
 *
 * A unit is always required, because a bare number leaves the reader guessing between milliseconds
 * and seconds, and that guess has cost outages. A fraction is fine where it comes out even (1.5s).
 */
#ifndef PEERD_POLICY_QUANTITY_H
#define PEERD_POLICY_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUANTITY_TEXT_LEN_MAX 31  /* [characters] */
#define QUANTITY_HINT_LEN_MAX 159 /* [bytes] */

enum quantity {
    QUANTITY_COUNT,    /* a plain integer: the only one without a unit */
    QUANTITY_DURATION, /* [µs] us, ms, s, min (also m), h, d */
    QUANTITY_PERCENT,  /* [parts per million] % */
    QUANTITY_BITRATE,  /* [bit/s] bit/s, kbit/s, Mbit/s */
    QUANTITY_FREQUENCY /* [Hz] Hz, kHz */
};

/* Parses the whole text. On failure `out` is untouched and `hint` says what would be right; it may
 * be empty if there is nothing more to say than what was expected. */
bool quantity_parse(enum quantity kind, const char *text, int64_t *out,
                    char hint[QUANTITY_HINT_LEN_MAX + 1]);

/* Writes a value in the largest unit that it is a whole multiple of. Returns `out`. */
const char *quantity_to_text(enum quantity kind, int64_t value,
                             char out[QUANTITY_TEXT_LEN_MAX + 1]);

/* "a duration such as 250ms" */
const char *quantity_form(enum quantity kind);

#endif
