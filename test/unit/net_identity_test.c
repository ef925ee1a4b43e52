#include "peerd/net/identity.h"

#include "test/unit/net_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

static X509 *parse(const struct net_identity *identity) {
    BIO *bio = BIO_new_mem_buf(net_identity_certificate(identity), -1);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return x;
}

Test(net_identity, the_certificate_holds_the_key_and_is_signed_with_it) {
    struct key_pair pair = key_number(1);
    struct net_identity *identity;
    uint8_t raw[KEY_BYTES];
    size_t len = sizeof raw;

    cr_assert_eq(net_identity_new(&identity, &pair), ERR_OK);
    X509 *x = parse(identity);
    cr_assert_not_null(x);
    EVP_PKEY *key = X509_get_pubkey(x);
    cr_expect_eq(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
    cr_expect_arr_eq(raw, pair.public_key.bytes, KEY_BYTES);
    cr_expect_eq(X509_verify(x, key), 1);
    cr_expect(public_key_equal(net_identity_public_key(identity), &pair.public_key));
    cr_expect(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
    cr_expect(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);

    BIO *bio = BIO_new_mem_buf(net_identity_private_key(identity), -1);
    EVP_PKEY *private = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    cr_expect_eq(X509_check_private_key(x, private), 1);
    EVP_PKEY_free(private);
    BIO_free(bio);
    EVP_PKEY_free(key);
    X509_free(x);
    net_identity_free(identity);
    net_identity_free(NULL);
}

Test(net_identity, same_seed_same_certificate_other_seed_another) {
    struct key_pair one = key_number(1), two = key_number(2);
    struct net_identity *a, *b, *c;

    cr_assert_eq(net_identity_new(&a, &one), ERR_OK);
    cr_assert_eq(net_identity_new(&b, &one), ERR_OK);
    cr_assert_eq(net_identity_new(&c, &two), ERR_OK);
    cr_expect_str_eq(net_identity_certificate(a), net_identity_certificate(b));
    cr_expect_str_neq(net_identity_certificate(a), net_identity_certificate(c));
    net_identity_free(a);
    net_identity_free(b);
    net_identity_free(c);
}

/* What libcurl computes: SHA-256 over the SubjectPublicKeyInfo as OpenSSL writes it. */
Test(net_identity, the_pin_is_that_of_the_certificate) {
    struct key_pair pair = key_number(3);
    struct net_identity *identity;
    uint8_t *info = NULL, digest[SHA256_DIGEST_LENGTH];
    char pin[NET_PIN_LEN_MAX + 1], expected[NET_PIN_LEN_MAX + 1] = "sha256//";

    cr_assert_eq(net_identity_new(&identity, &pair), ERR_OK);
    X509 *x = parse(identity);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &info);
    cr_assert_gt(len, 0);
    SHA256(info, (size_t)len, digest);
    EVP_EncodeBlock((uint8_t *)expected + strlen(expected), digest, sizeof digest);
    net_identity_pin(&pair.public_key, pin);
    cr_expect_str_eq(pin, expected);
    OPENSSL_free(info);
    X509_free(x);
    net_identity_free(identity);
}
