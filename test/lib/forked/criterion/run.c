/* Runs the tests that are linked to it, each in a process forked for it, several at a time.

   What became of a test stands in memory that it shares with us, and in how its process ended: a
   test passes when no assertion failed, it came to its end, and its process said so by status 0, or
   died of the very signal that it was to die of. Whoever calls exit in the midst has failed. A leak
   that the sanitizer finds as the process ends changes its status, so it fails that test.

   Options are Criterion's, as far as somebody here gives them. */
#include "test/lib/forked/criterion/criterion.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX       64
#define REASON_LEN_MAX 199
#define SAID_LEN_MAX   4095

/* What a test leaves for us to see; zero as it begins. */
struct outcome {
    bool ended;      /* it came to its end, perhaps over an assertion that aborts */
    bool skipped;    /* reason says why */
    unsigned failed; /* assertions */
    char reason[REASON_LEN_MAX + 1];
};

enum verdict {
    VERDICT_PASSED,
    VERDICT_FAILED,
    VERDICT_SKIPPED,
};

/* A test that is to be run, and then what became of it. */
struct trial {
    const struct criterion_test *test, *suite;
    struct outcome *outcome;
    enum verdict verdict;
    int64_t ms; /* that it took */
    char why[REASON_LEN_MAX + 1];
};

/* One that runs. */
struct process {
    pid_t pid; /* 0: none */
    struct trial *trial;
    int64_t began_ms, until_ms; /* INT64_MAX: no limit */
    bool overdue;               /* it was killed for that */
};

struct run {
    struct trial *trials;
    size_t count;
    struct process processes[JOBS_MAX];
    size_t jobs, running;
    const char *filter, *tap; /* NULL: none */
    bool verbose, list;
};

/* The linker's, around what `Test` and `TestSuite` have listed; the latter may be nothing. */
extern struct criterion_test *__start_criterion_tests[], *__stop_criterion_tests[];
extern struct criterion_test *__start_criterion_suites[] __attribute__((weak));
extern struct criterion_test *__stop_criterion_suites[] __attribute__((weak));

/* ---- in the process of a test
 * -------------------------------------------------------------------- */

static struct outcome *mine;
static int say_to = STDERR_FILENO; /* as it was, since tests may close or redirect theirs */
static jmp_buf out_of_it;
static const char *actual_text, *expected_text;
static bool texts_compared;

void criterion_abort_test(void) {
    longjmp(out_of_it, 1);
}

void criterion_skip_test(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(mine->reason, sizeof(mine->reason), format, arguments);
    va_end(arguments);
    mine->skipped = true;
    criterion_abort_test();
}

bool criterion_texts_equal(const char *actual, const char *expected) {
    actual_text = actual;
    expected_text = expected;
    texts_compared = actual == NULL || expected == NULL || strcmp(actual, expected) != 0;
    return !texts_compared;
}

bool criterion_texts_differ(const char *actual, const char *unexpected) {
    return actual != NULL && unexpected != NULL && strcmp(actual, unexpected) != 0;
}

/* Adds to a text of SAID_LEN_MAX at most, of which `*len` are there. */
__attribute__((format(printf, 3, 0))) static void add(char *said, size_t *len, const char *format,
                                                      va_list arguments) {
    int n = vsnprintf(said + *len, SAID_LEN_MAX + 1 - *len, format, arguments);
    if (n > 0)
        *len = *len + (size_t)n > SAID_LEN_MAX ? SAID_LEN_MAX : *len + (size_t)n;
}

__attribute__((format(printf, 3, 4))) static void addf(char *said, size_t *len, const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    add(said, len, format, arguments);
    va_end(arguments);
}

/* In one piece, since others print as well. */
void criterion_failed(const char *file, int line, const char *asked, const char *format, ...) {
    char said[SAID_LEN_MAX + 1];
    size_t len = 0;
    __atomic_fetch_add(&mine->failed, 1, __ATOMIC_RELAXED);
    addf(said, &len, "[----] %s:%d: Assertion Failed\n[----]   %s", file, line, asked);
    if (texts_compared)
        addf(said, &len, "\n[----]   found `%s`\n[----]   expected `%s`",
             actual_text == NULL ? "(null)" : actual_text,
             expected_text == NULL ? "(null)" : expected_text);
    texts_compared = false;
    if (format[1] != '\0') {
        va_list arguments;
        addf(said, &len, "\n[----]   ");
        va_start(arguments, format);
        add(said, &len, format + 1, arguments);
        va_end(arguments);
    }
    said[len++] = '\n';
    fflush(stdout);
    if (write(say_to, said, len) < 0)
        abort();
}

