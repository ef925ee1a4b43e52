#include "transcoder/worker/hand.h"

#include "peerd/net/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int hand_out_of_the_way(int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HAND_FD_ABOVE);
    int number = errno;
    close(fd);
    errno = number;
    return high;
}

static int spawn(pid_t *pid, char **argv, int link_fd, const struct hand_fds *fds) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, link_fd, HAND_LINK_FD);
    posix_spawn_file_actions_adddup2(&files, fds->board, HAND_BOARD_FD);
    for (uint32_t i = 0; i < fds->media_count; i++)
        posix_spawn_file_actions_adddup2(&files, fds->media[i], HAND_MEDIA_FD + (int)i);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    int e = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

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
    return spawn(pid, argv, link_fd, fds);
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
