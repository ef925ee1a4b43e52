/*
 * The real transcoderd on loopback: its processes are killed, and what clients see of it.
 */
#include "peerd/net/clock.h"
#include "test/lib/transcoderd_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;
static struct media_client client, other;

static const struct rig_source sources[] = {{.name = "noise", .frames = 500, .loop = true}};

static void start(void) {
    rig_init(&rig, sources, 1);
    if (!rig_start(&rig, 2)) {
        rig_stop(&rig);
        cr_skip_test("no transcoderd in $PEERD_BIN");
    }
}

static void stop(void) {
    rig_stop(&rig);
}

TestSuite(transcoderd_life, .init = start, .fini = stop, .timeout = 60);

static void commit(struct media_client *c, uint32_t epoch, uint64_t from) {
    struct message answer;
    cr_assert(media_client_hello(c), "no cookie");
    struct message_resume r = media_client_resume(c, RESUME_COMMIT, epoch, from, from);
    cr_assert(media_client_ask(c, &r, &answer), "no answer");
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
}

static bool is_gone(pid_t pid) {
    for (int i = 0; i < 2000; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
        usleep(10000);
    }
    return false;
}

static bool late(struct instant since) {
    return instant_since(net_now(), since).us > MEDIA_CLIENT_PATIENCE_MS * INT64_C(1000);
}

/* The port is the same, the cookie is good still, and no frame is lost: the replacement knows what
 * the one before it served, up to where, and when the next frame is due. Only what was swallowed
 * more than a second ago is not sent again, which on a crowded machine can be some. */
static void expect_replacement_goes_on(int signal_number) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    commit(&client, 1, 0);
    cr_assert(media_client_await(&client, 20));
    cr_assert(media_client_report(&client, 1, 0, &answer));
    pid_t pid = rig.worker_pids[0];
    struct addr media = rig.media[0];
    struct instant killed = net_now();
    kill(pid, signal_number);
    cr_assert(rig_await_log(&rig, "worker died"));
    cr_assert(rig_await_log(&rig, "worker started"));
    cr_expect_neq(rig.worker_pids[0], pid);
    cr_expect(addr_equal(&rig.media[0], &media), "the socket outlives the process");
    media_client_listen(&client, 0);
    uint64_t before = media_client_end(&client), next = before;
    while (media_client_end(&client) == before && !late(killed))
        media_client_listen(&client, 20);
    /* What is filled in may be overtaken by what is live, but not by that much. */
    cr_assert(media_client_await(&client, media_client_end(&client) + 40), "it sends again");
    while (client.frames[next].copies == 0)
        next++;
    bool at_once = instant_since(client.frames[next].first, killed).us < 800000;
    uint64_t end = media_client_end(&client);
    uint32_t missing = media_client_missing(&client, 0, next);
    cr_expect(missing == 0 || !at_once, "%u frames are missing", missing);
    cr_expect_eq(media_client_missing(&client, next, end - 40), 0, "the newest have all come");
    for (uint64_t n = 0; n < end; n++)
        cr_expect(!client.frames[n].differs, "frame %zu", (size_t)n);
    cr_assert(media_client_report(&client, 1, end, &answer));
    cr_expect_eq(answer.kind, MESSAGE_ACK, "the session is its own now");
    struct message_resume again = media_client_resume(&client, RESUME_COMMIT, 1, end, end);
    cr_assert(media_client_ask(&client, &again, &answer));
    cr_expect_eq(answer.kind, MESSAGE_GRANT, "with a cookie of the process before");
}

Test(transcoderd_life, killed_worker_is_replaced_and_goes_on) {
    expect_replacement_goes_on(SIGKILL);
}

Test(transcoderd_life, aborted_worker_is_replaced_and_goes_on) {
    expect_replacement_goes_on(SIGABRT);
}

Test(transcoderd_life, stalled_worker_is_switched_off) {
    expect_replacement_goes_on(SIGSTOP);
}

/* Killed, and not reaped yet. */
static void await_zombie(pid_t pid) {
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 2000 && state != 'Z'; i++) {
        FILE *f = fopen(path, "re");
        cr_assert_not_null(f);
        cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
        fclose(f);
        usleep(1000);
    }
    cr_assert_eq(state, 'Z');
}

/* The child of the supervisor that calls itself so; 0: none. */
static pid_t named(const char *name) {
    char path[64], comm[32];
    int pid;
    pid_t found = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)rig.pid, (int)rig.pid);
    FILE *children = fopen(path, "re");
    cr_assert_not_null(children);
    while (found == 0 && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        FILE *f = fopen(path, "re");
        if (f != NULL && fscanf(f, "%31s", comm) == 1 && strcmp(comm, name) == 0)
            found = pid;
        if (f != NULL)
            fclose(f);
    }
    fclose(children);
    return found;
}

Test(transcoderd_life, one_more_is_at_hand_and_takes_the_place_of_the_dead) {
    cr_assert(rig_await_log(&rig, "worker at hand"));
    pid_t spare = named("transcoderd/-"), dead = rig.worker_pids[1];
    cr_assert_neq(spare, 0);
    cr_expect_eq(named("transcoderd/1"), dead);
    kill(dead, SIGKILL);
    cr_assert(rig_await_log(&rig, "worker started"));
    cr_expect_eq(rig.worker_pids[1], spare);
    cr_assert(rig_await_log(&rig, "worker at hand"), "and there is one more again");
    cr_expect_eq(named("transcoderd/1"), spare);
    cr_expect_neq(named("transcoderd/-"), 0);
}

