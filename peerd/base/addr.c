#include "peerd/base/addr.h"

#include <stdio.h>
#include <string.h>

/* inet_pton lives behind socket headers, which the pure core does without; and its IPv6 grammar
 * (RFC 4291 section 2.2) fits into a page. */

static bool parse_decimal(const char **at, uint32_t max, uint32_t *out) {
    const char *p = *at;
    uint32_t v = 0;
    if (*p < '0' || *p > '9')
        return false;
    if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
        return false; /* a leading zero is octal to some and decimal to others */
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (uint32_t)(*p - '0');
        if (v > max)
            return false;
    }
    *at = p;
    *out = v;
    return true;
}

static bool parse_ipv4(const char **at, uint8_t ip[4]) {
    for (int i = 0; i < 4; i++) {
        uint32_t v = 0;
        if (i > 0 && *(*at)++ != '.')
            return false;
        if (!parse_decimal(at, 255, &v))
            return false;
        ip[i] = (uint8_t)v;
    }
    return true;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one group of 1 to 4 hexadecimal digits. */
static bool parse_group(const char **at, uint16_t *out) {
    uint32_t v = 0;
    int digits = 0;
    for (; hex_value(**at) >= 0 && digits < 5; (*at)++, digits++)
        v = v << 4 | (uint32_t)hex_value(**at);
    *out = (uint16_t)v;
    return digits >= 1 && digits <= 4;
}

/* Reads the last 32 bits written as IPv4, if that is what stands here. */
static bool parse_tail_ipv4(const char **at, uint16_t group[8], int count) {
    const char *p = *at;
    uint8_t ip[4];
    if (count > 6 || !parse_ipv4(&p, ip))
        return false;
    group[count] = (uint16_t)(ip[0] << 8 | ip[1]);
    group[count + 1] = (uint16_t)(ip[2] << 8 | ip[3]);
    *at = p;
    return true;
}

/* Moves the groups after "::" to the end and zeroes the middle. */
static bool expand(uint16_t group[8], int count, int gap) {
    if (gap < 0)
        return count == 8;
    if (count == 8)
        return false;
    int tail = count - gap;
    memmove(&group[8 - tail], &group[gap], (size_t)tail * sizeof(group[0]));
    memset(&group[gap], 0, (size_t)(8 - count) * sizeof(group[0]));
    return true;
}

static bool parse_ipv6(const char **at, uint8_t ip[16]) {
    uint16_t group[8] = {0};
    int count = 0;
    int gap = -1;
    if ((*at)[0] == ':' && (*at)[1] == ':') {
        gap = 0;
        *at += 2;
    }
    while (count < 8 && hex_value(**at) >= 0) {
        if (parse_tail_ipv4(at, group, count)) {
            count += 2;
            break;
        }
        if (!parse_group(at, &group[count++]))
            return false;
        if ((*at)[0] != ':')
            break;
        if ((*at)[1] == ':' && gap < 0) {
            gap = count;
            (*at)++;
        } else if (hex_value((*at)[1]) < 0) {
            return false;
        }
        (*at)++;
    }
    if (!expand(group, count, gap))
        return false;
    for (int i = 0; i < 8; i++) {
        ip[2 * i] = (uint8_t)(group[i] >> 8);
        ip[2 * i + 1] = (uint8_t)group[i];
    }
    return true;
}

struct addr addr_ipv4(const uint8_t ip[4], uint16_t port) {
    struct addr a = {.family = 4, .port = port};
    memcpy(a.ip, ip, 4);
    return a;
}

struct addr addr_ipv6(const uint8_t ip[16], uint16_t port) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(ip, mapped, sizeof(mapped)) == 0)
        return addr_ipv4(ip + 12, port);
    struct addr a = {.family = 6, .port = port};
    memcpy(a.ip, ip, 16);
    return a;
}

