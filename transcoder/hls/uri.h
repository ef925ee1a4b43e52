/*
 * References in playlists, resolved: what a URI means where it stands (RFC 3986 section 5).
 */
#ifndef TRANSCODER_HLS_URI_H
#define TRANSCODER_HLS_URI_H

#include <stdbool.h>
#include <stddef.h>

#define URI_LEN_MAX 2048 /* [characters] longer ones are refused */

/* Does it name a scheme, and so stand for itself? */
bool uri_is_absolute(const char *text, size_t len);

/* [characters] Of scheme, colon, slashes and host: where the path begins. 0: it has no host. */
size_t uri_host_len(const char *text, size_t len);

/* [characters] Up to and with the last slash of its path: what relative references stand on. */
size_t uri_folder_len(const char *text, size_t len);

/* What `reference` means in a document at `base`, an absolute URI. Dots are taken out of the path,
 * a fragment is left out. False: it does not fit, or the base is none. */
bool uri_resolve(char out[URI_LEN_MAX + 1], const char *base, const char *reference, size_t len);

#endif
