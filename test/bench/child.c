#include "test/bench/child.h"

#include "test/bench/sheet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(const char *log, const char *const words[]) {
    char program[512];
    sheet_program(program, sizeof(program), words[0]);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        sheet_die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (getppid() != parent || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(127);
    execv(program, (char *const *)(uintptr_t)words);
    _exit(127);
}

void child_end(pid_t *pid) {
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

double child_cpu_s(pid_t pid) {
    char path[320];
    double sum_s = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL || waitpid(pid, NULL, WNOHANG) > 0) /* or ours, and not buried yet */
        sheet_die("process %d has ended before its time", (int)pid);
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        unsigned long long ns;
        if (d->d_name[0] == '.') /* `..` has a file of that name, too: the main thread's */
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, d->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fscanf(f, "%llu", &ns) == 1)
            sum_s += (double)ns * 1e-9;
        fclose(f);
    }
    closedir(tasks);
    return sum_s;
}
