#include "transcoder/worker/suspicion.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that sleeps is never ready to run: whatever it waits for, it is not a processor. */
static pid_t sleeper(void) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return pid;
}

Test(suspicion, stuck_after_the_limit) {
    static const struct {
        int64_t stalled_ms;
        enum suspicion_verdict verdict;
    } rows[] = {
        {0, SUSPICION_NONE},   {400, SUSPICION_NONE},   {500, SUSPICION_NONE},
        {900, SUSPICION_NONE}, {1000, SUSPICION_STUCK},
    };
    struct suspicion s;
    pid_t pid = sleeper();
    suspicion_init(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct duration stalled = duration_ms(rows[i].stalled_ms);
        cr_expect_eq(suspicion_judge(&s, pid, stalled, duration_s(1), instant_us(stalled.us)),
                     rows[i].verdict, "after %d ms", (int)rows[i].stalled_ms);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Nobody can make the kernel starve a process on request; a sample that pretends so can. */
Test(suspicion, starved_is_spared_for_a_while) {
    struct suspicion s;
    pid_t pid = sleeper();
    suspicion_init(&s);
    cr_expect_eq(suspicion_judge(&s, pid, duration_ms(500), duration_s(1), instant_us(500000)),
                 SUSPICION_NONE);
    s.waited_ns -= 200000000;
    cr_expect_eq(suspicion_judge(&s, pid, duration_ms(1000), duration_s(1), instant_us(1000000)),
                 SUSPICION_STARVED, "it waited 200 of 500 ms for a processor");
    cr_expect_eq(suspicion_judge(&s, pid, duration_ms(1100), duration_s(1), instant_us(1100000)),
                 SUSPICION_NONE, "too early to ask again");
    cr_expect_eq(suspicion_judge(&s, pid, duration_ms(1250), duration_s(1), instant_us(1250000)),
                 SUSPICION_STUCK, "and since then it has not");
    s.waited_ns -= 200000000;
    cr_expect_eq(suspicion_judge(&s, pid, duration_s(10), duration_s(1), instant_us(10000000)),
                 SUSPICION_STUCK, "there is an end to patience");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(suspicion, progress_clears_it) {
    struct suspicion s;
    suspicion_init(&s);
    suspicion_judge(&s, getpid(), duration_ms(700), duration_s(1), instant_us(700000));
    cr_expect(!instant_is_never(s.sampled));
    suspicion_judge(&s, getpid(), duration_ms(10), duration_s(1), instant_us(800000));
    cr_expect(instant_is_never(s.sampled));
}
