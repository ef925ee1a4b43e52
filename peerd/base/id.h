/*
 * Names and identifiers with fixed storage.
 *
 * Clusters, services, profiles and sources have short names that people type: 1 to 31 characters of
 * a-z, 0-9, '-', '_' and '.', starting with a letter or digit. Sessions have a random 128-bit id,
 * written as 22 characters of base64url (RFC 4648 section 5, no padding).
 */
#ifndef PEERD_BASE_ID_H
#define PEERD_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NAME_LEN_MAX        31 /* [characters] a DNS label is 63; a ticket carries several names */
#define SESSION_ID_BYTES    16 /* [bytes] collision-free for 2^64 sessions */
#define SESSION_ID_TEXT_LEN 22 /* [characters] base64url without padding */

struct name {
    char text[NAME_LEN_MAX + 1]; /* always terminated; empty means "none" */
};

struct session_id {
    uint8_t bytes[SESSION_ID_BYTES];
};

/* Takes `len` characters if they form a name; otherwise returns false and leaves `out` empty. */
bool name_from_text(struct name *out, const char *text, size_t len);

/* The same from a terminated string. */
bool name_set(struct name *out, const char *text);

static inline bool name_equal(const struct name *a, const struct name *b) {
    return a->text[0] == b->text[0] && strcmp(a->text, b->text) == 0;
}

static inline bool name_is_empty(const struct name *n) {
    return n->text[0] == '\0';
}

static inline bool session_id_equal(const struct session_id *a, const struct session_id *b) {
    return memcmp(a->bytes, b->bytes, SESSION_ID_BYTES) == 0;
}

/* Writes 22 characters and a terminator to `out`. */
void session_id_to_text(const struct session_id *id, char out[SESSION_ID_TEXT_LEN + 1]);
bool session_id_from_text(struct session_id *out, const char *text, size_t len);

/* base64url without padding (RFC 4648 section 5). Encoding needs out_size >= 4/3·len + 2 and
 * returns the length without the terminator, 0 if it does not fit. Decoding is strict (no padding,
 * no white space, no stray bits) and returns false, `out` undefined, on anything else. */
size_t base64url_encode(const void *data, size_t len, char *out, size_t out_size);
bool base64url_decode(const char *text, size_t len, void *out, size_t out_size, size_t *out_len);

#endif
