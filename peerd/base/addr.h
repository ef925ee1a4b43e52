/*
 * A UDP or TCP endpoint as plain bytes: address family, address, port. No socket header needed.
 *
 * The text form is `192.0.2.1:5004` or `[2001:db8::1]:5004`. IPv4-mapped IPv6 addresses are folded
 * to IPv4, so that one endpoint has one form whatever kind of socket received from it.
 */
#ifndef PEERD_BASE_ADDR_H
#define PEERD_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_LEN_MAX 56 /* [characters] "[" + 45 + "]:65535" rounded up */

struct addr {
    uint8_t family; /* 0 none, 4 or 6 */
    uint8_t ip[16]; /* network order; IPv4 uses the first four bytes, the others are zero */
    uint16_t port;  /* host order */
};

bool addr_from_text(struct addr *out, const char *text);

/* Writes the text form; "-" for none. Returns `out`. */
const char *addr_to_text(const struct addr *a, char out[ADDR_TEXT_LEN_MAX + 1]);

bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_none(const struct addr *a);

/* Makes an address from raw bytes of a socket address, folding IPv4-mapped IPv6 to IPv4. */
struct addr addr_ipv4(const uint8_t ip[4], uint16_t port);
struct addr addr_ipv6(const uint8_t ip[16], uint16_t port);

/* A prefix such as 127.0.0.0/8; bits counts from the left. */
struct prefix {
    struct addr addr; /* port is 0 */
    uint8_t bits;     /* 0..32 or 0..128 */
};

#define PREFIX_TEXT_LEN_MAX 50 /* [characters] 45 + "/128" rounded up */

bool prefix_from_text(struct prefix *out, const char *text);

/* Writes "192.0.2.0/24", "2001:db8::/32"; "-" for none. Returns `out`. */
const char *prefix_to_text(const struct prefix *p, char out[PREFIX_TEXT_LEN_MAX + 1]);

bool prefix_holds(const struct prefix *p, const struct addr *a);

/* True if no bit beyond its length is set: 192.0.2.0/24 is, 192.0.2.1/24 is not. */
bool prefix_is_canonical(const struct prefix *p);

#endif
