/*
 * Starting a process from our own binary, with descriptors at fixed places.
 */
#ifndef TRANSCODER_WORKER_SPAWN_H
#define TRANSCODER_WORKER_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FD_FIRST 3 /* in the process: the first of its descriptors, the others follow */

/* `argv` ends with NULL; signals are as by default there. The descriptors stay ours, and must lie
 * above where they are to be (spawn_out_of_the_way). 0, or an errno. */
int spawn_self(pid_t *pid, char **argv, const int *fds, size_t fd_count);

/* Moves a descriptor of ours above `above`, close-on-exec; takes it over, also on failure. -1 with
 * errno: no room. */
int spawn_out_of_the_way(int fd, int above);

#endif
