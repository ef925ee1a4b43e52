#include "peerd/net/identity.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct net_identity {
    struct public_key public_key;
    char *certificate; /* PEM */
    char *private_key; /* PEM, secret */
};

/* SubjectPublicKeyInfo of any Ed25519 key up to the key itself (RFC 8410 section 4 and 10.1). */
static const uint8_t SPKI_PREFIX[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                        0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/* A terminated copy of what a memory BIO holds; NULL if memory is short. */
static char *text_of(BIO *bio) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;

    if (text != NULL) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
    }
    return text;
}

static bool set_validity(X509 *x) {
    return ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20000101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") == 1;
}

static X509 *self_sign(EVP_PKEY *key) {
    X509 *x = X509_new();
    X509_NAME *name = x != NULL ? X509_get_subject_name(x) : NULL;

    /* Ed25519 hashes by itself, so X509_sign gets no digest. */
    if (name != NULL && X509_set_version(x, 2) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 && set_validity(x) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"peerd", -1, -1, 0) ==
            1 &&
        X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
        X509_sign(x, key, NULL) > 0)
        return x;
    X509_free(x);
    return NULL;
}

enum err net_identity_new(struct net_identity **out, const struct key_pair *pair) {
    enum err err = ERR_NO_MEMORY;
    EVP_PKEY *key = NULL;
    X509 *x = NULL;
    BIO *key_bio = BIO_new(BIO_s_mem()), *cert_bio = BIO_new(BIO_s_mem());
    struct net_identity *identity = calloc(1, sizeof *identity);

    *out = NULL;
    if (identity == NULL || key_bio == NULL || cert_bio == NULL)
        goto out;
    identity->public_key = pair->public_key;
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, pair->seed, KEY_BYTES);
    if (key == NULL || (x = self_sign(key)) == NULL)
        goto out;
    if (PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(cert_bio, x) != 1)
        goto out;
    identity->private_key = text_of(key_bio);
    identity->certificate = text_of(cert_bio);
    if (identity->private_key == NULL || identity->certificate == NULL)
        goto out;
    *out = identity;
    identity = NULL;
    err = ERR_OK;
out:
    net_identity_free(identity);
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(key_bio); /* wipes: OpenSSL's memory buffers are freed with OPENSSL_clear_free */
    BIO_free(cert_bio);
    return err;
}

void net_identity_free(struct net_identity *identity) {
    if (identity == NULL)
        return;
    if (identity->private_key != NULL)
        OPENSSL_cleanse(identity->private_key, strlen(identity->private_key));
    free(identity->private_key);
    free(identity->certificate);
    free(identity);
}

const char *net_identity_certificate(const struct net_identity *identity) {
    return identity->certificate;
}

const char *net_identity_private_key(const struct net_identity *identity) {
    return identity->private_key;
}

const struct public_key *net_identity_public_key(const struct net_identity *identity) {
    return &identity->public_key;
}

void net_identity_pin(const struct public_key *key, char out[NET_PIN_LEN_MAX + 1]) {
    uint8_t info[sizeof SPKI_PREFIX + KEY_BYTES], digest[SHA256_DIGEST_LENGTH];

    memcpy(info, SPKI_PREFIX, sizeof SPKI_PREFIX);
    memcpy(info + sizeof SPKI_PREFIX, key->bytes, KEY_BYTES);
    SHA256(info, sizeof info, digest);
    memcpy(out, "sha256//", 8);
    EVP_EncodeBlock((uint8_t *)out + 8, digest, sizeof digest);
}
