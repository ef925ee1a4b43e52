/*
 * Location: where a client is, as far as grouping needs to know.
 *
 * Clients behind one /24 (IPv4) or /48 (IPv6) nearly always share their paths, so what one of them
 * experiences holds for the others; sessions are grouped by it. Region and network number can be
 * laid over it where the operator has a database; nothing here depends on one.
 */
#ifndef TOPO_LOCATION_H
#define TOPO_LOCATION_H

#include "peerd/base/addr.h"

#define LOCATION_BITS_IPV4    24
#define LOCATION_BITS_IPV6    48
#define LOCATION_CLIENT_IPV6  64 /* bits of an IPv6 address that are one client's */
#define LOCATION_TEXT_LEN_MAX 47 /* [characters] an IPv6 address, a slash and two digits */

/* The location of an address: its prefix with the rest cleared; none for none. */
struct prefix location_of(const struct addr *client);

/* Whom an address stands for where clients are counted: IPv4 is one client an address, IPv6 one a
 * /64, since a host may take any address in its own. Ports do not count. A hash. */
uint32_t location_client(const struct addr *client);

bool location_equal(const struct prefix *a, const struct prefix *b);

/* "192.0.2.0/24", "2001:db8:1::/48" (RFC 5952: "2001:db8::/48", whatever zeros were typed), or "-"
 * for none. Returns `out`. */
const char *location_to_text(const struct prefix *location, char out[LOCATION_TEXT_LEN_MAX + 1]);

/* The inverse; false, `out` none, if the text is neither a location nor "-". */
bool location_from_text(struct prefix *out, const char *text);

/* The location of an address or prefix that somebody typed: "192.0.2.7", "2001:db8:1:2::/64".
 * False, `out` none, if it is neither, or wider than a location. */
bool location_of_text(struct prefix *out, const char *text);

#endif
