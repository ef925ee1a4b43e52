/*
 * Setting up: the folder of a run and everything in it, before anything is started.
 */
#ifndef TEST_LIVE_SETUP_H
#define TEST_LIVE_SETUP_H

#include "test/live/runner.h"

/* Folder, recordings, keys, policies, players' ports. False if something was refused, which has
 * been told. Folders of runs that were killed, keys and all, are removed first; those that were
 * kept to be looked at are not. */
bool setup_all(struct runner *r);

/* Removes the folder. */
void setup_remove(struct runner *r);

/* Leaves it to be looked at, and says where. */
void setup_keep(struct runner *r);

#endif