/* Whether it came to its end, there being anything to do. */
static bool do_all_of(void (*what)(void)) {
    if (what == NULL)
        return true;
    if (setjmp(out_of_it) != 0)
        return false;
    what();
    return true;
}

static void be_test(const struct trial *t, pid_t runner) {
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    mine = t->outcome;
    if ((t->suite == NULL || do_all_of(t->suite->init)) && do_all_of(t->test->init)) {
        do_all_of(t->test->body);
        do_all_of(t->test->fini);
        if (t->suite != NULL)
            do_all_of(t->suite->fini);
    }
    mine->ended = true;
    exit(0);
}

/* ---- in the runner
 * ------------------------------------------------------------------------------- */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void start(struct run *r, struct trial *t) {
    struct process *p = r->processes;
    double limit_s = t->test->timeout;
    pid_t runner = getpid();
    while (p->pid != 0)
        p++;
    if (limit_s <= 0 && t->suite != NULL)
        limit_s = t->suite->timeout;
    *p = (struct process){.trial = t, .began_ms = now_ms(), .until_ms = INT64_MAX};
    if (limit_s > 0)
        p->until_ms = p->began_ms + (int64_t)(limit_s * 1000);
    fflush(NULL);
    p->pid = fork();
    if (p->pid == 0)
        be_test(t, runner);
    if (p->pid < 0) {
        perror("fork");
        exit(2);
    }
    r->running++;
}

/* Why a test failed, or an empty text. */
static void find_fault(struct trial *t, int status, bool overdue) {
    const struct outcome *o = t->outcome;
    int expected = t->test->signal, died_of = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    t->why[0] = '\0';
    if (overdue)
        snprintf(t->why, sizeof(t->why), "still running after %" PRId64 " ms", t->ms);
    else if (died_of != expected && died_of != 0)
        snprintf(t->why, sizeof(t->why), "died of signal %d, %s", died_of, strsignal(died_of));
    else if (o->failed > 0)
        snprintf(t->why, sizeof(t->why), "%u assertions failed", o->failed);
    else if (died_of != expected && !o->skipped)
        snprintf(t->why, sizeof(t->why), "did not die of signal %d, %s", expected,
                 strsignal(expected));
    else if (died_of == 0 && WEXITSTATUS(status) != 0)
        snprintf(t->why, sizeof(t->why), "exit status %d", WEXITSTATUS(status));
    else if (died_of == 0 && !o->ended)
        snprintf(t->why, sizeof(t->why), "exited before it came to its end");
}

static void settle(struct run *r, struct process *p, int status) {
    struct trial *t = p->trial;
    t->ms = now_ms() - p->began_ms;
    find_fault(t, status, p->overdue);
    t->verdict = t->why[0] != '\0'     ? VERDICT_FAILED
                 : t->outcome->skipped ? VERDICT_SKIPPED
                                       : VERDICT_PASSED;
    if (t->verdict == VERDICT_FAILED)
        fprintf(stderr, "[FAIL] %s::%s: (%.2fs) %s\n", t->test->suite, t->test->name,
                (double)t->ms / 1000, t->why);
    else if (t->verdict == VERDICT_SKIPPED)
        fprintf(stderr, "[SKIP] %s::%s: %s\n", t->test->suite, t->test->name, t->outcome->reason);
    else if (r->verbose)
        fprintf(stderr, "[PASS] %s::%s: (%.2fs)\n", t->test->suite, t->test->name,
                (double)t->ms / 1000);
    p->pid = 0;
    r->running--;
}

/* Until a process has ended or is overdue: SIGCHLD is blocked, so that it is seen here alone. */
static void wait_a_while(const struct run *r) {
    int64_t until_ms = INT64_MAX, now = now_ms();
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    for (size_t i = 0; i < r->jobs; i++) {
        const struct process *p = &r->processes[i];
        if (p->pid != 0 && !p->overdue && p->until_ms < until_ms)
            until_ms = p->until_ms;
    }
    int64_t ms = until_ms == INT64_MAX ? 60000 : until_ms > now ? until_ms - now : 0;
    struct timespec at_most = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    sigtimedwait(&ended, NULL, &at_most);
}

static void look_after(struct run *r) {
    int64_t now;
    wait_a_while(r);
    now = now_ms();
    for (size_t i = 0; i < r->jobs; i++) {
        struct process *p = &r->processes[i];
        int status;
        if (p->pid == 0)
            continue;
        if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
            settle(r, p, status);
        } else if (now >= p->until_ms && !p->overdue) {
            p->overdue = true;
            kill(p->pid, SIGKILL);
        }
    }
}

static const struct criterion_test *suite_of(const struct criterion_test *test) {
    for (struct criterion_test **s = __start_criterion_suites; s < __stop_criterion_suites; s++)
        if (strcmp((*s)->suite, test->suite) == 0)
            return *s;
    return NULL;
}

