/*
 * Calls: what this peerd asks of its peers over HTTPS. Both sides are pinned to the keys of the
 * policy, so the URL's host is only where to connect.
 */
#include "peerd/io/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT duration_s(3)

static void unreachable(struct daemon_peer *p, bool lodging, enum err err) {
    daemon_step(
        p->daemon,
        &(struct core_event){.kind = CORE_PEER_UNREACHABLE,
                             .u.unreachable = {.peer = p->index, .lodging = lodging, .err = err}});
}

/* The error of a call that did not bring the 200 that was asked for. */
static enum err failure_of(const struct net_http_result *result) {
    if (result->err != ERR_OK)
        return result->err;
    if (result->status == 200)
        return ERR_OK;
    return result->status == 403 || result->status == 401 ? ERR_DENIED : ERR_UNREACHABLE;
}

/* Starts a call to a peer's control door; false if there is no way to. */
static bool call(struct daemon_peer *p, const char *path, const char *body, size_t body_len,
                 net_http_done_fn done, struct net_http_call **out) {
    struct daemon *d = p->daemon;
    char url[ADDR_TEXT_LEN_MAX + 64];
    char text[ADDR_TEXT_LEN_MAX + 1];
    if (addr_is_none(&p->control.addr) || (p->revoked && !p->has_next))
        return false;
    snprintf(url, sizeof(url), "https://%s%s", addr_to_text(&p->control.addr, text), path);
    struct net_http_call_options options = {
        .url = url,
        .body = body,
        .body_len = body_len,
        .timeout = CALL_TIMEOUT,
        .identity = d->identity,
        .pinned = p->revoked ? &p->next : &p->key,
        .or_pinned = &p->next,
        .or_pinned_count = p->has_next && !p->revoked,
        .connect_to = p->control.addr,
        .done = done,
        .data = p,
    };
    return net_http_call(d->http, &options, out) == ERR_OK;
}

/* By the key in force; or by the one that was to be the next, and then it is in force. */
static enum err open_description(struct daemon_peer *p, struct description *out,
                                 const struct net_http_result *result, struct wire_fault *fault) {
    const char *body = (const char *)result->body;
    enum err err = description_open(out, body, result->body_len, &p->name, &p->key, fault);
    if (err != ERR_BAD_SIGNATURE || !p->has_next)
        return err;
    err = description_open(out, body, result->body_len, &p->name, &p->next, fault);
    if (err == ERR_OK)
        keys_peer_switched(p);
    return err;
}

static void described(void *data, const struct net_http_result *result) {
    struct daemon_peer *p = data;
    struct wire_fault fault = {{0}};
    struct description description;
    p->fetch = NULL;
    enum err err = failure_of(result);
    if (err == ERR_OK)
        err = open_description(p, &description, result, &fault);
    if (err != ERR_OK) {
        net_log(p->daemon->log, NET_LOG_DEBUG, "no description", NET_TEXT("peer", p->name.text),
                NET_TEXT("error", err_name(err)),
                NET_TEXT("why", fault.text[0] != '\0' ? fault.text : result->detail));
        unreachable(p, false, err);
        return;
    }
    daemon_step(p->daemon, &(struct core_event){
                               .kind = CORE_PEER_DESCRIBED,
                               .u.described = {.peer = p->index, .description = &description}});
    keys_peer_described(p, &description);
    discovery_described(p, &description, (const char *)result->body, result->body_len);
    description_free(&description);
}

void calls_fetch_description(struct daemon *d, const struct core_fetch_description *fetch) {
    struct daemon_peer *p = daemon_peer_at(d, fetch->peer);
    /* When there is nowhere to call, the core's own timeout brings the question back. */
    if (p->fetch == NULL && !call(p, "/v1/description", NULL, 0, described, &p->fetch))
        p->fetch = NULL;
}

static void lodged(void *data, const struct net_http_result *result);

static void drop_waiting(struct daemon_peer *p) {
    free(p->waiting.json);
    p->waiting = (struct daemon_lodging){.json = NULL};
}

/* Sends what waits unless a lodging is under way. If there is nowhere to call it is dropped: the
 * core states all groups anew before the lease ends. */
