#include "transcoder/worker/hand.h"

#include "peerd/net/clock.h"
#include "transcoder/worker/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hand_out_of_the_way(int fd) {
    return spawn_out_of_the_way(fd, HAND_FD_ABOVE);
}

_Static_assert(HAND_LINK_FD == SPAWN_FD_FIRST && HAND_BOARD_FD == HAND_LINK_FD + 1 &&
                   HAND_MEDIA_FD == HAND_BOARD_FD + 1,
               "as they are given");

static int spawn_worker(pid_t *pid, const struct options *o, int link_fd,
                        const struct hand_fds *fds) {
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    char numbers[80], *argv[8];
    int argc = 0;
    snprintf(numbers, sizeof(numbers), "%d,%d,%d,%u,%d", HAND_LINK_FD, HAND_BOARD_FD, HAND_MEDIA_FD,
             fds->media_count, (int)getpid());
    argv[argc++] = "transcoderd";
    argv[argc++] = "--worker-fds";
    argv[argc++] = numbers;
    argv[argc++] = "--log-level";
    argv[argc++] = (char *)levels[o->log_level];
    if (o->log_format == NET_LOG_JSON)
        argv[argc++] = "--json-log";
    argv[argc] = NULL;
    int given[2 + NODE_WORKERS_MAX] = {link_fd, fds->board};
    memcpy(&given[2], fds->media, fds->media_count * sizeof(given[0]));
    return spawn_self(pid, argv, given, 2 + fds->media_count);
}

enum err hand_start(struct hand *out, struct net_loop *loop, const struct options *options,
                    const struct hand_fds *fds, const struct link_handlers *handlers,
                    const char **what) {
    int ends[2];
    *out = (struct hand){.started = net_now()};
    *what = "link";
    if (link_pair(ends) != ERR_OK)
        return ERR_IO;
    int theirs = hand_out_of_the_way(ends[1]);
    if (theirs < 0) {
        close(ends[0]);
        return ERR_IO;
    }
    if (link_open(&out->link, loop, ends[0], HAND_QUEUE_MAX, handlers) != ERR_OK) {
        close(theirs);
        return ERR_IO;
    }
    *what = "process";
    int e = spawn_worker(&out->pid, options, theirs, fds);
    close(theirs);
    if (e == 0)
        return ERR_OK;
    hand_forget(out);
    errno = e;
    return ERR_IO;
}

void hand_forget(struct hand *h) {
    link_free(h->link);
    *h = (struct hand){0};
}
