/*
 * A key as TLS wants to see it: private key and self-signed certificate, made in memory from the
 * Ed25519 seed (RFC 8410).
 *
 * The certificate carries the key and nothing that anyone relies on: peers compare keys, not names,
 * dates or issuers. It is therefore the same each time, valid from 2000 to 9999 (RFC 5280 4.1.2.5),
 * and needs no clock, no randomness and no file.
 */
#ifndef PEERD_NET_IDENTITY_H
#define PEERD_NET_IDENTITY_H

#include "peerd/base/err.h"
#include "peerd/wire/keys.h"

#include <stdbool.h>

#define NET_PIN_LEN_MAX 64 /* [characters] "sha256//" + 44 of base64, rounded up */

struct net_identity;
struct gnutls_session_int;

/* Makes the PEM pair; the caller frees it. ERR_NO_MEMORY. */
enum err net_identity_new(struct net_identity **out, const struct key_pair *pair);

/* Wipes and frees. Accepts NULL. */
void net_identity_free(struct net_identity *identity);

/* Terminated PEM text, owned by the identity. */
const char *net_identity_certificate(const struct net_identity *identity);
const char *net_identity_private_key(const struct net_identity *identity);
const struct public_key *net_identity_public_key(const struct net_identity *identity);

/* What CURLOPT_PINNEDPUBLICKEY compares: base64 of SHA-256 over the SubjectPublicKeyInfo. */
void net_identity_pin(const struct public_key *key, char out[NET_PIN_LEN_MAX + 1]);

/* The raw Ed25519 key of the certificate that the other side of a GnuTLS session showed (GnuTLS has
 * verified by then that it holds the private half). False if it showed none or another kind. */
bool net_identity_of_session(struct gnutls_session_int *session, struct public_key *out);

#endif
