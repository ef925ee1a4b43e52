#include "test/live/rerun.h"

#include "test/live/commands.h"
#include "test/live/process.h"
#include "test/live/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOILT_MS 30
#define TRIES     3

/* All that comes out of `fd`, NUL-terminated, from malloc. NULL if memory is short. */
static char *read_all(int fd) {
    size_t len = 0, room = 0;
    char *text = NULL;
    ssize_t n = 1;
    while (n > 0) {
        if (len + 65536 > room) {
            room = 2 * room + 131072;
            char *grown = realloc(text, room);
            if (grown == NULL)
                break;
            text = grown;
        }
        n = read(fd, text + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            n = 1;
        else
            len += n > 0 ? (size_t)n : 0;
    }
    if (text != NULL)
        text[len] = '\0';
    return text;
}

/* The last line of what a program says, as JSON; NULL if it is none. */
static json_t *last_line(const char *const *argv, int *status) {
    int ends[2];
    *status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t pid =
        process_start(&(struct process_spec){.argv = argv, .in = -1, .out = ends[1], .err = -1});
    close(ends[1]);
    char *text = pid > 0 ? read_all(ends[0]) : NULL;
    close(ends[0]);
    while (pid > 0 && waitpid(pid, status, 0) < 0 && errno == EINTR)
        continue;
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    if (text == NULL)
        return NULL;
    for (size_t len = strlen(text); len > 0 && text[len - 1] == '\n';)
        text[--len] = '\0';
    const char *line = strrchr(text, '\n') != NULL ? strrchr(text, '\n') + 1 : text;
    json_t *report = json_loads(line, 0, NULL);
    free(text);
    return report;
}

json_t *rerun_report(bool live, const char *file, unsigned long long seed, int *status) {
    char program[SITE_PATH_MAX + 16], number[24];
    snprintf(number, sizeof(number), "%llu", seed);
    snprintf(program, sizeof(program), "%s/peersim", command_bin());
    const char *const there[] = {"/proc/self/exe", "run",    file,      "--seed",
                                 number,           "--json", "--quiet", NULL};
    const char *const here[] = {program, file, "--apart", "--seed", number, "--json", NULL};
    return last_line(live ? there : here, status);
}

static bool is_spoilt(const json_t *report) {
    return json_number_value(json_object_get(report, "stood_still_ms")) > SPOILT_MS;
}

json_t *rerun_undisturbed(bool live, const char *file, unsigned long long seed, unsigned *again) {
    int status;
    json_t *report = rerun_report(live, file, seed, &status);
    for (int i = 1; live && is_spoilt(report) && i < TRIES; i++, ++*again) {
        json_decref(report);
        report = rerun_report(live, file, seed, &status);
    }
    return report;
}
