/*
 * Places as policies and descriptions write them: ip:port, host:port,
 * srv:_service._protocol.domain.
 */
#include "peerd/net/dns.h"

#include <stdlib.h>
#include <string.h>

/* Splits at the last colon; an address of IPv6 stands in brackets. */
static bool split(const char *text, char host[NET_DNS_NAME_LEN_MAX + 1], uint16_t *port) {
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon - text > NET_DNS_NAME_LEN_MAX)
        return false;
    long number = strtol(colon + 1, NULL, 10);
    if (number < 1 || number > 65535)
        return false;
    bool brackets = text[0] == '[' && colon[-1] == ']';
    size_t len = (size_t)(colon - text) - (brackets ? 2 : 0);
    memcpy(host, text + brackets, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}

struct net_dns_query *net_dns_place(struct net_dns *dns, const char *place, net_dns_done_fn done,
                                    void *data) {
    char host[NET_DNS_NAME_LEN_MAX + 1];
    uint16_t port = 0;
    if (strncmp(place, "srv:", 4) == 0)
        return net_dns_srv(dns, place + 4, done, data);
    return split(place, host, &port) ? net_dns_host(dns, host, port, done, data) : NULL;
}
