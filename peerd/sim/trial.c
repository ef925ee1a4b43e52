#include "peerd/sim/trial.h"

#include "peerd/sim/report_watch.h"
#include "peerd/sim/sim.h"
#include "peerd/sim/swarm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIALS_MAX 256 /* polled at once */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- in the process -------------------------------------------------------------------------- */

static int say_unusable(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < faults->count; i++)
        fprintf(stderr, "unusable: %s\n", fault_to_text(faults, &faults->list[i], line));
    return 2;
}

static void say_watch(const struct report *r) {
    static char line[REPORT_WATCH_LINE_MAX];
    if (r->watch == NULL)
        return;
    report_watch_to_line(r->watch, line, sizeof(line));
    fprintf(stderr, "watch: %s\n", line);
}

static int say_report(const struct sim *sim) {
    const struct report *r = sim_report(sim);
    say_watch(r);
    if (sim_violation(sim) != NULL)
        fprintf(stderr, "failed: %s\n", sim_violation(sim));
    for (uint32_t i = 0; i < r->expectation_count; i++)
        if (!r->expectations[i].met)
            fprintf(stderr, "failed: not met: %s: %s\n", r->expectations[i].what,
                    r->expectations[i].found);
    if (!report_ok(r))
        return 1;
    fprintf(stderr, "digest: %016" PRIx64 "\n", sim_digest(sim));
    return 0;
}

/* Another wish, under which other figures are to be expected. */
static void wish(struct scenario *s, struct duration detect_within) {
    if (detect_within.us == 0 || detect_within.us == s->detection.detect_within.us)
        return;
    s->detection.detect_within = detect_within;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        s->clusters[i].detection.detect_within = detect_within;
    memset(&s->expectations, 0, sizeof(s->expectations));
}

static int run(const struct trial_options *o) {
    static struct faults faults;
    static char drawn[SWARM_TEXT_MAX];
    struct scenario scenario;
    const char *text = o->text;
    if (text == NULL) {
        swarm_draw(o->seed, drawn);
        text = drawn;
    }
    if (scenario_parse(text, strlen(text), "scenario", &scenario, &faults) != ERR_OK ||
        !scenario_bring_files(&scenario, "./scenario", &faults) ||
        !scenario_check_abilities(&scenario, &sim_abilities, &faults))
        return say_unusable(&faults);
    wish(&scenario, o->detect_within);
    const struct sim_options options = {.scenario = &scenario, .seed = o->seed};
    struct sim *sim = sim_new(&options);
    sim_run(sim);
    return say_report(sim); /* the process ends here: nothing needs to be freed */
}

