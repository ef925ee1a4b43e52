/*
 * Registrar: a node's registration, and the rest of its answer.
 *
 * The core decides credit, orders and leases; what is mere policy or key material is added here:
 * the catalogue if the node's differs, whose tickets to trust, whom to tell when this peerd falls
 * silent and under which keys, and the limits. A node never gets the cluster's own secret.
 */
#include "peerd/core/briefing.h"
#include "peerd/io/daemon.h"
#include "peerd/wire/api.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void registrar_request(struct daemon *d, struct net_http_request *request, uint32_t node) {
    struct node_request report;
    struct wire_fault fault = {{0}};
    enum err err =
        node_request_decode(&report, (const char *)request->body, request->body_len, &fault);
    if (err == ERR_OK && !name_equal(&report.node, &d->policy->nodes[node].name)) {
        node_request_free(&report);
        net_http_answer_problem(request, 403, ERR_FOREIGN,
                                "node: the policy knows this key under another name", 0);
        return;
    }
    if (err != ERR_OK) {
        net_http_answer_problem(request, api_status_of(err), err, fault.text, 0);
        return;
    }
    d->registering.report = &report;
    d->registering.request = request;
    daemon_step(d, &(struct core_event){.kind = CORE_NODE_REPORTED,
                                        .u.node = {.node = node, .report = &report}});
    assert(d->registering.request == NULL && "the core answers each report in the same step");
    d->registering.report = NULL;
    node_request_free(&report);
}

static void fill_renditions(const struct policy *p, struct node_rendition_spec *renditions) {
    for (uint32_t i = 0; i < p->rendition_count; i++)
        renditions[i] = (struct node_rendition_spec){.name = p->renditions[i].name,
                                                     .codec = p->renditions[i].codec,
                                                     .bitrate_bps = p->renditions[i].bitrate_bps,
                                                     .height = p->renditions[i].height,
                                                     .fps = p->renditions[i].fps,
                                                     .channels = p->renditions[i].channels};
}

static void fill_catalogue(const struct daemon *d, struct node_catalogue *out,
                           struct node_source_spec *sources, struct node_profile_spec *profiles,
                           struct node_rendition_spec *renditions) {
    const struct policy *p = d->policy;
    for (uint32_t i = 0; i < p->source_count; i++) {
        sources[i] = (struct node_source_spec){.name = p->sources[i].name,
                                               .class = p->sources[i].class,
                                               .loop = p->sources[i].loop,
                                               .channel_since_s = p->sources[i].channel_since_s};
        memcpy(sources[i].location, p->sources[i].location.text, sizeof(sources[i].location));
    }
    for (uint32_t i = 0; i < p->profile_count; i++)
        profiles[i] = (struct node_profile_spec){.name = p->profiles[i].name,
                                                 .codec = p->profiles[i].codec,
                                                 .rate_hz = p->profiles[i].rate_hz,
                                                 .channels = p->profiles[i].channels,
                                                 .bitrate_bps = p->profiles[i].bitrate_bps,
                                                 .complexity = p->profiles[i].complexity,
                                                 .preroll_frames = p->profiles[i].preroll_frames};
    fill_renditions(p, renditions);
    *out = (struct node_catalogue){.sources = sources,
                                   .source_count = p->source_count,
                                   .profiles = profiles,
                                   .profile_count = p->profile_count,
                                   .renditions = renditions,
                                   .rendition_count = p->rendition_count};
    out->hash = node_catalogue_hash(out);
}

static size_t fill_media_alive(const struct daemon *d, uint32_t node,
                               struct node_media_alive *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct daemon_peer *p = d->peers[i];
        const struct daemon_seals *seals = p->seals[DAEMON_IN_FORCE][DAEMON_IN_FORCE];
        if (addr_is_none(&p->beats.addr) || p->revoked)
            continue;
        out[count++] = (struct node_media_alive){.cluster = p->name,
                                                 .beats = p->beats.addr,
                                                 .key = seals->nodes[node].alive_out,
                                                 .answer_key = seals->nodes[node].answer_in,
                                                 .node = (uint8_t)node};
    }
    return count;
}

static void refuse(struct net_http_request *request, const struct core_answer_node *answer) {
    if (answer->refused == ERR_STALE)
        net_http_answer_problem(request, 503, ERR_STALE, "another boot has registered since", 0);
    else
        net_http_answer_problem(request, 409, answer->refused,
                                "another transcoderd is registered under this name and key; give "
                                "each machine its own, under `nodes`",
                                (answer->lease_ms + 999) / 1000);
}

void registrar_answer(struct daemon *d, const struct core_answer_node *answer) {
    static struct node_source_spec sources[POLICY_SOURCES_MAX];
    static struct node_profile_spec profiles[POLICY_PROFILES_MAX];
    static struct node_rendition_spec renditions[POLICY_RENDITIONS_MAX];
    static struct ticket_issuer issuers[NODE_ISSUERS_MAX];
    struct node_media_alive alive[POLICY_PEERS_MAX];
    const struct node_request *report = d->registering.report;
    struct net_http_request *request = d->registering.request;
    if (answer->refused != ERR_OK) {
        d->registering.request = NULL;
        refuse(request, answer);
        return;
    }
    struct node_answer out = briefing_of(answer, d->policy);
    out.cluster_key = d->key.public_key;
    out.issuers = issuers;
    out.issuer_count = keys_issuers(d, issuers);
    out.media_alive = alive;
    out.media_alive_count = fill_media_alive(d, answer->node, alive);
    fill_catalogue(d, &out.catalogue, sources, profiles, renditions);
    out.has_catalogue =
        memcmp(&out.catalogue.hash, &report->catalogue, sizeof(out.catalogue.hash)) != 0;
    size_t len = 0;
    char *json = node_answer_encode(&out, &len);
    if (json == NULL)
        net_http_answer_problem(request, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(request, 200, json);
    d->registering.request = NULL;
    if (json != NULL)
        sodium_memzero(json, len); /* it holds the media-alive keys */
    free(json);
    sodium_memzero(alive, sizeof(alive));
}
