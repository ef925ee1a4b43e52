#include "transcoder/worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

int spawn_out_of_the_way(int fd, int above) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, above);
    int number = errno;
    close(fd);
    errno = number;
    return high;
}

int spawn_self(pid_t *pid, char **argv, const int *fds, size_t fd_count) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    for (size_t i = 0; i < fd_count; i++)
        posix_spawn_file_actions_adddup2(&files, fds[i], SPAWN_FD_FIRST + (int)i);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    int e = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return e;
}
