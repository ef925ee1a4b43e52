/*
 * Dates as text: RFC 3339 in UTC with whole seconds, `2026-01-31T12:00:00Z`, and no other form.
 *
 * Pure arithmetic on the proleptic Gregorian calendar; the C library would bring a time zone. The
 * range is 1970 to 9999, what the text can hold and what a ticket needs. Leap seconds do not exist,
 * as POSIX has it: second 60 is refused.
 */
#ifndef PEERD_BASE_UTC_H
#define PEERD_BASE_UTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTC_TEXT_LEN   20           /* [characters] */
#define UTC_SECOND_MAX 253402300799 /* [s] 9999-12-31T23:59:59Z */

/* Writes 20 characters and a terminator; false, `out` empty, if out of range. */
bool utc_to_text(int64_t unix_s, char out[UTC_TEXT_LEN + 1]);

/* Reads exactly that form; false, `out` untouched, on anything else or a date that does not
 * exist. */
bool utc_from_text(int64_t *out, const char *text, size_t len);

#endif
