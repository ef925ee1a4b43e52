/*
 * Files at start and on reload: read whole and bounded, keys kept private, changes noticed.
 */
#ifndef PEERD_NET_FILE_H
#define PEERD_NET_FILE_H

#include "peerd/base/err.h"
#include "peerd/net/loop.h"
#include "peerd/wire/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_file {
    char *data; /* followed by a zero byte that is not counted */
    size_t len; /* [bytes] */
};

/* Reads a regular file of at most `len_max` bytes. ERR_NOT_FOUND, ERR_OVERSIZED, ERR_IO (errno says
 * what), ERR_NO_MEMORY; on success free it with net_file_free. */
enum err net_file_read(struct net_file *out, const char *path, size_t len_max);

/* Wipes and frees; the file may hold a secret. */
void net_file_free(struct net_file *file);

/* Reads a key file: one line, k4.secret.…, that only its owner may read. ERR_DENIED if group or
 * others have any access: then say "chmod 600 FILE". ERR_BAD_FIELD if it is no such line. */
enum err net_key_read(struct key_pair *out, const char *path);

/* Makes a key file with mode 0600, written through to the disk. ERR_DENIED if the file exists: a
 * key is never overwritten. */
enum err net_key_write(const struct key_pair *pair, const char *path);

struct net_file_watch;

/* Calls `changed` when the file at `path` is another or was written to, found out by looking once a
 * second from another thread: that also sees renames, symbolic links moved to a new target and
 * network file systems, which inotify does not. The file need not exist. What counts as before is
 * how it is during this call: open the watch, then read. NULL if memory is short. */
struct net_file_watch *net_file_watch_open(struct net_loop *loop, const char *path,
                                           void (*changed)(void *data), void *data);
void net_file_watch_close(struct net_file_watch *watch);

#endif
