/*
 * What HTTP client and server have in common.
 */
#ifndef PEERD_NET_HTTP_H
#define PEERD_NET_HTTP_H

#include <stddef.h>

#define NET_HTTP_BODY_MAX (1024 * 1024) /* [bytes] default bound for bodies, either way */

struct net_http_header {
    const char *name;  /* without a colon */
    const char *value; /* without a line feed: asserted */
};

#endif
