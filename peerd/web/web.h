/*
 * The files of the status page, as they were embedded at build: type, ETag, and headers under which
 * a browser runs and loads nothing else.
 *
 * Whether who asks may see them, and what they show, is peerd/io/page.c's to say.
 */
#ifndef PEERD_WEB_WEB_H
#define PEERD_WEB_WEB_H

#include "peerd/net/http_server.h"

#include <stdbool.h>
#include <stddef.h>

/* One file, in memory that is never freed. */
struct web_file {
    const char *path; /* "/" or "/page/NAME" */
    const char *type; /* Content-Type */
    const char *etag; /* quoted; follows from the bytes */
    const unsigned char *bytes;
    size_t len; /* [bytes] */
};

/* The table that peerd/web/embed writes; ends with a path of NULL. */
extern const struct web_file web_files[];

/* Answers for one of them: 200, 304 if the asker has it, or 405. False: the path is none of them,
 * and the request is still to be answered. */
bool web_serve(struct net_http_request *request);

#endif
