/*
 * Scatter: puts the heap in disorder, differently in every process.
 *
 * A decision that depends on an address is a bug, and one that two runs of the same seed seldom
 * show: allocations made in the same order stand in the same order, wherever the heap begins. After
 * this they do not, so that comparing the digests of two runs finds it.
 */
#ifndef PEERD_SIM_SCATTER_H
#define PEERD_SIM_SCATTER_H

/* Call once, before anything else is allocated. The order comes from the system's randomness. */
void sim_scatter_heap(void);

#endif
