/*
 * peerctl events: what has happened, or, with -f, what happens, until somebody ends it. A peerd
 * that goes away is tried again every second, from the event after the last one heard.
 */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/remote.h"
#include "peerd/ctl/tables.h"
#include "peerd/net/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_MAX  duration_s(25) /* peerd says every ten seconds that it is there */
#define AGAIN_AFTER  duration_s(1)
#define LINE_LEN_MAX 4096 /* [bytes] of an event; longer ones are passed over */
#define ID_LEN_MAX   40   /* [characters] */

struct following {
    struct remote *remote;
    const struct ctl_options *options;
    char line[LINE_LEN_MAX + 1];
    size_t len;    /* of the line so far */
    bool overlong; /* … which is passed over */
    char id[ID_LEN_MAX + 1];
    bool heard; /* it has answered at least once */
    enum err err;
    int status;
};

/* ---- one event, for people ---- */

static void print_event(const json_t *e) {
    const char *kind = text_of(e, "kind"), *text = text_of(e, "text");
    /* Where a drain is wished to lead to its text says. */
    bool named = json_is_string(json_object_get(e, "cluster")) && strcmp(kind, "drain") != 0;
    printf("%s %-8s %-11s ", text_of(e, "at"), kind, text_of(e, "what"));
    if (strcmp(kind, "move") == 0)
        printf("%s %s -> %s (%s)", text_of(e, "session"), text_of(e, "from"), text_of(e, "cluster"),
               text_of(e, "cause"));
    else if (strcmp(kind, "refusal") == 0)
        printf("%lld refused", number_of(e, "count"));
    else if (strcmp(kind, "redirect") == 0)
        printf("%lld sent on", number_of(e, "count"));
    else if (named)
        printf("%s", text_of(e, "cluster"));
    named = named || strcmp(kind, "move") == 0 || strcmp(kind, "refusal") == 0 ||
            strcmp(kind, "redirect") == 0;
    printf("%s%s\n", named && text[0] != '\0' ? ": " : "", text);
}

static void print_events(const json_t *answer) {
    const json_t *e;
    size_t i;
    if (number_of(answer, "missed") > 0)
        printf("%lld earlier ones are not kept any more\n", number_of(answer, "missed"));
    json_array_foreach(json_object_get(answer, "events"), i, e) print_event(e);
    if (i == 0)
        puts("nothing has happened");
}

/* ---- the stream ---- */

static void data_received(const struct following *f, const char *data) {
    if (f->options->json) {
        puts(data);
        return;
    }
    json_t *e = json_loads(data, 0, NULL);
    if (json_is_integer(json_object_get(e, "missed")))
        printf("%lld events are not kept any more\n", number_of(e, "missed"));
    else if (e != NULL)
        print_event(e);
    json_decref(e);
}

static void line_received(struct following *f) {
    if (strncmp(f->line, "id: ", 4) == 0 && strlen(f->line + 4) <= ID_LEN_MAX)
        memcpy(f->id, f->line + 4, strlen(f->line + 4) + 1);
    else if (strncmp(f->line, "data: ", 6) == 0)
        data_received(f, f->line + 6);
}

static void piece_received(void *data, const char *text, size_t len) {
    struct following *f = data;
    f->heard = true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            f->overlong |= f->len == LINE_LEN_MAX;
            if (!f->overlong)
                f->line[f->len++] = text[i];
            continue;
        }
        f->line[f->len] = '\0';
        if (!f->overlong)
            line_received(f);
        f->len = 0;
        f->overlong = false;
    }
    fflush(stdout);
}

static void ended(void *data, const struct net_http_result *result) {
    struct following *f = data;
    f->err = result->err;
    f->status = (int)result->status;
    if (result->err != ERR_OK)
        fprintf(stderr, "peerctl: %s%s%s\n", err_text(result->err),
                result->detail[0] != '\0' ? ": " : "", result->detail);
    net_loop_stop(f->remote->loop);
}

/* Until the stream ends. False if it was refused. */
static bool follow_once(struct following *f) {
    char url[ADDR_TEXT_LEN_MAX + 128];
    struct net_http_call_options o = remote_call(f->remote, "/v1/events", url, sizeof(url));
    const struct net_http_header headers[] = {{"Accept", "text/event-stream"},
                                              {"Last-Event-ID", f->id}};
    o.headers = headers;
    o.header_count = f->id[0] != '\0' ? 2 : 1;
    o.timeout = SILENCE_MAX;
    o.connect_timeout = duration_s(5);
    o.piece = piece_received;
    o.done = ended;
    o.data = f;
    f->len = 0;
    f->overlong = false;
    if (net_http_call(f->remote->http, &o, NULL) != ERR_OK)
        return false;
    net_loop_run(f->remote->loop);
    return f->err != ERR_OK || f->status == 200;
}

static int follow(struct remote *r, const struct ctl_options *o) {
    static struct following f;
    f = (struct following){.remote = r, .options = o};
    snprintf(f.id, sizeof(f.id), "%s", o->since != NULL ? o->since : "");
    while (follow_once(&f) && f.heard && !ferror(stdout))
        net_loop_run_until(r->loop, instant_add(net_now(), AGAIN_AFTER));
    if (f.err != ERR_OK)
        return CTL_UNREACHABLE;
    if (f.status != 200)
        fprintf(stderr, "peerctl: refused (%d)\n", f.status);
    return CTL_REFUSED;
}

static bool is_id(const char *text) {
    return strlen(text) <= ID_LEN_MAX && text[strspn(text, "0123456789abcdefABCDEF-")] == '\0';
}

int ctl_events(const struct ctl_options *o) {
    struct remote r;
    char path[64 + ID_LEN_MAX];
    if (o->word_count > 0 || (o->since != NULL && !is_id(o->since))) {
        fputs("peerctl events: --since: expected the id of an event\n", stderr);
        return CTL_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/events%s%s", o->since != NULL ? "?since=" : "",
             o->since != NULL ? o->since : "");
    int result = remote_open(&r, o);
    if (result == CTL_DONE && o->follow) {
        result = follow(&r, o);
    } else if (result == CTL_DONE) {
        result = remote_ask(&r, "GET", path, NULL);
        if (result == CTL_DONE)
            remote_print(o, r.answer, print_events);
    }
    remote_close(&r);
    return result;
}
