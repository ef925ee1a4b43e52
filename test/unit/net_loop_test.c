#include "peerd/net/loop.h"

#include "peerd/base/rng.h"
#include "test/unit/net_fixture.h"

#include <signal.h>

/* ---- timers ---- */

struct note {
    struct net_timer timer;
    struct net_loop *loop;
    int *order, *count; /* where to write `id` when fired */
    int id, stop_at;    /* stops the loop as the stop_at'th */
    struct instant fired_at;
};

static void note_fired(void *data, struct instant now) {
    struct note *n = data;

    n->fired_at = now;
    n->order[(*n->count)++] = n->id;
    if (*n->count == n->stop_at)
        net_loop_stop(n->loop);
}

Test(net_loop, timers_fire_by_deadline_then_by_order_of_arming) {
    static const struct {
        const char *what;
        int64_t at_ms;
    } rows[] = {{"later", 12},  {"early", 4},     {"same as the last but one", 12},
                {"past", -100}, {"early too", 4}, {"in between", 8}};
    static const int expected[] = {3, 1, 4, 5, 0, 2};
    enum {
        N = sizeof rows / sizeof rows[0]
    };
    struct net_loop *loop = net_loop_new();
    struct note notes[N];
    int order[N], count = 0;
    struct instant base = net_now();

    for (int i = 0; i < N; i++) {
        notes[i] =
            (struct note){.loop = loop, .order = order, .count = &count, .id = i, .stop_at = N};
        net_timer_init(&notes[i].timer, loop, note_fired, &notes[i]);
        net_timer_arm(&notes[i].timer, instant_add(base, duration_ms(rows[i].at_ms)));
    }
    run_until_stopped(loop);
    for (int i = 0; i < N; i++) {
        cr_expect_eq(order[i], expected[i], "place %d: %s", i, rows[order[i]].what);
        cr_expect(notes[i].fired_at.us >= base.us + rows[i].at_ms * 1000, "never early: %s",
                  rows[i].what);
        cr_expect_not(net_timer_armed(&notes[i].timer));
    }
    net_loop_free(loop);
}

Test(net_loop, moved_and_cancelled_timers_keep_the_heap_in_order) {
    enum {
        N = 200
    };
    static struct note notes[N];
    struct net_loop *loop = net_loop_new();
    int order[N], count = 0, armed = 0;
    struct rng g;
    struct instant base = net_now();

    rng_seed(&g, 7);
    for (int i = 0; i < N; i++) {
        notes[i] = (struct note){.loop = loop, .order = order, .count = &count, .id = i};
        net_timer_init(&notes[i].timer, loop, note_fired, &notes[i]);
    }
    for (int i = 0; i < 5000; i++) {
        struct note *n = &notes[rng_below(&g, N)];
        if (rng_below(&g, 4) == 0)
            net_timer_cancel(&n->timer);
        else
            net_timer_arm(&n->timer, instant_add(base, duration_us((int64_t)rng_below(&g, 900))));
    }
    net_timer_arm(&notes[0].timer, INSTANT_NEVER);
    cr_expect_not(net_timer_armed(&notes[0].timer), "never is a cancel");
    int64_t at[N];
    for (int i = 0; i < N; i++) {
        at[i] = notes[i].timer.at.us;
        armed += net_timer_armed(&notes[i].timer);
    }
    cr_assert(armed > 50);
    for (int i = 0; i < N; i++)
        notes[i].stop_at = armed;
    run_until_stopped(loop);
    for (int i = 1; i < armed; i++)
        cr_expect(at[order[i - 1]] <= at[order[i]], "place %d", i);
    cr_expect_eq(count, armed);
    net_loop_free(loop);
}

struct chain {
    struct net_timer timer;
    struct net_loop *loop;
    int left;
};

static void chain_fired(void *data, struct instant now) {
    struct chain *c = data;

    if (--c->left == 0)
        net_loop_stop(c->loop);
    else
        net_timer_arm(&c->timer, now); /* due already */
}

static void count_call(void *data) {
    ++*(int *)data;
}

Test(net_loop, a_timer_that_arms_itself_for_now_lets_the_others_run) {
    struct chain c = {.loop = net_loop_new(), .left = 10};
    struct net_hook hook;
    int turns = 0;

    net_hook_add(&hook, c.loop, count_call, &turns);
    net_timer_init(&c.timer, c.loop, chain_fired, &c);
    net_timer_arm(&c.timer, net_now());
    run_until_stopped(c.loop);
    cr_expect_geq(turns, 10, "one firing a turn, %d turns", turns);
    net_hook_remove(&hook);
    net_hook_remove(&hook);
    net_loop_free(c.loop);
}

Test(net_loop, run_until_tells_a_deadline_from_a_stop) {
    struct net_loop *loop = net_loop_new();
    struct instant deadline = in_ms(5);

    cr_expect_not(net_loop_run_until(loop, deadline));
    cr_expect(net_now().us >= deadline.us);
    net_loop_stop(loop); /* not running: nothing to stop */
    deadline = in_ms(5);
    cr_expect_not(net_loop_run_until(loop, deadline), "and it can run again");
    cr_expect(net_now().us >= deadline.us);
    net_loop_free(loop);
    net_loop_free(NULL);
}

/* ---- hooks ---- */

struct remover {
    struct net_hook hook, *victim;
    int calls;
};

static void remove_victim(void *data) {
    struct remover *r = data;

    r->calls++;
    net_hook_remove(r->victim);
}

