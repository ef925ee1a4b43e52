/*
 * Coarse: milliseconds in one byte, for figures that a beat carries about every peer.
 *
 * A floating-point number of 4 bits exponent and 4 bits mantissa, as in G.711: exact up to 32 ms,
 * then in steps of at most 6.25 %, saturating at 507,904 ms (8.5 minutes). Encoding rounds up, so
 * that nobody is reported fresher or nearer than he is.
 */
#ifndef PEERD_WIRE_COARSE_H
#define PEERD_WIRE_COARSE_H

#include <stdint.h>

#define COARSE_MS_MAX 507904 /* [ms] code 255: this or more */

uint8_t coarse_from_ms(uint32_t ms);
uint32_t coarse_to_ms(uint8_t code);

#endif
