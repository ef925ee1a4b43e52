/*
 * What was wrong with a JSON document, in words for whoever sent it.
 *
 * Decoders take one as an out-parameter and name the member, what was expected and what was found:
 * `sessions[3].epoch: expected an integer from 1 to 4294967295, found "x"`. It is the `detail` of
 * an HTTP 400 answer. The text is printable ASCII whatever the input was, so that it may be
 * logged.
 */
#ifndef PEERD_WIRE_FAULT_H
#define PEERD_WIRE_FAULT_H

#define WIRE_FAULT_LEN_MAX 255 /* [characters] a longer one is cut */

struct wire_fault {
    char text[WIRE_FAULT_LEN_MAX + 1]; /* terminated; empty while nothing is wrong */
};

#endif
