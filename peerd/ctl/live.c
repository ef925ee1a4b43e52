/*
 * peerctl check --live: which of our doors the peers reach. Nobody sees his own firewall from
 * outside, so each peer is asked, as the cluster that we are, to try what it knows of us (POST
 * /v1/reach, see peerd/io/reach.h); all at once, since each takes up to three seconds.
 */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/remote.h"
#include "peerd/ctl/table.h"
#include "peerd/ctl/tables.h"
#include "peerd/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE duration_s(8)

struct asked {
    struct live *live;
    const char *name;
    json_t *answer; /* owned; NULL: none */
    char why[160];  /* … why not */
};

struct live {
    struct remote *remote;
    struct asked peers[POLICY_PEERS_MAX];
    size_t count, waiting;
};

static void answered(void *data, const struct net_http_result *result) {
    struct asked *a = data;
    if (result->err != ERR_OK)
        snprintf(a->why, sizeof(a->why), "%s%s%s", err_text(result->err),
                 result->detail[0] != '\0' ? ": " : "", result->detail);
    else if (result->status == 404 || result->status == 405)
        snprintf(a->why, sizeof(a->why), "its peerd is an older one, which cannot try");
    else if (result->status == 429 || result->status == 503)
        snprintf(a->why, sizeof(a->why), "asked too often: once in five seconds");
    else if (result->status != 200)
        snprintf(a->why, sizeof(a->why), "it refuses (%u)", result->status);
    else
        a->answer = json_loadb((const char *)result->body, result->body_len, 0, NULL);
    if (a->answer == NULL && a->why[0] == '\0')
        snprintf(a->why, sizeof(a->why), "its answer cannot be read");
    if (--a->live->waiting == 0)
        net_loop_stop(a->live->remote->loop);
}

static void ask(struct live *live, const json_t *peer) {
    struct asked *a = &live->peers[live->count++];
    struct public_key key;
    struct net_http_call_options call;
    char url[ADDR_TEXT_LEN_MAX + 128];
    *a = (struct asked){.live = live, .name = text_of(peer, "name")};
    if (!remote_call_peer(live->remote, peer, "/v1/reach", url, sizeof(url), &key, &call)) {
        snprintf(a->why, sizeof(a->why), "it is not known where it is");
        return;
    }
    call.method = "POST";
    call.timeout = PATIENCE;
    call.done = answered;
    call.data = a;
    if (net_http_call(live->remote->http, &call, NULL) == ERR_OK)
        live->waiting++;
    else
        snprintf(a->why, sizeof(a->why), "it cannot be asked");
}

static void ask_all(struct live *live, const json_t *peers) {
    const json_t *peer;
    size_t i;
    json_array_foreach(peers, i, peer) {
        if (live->count < POLICY_PEERS_MAX)
            ask(live, peer);
    }
    if (live->waiting > 0)
        net_loop_run(live->remote->loop);
}

static void door_row(struct table *t, const struct asked *a, const json_t *door) {
    char ms[24] = "-";
    if (json_is_number(json_object_get(door, "ms")))
        snprintf(ms, sizeof(ms), "%.1f ms", json_number_value(json_object_get(door, "ms")));
    table_row(t, "%s\t%s\t%s\t%s\t%s", a->name, text_of(door, "door"), text_of(door, "where"),
              is_set(door, "reached") ? "yes" : "no", ms);
}

/* How many doors were not reached by somebody. */
static size_t show_table(const struct live *live) {
    struct table t;
    size_t closed = 0;
    table_open(&t, "peer\tour door\tas it knows it\t!reached\t>in");
    for (size_t i = 0; i < live->count; i++) {
        const struct asked *a = &live->peers[i];
        const json_t *door;
        size_t k;
        json_array_foreach(json_object_get(a->answer, "doors"), k, door) {
            door_row(&t, a, door);
            closed += !is_set(door, "reached");
        }
        if (number_of(a->answer, "untried") > 0)
            table_row(&t, "%s\tmedia\t%lld more, which it did not try\tnot asked\t", a->name,
                      number_of(a->answer, "untried"));
        if (a->answer == NULL)
            table_row(&t, "%s\t-\t%s\tnot asked\t", a->name, a->why);
    }
    table_print(&t);
    return closed;
}

static size_t show_json(const struct live *live) {
    json_t *list = json_array();
    size_t closed = 0;
    for (size_t i = 0; i < live->count; i++) {
        const struct asked *a = &live->peers[i];
        const json_t *door, *doors = json_object_get(a->answer, "doors");
        size_t k;
        json_array_foreach(doors, k, door) closed += !is_set(door, "reached");
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:s, s:O?, s:I}", "peer", a->name, "asked",
                                        a->answer != NULL, "why", a->why, "doors", doors, "untried",
                                        (json_int_t)number_of(a->answer, "untried")));
    }
    json_dumpf(list, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    putchar('\n');
    json_decref(list);
    return closed;
}

static int judge(const struct live *live, const struct ctl_options *o) {
    size_t answers = 0, closed = o->json ? show_json(live) : show_table(live);
    for (size_t i = 0; i < live->count; i++)
        answers += live->peers[i].answer != NULL;
    if (!o->json && live->count == 0)
        puts("there are no peers to ask");
    else if (!o->json && answers == 0)
        puts("no peer has answered, so nothing is known of our doors");
    else if (!o->json && closed == 0)
        printf("%zu of %zu peers reach all they tried\n", answers, live->count);
    if (live->count > 0 && answers == 0)
        return CTL_UNREACHABLE;
    return closed > 0 || answers < live->count ? CTL_REFUSED : CTL_DONE;
}

int ctl_check_live(const struct ctl_options *o) {
    static struct live live;
    struct remote r;
    struct ctl_options as = *o;
    json_t *peers = NULL;
    if (o->word_count > 1 || (o->word_count == 1 && o->policy != NULL)) {
        fputs("peerctl check --live: expected one POLICY at most, of the peerd that runs\n",
              stderr);
        return CTL_USAGE;
    }
    if (o->word_count == 1)
        as.policy = o->words[0];
    live = (struct live){.remote = &r};
    int result = remote_open(&r, &as);
    if (result == CTL_DONE)
        result = remote_ask(&r, "GET", "/v1/peers", NULL);
    if (result == CTL_DONE) {
        peers = json_incref(json_object_get(r.answer, "peers"));
        ask_all(&live, peers);
        result = judge(&live, o);
    }
    for (size_t i = 0; i < live.count; i++)
        json_decref(live.peers[i].answer);
    json_decref(peers);
    remote_close(&r);
    return result;
}
