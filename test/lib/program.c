#include "test/lib/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_US 5000

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool program_find(const char *name, char *path, size_t size) {
    const char *bin = getenv("PEERD_BIN");
    snprintf(path, size, "%s/%s", bin == NULL ? "build/bin" : bin, name);
    return access(path, X_OK) == 0;
}

static void open_as(int fd, const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
    close(file);
}

static void become(const struct program *p, const char *path, char *const argv[], pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126); /* the test died before we asked to die with it */
    open_as(STDOUT_FILENO, p->out_path);
    open_as(STDERR_FILENO, p->err_path);
    execv(path, argv);
    _exit(127);
}

void program_start(struct program *p, const char *dir, const char *tag, const char *name,
                   const char *const words[]) {
    char path[512];
    char *argv[PROGRAM_WORDS_MAX + 2] = {(char *)(uintptr_t)name};
    bool found = program_find(name, path, sizeof(path));
    assert(found && "program_find was not asked first");
    (void)found;
    for (size_t i = 0; words[i] != NULL; i++) {
        assert(i < PROGRAM_WORDS_MAX);
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    snprintf(p->out_path, sizeof(p->out_path), "%s/%s%s.out", dir, name, tag);
    snprintf(p->err_path, sizeof(p->err_path), "%s/%s%s.err", dir, name, tag);
    pid_t parent = getpid();
    p->pid = fork();
    assert(p->pid >= 0);
    if (p->pid == 0)
        become(p, path, argv, parent);
}

int program_wait(struct program *p, int64_t ms) {
    int64_t end = now_ms() + ms;
    int status = 0;
    while (p->pid > 0) {
        pid_t got = waitpid(p->pid, &status, WNOHANG);
        if (got == p->pid) {
            p->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (now_ms() >= end)
            return -1;
        usleep(LOOK_EVERY_US);
    }
    return -1;
}

void program_signal(struct program *p, int number) {
    if (p->pid <= 0)
        return;
    kill(p->pid, number);
    if (number == SIGKILL) {
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
    }
}

char *program_read(const char *path) {
    FILE *f = fopen(path, "rb");
    size_t len = 0, room = 4096;
    char *text = malloc(room);
    assert(text != NULL);
    while (f != NULL) {
        size_t got = fread(text + len, 1, room - len - 1, f);
        if (got == 0)
            break;
        len += got;
        if (room - len <= 1) {
            room *= 2;
            text = realloc(text, room);
            assert(text != NULL);
        }
    }
    if (f != NULL)
        fclose(f);
    text[len] = '\0';
    return text;
}

bool program_await_error(const struct program *p, const char *text, int64_t ms) {
    int64_t end = now_ms() + ms;
    bool found = false;
    do {
        char *all = program_read(p->err_path);
        found = strstr(all, text) != NULL;
        free(all);
        if (!found)
            usleep(LOOK_EVERY_US);
    } while (!found && now_ms() < end);
    return found;
}

struct program_result program_finish(struct program *p, int64_t ms) {
    struct program_result r = {.status = program_wait(p, ms)};
    if (p->pid > 0)
        program_signal(p, SIGKILL);
    r.out = program_read(p->out_path);
    r.err = program_read(p->err_path);
    return r;
}

struct program_result program_run(const char *dir, const char *name, const char *const words[]) {
    struct program p;
    program_start(&p, dir, "", name, words);
    return program_finish(&p, PROGRAM_PATIENCE_MS);
}

void program_result_free(struct program_result *r) {
    free(r->out);
    free(r->err);
    *r = (struct program_result){.status = -1};
}
