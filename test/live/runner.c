#include "test/live/runner.h"

#include "peerd/net/clock.h"
#include "test/live/chronicle.h"
#include "test/live/crowd.h"
#include "test/live/hearsay.h"
#include "test/live/process.h"
#include "test/live/setup.h"
#include "test/live/timeline.h"
#include "test/live/wide.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_WITHIN   duration_s(20) /* sanitizers and a busy machine are slow starters */
#define READY_ASK      duration_ms(50)
#define TICK           duration_ms(100)
#define REPORTS_WITHIN duration_s(4)
#define OVERRUN_S      90 /* beyond the scenario's duration the kernel ends it */
#define TABLE_WITHIN   duration_s(1)
#define TABLE_ASK      duration_ms(10)
#define STALL          duration_ms(80) /* starting a process or a packet filter takes a tenth */

/* ---- facts ---- */

struct duration runner_at(const struct runner *r, struct instant now) {
    return instant_is_never(r->started) ? duration_us(-1) : instant_since(now, r->started);
}

void runner_fact(struct runner *r, enum fact_kind kind, const char *format, ...) {
    char text[RUNNER_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    r->config.narrator.fact(r->config.narrator.data, kind, runner_at(r, net_now()), text);
}

bool runner_fail(struct runner *r, const char *what, const char *why) {
    runner_fact(r, FACT_TROUBLE, "%s: %s", what, why);
    r->failed = true;
    return false;
}

uint32_t runner_served_by(const struct runner *r, uint32_t site) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->listener_count; i++)
        count += r->listeners[i].pid != 0 && r->listeners[i].serving == site;
    return count;
}

uint32_t runner_serving(const struct runner *r) {
    uint32_t best = SCENARIO_NONE, most = 0;
    for (uint32_t i = 0; i < r->site_count; i++)
        if (runner_served_by(r, i) > most) {
            most = runner_served_by(r, i);
            best = i;
        }
    return best;
}

/* ---- coming up ---- */

static void start_command(struct runner *r) {
    char root[16];
    if (r->config.command == NULL || r->command_started)
        return;
    r->command_started = true;
    snprintf(root, sizeof(root), "%d", (int)getpid());
    setenv("LIVE_DIR", r->dir, 1);
    setenv("LIVE_BIN", r->config.bin, 1);
    setenv("LIVE_RUNNER", root, 1);
    r->command = process_start(&(struct process_spec){
        .argv = r->config.command, .in = -1, .out = 1, .err = 2, .patient = true});
    r->command_status = -1; /* until it has ended */
}

static void ask_sites(struct runner *r);

static void begin(struct runner *r) {
    struct instant now = net_now();
    r->state = RUNNER_RUNNING;
    r->started = now;
    crowd_begin(r, now);
    runner_fact(r, FACT_RUN, "%u clusters are up and know each other", r->site_count);
    timeline_start(r->timeline);
    net_timer_arm(&r->next, instant_add(now, r->scenario->duration));
}

/* Those that it can have: with `discovery` everybody accepts everybody. */
static uint32_t peers_of(const struct runner *r, uint32_t site) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->site_count; i++)
        count += i != site && scenario_are_peers(r->scenario, site, i);
    return count;
}

static void peers_answered(void *data, const json_t *answer) {
    struct site *s = data;
    struct runner *r = s->data;
    r->asked--;
    r->ready += inquiry_is_acquainted(answer, peers_of(r, s->index));
}

static void status_answered(void *data, const json_t *answer) {
    struct site *s = data;
    struct runner *r = s->data;
    r->asked--;
    r->ready += inquiry_is_staffed(s, answer);
}

static void ask_sites(struct runner *r) {
    r->ready = 0;
    r->asked = 2 * r->site_count;
    for (uint32_t i = 0; i < r->site_count; i++) {
        inquirer_ask(r->inquirer, &r->sites[i], "/v1/status", status_answered, &r->sites[i]);
        inquirer_ask(r->inquirer, &r->sites[i], "/v1/peers", peers_answered, &r->sites[i]);
    }
}

