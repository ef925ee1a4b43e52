/*
 * The memory that all processes of a machine share: the board (transcoder/timeline/board.h), in a
 * file without a name that ends with the last of them.
 */
#ifndef TRANSCODER_WORKER_SHARED_H
#define TRANSCODER_WORKER_SHARED_H

#include "transcoder/timeline/board.h"

/* The supervisor makes it; `fd` is close-on-exec and the caller's. NULL: there is none, for the
 * reason in errno. */
struct board *shared_board_make(int *fd);

/* A worker finds it, and closes `fd`. NULL: it is none. */
struct board *shared_board_open(int fd);

#endif
