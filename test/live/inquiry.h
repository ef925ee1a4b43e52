/*
 * Inquiries: what a site's peerd says of itself, asked as its operator would, over the pinned door.
 */
#ifndef TEST_LIVE_INQUIRY_H
#define TEST_LIVE_INQUIRY_H

#include "peerd/net/http_client.h"
#include "test/live/site.h"

#include <jansson.h>

struct inquirer;

struct inquirer *inquirer_new(struct net_loop *loop);
void inquirer_free(struct inquirer *i);

/* Asks for a path, such as "/v1/status". `answered` gets the answer, NULL if there was none, once,
 * later. */
void inquirer_ask(struct inquirer *i, const struct site *site, const char *path,
                  void (*answered)(void *data, const json_t *answer), void *data);

/* True if a peerd has all its nodes with all their workers, given its status. */
bool inquiry_is_staffed(const struct site *site, const json_t *status);

/* True if it hears all of its `expected` peers and knows what they serve, given its peers. */
bool inquiry_is_acquainted(const json_t *peers, size_t expected);

#endif