/* Who asks before there is an answer asks again a second later. */
static bool start_resolvers(struct runner *r) {
    for (uint32_t i = 0; i < r->resolver_count; i++) {
        struct resolver *x = &r->resolvers[i];
        if (r->resolvers_started ? x->pid == 0 : !resolver_start(x))
            return runner_fail(r, x->dir, "knotd cannot be started: see its log");
    }
    r->resolvers_started = true;
    return true;
}

static bool resolvers_answer(const struct runner *r) {
    for (uint32_t i = 0; i < r->resolver_count; i++)
        if (!resolver_answers(&r->resolvers[i]))
            return false;
    return true;
}

/* A command that comes first says itself when it has changed what it wants to change. */
static bool start_sites(struct runner *r) {
    char go[SITE_PATH_MAX + 8];
    snprintf(go, sizeof(go), "%s/go", r->dir);
    if (r->config.early && access(go, F_OK) != 0)
        return r->command != 0 || runner_fail(r, "the command", "has ended before anything began");
    if (!start_resolvers(r))
        return false;
    if (!resolvers_answer(r))
        return true;
    for (uint32_t i = 0; i < r->site_count; i++)
        if (!site_start(&r->sites[i]))
            return runner_fail(r, r->sites[i].name.text, "its programs cannot be started");
    r->sites_started = true;
    return true;
}

static void starting_tick(struct runner *r, struct instant now) {
    if (!r->sites_started && !start_sites(r)) {
        net_loop_stop(r->loop);
        return;
    }
    if (!r->sites_started) {
        net_timer_arm(&r->next, instant_add(now, READY_ASK));
        return;
    }
    if (r->asked == 0 && r->ready == 2 * r->site_count) {
        begin(r);
        return;
    }
    if (r->asked == 0)
        ask_sites(r);
    net_timer_arm(&r->next, instant_add(now, READY_ASK));
}

/* ---- running ---- */

/* A peerd that came back has its table again when it knows every session that is served there. */
static void table_answered(void *data, const json_t *answer) {
    struct site *s = data;
    struct runner *r = s->data;
    s->asked = false;
    if (instant_is_never(s->restarted))
        return;
    struct duration took = instant_since(net_now(), s->restarted);
    uint32_t served = runner_served_by(r, s->index);
    bool whole =
        answer != NULL && json_integer_value(json_object_get(answer, "sessions")) >= served;
    if (!whole && took.us < 5 * TABLE_WITHIN.us) {
        net_timer_arm(&r->tables, instant_add(net_now(), TABLE_ASK));
        return;
    }
    s->restarted = INSTANT_NEVER;
    if (r->recovery_count < sizeof(r->recoveries_ms) / sizeof(r->recoveries_ms[0]))
        r->recoveries_ms[r->recovery_count++] = (double)took.us / 1000;
    runner_fact(r, whole && took.us <= TABLE_WITHIN.us ? FACT_OVERLAY : FACT_TROUBLE,
                whole ? "the peerd of %s knows its %u sessions again after %.0f ms"
                      : "the peerd of %s does not know its %u sessions after %.0f ms",
                s->name.text, served, (double)took.us / 1000);
    r->troubled = r->troubled || !whole || took.us > TABLE_WITHIN.us;
}

/* Again after a while, not at once: whoever does not listen yet refuses at once, and a runner that
 * asks without a pause has the priority to keep the peerd that it waits for off its core. */
static void watch_tables(struct runner *r) {
    for (uint32_t i = 0; i < r->site_count; i++) {
        struct site *s = &r->sites[i];
        if (instant_is_never(s->restarted) || s->asked)
            continue;
        s->asked = true;
        inquirer_ask(r->inquirer, s, "/v1/status", table_answered, s);
    }
}

static void tables_due(void *data, struct instant now) {
    (void)now;
    watch_tables(data);
}

static void start_listeners(struct runner *r, struct instant now) {
    uint32_t playing = 0, expected = 0;
    crowd_tick(r, now);
    for (uint32_t i = 0; i < r->listener_count; i++) {
        expected++;
        playing += r->listeners[i].player.started;
    }
    if (!r->playing_told && expected > 0 && playing == expected) {
        r->playing_told = true;
        runner_fact(r, FACT_LISTENER, "all %u listeners play", expected);
    }
}