static void lodge_waiting(struct daemon_peer *p) {
    if (p->lodge != NULL || p->waiting.json == NULL)
        return;
    p->lodged_groups = p->waiting.groups;
    if (!call(p, "/v1/standbys", p->waiting.json, p->waiting.len, lodged, &p->lodge))
        p->lodge = NULL;
    drop_waiting(p);
}

static void lodged(void *data, const struct net_http_result *result) {
    struct daemon_peer *p = data;
    struct standbys_answer answer;
    struct wire_fault fault = {{0}};
    p->lodge = NULL;
    uint32_t groups = p->lodged_groups;
    lodge_waiting(p);
    enum err err = failure_of(result);
    if (err == ERR_OK)
        err = standbys_answer_decode(&answer, (const char *)result->body, result->body_len, groups,
                                     &fault);
    if (err != ERR_OK) {
        net_log(p->daemon->log, NET_LOG_DEBUG, "standbys not lodged",
                NET_TEXT("peer", p->name.text), NET_TEXT("error", err_name(err)),
                NET_TEXT("why", fault.text[0] != '\0' ? fault.text : result->detail));
        unreachable(p, true, err);
        return;
    }
    daemon_step(p->daemon,
                &(struct core_event){.kind = CORE_STANDBYS_ANSWERED,
                                     .u.standbys = {.peer = p->index,
                                                    .slots = answer.slots,
                                                    .slot_count = (uint32_t)answer.slot_count,
                                                    .ttl_ms = answer.lease_ms}});
    standbys_answer_free(&answer);
}

/* Each lodging states all there is, so only the newest one has to arrive. */
void calls_lodge_standbys(struct daemon *d, const struct core_lodge_standbys *lodge) {
    struct daemon_peer *p = daemon_peer_at(d, lodge->peer);
    /* The request is encoded at once and only borrows the groups, which are the core's. */
    const struct standbys_request request = {
        .ttl_ms = lodge->ttl_ms,
        .groups = (struct standbys_group *)lodge->groups,
        .group_count = lodge->group_count,
    };
    drop_waiting(p);
    p->waiting.json = standbys_request_encode(&request, &p->waiting.len);
    p->waiting.groups = lodge->group_count;
    lodge_waiting(p);
}

/* ---- agreements ---- */

static void said(void *data, const struct net_http_result *result) {
    struct daemon_peer *p = data;
    struct agreement_message answer;
    struct wire_fault fault = {{0}};
    p->saying = NULL;
    enum err err = failure_of(result);
    if (err == ERR_OK)
        err =
            agreement_message_decode(&answer, (const char *)result->body, result->body_len, &fault);
    if (err != ERR_OK) { /* it is said again in time */
        net_log(p->daemon->log, NET_LOG_DEBUG, "no answer about an agreement",
                NET_TEXT("peer", p->name.text), NET_TEXT("error", err_name(err)),
                NET_TEXT("why", fault.text[0] != '\0' ? fault.text : result->detail));
        return;
    }
    daemon_step(p->daemon,
                &(struct core_event){.kind = CORE_AGREEMENT_HEARD,
                                     .u.agreement = {.peer = p->index, .message = &answer}});
}

/* Each message says all there is to say: what is under way is overtaken. */
void calls_say_agreement(struct daemon *d, const struct core_say_agreement *say) {
    struct daemon_peer *p = daemon_peer_at(d, say->peer);
    size_t len = 0;
    char *json = agreement_message_encode(say->message, &len);
    if (p->saying != NULL)
        net_http_cancel(p->saying);
    if (json == NULL || !call(p, "/v1/agreements", json, len, said, &p->saying))
        p->saying = NULL;
    free(json);
}

void calls_stop(struct daemon_peer *p) {
    if (p->fetch != NULL)
        net_http_cancel(p->fetch);
    if (p->lodge != NULL)
        net_http_cancel(p->lodge);
    if (p->saying != NULL)
        net_http_cancel(p->saying);
    p->fetch = p->lodge = p->saying = NULL;
    drop_waiting(p);
}
