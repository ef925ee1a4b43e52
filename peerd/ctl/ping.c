/*
 * peerctl ping: how long a peerd takes to answer over its pinned door. Ours is asked what it is
 * doing; a peer, as the cluster that we are and where our peerd has it, to describe itself.
 */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/remote.h"
#include "peerd/net/clock.h"
#include "peerd/wire/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT     5
#define EVERY     duration_ms(200)
#define PATIENCE  duration_s(2)
#define BYTES_MAX ((size_t)64 << 20)

struct pinging {
    struct remote *remote;
    const struct ctl_options *options;
    const char *name;
    int answered;
    double ms[COUNT], handshake_ms;
};

static void answered(void *data, const struct net_http_result *result) {
    struct pinging *p = data;
    double ms = (double)result->took.us / 1000;
    net_loop_stop(p->remote->loop);
    if (result->err != ERR_OK || result->status != 200) {
        if (!p->options->json)
            printf("%s: no answer: %s%s%s\n", p->name,
                   result->err != ERR_OK ? err_text(result->err) : "it refuses to answer us",
                   result->detail[0] != '\0' ? ": " : "", result->detail);
        return;
    }
    if (!result->reused)
        p->handshake_ms = ms;
    p->ms[p->answered++] = ms;
    if (!p->options->json)
        printf("%s: answered in %.1f ms%s\n", p->name, ms,
               result->reused ? "" : ", with TCP and TLS handshake");
    fflush(stdout);
}

static int tell(const struct pinging *p) {
    double least = 0, sum = 0;
    int counted = 0;
    for (int i = 0; i < p->answered; i++) {
        if (p->ms[i] == p->handshake_ms)
            continue;
        least = counted == 0 || p->ms[i] < least ? p->ms[i] : least;
        sum += p->ms[i];
        counted++;
    }
    if (p->options->json)
        printf("{\"cluster\":\"%s\",\"asked\":%d,\"answered\":%d,\"handshake_ms\":%.3f,"
               "\"least_ms\":%.3f,\"mean_ms\":%.3f}\n",
               p->name, COUNT, p->answered, p->handshake_ms, least,
               counted > 0 ? sum / counted : 0);
    else
        printf("%d of %d answered; once connected in %.1f ms at least, %.1f ms on average\n",
               p->answered, COUNT, least, counted > 0 ? sum / counted : 0);
    return p->answered == COUNT ? CTL_DONE : p->answered > 0 ? CTL_REFUSED : CTL_UNREACHABLE;
}

static int ping(struct pinging *p, struct net_http_call_options *call) {
    call->answer_bytes_max = BYTES_MAX;
    call->timeout = PATIENCE;
    call->done = answered;
    call->data = p;
    for (int i = 0; i < COUNT; i++) {
        if (i > 0)
            net_loop_run_until(p->remote->loop, instant_add(net_now(), EVERY));
        if (net_http_call(p->remote->http, call, NULL) != ERR_OK)
            return CTL_UNREACHABLE;
        net_loop_run(p->remote->loop);
    }
    return tell(p);
}

int ctl_ping(const struct ctl_options *o) {
    struct remote r;
    struct public_key key;
    struct pinging p = {.remote = &r, .options = o};
    char url[ADDR_TEXT_LEN_MAX + 128];
    if (o->word_count > 1) {
        fputs("peerctl ping: expected the name of one peer at most\n", stderr);
        return CTL_USAGE;
    }
    int result = remote_open(&r, o);
    struct net_http_call_options call = remote_call(&r, "/v1/status", url, sizeof(url));
    if (result == CTL_DONE && o->word_count == 0) {
        p.name = "peerd";
        result = ping(&p, &call);
    } else if (result == CTL_DONE && (result = remote_ask(&r, "GET", "/v1/peers", NULL)) == 0) {
        const json_t *peer = remote_peer(r.answer, o->words[0]);
        p.name = o->words[0];
        result = peer == NULL ? CTL_REFUSED
                 : remote_call_peer(&r, peer, "/v1/description", url, sizeof(url), &key, &call)
                     ? ping(&p, &call)
                     : CTL_UNREACHABLE;
    }
    remote_close(&r);
    return result;
}
