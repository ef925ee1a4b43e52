/*
 * What a running peerd is told to do with its sessions: `--wait` asks again until there is an end
 * of it.
 */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/remote.h"
#include "peerd/ctl/tables.h"
#include "peerd/net/clock.h"
#include "peerd/policy/quantity.h"
#include "peerd/wire/drain_word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_EVERY duration_ms(250)
#define SAY_EVERY  duration_s(1)
#define AWAY_MAX   duration_s(60) /* [s] a peerd that does not answer is being started again */
#define TOLD_MAX   duration_s(8)  /* [s] until who serves a session now has told that */

/* The body of a drain, or NULL if the deadline cannot be read. */
static char *drain_body(const struct ctl_options *o) {
    char hint[QUANTITY_HINT_LEN_MAX + 1] = "";
    int64_t deadline_us = 0;
    if (o->deadline != NULL &&
        !quantity_parse(QUANTITY_DURATION, o->deadline, &deadline_us, hint)) {
        fprintf(stderr,
                "peerctl drain: --deadline: expected a duration such as 10min, found `%s`"
                "%s%s\n",
                o->deadline, hint[0] != '\0' ? ": " : "", hint);
        return NULL;
    }
    if (o->deadline != NULL && deadline_us < 1000) {
        fprintf(stderr,
                "peerctl drain: --deadline: expected 1ms or more, found `%s`; sessions go at the "
                "pace of `drain_per_s` whatever it is, and without it the policy's counts\n",
                o->deadline);
        return NULL;
    }
    if (o->deadline != NULL && deadline_us / 1000 > DRAIN_DEADLINE_MS_MAX) {
        fprintf(stderr, "peerctl drain: --deadline: expected a day (1d) at most, found `%s`\n",
                o->deadline);
        return NULL;
    }
    json_t *body = json_object();
    if (o->deadline != NULL)
        json_object_set_new(body, "deadline_ms", json_integer((json_int_t)(deadline_us / 1000)));
    if (o->to != NULL)
        json_object_set_new(body, "to", json_string(o->to));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

/* Who has just been started again counts those only whom its nodes have told of. */
static void say_progress(const json_t *drain, bool recovering) {
    const json_t *ends = recovering ? NULL : json_object_get(drain, "ends_in_ms");
    printf("%lld sessions left, %lld gone", number_of(drain, "left"), number_of(drain, "gone"));
    if (json_is_number(ends))
        printf(", %.1f a second: about %.0f s more",
               json_number_value(json_object_get(drain, "per_s")), seconds_of(drain, "ends_in_ms"));
    if (recovering)
        fputs(" so far: peerd was just started, and not all nodes have told whom they serve",
              stdout);
    if (is_set(drain, "stuck"))
        printf("; %lld have nowhere to go", number_of(drain, "waiting"));
    if (json_is_string(json_object_get(drain, "to_trouble")))
        printf("; not to %s: %s", text_of(drain, "to"), text_of(drain, "to_trouble"));
    putchar('\n');
    fflush(stdout);
}

/* CTL_DONE: it goes on. Who has just been started waits for its nodes to tell it of the drain. */
static int judge(const json_t *status, bool *was_away) {
    const json_t *drain = json_object_get(status, "drain");
    *was_away = *was_away || is_set(status, "recovering");
    if (!is_set(drain, "draining") && is_set(status, "recovering"))
        return CTL_DONE;
    if (!is_set(drain, "draining")) {
        fprintf(stderr, "peerctl drain: called off by somebody else%s\n",
                *was_away ? ", or forgotten: peerd was started again, and no node of it knew" : "");
        return CTL_CALLED_OFF;
    }
    if (!is_set(drain, "overdue"))
        return CTL_DONE;
    fprintf(stderr,
            "peerctl drain: the deadline is over and %lld sessions are left; they go on leaving, "
            "and `peerctl undrain` calls it off\n",
            number_of(drain, "left"));
    return CTL_REFUSED;
}

/* How it stands. While peerd is away, for it may be started again, it is asked until it is back. */
static int ask_again(struct remote *r, bool *was_away) {
    struct instant until = instant_add(net_now(), AWAY_MAX);
    bool said = false;
    int result;
    r->quiet = true;
    for (;;) {
        net_loop_run_until(r->loop, instant_add(net_now(), WAIT_EVERY));
        r->quiet = !instant_reached(net_now(), until);
        result = remote_ask(r, "GET", "/v1/status", NULL);
        if (result != CTL_UNREACHABLE || !r->quiet)
            break;
        if (!said)
            fprintf(stderr,
                    "peerctl drain: peerd does not answer; it is asked again for %d s, and learns "
                    "of the drain from its nodes\n",
                    (int)(AWAY_MAX.us / 1000000));
        *was_away = said = true;
    }
    r->quiet = false;
    return result;
}

static int wait_until_empty(struct remote *r, const struct ctl_options *o) {
    struct instant say = net_now();
    long long shown = -1;
    bool was_away = false;
    int result = CTL_DONE;
    for (;;) {
        const json_t *drain = json_object_get(r->answer, "drain");
        long long left = number_of(drain, "left");
        if (is_set(drain, "drained"))
            break;
        if (result == CTL_DONE)
            result = judge(r->answer, &was_away);
        if (result != CTL_DONE)
            return result;
        if (!o->json && left != shown && instant_reached(net_now(), say)) {
            say_progress(drain, is_set(r->answer, "recovering"));
            shown = left;
            say = instant_add(net_now(), SAY_EVERY);
        }
        result = ask_again(r, &was_away);
    }
    if (!o->json)
        puts("drained: no session is left");
    return CTL_DONE;
}

int ctl_drain(const struct ctl_options *o) {
    struct remote r;
    char *body = drain_body(o);
    if (body == NULL)
        return CTL_USAGE;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "POST", "/v1/drain", body);
    if (result == CTL_DONE && o->wait)
        result = wait_until_empty(&r, o);
    if (result == CTL_DONE && (o->json || !o->wait))
        remote_print(o, r.answer, tables_status);
    free(body);
    remote_close(&r);
    return result;
}

