/*
 * Pages: a crowd lies in large ones.
 *
 * A run with a million listeners jumps about in gigabytes, so that with pages of 4 KiB nearly each
 * access first misses in the tables of pages, and then in the cache. With pages of 2 MiB only the
 * latter is left. What is asked for here is a hint to the system: where it is not heeded, or memory
 * is watched by a tool, all goes on as before. Results do not depend on it.
 */
#ifndef PEERD_SIM_PAGES_H
#define PEERD_SIM_PAGES_H

#include <stddef.h>

/* From now on malloc() takes all from one stretch of address space that has large pages. Once,
 * before a crowd is made. */
void sim_pages_prepare(void);

/* Zeros, in small pages of their own: for what is large and mostly never touched. Does not return
 * without memory. */
void *sim_pages_apart(size_t bytes);
void sim_pages_return(void *apart, size_t bytes);

/* A fresh array, which all of it is going to be used. */
void sim_pages_enlarge(void *array, size_t bytes);

#endif