/* What one cluster has entered. */
static void ledger_answered(void *data, const json_t *answer) {
    struct runner *r = data;
    const json_t *m;
    size_t i;
    r->ledgers_asked--;
    json_array_foreach(json_object_get(answer, "moves"), i, m) {
        const char *side = json_string_value(json_object_get(m, "side"));
        const char *state = json_string_value(json_object_get(m, "state"));
        const char *cause = json_string_value(json_object_get(m, "cause"));
        bool counts = side != NULL && state != NULL && cause != NULL &&
                      strcmp(side, "arriving") == 0 && strcmp(state, "over") == 0;
        for (int c = SCENARIO_CAUSE_DRAIN; counts && c < SCENARIO_CAUSES; c++)
            r->report.entered[c] += strcmp(cause, scenario_cause_name((enum scenario_cause)c)) == 0;
    }
}

static void ask_ledgers(struct runner *r) {
    for (uint32_t i = 0; i < r->site_count && r->scenario->expectations.entered_count > 0; i++) {
        if (r->sites[i].peerd == 0)
            continue;
        r->ledgers_asked++;
        inquirer_ask(r->inquirer, &r->sites[i], "/v1/moves", ledger_answered, r);
    }
}

static void end_run(struct runner *r) {
    if (r->state != RUNNER_RUNNING)
        return;
    r->state = RUNNER_ENDING;
    r->ended = net_now();
    ask_ledgers(r);
    for (uint32_t i = 0; i < r->listener_count; i++)
        listener_stop(&r->listeners[i]);
    net_timer_arm(&r->next, instant_add(r->ended, REPORTS_WITHIN));
}

static bool still_running(const struct runner *r) {
    for (uint32_t i = 0; i < r->listener_count; i++)
        if (r->listeners[i].pid != 0)
            return true;
    return false;
}

/* This process waits for nobody and has the priority to run when it wants. If it cannot, no other
 * could: what was lost meanwhile is the machine's. */
static void watch_machine(struct runner *r, struct instant now) {
    struct duration late = duration_sub(instant_since(now, r->ticked), TICK);
    if (late.us > STALL.us && !instant_is_never(r->ticked)) {
        runner_fact(r, FACT_RUN, "this machine stood still for %.0f ms", (double)late.us / 1000);
        r->stood_still = duration_max(r->stood_still, late);
    }
    r->ticked = now;
}

static void tick(void *data, struct instant now) {
    struct runner *r = data;
    watch_machine(r, now);
    net_timer_arm(&r->ticks, instant_add(now, TICK));
    if (r->state == RUNNER_RUNNING) {
        start_listeners(r, now);
        watch_tables(r);
        chronicle_look(r);
        start_command(r);
        /* Nothing is left to hear when every listener has gone by itself. */
        bool gone = r->listener_count > 0 && !still_running(r);
        for (uint32_t i = 0; i < r->listener_count; i++)
            gone = gone && r->listeners[i].begun && !r->listeners[i].left;
        if (gone && r->config.command == NULL)
            end_run(r);
    }
    if (r->state == RUNNER_ENDING && !still_running(r) && r->ledgers_asked == 0)
        net_loop_stop(r->loop);
    if (r->config.narrator.tick != NULL)
        r->config.narrator.tick(r->config.narrator.data);
}

/* What the present state waits for has come, or will not. */
static void next(void *data, struct instant now) {
    struct runner *r = data;
    switch (r->state) {
    case RUNNER_STARTING:
        if (instant_reached(now, instant_add(r->ended, READY_WITHIN))) {
            runner_fail(r, "the clusters did not come up", "see their logs");
            net_loop_stop(r->loop);
            return;
        }
        starting_tick(r, now);
        return;
    case RUNNER_RUNNING:
        if (r->command != 0)
            net_timer_arm(&r->next, instant_add(now, TICK)); /* it says when it is over */
        else
            end_run(r);
        return;
    case RUNNER_ENDING:
        runner_fact(r, FACT_TROUBLE, "a listener does not end");
        r->troubled = true;
        net_loop_stop(r->loop);
        return;
    case RUNNER_ENDED:
        return;
    }
}