/* A place must not be given to the dead. */
Test(transcoderd_life, whoever_is_at_hand_may_die_with_the_one_it_is_for) {
    cr_assert(rig_await_log(&rig, "worker at hand"));
    pid_t spare = named("transcoderd/-");
    int status;
    kill(rig.pid, SIGSTOP);
    cr_assert_eq(waitpid(rig.pid, &status, WUNTRACED), rig.pid);
    kill(rig.worker_pids[0], SIGKILL);
    kill(spare, SIGKILL);
    await_zombie(rig.worker_pids[0]);
    await_zombie(spare);
    kill(rig.pid, SIGCONT);
    cr_assert(rig_await_log(&rig, "worker at hand died"));
    cr_assert(rig_await_log(&rig, "worker started"));
    cr_expect_neq(rig.worker_pids[0], spare);
    rig_client(&rig, &client, "noise", "pcmu");
    commit(&client, 1, 0);
    cr_expect(media_client_await(&client, 5));
}

/* What killed two processes in a row may be a session: it is not handed on again. */
Test(transcoderd_life, second_death_in_a_row_drops_the_sessions) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    commit(&client, 1, 0);
    cr_assert(media_client_await(&client, 5));
    for (int i = 0; i < 2; i++) {
        kill(rig.worker_pids[0], SIGKILL);
        cr_assert(rig_await_log(&rig, "worker died"));
        cr_assert(rig_await_log(&rig, "worker started"));
    }
    cr_assert(media_client_report(&client, 1, 5, &answer));
    cr_assert_eq(answer.kind, MESSAGE_REFUSE);
    cr_expect_eq(answer.u.refuse.error, ERR_UNKNOWN_SESSION);
    commit(&client, 1, 100);
    cr_expect(media_client_await(&client, 110), "the client commits here again at once");
}

Test(transcoderd_life, other_workers_do_not_notice) {
    rig_client(&rig, &client, "noise", "pcmu");
    rig_client(&rig, &other, "noise", "pcmu");
    media_client_close(&other);
    struct ticket t = other.ticket;
    media_client_open(&other, &rig.media[1], &client.target);
    media_client_ticket(&other, &t, &rig.issuer, 160);
    commit(&client, 1, 0);
    commit(&other, 1, 0);
    kill(rig.worker_pids[0], SIGKILL);
    cr_assert(media_client_await(&other, 25));
    uint64_t end = media_client_end(&other);
    cr_expect_eq(media_client_missing(&other, 0, end), 0);
    cr_expect_eq(kill(rig.worker_pids[1], 0), 0);
}

Test(transcoderd_life, a_worker_that_dies_again_and_again_is_started_slowly) {
    for (int i = 0; i < 6; i++) {
        struct instant killed = net_now(); /* not when we read of it, which may be late */
        kill(rig.worker_pids[1], SIGKILL);
        cr_assert(rig_await_log(&rig, "worker died"));
        cr_assert(rig_await_log(&rig, "worker started"));
        bool waited = instant_since(net_now(), killed).us >= 1000000;
        cr_expect(waited || i < 5, "death %d", i + 1);
    }
    rig_client(&rig, &client, "noise", "pcmu");
    commit(&client, 1, 0);
    cr_expect(media_client_await(&client, 5), "the other one serves all the while");
}

Test(transcoderd_life, workers_go_with_their_supervisor) {
    static const int signals[] = {SIGKILL, SIGTERM};
    for (int i = 0; i < 2; i++) {
        int status;
        kill(rig.pid, signals[i]);
        cr_assert_eq(waitpid(rig.pid, &status, 0), rig.pid);
        cr_expect(i == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "SIGTERM is a clean end");
        for (int w = 0; w < 2; w++)
            cr_expect(is_gone(rig.worker_pids[w]), "worker %d outlives signal %d", w, signals[i]);
        rig.pid = 0;
        rig_stop(&rig);
        if (i == 0)
            start();
    }
    rig.log = NULL;
    rig.catalogue.source_count = 0;
}

Test(transcoderd_life, serves_ipv6) {
    rig_stop(&rig);
    rig_init(&rig, sources, 1);
    rig.bind = "[::1]:0";
    cr_assert(rig_start(&rig, 1));
    rig_client(&rig, &client, "noise", "pcmu");
    cr_expect_eq(client.server.family, 6);
    commit(&client, 1, 0);
    cr_assert(media_client_await(&client, 20));
    cr_expect_eq(media_client_missing(&client, 0, 20), 0);
}

static int run(const char *arguments) {
    const char *bin = getenv("PEERD_BIN");
    char command[512];
    snprintf(command, sizeof(command), "%s/transcoderd %s >/dev/null 2>&1",
             bin == NULL ? "build/bin" : bin, arguments);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(transcoderd_life, command_line) {
    static const struct {
        const char *what, *arguments;
        int status;
    } rows[] = {
        {"help", "--help", 0},
        {"version", "--version", 0},
        {"nothing", "", 2},
        {"unknown option", "--nonsense", 2},
        {"stray argument", "--help-me", 2},
        {"no media address", "--config x", 2},
        {"bad media address", "--config x --media 1.2.3.4", 2},
        {"bad number", "--config x --media 127.0.0.1:0 --workers many", 2},
        {"both", "--config x --peerd 127.0.0.1:1 --media 127.0.0.1:0", 2},
        {"no such file", "--config /nonexistent --media 127.0.0.1:0 --workers 1", 1},
        {"not our address", "--config /nonexistent --media 192.0.2.1:7000 --workers 1", 1},
        {"worker without supervisor", "--worker-fds 3,4,5,0,1", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(run(rows[i].arguments), rows[i].status, "%s", rows[i].what);
}