_Noreturn static void be_trial(const struct trial_options *o, int fd) {
    int null = open("/dev/null", O_RDWR);
    if (dup2(fd, STDERR_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDIN_FILENO) < 0)
        _exit(3);
    signal(SIGABRT, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (o->folder != NULL && chdir(o->folder) != 0)
        _exit(3);
    int status = run(o);
    fflush(stderr);
    _exit(status);
}

/* ---- outside --------------------------------------------------------------------------------- */

bool trial_begin(struct trial *t, const struct trial_options *options) {
    int ends[2];
    *t = (struct trial){.seed = options->seed, .limit_s = options->limit_s, .fd = -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    fflush(NULL);
    t->pid = fork();
    if (t->pid == 0)
        be_trial(options, ends[1]);
    close(ends[1]);
    if (t->pid < 0) {
        t->pid = 0;
        close(ends[0]);
        return false;
    }
    t->fd = ends[0];
    t->began_ms = now_ms();
    return true;
}

/* The rest of the line that begins so; NULL if there is none. */
static const char *line_after(const struct trial *t, const char *begin, char *out, size_t size) {
    const char *at = t->said;
    size_t len = strlen(begin);
    while (at != NULL && strncmp(at, begin, len) != 0) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL)
        return NULL;
    snprintf(out, size, "%.*s", (int)strcspn(at + len, "\n"), at + len);
    return out;
}

bool trial_watch(const struct trial *t, struct report_watch *out) {
    static char line[REPORT_WATCH_LINE_MAX];
    return line_after(t, "watch: ", line, sizeof(line)) != NULL &&
           report_watch_from_line(out, line);
}

/* The first line that holds one of the words by which machines and sanitizers end a process. */
static bool find_crash(const struct trial *t, char out[TRIAL_FAILURE_MAX + 1]) {
    static const char *const words[] = {"Assertion `", "runtime error:", "ERROR: AddressSanitizer"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *at = strstr(t->said, words[i]), *line = at;
        if (at == NULL)
            continue;
        while (line > t->said && line[-1] != '\n')
            line--;
        snprintf(out, TRIAL_FAILURE_MAX + 1, "%.*s", (int)strcspn(line, "\n"), line);
        return true;
    }
    return false;
}

static void judge(struct trial *t, int status) {
    char text[TRIAL_FAILURE_MAX + 1];
    t->end = TRIAL_FAILED;
    if (t->overdue)
        snprintf(t->failure, sizeof(t->failure), "no end within %d s", t->limit_s);
    else if (find_crash(t, t->failure))
        return;
    else if (WIFSIGNALED(status))
        snprintf(t->failure, sizeof(t->failure), "killed by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) == 0 && line_after(t, "digest: ", text, sizeof(text)) != NULL) {
        t->digest = strtoull(text, NULL, 16);
        t->end = TRIAL_OK;
    } else if (WEXITSTATUS(status) == 2) {
        t->end = TRIAL_UNUSABLE;
        line_after(t, "unusable: ", t->failure, sizeof(t->failure));
    } else if (line_after(t, "failed: ", t->failure, sizeof(t->failure)) == NULL)
        snprintf(t->failure, sizeof(t->failure), "ended with status %d and without a sentence",
                 WEXITSTATUS(status));
}

/* True once the process has closed its end. */
static bool read_said(struct trial *t) {
    char spare[4096];
    size_t room = TRIAL_SAID_MAX - t->said_len;
    ssize_t n =
        room > 0 ? read(t->fd, t->said + t->said_len, room) : read(t->fd, spare, sizeof(spare));
    if (n > 0 && room > 0)
        t->said_len += (size_t)n;
    return n == 0 || (n < 0 && errno != EINTR);
}

static void finish(struct trial *t) {
    int status = 0;
    while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(t->fd);
    t->said[t->said_len] = '\0';
    judge(t, status);
    t->pid = 0;
    t->fd = -1;
}

static void kill_overdue(struct trial *t, int64_t now) {
    if (t->overdue || now - t->began_ms < (int64_t)t->limit_s * 1000)
        return;
    t->overdue = true;
    kill(t->pid, SIGKILL);
}

struct trial *trial_wait(struct trial *list, uint32_t count, int timeout_ms) {
    int64_t until = now_ms() + timeout_ms;
    for (;;) {
        struct pollfd fds[TRIALS_MAX];
        struct trial *whose[TRIALS_MAX];
        nfds_t n = 0;
        int64_t now = now_ms();
        for (uint32_t i = 0; i < count && n < TRIALS_MAX; i++) {
            if (list[i].pid == 0)
                continue;
            kill_overdue(&list[i], now);
            whose[n] = &list[i];
            fds[n++] = (struct pollfd){.fd = list[i].fd, .events = POLLIN};
        }
        if (n == 0 || now > until)
            return NULL;
        poll(fds, n, until - now < 100 ? (int)(until - now) : 100);
        for (nfds_t i = 0; i < n; i++)
            if (fds[i].revents != 0 && read_said(whose[i])) {
                finish(whose[i]);
                return whose[i];
            }
    }
}

bool trial_run(struct trial *t, const struct trial_options *options) {
    if (!trial_begin(t, options))
        return false;
    while (trial_wait(t, 1, 1000) == NULL)
        ;
    return true;
}

void trial_stop(struct trial *list, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i].pid != 0) {
            kill(list[i].pid, SIGKILL);
            finish(&list[i]);
        }
}

/* ---- kinds of failure ------------------------------------------------------------------------ */

static size_t name_at(const char *text, const char *const *names) {
    size_t longest = 0;
    for (; names != NULL && *names != NULL; names++) {
        size_t len = strlen(*names);
        if (len > longest && strncmp(text, *names, len) == 0)
            longest = len;
    }
    return longest;
}

/* Where evidence begins: what stands before it says what failed. */
static const char *evidence_of(const char *failure) {
    static const char unmet[] = "not met: ";
    const char *from =
        strncmp(failure, unmet, strlen(unmet)) == 0 ? failure + strlen(unmet) : failure;
    const char *at = strstr(failure, "Assertion `") != NULL ? NULL : strstr(from, ": ");
    return at != NULL ? at : failure + strlen(failure);
}

void trial_kind(const char *failure, const char *const *names, char out[TRIAL_FAILURE_MAX + 1]) {
    const char *end = evidence_of(failure);
    size_t n = 0;
    bool begins = true; /* a word */
    for (const char *c = failure; c < end && n < TRIAL_FAILURE_MAX;) {
        size_t named = begins ? name_at(c, names) : 0;
        begins = !isalnum((unsigned char)*c);
        if (named > 0) {
            out[n++] = '@';
            c += named;
        } else if (isdigit((unsigned char)*c)) {
            out[n++] = '#';
            while (isdigit((unsigned char)*c))
                c++;
        } else {
            out[n++] = *c++;
        }
    }
    out[n] = '\0';
}
