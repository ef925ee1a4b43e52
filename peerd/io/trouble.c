/*
 * Trouble: what is not as the policy wants it, a sentence each, for whoever asks how this cluster
 * is. `peerctl status` ends with 1 if there is any. A drain is what its operator wanted, and no
 * trouble; nor is a peer that drains, or one that has just been told of and not been heard yet.
 */
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_LEN_MAX 256
#define FIRST_WORD       duration_s(10) /* within it a peer may be unknown */

static void say(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *list, const char *format, ...) {
    char text[SENTENCE_LEN_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    json_array_append_new(list, json_string(text));
}

static void of_nodes(json_t *list, const struct daemon *d, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct core_node_status n = core_node_status(d->core, i);
        if (!n.registered)
            say(list, "node %s is not registered", n.policy->name.text);
        for (uint32_t k = 0; k < n.source_count; k++)
            if (n.sources[k].error != ERR_OK)
                say(list, "source %s at node %s: %s", n.sources[k].name.text, n.policy->name.text,
                    err_text(n.sources[k].error));
    }
}

static void of_peers(json_t *list, const struct daemon *d) {
    struct instant now = net_now();
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        bool new_here = !instant_reached(now, instant_add(s.since, FIRST_WORD));
        if (s.verdict == VERDICT_ALIVE || s.verdict == VERDICT_DRAINING ||
            (s.verdict == VERDICT_UNKNOWN && new_here))
            continue;
        say(list, "peer %s is %s%s%s", s.policy->name.text, verdict_name(s.verdict),
            s.evidence != NULL && s.evidence[0] != '\0' ? ": " : "",
            s.evidence != NULL ? s.evidence : "");
    }
}

static void of_origins(json_t *list, const struct daemon *d) {
    for (uint32_t i = 0; i < d->policy->origin_count; i++) {
        struct core_origin_status o = core_origin_status(d->core, i);
        const char *why = origins_why(d, i);
        if (o.ill)
            say(list, "origin %s is ill, players are sent to peers: %s", o.policy->name.text,
                why[0] != '\0' ? why : err_text(o.err));
    }
}

json_t *present_trouble(const struct daemon *d) {
    struct core_status s = core_status(d->core);
    json_t *list = json_array();
    if (d->policy_refused)
        say(list, "the policy file has faults: the one before it rules");
    if (s.recovering)
        say(list, "it recovers: it has not heard yet what there was before its start");
    if (s.draining && s.drain_overdue)
        say(list, "the drain's deadline is over, and %u sessions are left", s.drain_left);
    of_nodes(list, d, s.nodes);
    of_peers(list, d);
    of_origins(list, d);
    if (s.locations_degraded > 0)
        say(list, "clients of %u locations fare badly by our path", s.locations_degraded);
    return list;
}