static void reap(void *data, int number) {
    struct runner *r = data;
    int status;
    (void)number;
    for (uint32_t i = 0; i < r->site_count; i++) {
        const char *surprise = site_reap(&r->sites[i]);
        if (surprise == NULL)
            continue;
        runner_fact(r, FACT_TROUBLE, "%s of %s has ended, and nobody wanted that", surprise,
                    r->sites[i].name.text);
        r->troubled = true;
    }
    for (uint32_t i = 0; i < r->resolver_count; i++)
        if (resolver_reap(&r->resolvers[i])) {
            runner_fact(r, FACT_TROUBLE, "the resolver of %s has ended, and nobody wanted that",
                        r->sites[i].name.text);
            r->troubled = true;
        }
    for (uint32_t i = 0; i < r->origin_count; i++)
        if (origin_reap(&r->origins[i])) {
            runner_fact(r, FACT_TROUBLE, "the server of %s has ended, and nobody wanted that",
                        r->origins[i].source.text);
            r->troubled = true;
        }
    for (uint32_t i = 0; i < r->listener_count; i++)
        listener_reap(&r->listeners[i]);
    if (r->timeline != NULL)
        timeline_reap(r->timeline);
    if (r->space.wide != NULL && !wide_lives(r->space.wide) && r->state != RUNNER_ENDED) {
        runner_fail(r, "the emulator of the network has ended", "what was heard says nothing");
        net_loop_stop(r->loop);
    }
    if (r->command != 0 && waitpid(r->command, &status, WNOHANG) == r->command) {
        r->command = 0;
        r->command_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static void interrupted(void *data, int number) {
    struct runner *r = data;
    (void)number;
    r->interrupted = true;
    if (r->state == RUNNER_RUNNING)
        end_run(r);
    else
        net_loop_stop(r->loop);
}

/* ---- all of it ---- */

static bool open_loop(struct runner *r) {
    r->loop = net_loop_new();
    if (r->loop == NULL)
        return runner_fail(r, "no event loop", strerror(errno));
    net_timer_init(&r->next, r->loop, next, r);
    net_timer_init(&r->ticks, r->loop, tick, r);
    net_timer_init(&r->tables, r->loop, tables_due, r);
    r->signals[0] = net_signal_open(r->loop, SIGCHLD, reap, r);
    r->signals[1] = net_signal_open(r->loop, SIGINT, interrupted, r);
    r->signals[2] = net_signal_open(r->loop, SIGTERM, interrupted, r);
    r->signals[3] = net_signal_open(r->loop, SIGHUP, interrupted, r);
    r->inquirer = inquirer_new(r->loop);
    r->timeline = timeline_new(r);
    if (r->inquirer == NULL || r->timeline == NULL)
        return runner_fail(r, "cannot start", strerror(errno));
    return true;
}

/* Where faults of the format are told as well; standard output may be a report. */
static bool refuse(struct runner *r) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < r->config.faults->count; i++)
        fprintf(stderr, "%s\n", fault_to_text(r->config.faults, &r->config.faults->list[i], line));
    r->failed = true;
    return false;
}

static bool check_abilities(struct runner *r) {
    bool able = scenario_check_abilities(r->scenario, &timeline_abilities, r->config.faults);
    return (wide_permits(r->scenario, r->config.faults) && able) || refuse(r);
}

/* What a COMMAND brings along may serve it inside. */
static bool check_sources(struct runner *r) {
    const struct scenario *s = r->scenario;
    bool ok = true;
    for (uint32_t i = 0; i < s->source_count && r->space.kind != SPACE_SHARED; i++) {
        const char *location = s->sources[i].source.location.text;
        if (strstr(location, "://") == NULL || r->config.command != NULL)
            continue;
        struct fault *x = fault_add_at(r->config.faults, s->sources[i].mark, "sources");
        fault_expected(x, "a file, or with --shared or a COMMAND that serves it a URL");
        fault_found(x, "`%.150s`, which nobody reaches in %s", location, space_describe(&r->space));
        ok = false;
    }
    return ok;
}