int ctl_undrain(const struct ctl_options *o) {
    struct remote r;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "POST", "/v1/undrain", "{}");
    if (result == CTL_DONE)
        remote_print(o, r.answer, tables_undrained);
    remote_close(&r);
    return result;
}

static bool is_under_way(const json_t *moving) {
    return json_is_true(json_object_get(moving, "served_here")) &&
           json_is_string(json_object_get(moving, "state"));
}

/* How its newest way out has ended; numbered by 0: none has. */
static const json_t *last_of(const json_t *moving) {
    return json_object_get(moving, "last");
}

static int look_again(struct remote *r, const char *session) {
    char path[64];
    snprintf(path, sizeof(path), "/v1/move?session=%s", session);
    net_loop_run_until(r->loop, instant_add(net_now(), WAIT_EVERY));
    return remote_ask(r, "GET", path, NULL);
}

/* Until its move is over, and until it is known where it is, as far as somebody tells that. */
static int wait_until_gone(struct remote *r, const char *session) {
    json_int_t before = number_of(last_of(r->answer), "number");
    int result = CTL_DONE;
    while (result == CTL_DONE && is_under_way(r->answer))
        result = look_again(r, session);
    struct instant until = instant_add(net_now(), TOLD_MAX);
    while (result == CTL_DONE && !is_set(r->answer, "served_here") &&
           !json_is_integer(json_object_get(last_of(r->answer), "epoch")) &&
           !instant_reached(net_now(), until))
        result = look_again(r, session);
    if (result == CTL_DONE && number_of(last_of(r->answer), "number") == before)
        json_object_set_new(r->answer, "last", json_null()); /* that was another time */
    return result;
}

/* It has gone, and nowhere else as far as is known. */
static bool is_there(const json_t *moving, const char *to) {
    const json_t *last = last_of(moving);
    return !is_set(moving, "served_here") &&
           (json_is_null(last) || strcmp(text_of(last, "to"), to) == 0);
}

int ctl_move(const struct ctl_options *o) {
    struct remote r;
    struct session_id session;
    struct name to;
    if (o->word_count != 2 || !session_id_from_text(&session, o->words[0], strlen(o->words[0])) ||
        !name_set(&to, o->words[1])) {
        fputs("peerctl move: expected a session and a cluster; try `peerctl sessions` and "
              "`peerctl why SESSION`\n",
              stderr);
        return CTL_USAGE;
    }
    json_t *body = json_pack("{s:s, s:s}", "session", o->words[0], "to", to.text);
    char *text = json_dumps(body, JSON_COMPACT);
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "POST", "/v1/move", text);
    if (result == CTL_DONE && o->wait)
        result = wait_until_gone(&r, o->words[0]);
    if (result == CTL_DONE) {
        remote_print(o, r.answer, tables_moving);
        result = !o->wait || is_there(r.answer, to.text) ? CTL_DONE : CTL_REFUSED;
    }
    free(text);
    json_decref(body);
    remote_close(&r);
    return result;
}
