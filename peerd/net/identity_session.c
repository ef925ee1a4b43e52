/* The GnuTLS side of identities, apart from the rest so that clients need not link GnuTLS. */
#include "peerd/net/identity.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

bool net_identity_of_session(struct gnutls_session_int *session, struct public_key *out) {
    unsigned count = 0;
    const gnutls_datum_t *chain = NULL;
    gnutls_x509_crt_t crt = NULL;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    gnutls_datum_t x = {0}, y = {0};
    bool found = false;

    if (gnutls_certificate_type_get(session) == GNUTLS_CRT_X509)
        chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0 || gnutls_x509_crt_init(&crt) != 0)
        return false;
    if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, &x, &y) == 0 &&
        curve == GNUTLS_ECC_CURVE_ED25519 && x.size == KEY_BYTES) {
        memcpy(out->bytes, x.data, KEY_BYTES);
        found = true;
    }
    gnutls_free(x.data);
    gnutls_free(y.data);
    gnutls_x509_crt_deinit(crt);
    return found;
}
