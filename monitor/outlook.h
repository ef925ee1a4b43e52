/*
 * Outlook: what it would take to change a verdict, in words for an operator.
 *
 * A sentence for each rule of verdict.h, with the figures of the moment. It decides nothing and is
 * written only when somebody asks.
 */
#ifndef MONITOR_OUTLOOK_H
#define MONITOR_OUTLOOK_H

#include "monitor/verdict.h"

#define OUTLOOK_TEXT_LEN_MAX 239 /* [characters] */

struct outlook_text {
    char text[OUTLOOK_TEXT_LEN_MAX + 1];
};

/* `figures` are of the detector at the same instant. */
struct outlook_text outlook_of(const struct verdict_result *verdict,
                               const struct detector_figures *figures,
                               struct duration detect_within, struct instant now);

#endif