static int by_place(const void *a, const void *b) {
    const struct criterion_test *one = ((const struct trial *)a)->test,
                                *two = ((const struct trial *)b)->test;
    int files = strcmp(one->file, two->file);
    return files != 0 ? files : (one->line > two->line) - (one->line < two->line);
}

/* All tests whose SUITE/NAME the filter matches, in the order of their files. */
static void gather(struct run *r) {
    size_t all = (size_t)(__stop_criterion_tests - __start_criterion_tests);
    struct outcome *outcomes = mmap(NULL, (all + 1) * sizeof(*outcomes), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    r->trials = calloc(all + 1, sizeof(*r->trials));
    if (r->trials == NULL || outcomes == MAP_FAILED) {
        perror("tests");
        exit(2);
    }
    for (size_t i = 0; i < all; i++) {
        const struct criterion_test *t = __start_criterion_tests[i];
        char name[256];
        snprintf(name, sizeof(name), "%s/%s", t->suite, t->name);
        if (r->filter != NULL && fnmatch(r->filter, name, 0) != 0)
            continue;
        r->trials[r->count] =
            (struct trial){.test = t, .suite = suite_of(t), .outcome = &outcomes[r->count]};
        r->count++;
    }
    qsort(r->trials, r->count, sizeof(*r->trials), by_place);
}

static void run_all(struct run *r) {
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    for (size_t next = 0; next < r->count || r->running > 0;) {
        while (r->running < r->jobs && next < r->count)
            start(r, &r->trials[next++]);
        look_after(r);
    }
}

static bool write_tap(const struct run *r) {
    FILE *out = fopen(r->tap, "w");
    if (out == NULL)
        return false;
    fprintf(out, "TAP version 13\n1..%zu\n", r->count);
    for (size_t i = 0; i < r->count; i++) {
        const struct trial *t = &r->trials[i];
        bool skipped = t->verdict == VERDICT_SKIPPED;
        fprintf(out, "%s - %s::%s%s%s%s\n", t->verdict == VERDICT_FAILED ? "not ok" : "ok",
                t->test->suite, t->test->name, skipped ? "  # SKIP " : " ",
                skipped ? t->outcome->reason : "", t->why);
    }
    return fclose(out) == 0;
}

static size_t failures(const struct run *r) {
    size_t count[3] = {0};
    for (size_t i = 0; i < r->count; i++)
        count[r->trials[i].verdict]++;
    fprintf(stderr, "[====] Synthesis: Tested: %zu | Passing: %zu | Failing: %zu | Skipped: %zu\n",
            r->count, count[VERDICT_PASSED], count[VERDICT_FAILED], count[VERDICT_SKIPPED]);
    return count[VERDICT_FAILED];
}

/* False if an option is not known. */
static bool read_options(struct run *r, int argc, char *argv[]) {
    static const struct option options[] = {
        {"color", required_argument, NULL, 'q'}, {"ascii", no_argument, NULL, 'q'},
        {"tap", required_argument, NULL, 't'},   {"filter", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},  {"verbose", no_argument, NULL, 'v'},
        {"list", no_argument, NULL, 'l'},        {NULL, 0, NULL, 0}};
    long jobs = sysconf(_SC_NPROCESSORS_ONLN);
    int option;
    while ((option = getopt_long(argc, argv, "j:vl", options, NULL)) != -1) {
        switch (option) {
        case 'q':
            break; /* nothing here has colours */
        case 't':
            r->tap = optarg;
            break;
        case 'f':
            r->filter = optarg;
            break;
        case 'j':
            jobs = strtol(optarg, NULL, 10);
            break;
        case 'v':
            r->verbose = true;
            break;
        case 'l':
            r->list = true;
            break;
        default:
            return false;
        }
    }
    r->jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : (size_t)jobs;
    return optind == argc;
}

int main(int argc, char *argv[]) {
    static struct run run;
    if (!read_options(&run, argc, argv)) {
        fprintf(stderr,
                "usage: %s [--filter PATTERN] [--jobs N] [--tap=FILE] [--list] [--verbose]\n",
                argv[0]);
        return 2;
    }
    optind = 1; /* a test may read options of its own */
    say_to = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (say_to < 0)
        say_to = STDERR_FILENO;
    gather(&run);
    for (size_t i = 0; run.list && i < run.count; i++)
        printf("%s/%s\n", run.trials[i].test->suite, run.trials[i].test->name);
    if (run.list)
        return 0;
    run_all(&run);
    if (run.tap != NULL && !write_tap(&run)) {
        perror(run.tap);
        return 2;
    }
    return failures(&run) > 0;
}
