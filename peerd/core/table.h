/*
 * uthash (Troy D. Hanson), set up for a program that must not exit: when memory is short an
 * element is simply not added, and the caller sees that its handle has no table.
 * Look-ups do not depend on addresses, and walking goes in the order of insertion.
 */
#ifndef PEERD_CORE_TABLE_H
#define PEERD_CORE_TABLE_H

#define HASH_NONFATAL_OOM 1

#include <uthash.h>

#endif
