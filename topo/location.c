#include "topo/location.h"

#include "peerd/base/chains.h"

#include <stdio.h>
#include <string.h>

static struct prefix cut(const struct addr *a, uint8_t bits) {
    struct prefix p = {.addr = *a, .bits = bits};
    p.addr.port = 0;
    memset(p.addr.ip + bits / 8, 0, sizeof(p.addr.ip) - bits / 8u);
    return p;
}

_Static_assert(LOCATION_BITS_IPV4 % 8 == 0 && LOCATION_BITS_IPV6 % 8 == 0,
               "locations end at a byte");

struct prefix location_of(const struct addr *client) {
    if (client->family == 4)
        return cut(client, LOCATION_BITS_IPV4);
    if (client->family == 6)
        return cut(client, LOCATION_BITS_IPV6);
    return (struct prefix){0};
}

uint32_t location_client(const struct addr *client) {
    uint8_t key[sizeof(client->ip) + 1] = {client->family};
    memcpy(key + 1, client->ip,
           client->family == 6 ? LOCATION_CLIENT_IPV6 / 8 : sizeof(client->ip));
    return chains_hash(key, sizeof(key));
}

bool location_equal(const struct prefix *a, const struct prefix *b) {
    return a->bits == b->bits && addr_equal(&a->addr, &b->addr);
}

/* RFC 5952: the zeros behind the last group that is none are the longest run there is. */
static void ipv6_to_text(const struct prefix *location, char out[LOCATION_TEXT_LEN_MAX + 1]) {
    const uint8_t *ip = location->addr.ip;
    int groups = LOCATION_BITS_IPV6 / 16, at = 0;
    while (groups > 0 && ip[2 * groups - 2] == 0 && ip[2 * groups - 1] == 0)
        groups--;
    for (int i = 0; i < groups; i++)
        at += snprintf(out + at, LOCATION_TEXT_LEN_MAX + 1 - (size_t)at, "%s%x", i > 0 ? ":" : "",
                       (unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]));
    snprintf(out + at, LOCATION_TEXT_LEN_MAX + 1 - (size_t)at, "::/%u", location->bits);
}

const char *location_to_text(const struct prefix *location, char out[LOCATION_TEXT_LEN_MAX + 1]) {
    const uint8_t *ip = location->addr.ip;
    if (location->addr.family == 4)
        snprintf(out, LOCATION_TEXT_LEN_MAX + 1, "%u.%u.%u.0/%u", ip[0], ip[1], ip[2],
                 location->bits);
    else if (location->addr.family == 6)
        ipv6_to_text(location, out);
    else
        snprintf(out, LOCATION_TEXT_LEN_MAX + 1, "-");
    return out;
}

bool location_from_text(struct prefix *out, const char *text) {
    struct prefix p;
    *out = (struct prefix){0};
    if (strcmp(text, "-") == 0)
        return true;
    if (!prefix_from_text(&p, text))
        return false;
    struct prefix own = location_of(&p.addr);
    if (!location_equal(&own, &p))
        return false;
    *out = p;
    return true;
}

bool location_of_text(struct prefix *out, const char *text) {
    char whole[LOCATION_TEXT_LEN_MAX + 1];
    struct prefix p;
    int len = snprintf(whole, sizeof(whole), "%s%s", text,
                       strchr(text, '/') != NULL   ? ""
                       : strchr(text, ':') != NULL ? "/128"
                                                   : "/32");
    *out = (struct prefix){0};
    if (len >= (int)sizeof(whole) || !prefix_from_text(&p, whole))
        return false;
    struct prefix own = location_of(&p.addr);
    if (p.bits < own.bits || own.bits == 0)
        return false;
    *out = own;
    return true;
}
