#include "test/live/inquiry.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL_TIMEOUT duration_ms(1000)

struct inquirer {
    struct net_http_client *http;
};

struct inquiry {
    struct net_identity *identity;
    void (*answered)(void *data, const json_t *answer);
    void *data;
};

struct inquirer *inquirer_new(struct net_loop *loop) {
    struct inquirer *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return NULL;
    i->http = net_http_client_new(loop);
    if (i->http != NULL)
        return i;
    free(i);
    return NULL;
}

void inquirer_free(struct inquirer *i) {
    if (i == NULL)
        return;
    net_http_client_free(i->http);
    free(i);
}

static void done(void *data, const struct net_http_result *result) {
    struct inquiry *q = data;
    json_t *answer = NULL;
    if (result->err == ERR_OK && result->status == 200)
        answer = json_loadb((const char *)result->body, result->body_len, 0, NULL);
    q->answered(q->data, answer);
    json_decref(answer);
    net_identity_free(q->identity);
    free(q);
}

void inquirer_ask(struct inquirer *i, const struct site *site, const char *path,
                  void (*answered)(void *data, const json_t *answer), void *data) {
    struct addr to = space_site_addr(site->space, site->index, SITE_CONTROL_PORT);
    char text[ADDR_TEXT_LEN_MAX + 1], url[128];
    struct inquiry *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return;
    q->answered = answered;
    q->data = data;
    snprintf(url, sizeof(url), "https://%s%s", addr_to_text(&to, text), path);
    if (net_identity_new(&q->identity, &site->key) == ERR_OK) {
        struct net_http_call_options options = {.url = url,
                                                .timeout = CALL_TIMEOUT,
                                                .identity = q->identity,
                                                .pinned = &site->key.public_key,
                                                .connect_to = to,
                                                .done = done,
                                                .data = q};
        if (net_http_call(i->http, &options, NULL) == ERR_OK)
            return;
        net_identity_free(q->identity);
    }
    answered(data, NULL);
    free(q);
}

bool inquiry_is_staffed(const struct site *site, const json_t *status) {
    const json_t *nodes = json_object_get(status, "nodes");
    const json_t *node;
    size_t index, complete = 0;
    json_array_foreach(nodes, index, node) {
        bool whole = json_is_true(json_object_get(node, "complete")) &&
                     json_integer_value(json_object_get(node, "workers")) == site->workers;
        complete += whole;
    }
    return complete == site->node_count;
}

bool inquiry_is_acquainted(const json_t *peers, size_t expected) {
    const json_t *peer;
    size_t index, known = 0;
    json_array_foreach(json_object_get(peers, "peers"), index, peer) {
        const char *verdict = json_string_value(json_object_get(peer, "verdict"));
        bool serves = json_integer_value(json_object_get(peer, "sources")) > 0 &&
                      json_integer_value(json_object_get(peer, "workers")) > 0;
        known += verdict != NULL && verdict[0] == 'a' && serves;
    }
    return known >= expected;
}
