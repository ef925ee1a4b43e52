#include "topo/find/lookup.h"

#include "topo/find/record.h"

#include <stdio.h>
#include <stdlib.h>

struct lookup {
    char domain[RECORD_DOMAIN_LEN_MAX + 1];
    struct net_dns_query *query;
    lookup_done_fn done;
    void *data;
};

static void found(void *data, const struct net_dns_texts *result) {
    struct lookup *l = data;
    struct find_claim *claims =
        calloc(result->count * RECORD_CLAIMS_MAX + 1, sizeof(*claims)); /* too many for a stack */
    struct lookup_answer answer = {
        .err = result->err, .detail = result->detail, .claims = claims, .ttl = result->ttl};
    if (claims == NULL) {
        answer.err = ERR_NO_MEMORY;
        answer.detail = "no memory for what it names";
    }
    for (size_t i = 0; claims != NULL && i < result->count; i++) {
        size_t count = record_parse(&claims[answer.count], result->texts[i], l->domain);
        answer.count += (uint32_t)count;
        answer.unreadable += count == 0;
    }
    if (answer.err == ERR_OK && answer.count == 0) {
        answer.err = ERR_BAD_FIELD;
        answer.detail = "no record there names a cluster and its key";
    }
    l->done(l->data, &answer);
    free(claims);
    free(l);
}

struct lookup *lookup_start(struct net_dns *dns, const char *domain, lookup_done_fn done,
                            void *data) {
    char name[sizeof(RECORD_SERVICE) + RECORD_DOMAIN_LEN_MAX];
    struct lookup *l = malloc(sizeof(*l));
    if (l == NULL)
        return NULL;
    *l = (struct lookup){.done = done, .data = data};
    snprintf(l->domain, sizeof(l->domain), "%s", domain);
    snprintf(name, sizeof(name), "%s%s", RECORD_SERVICE, domain);
    l->query = net_dns_txt(dns, name, found, l);
    if (l->query != NULL)
        return l;
    free(l);
    return NULL;
}

void lookup_cancel(struct lookup *l) {
    if (l == NULL)
        return;
    net_dns_cancel(l->query);
    free(l);
}
