#include "peerd/sim/pages.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE   ((uintptr_t)2 << 20) /* [bytes] of a page */
#define STRETCH ((size_t)6 << 30)    /* [bytes] of addresses; memory is taken as it is touched */

void sim_pages_enlarge(void *array, size_t bytes) {
    uintptr_t from = ((uintptr_t)array + LARGE - 1) / LARGE * LARGE;
    uintptr_t to = ((uintptr_t)array + bytes) / LARGE * LARGE;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* it may not know how */
}

void *sim_pages_apart(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "peersim: out of memory\n");
        exit(1);
    }
    return p;
}

void sim_pages_return(void *apart, size_t bytes) {
    munmap(apart, bytes);
}

/* A block as large as the stretch is taken from the heap's end and given back: it stays there,
 * since nothing is trimmed. Where the system does not give so many addresses there is none. */
void sim_pages_prepare(void) {
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_MMAP_MAX, 0);
    char *before = sbrk(0);
    void *volatile all = malloc(STRETCH); /* else the compiler sees that nobody needs it */
    free(all);
    char *after = sbrk(0);
    mallopt(M_MMAP_MAX, INT32_MAX);
    if (after > before)
        sim_pages_enlarge(before, (size_t)(after - before));
}
