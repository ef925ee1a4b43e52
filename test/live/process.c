#include "test/live/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS_MAX  5000
#define URGENT_NICE "-20" /* against ten builds -10 leaves the half of a core */
#define USUAL_NICE  "-12" /* a sixth of that: see hurry */

/* Sites and listeners share one machine here, perhaps with somebody's build; what would have a
 * machine of its own must not wait for that. A session of its own is a scheduling group of its own
 * (sched(7), autogroup), without which niceness means nothing between sessions.
 *
 * Besides, ^C is then for the runner alone, which ends the others in order.
 *
 * Sites go before listeners: a crowd that comes up at once loads its libraries for a second, on the
 * processors of those whose frames must leave in time, and what is then lost is lost to a machine
 * that no listener would share with its site. */
static void hurry(const char *nice) {
    setsid();
    int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, nice, strlen(nice)) > 0)
        close(fd);
    setpriority(PRIO_PROCESS, 0, atoi(nice));
}

/* Forks; with `at_once` the child keeps the priority that the runner has. With niceness alone it
 * waits for 40 ms beside a build, and a cut of 90 ms would last 130. */
static pid_t fork_as(bool at_once) {
    const struct sched_param param = {.sched_priority = 1};
    bool urgent = at_once && sched_getscheduler(0) == (SCHED_RR | SCHED_RESET_ON_FORK);
    if (urgent)
        sched_setscheduler(0, SCHED_RR, &param);
    pid_t pid = fork();
    if (urgent && pid != 0)
        sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
    return pid;
}

static void become(uid_t uid) {
    if (uid != 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(126);
}

static void give(int fd, int as) {
    if (fd < 0)
        fd = open("/dev/null", O_RDWR);
    if (fd < 0 || (fd != as && dup2(fd, as) < 0))
        _exit(126);
    if (fd == as)
        fcntl(fd, F_SETFD, 0);
}

/* The leash is set after the change of user id, which clears it, and checked against a runner that
 * was killed before it was set. */
static void put_on_leash(pid_t runner) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != runner)
        _exit(126);
}

pid_t process_start(const struct process_spec *spec) {
    pid_t runner = getpid();
    pid_t pid = fork_as(spec->at_once);
    if (pid != 0)
        return pid > 0 ? pid : 0;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    bool waits = spec->patient || getenv(PROCESS_ASIDE) != NULL;
    hurry(waits ? USUAL_NICE : URGENT_NICE);
    give(spec->in, 0);
    give(spec->out, 1);
    give(spec->err, 2);
    if (spec->dir != NULL && chdir(spec->dir) != 0)
        _exit(126);
    if (spec->place != NULL && wan_place_enter(spec->place) < 0)
        _exit(126);
    become(spec->uid);
    put_on_leash(runner);
    if (spec->preload != NULL &&
        (setenv("LD_PRELOAD", spec->preload, 1) != 0 || setenv("WALL_OFFSET", spec->wall, 1) != 0))
        _exit(126);
    execvp(spec->argv[0], (char *const *)spec->argv);
    _exit(127);
}

/* ---- helpers ---- */

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void feed(int fd, const char *text) {
    size_t len = text != NULL ? strlen(text) : 0;
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n <= 0)
            break;
        text += n;
        len -= (size_t)n;
    }
    close(fd);
}

static void one_line(char *text) {
    size_t len = strcspn(text, "\n");
    text[len] = '\0';
}

/* Reads until the other side closes or time is over; true if it closed. */
static bool drain(int fd, char *out, size_t size, long end_ms) {
    size_t len = 0;
    char spill[512];
    for (;;) {
        long left_ms = end_ms - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
        if (ready < 0 && errno == EINTR)
            continue; /* a process of ours has ended just now */
        if (ready <= 0)
            break;
        bool room = size > 0 && len + 1 < size;
        ssize_t n = room ? read(fd, out + len, size - 1 - len) : read(fd, spill, sizeof(spill));
        if (n <= 0) {
            if (size > 0)
                out[len] = '\0';
            return n == 0;
        }
        len += room ? (size_t)n : 0;
    }
    if (size > 0)
        out[len] = '\0';
    return false;
}

int process_run(const char *const *argv, const char *input, char *output, size_t output_size) {
    int to[2], from[2], status = 0;
    if (output_size > 0)
        output[0] = '\0';
    if (pipe2(to, O_CLOEXEC) != 0)
        return 127;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return 127;
    }
    struct process_spec spec = {
        .argv = argv, .at_once = true, .in = to[0], .out = from[1], .err = from[1]};
    pid_t pid = process_start(&spec);
    close(to[0]);
    close(from[1]);
    feed(to[1], input);
    if (pid > 0 && !drain(from[0], output, output_size, now_ms() + RUN_MS_MAX))
        kill(pid, SIGKILL);
    close(from[0]);
    one_line(output_size > 0 ? output : (char[1]){0});
    while (pid != 0 && waitpid(pid, &status, 0) != pid)
        if (errno != EINTR)
            return 127;
    if (pid == 0)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- looking ---- */

const char *process_find(const char *name, char *out, size_t size) {
    static const char *const folders[] = {"/usr/sbin", "/usr/local/sbin", "/usr/bin",
                                          "/usr/local/bin"};
    const char *path = getenv("PATH");
    char list[1024], *rest = NULL;
    snprintf(list, sizeof(list), "%s", path != NULL ? path : "");
    for (char *dir = strtok_r(list, ":", &rest); dir != NULL; dir = strtok_r(NULL, ":", &rest))
        if ((size_t)snprintf(out, size, "%s/%s", dir, name) < size && access(out, X_OK) == 0)
            return out;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(out, size, "%s/%s", folders[i], name);
        if (access(out, X_OK) == 0)
            return out;
    }
    return NULL;
}

size_t process_children(pid_t pid, pid_t out[PROCESS_CHILDREN_MAX]) {
    char path[64];
    size_t count = 0;
    int child;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = pid > 0 ? fopen(path, "re") : NULL;
    if (f == NULL)
        return 0;
    while (count < PROCESS_CHILDREN_MAX && fscanf(f, "%d", &child) == 1)
        out[count++] = child;
    fclose(f);
    return count;
}

bool process_name(pid_t pid, char out[PROCESS_NAME_MAX]) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    bool read = f != NULL && fgets(out, PROCESS_NAME_MAX, f) != NULL;
    if (f != NULL)
        fclose(f);
    if (read)
        one_line(out);
    return read;
}

bool process_lives(pid_t pid) {
    return pid > 0 && kill(pid, 0) == 0;
}

/* The supervisor first: it must not have the time to start another worker. */
void process_signal_tree(pid_t pid, int number) {
    pid_t children[PROCESS_CHILDREN_MAX];
    if (pid <= 0)
        return;
    size_t count = process_children(pid, children);
    kill(pid, number);
    for (size_t i = 0; i < count; i++)
        kill(children[i], number);
}
