/*
 * Setting up: the folder of a run and everything in it, before anything is started.
 */
#ifndef TEST_LIVE_SETUP_H
#define TEST_LIVE_SETUP_H

#include "test/live/runner.h"

/* Folder, recordings, keys, policies, players' ports. False if something was refused, which has
 * been told. */
bool setup_all(struct runner *r);

/* Removes the folder. */
void setup_remove(const struct runner *r);

#endif
