/*
 * Hearsay: what processes say and what passes on the wire, turned into facts as it happens.
 */
#ifndef TEST_LIVE_HEARSAY_H
#define TEST_LIVE_HEARSAY_H

#include "test/live/runner.h"

/* Once sites and listeners are set up: from now on what they say is heard. Opens the tap, too. */
void hearsay_attach(struct runner *r);

#endif