/* Reads an address without its port; `bracketed` says whether IPv6 must stand in [ ]. */
static bool parse_ip(const char **at, struct addr *out, bool bracketed) {
    uint8_t ip[16];
    const char *p = *at;
    if (parse_ipv4(&p, ip)) {
        *out = addr_ipv4(ip, 0);
        *at = p;
        return true;
    }
    p = *at;
    if (bracketed && *p++ != '[')
        return false;
    if (!parse_ipv6(&p, ip))
        return false;
    if (bracketed && *p++ != ']')
        return false;
    *out = addr_ipv6(ip, 0);
    *at = p;
    return true;
}

bool addr_from_text(struct addr *out, const char *text) {
    uint32_t port = 0;
    struct addr a;
    if (!parse_ip(&text, &a, true) || *text++ != ':' || !parse_decimal(&text, 65535, &port) ||
        *text != '\0')
        return false;
    a.port = (uint16_t)port;
    *out = a;
    return true;
}

/* The longest run of at least two zero groups becomes "::", the first of equals (RFC 5952). */
static int zero_run(const uint8_t ip[16], int *len) {
    int best = -1;
    *len = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0)
            n++;
        if (n > *len) {
            best = i;
            *len = n;
        }
    }
    return best;
}

static void ipv6_to_text(const uint8_t ip[16], char *out, size_t size) {
    int len = 0;
    int run = zero_run(ip, &len);
    size_t at = 0;
    for (int i = 0; i < 8; i++) {
        if (i == run) {
            at += (size_t)snprintf(out + at, size - at, "::");
            i += len - 1;
            continue;
        }
        const char *colon = i > 0 && (run < 0 || i != run + len) ? ":" : "";
        unsigned group = (unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]);
        at += (size_t)snprintf(out + at, size - at, "%s%x", colon, group);
    }
}

const char *addr_to_text(const struct addr *a, char out[ADDR_TEXT_LEN_MAX + 1]) {
    const size_t size = ADDR_TEXT_LEN_MAX + 1;
    char ip[40];
    if (a->family == 4) {
        snprintf(out, size, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3], a->port);
    } else if (a->family == 6) {
        ipv6_to_text(a->ip, ip, sizeof(ip));
        snprintf(out, size, "[%s]:%u", ip, a->port);
    } else {
        snprintf(out, size, "-");
    }
    return out;
}

bool addr_equal(const struct addr *a, const struct addr *b) {
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

bool addr_is_none(const struct addr *a) {
    return a->family == 0;
}

const char *prefix_to_text(const struct prefix *p, char out[PREFIX_TEXT_LEN_MAX + 1]) {
    const size_t size = PREFIX_TEXT_LEN_MAX + 1;
    const uint8_t *ip = p->addr.ip;
    char text[40];
    if (p->addr.family == 4) {
        snprintf(out, size, "%u.%u.%u.%u/%u", ip[0], ip[1], ip[2], ip[3], p->bits);
    } else if (p->addr.family == 6) {
        ipv6_to_text(ip, text, sizeof(text));
        snprintf(out, size, "%s/%u", text, p->bits);
    } else {
        snprintf(out, size, "-");
    }
    return out;
}

bool prefix_from_text(struct prefix *out, const char *text) {
    uint32_t bits = 0;
    struct prefix p = {0};
    if (!parse_ip(&text, &p.addr, false))
        return false;
    uint32_t max = p.addr.family == 4 ? 32 : 128;
    if (*text == '\0')
        bits = max;
    else if (*text++ != '/' || !parse_decimal(&text, max, &bits) || *text != '\0')
        return false;
    p.bits = (uint8_t)bits;
    *out = p;
    return true;
}

bool prefix_is_canonical(const struct prefix *p) {
    size_t len = p->addr.family == 4 ? 4 : 16;
    for (size_t i = 0; i < len; i++) {
        int kept = (int)p->bits - (int)(8 * i);
        if (kept < 8 && (uint8_t)(p->addr.ip[i] << (kept > 0 ? kept : 0)) != 0)
            return false;
    }
    return true;
}

bool prefix_holds(const struct prefix *p, const struct addr *a) {
    if (p->addr.family != a->family)
        return false;
    size_t whole = p->bits / 8;
    unsigned rest = p->bits % 8U;
    if (memcmp(p->addr.ip, a->ip, whole) != 0)
        return false;
    return rest == 0 || (p->addr.ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}