Test(net_loop, a_hook_may_remove_itself_and_the_next) {
    struct net_loop *loop = net_loop_new();
    struct remover a = {0}, b = {0}, c = {0};

    a.victim = &b.hook;
    b.victim = &b.hook;
    c.victim = &c.hook;
    net_hook_add(&a.hook, loop, remove_victim, &a);
    net_hook_add(&b.hook, loop, remove_victim, &b);
    net_hook_add(&c.hook, loop, remove_victim, &c);
    net_loop_run_until(loop, in_ms(3));
    net_loop_run_until(loop, in_ms(3));
    cr_expect(a.calls > 1 && b.calls == 0 && c.calls == 1, "%d %d %d", a.calls, b.calls, c.calls);
    net_hook_remove(&a.hook);
    net_loop_free(loop);
}

/* ---- descriptors ---- */

struct pipe_end {
    struct net_loop *loop;
    struct net_watch *watch;
    int fd;
    unsigned seen;
    int calls;
};

static void pipe_ready(void *data, unsigned events) {
    struct pipe_end *p = data;

    p->seen |= events;
    p->calls++;
    net_watch_close(p->watch);
    p->watch = NULL;
    net_loop_stop(p->loop);
}

Test(net_loop, a_watch_reports_and_may_be_closed_in_its_callback) {
    struct net_loop *loop = net_loop_new();
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    struct pipe_end in = {.loop = loop, .fd = fds[0]}, out = {.loop = loop, .fd = fds[1]};
    in.watch = net_watch_open(loop, fds[0], NET_READABLE, pipe_ready, &in);
    out.watch = net_watch_open(loop, fds[1], 0, pipe_ready, &out);
    cr_expect_null(net_watch_open(loop, fds[0], NET_READABLE, pipe_ready, &in), "watched already");
    cr_expect_not(net_loop_run_until(loop, in_ms(3)),
                  "nothing to read, nothing asked of the other");
    net_watch_set(out.watch, NET_WRITABLE);
    run_until_stopped(loop);
    cr_expect_eq(out.seen, NET_WRITABLE);
    cr_expect_eq(write(fds[1], "x", 1), 1);
    run_until_stopped(loop);
    cr_expect_eq(in.seen, NET_READABLE);
    cr_expect_not(net_loop_run_until(loop, in_ms(3)), "closed: still readable, not reported");
    cr_expect_eq(in.calls, 1);
    close(fds[0]);
    close(fds[1]);
    net_loop_free(loop);
}

Test(net_loop, an_error_is_reported_not_swallowed) {
    struct net_loop *loop = net_loop_new();
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    struct pipe_end out = {.loop = loop, .fd = fds[1]};
    close(fds[0]); /* a pipe without a reader polls as POLLERR */
    out.watch = net_watch_open(loop, fds[1], NET_WRITABLE, pipe_ready, &out);
    run_until_stopped(loop);
    cr_expect(out.seen & NET_FAILED);
    /* And SIGPIPE is ignored. */
    cr_expect_eq(write(fds[1], "x", 1), -1);
    close(fds[1]);
    net_loop_free(loop);
}

/* ---- signals and work ---- */

static struct net_loop *signalled_loop;

static void signal_arrived(void *data, int number) {
    *(int *)data = number;
    net_loop_stop(signalled_loop);
}

Test(net_loop, signals_arrive_in_the_loop) {
    int seen = 0;

    signalled_loop = net_loop_new();
    struct net_signal *s = net_signal_open(signalled_loop, SIGHUP, signal_arrived, &seen);
    cr_assert_not_null(s);
    kill(getpid(), SIGHUP);
    run_until_stopped(signalled_loop);
    cr_expect_eq(seen, SIGHUP);
    net_signal_close(s);
    net_signal_close(NULL);
    cr_expect_null(net_signal_open(signalled_loop, 9999, signal_arrived, &seen));
    net_loop_free(signalled_loop);
}

struct job {
    struct net_loop *loop;
    int input, output;
    bool done;
};

static void square(void *data) {
    struct job *j = data;

    j->output = j->input * j->input;
}

static void job_done(void *data) {
    struct job *j = data;

    j->done = true;
    net_loop_stop(j->loop);
}

Test(net_loop, work_is_done_elsewhere_and_its_end_comes_home) {
    struct job j = {.loop = net_loop_new(), .input = 12};

    cr_assert_eq(net_work(j.loop, square, job_done, &j), ERR_OK);
    run_until_stopped(j.loop);
    cr_expect(j.done && j.output == 144);
    /* What is in flight when the loop goes is waited for. */
    j.done = false;
    cr_assert_eq(net_work(j.loop, square, job_done, &j), ERR_OK);
    net_loop_free(j.loop);
    cr_expect(j.done);
}

Test(net_loop, work_in_flight_is_bounded) {
    struct job j = {.loop = net_loop_new(), .input = 3};

    for (int i = 0; i < NET_WORK_MAX; i++)
        cr_assert_eq(net_work(j.loop, square, job_done, &j), ERR_OK);
    cr_expect_eq(net_work(j.loop, square, job_done, &j), ERR_FULL);
    net_loop_free(j.loop);
}

/* ---- clock ---- */

Test(net_clock, monotonic_wall_and_entropy) {
    struct instant before = net_now();
    struct wall wall = net_wall();
    uint8_t a[600] = {0}, b[600] = {0};

    cr_expect(net_now().us >= before.us);
    cr_expect(wall.us > 1700000000000000, "after 2023");
    cr_expect(wall.uncertainty_us >= 0);
    net_entropy(a, sizeof a);
    net_entropy(b, sizeof b);
    cr_expect(memcmp(a, b, sizeof a) != 0);
    cr_expect(memcmp(a + 500, b + 500, 100) != 0, "filled to the end");
    net_entropy(a, 0);
}
