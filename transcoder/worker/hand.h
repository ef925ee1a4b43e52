/*
 * A hand: one worker process of the crew, from the supervisor's side.
 *
 * It is started with all media sockets of the machine, one end of a link and the board that all
 * hands share (transcoder/timeline/board.h), and with no place yet.
 * Loading its libraries takes most of its start, so that is done before anybody waits for it: once
 * it has said that it is ready, LINK_PLACE tells it which socket is its own, and it closes the
 * others. Until then it reads from none of them.
 */
#ifndef TRANSCODER_WORKER_HAND_H
#define TRANSCODER_WORKER_HAND_H

#include "transcoder/worker/link.h"
#include "transcoder/worker/options.h"

#include <sys/types.h>

#define HAND_LINK_FD   3 /* in the process: its end of the link, … */
#define HAND_BOARD_FD  4 /* … the board … */
#define HAND_MEDIA_FD  5 /* … and the first of the media sockets */
#define HAND_FD_ABOVE  (HAND_MEDIA_FD + NODE_WORKERS_MAX) /* ours stay out of their way */
#define HAND_QUEUE_MAX (16UL << 20)                       /* [bytes] what it may leave unread */

struct hand {
    pid_t pid; /* 0: there is none */
    struct link *link;
    struct instant started;
    bool ready; /* it has said so */
};

/* Moves a descriptor of ours to where it can be given to a hand; takes it over, also on failure.
 * -1: no room. */
int hand_out_of_the_way(int fd);

/* What every hand of a crew is given. */
struct hand_fds {
    int board;
    int media[NODE_WORKERS_MAX];
    uint32_t media_count;
};

/* Starts one. ERR_IO: there is none, and `what` could not be made, for the reason in errno. */
enum err hand_start(struct hand *out, struct net_loop *loop, const struct options *options,
                    const struct hand_fds *fds, const struct link_handlers *handlers,
                    const char **what);

/* It has ended; reaping it is the caller's. */
void hand_forget(struct hand *h);

#endif
