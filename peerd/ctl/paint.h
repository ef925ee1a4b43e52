/*
 * Paint: words that tell good from bad in colour, where somebody looks at a terminal.
 *
 * Never into files or pipes, not where NO_COLOR is set to anything (https://no-color.org), nor on a
 * terminal that says it is dumb. The word itself always stands there: nothing is told by colour
 * alone.
 */
#ifndef PEERD_CTL_PAINT_H
#define PEERD_CTL_PAINT_H

#include <stddef.h>

#define PAINT_END "\033[0m"

/* What begins a word's colour, and is ended by PAINT_END; "" for a word without one, or where
 * nothing is painted. */
const char *paint_of(const char *word, size_t len);

#endif