static bool space_permits(struct runner *r) {
    bool ok = check_sources(r);
    return (timeline_check(r->scenario, &r->space, r->config.faults) && ok) || refuse(r);
}

/* A wide space only where one is asked for: on loopback everything is faster. */
static bool enter_space(struct runner *r) {
    struct mark mark;
    if (!wide_is_wanted(r->scenario, &mark)) {
        space_enter(&r->space, r->scenario->cluster_count, r->config.shared);
        return space_permits(r);
    }
    if (r->config.shared || !space_enter_wide(&r->space, r->scenario, r->config.seed)) {
        struct fault *x = fault_add_at(r->config.faults, mark, "links");
        fault_expected(x, "rights to make network namespaces and TUN interfaces: root");
        fault_found(x, "%s", r->config.shared ? "--shared" : r->space.why);
        fault_hint(x, "delay and loss between sites need them; peersim runs this scenario");
        return refuse(r);
    }
    return space_permits(r);
}

static bool come_up(struct runner *r) {
    if (!setup_all(r))
        return false;
    hearsay_attach(r);
    if (r->config.early)
        start_command(r);
    return true;
}

/* An ear that does not hear in time would blame others. What it starts does not inherit this. */
static void hurry(void) {
    struct sched_param param = {.sched_priority = 1};
    if (getenv(PROCESS_ASIDE) == NULL)
        sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
}

bool runner_run(struct runner *r, const struct runner_config *config) {
    memset(r, 0, sizeof(*r));
    r->config = *config;
    r->scenario = config->scenario;
    r->started = INSTANT_NEVER;
    r->ticked = INSTANT_NEVER;
    hurry();
    scenario_draws(&r->draws, config->seed);
    report_init(&r->report, "live", &r->scenario->name, config->seed);
    episodes_init(&r->episodes);
    if (!check_abilities(r) || !enter_space(r))
        return false;
    runner_fact(r, FACT_RUN, "in %s%s%s", space_describe(&r->space),
                r->space.why[0] != '\0' ? "; " : "", r->space.why);
    if (!open_loop(r) || !come_up(r))
        return false;
    alarm((unsigned)(r->scenario->duration.us / 1000000) + OVERRUN_S);
    r->ended = net_now(); /* until then: when it began to come up */
    net_timer_arm(&r->next, r->ended);
    net_timer_arm(&r->ticks, r->ended);
    net_loop_run(r->loop);
    if (r->failed || instant_is_never(r->started))
        return false;
    r->state = RUNNER_ENDED;
    reap(r, SIGCHLD);
    evaluate(r);
    return true;
}

void runner_close(struct runner *r) {
    bool well = !r->failed && report_ok(&r->report);
    if (r->command != 0) {
        kill(-r->command, SIGKILL); /* with all that it has started */
        waitpid(r->command, NULL, 0);
    }
    for (uint32_t i = 0; i < r->listener_count; i++)
        listener_close(&r->listeners[i]);
    free(r->listeners);
    free(r->copies);
    for (uint32_t i = 0; i < r->site_count; i++)
        site_close(&r->sites[i]);
    for (uint32_t i = 0; i < r->resolver_count; i++)
        resolver_close(&r->resolvers[i]);
    for (uint32_t i = 0; i < r->origin_count; i++)
        origin_close(&r->origins[i]);
    timeline_free(r->timeline);
    inquirer_free(r->inquirer);
    tap_close(r->tap);
    episodes_free(&r->episodes);
    if (r->loop != NULL) {
        net_timer_cancel(&r->next);
        net_timer_cancel(&r->ticks);
        net_timer_cancel(&r->tables);
    }
    for (int i = 0; i < RUNNER_SIGNALS; i++)
        if (r->signals[i] != NULL)
            net_signal_close(r->signals[i]);
    net_loop_free(r->loop);
    if (r->config.keep == NULL && well)
        setup_remove(r);
    else
        setup_keep(r);
    report_free(&r->report);
    space_leave(&r->space);
    alarm(0);
}
