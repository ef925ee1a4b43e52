/*
 * Addresses of things on the web that are handed on to strangers, as text.
 *
 * What an operator or a peer writes goes word for word into playlists and manifests (RFC 3986), so
 * it is looked over once, where it comes in: http or https, a host, printable ASCII without what a
 * URI may not hold, and nobody's name or password. Nothing is decoded and nothing is opened here.
 */
#ifndef PEERD_BASE_URL_H
#define PEERD_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

/* An absolute http or https URL that can be handed on. */
bool url_is_absolute(const char *text);

/* One of a file: with a path that does not end in "/", without query and fragment. */
bool url_is_file(const char *text);

/* Up to and with the last "/" of such a file's URL [characters]: what its relative URIs stand on.
 */
size_t url_folder_len(const char *text);

#endif
