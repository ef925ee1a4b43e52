/*
 * Words to the service manager (sd_notify(3)): a datagram to the socket it named.
 *
 * Without a service manager all of this does nothing. No libsystemd: the protocol is a dozen lines.
 */
#ifndef PEERD_NET_NOTIFY_H
#define PEERD_NET_NOTIFY_H

#include "peerd/base/time.h"

#include <stdbool.h>

/* Sends e.g. "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1" or "STATUS=3 peers alive";
 * several at once are separated by line feeds. False if nobody asked to be told, or it could not be
 * sent. */
bool net_notify(const char *state);

/* How often WATCHDOG=1 is due: half of what the service manager allows. "Endless" if it does not
 * watch this process. */
struct duration net_notify_watchdog_interval(void);

#endif
