/*
 * Signed descriptions. Random bytes never get past a signature, so the input is tried twice: as an
 * envelope, where only what the seed's key has signed may be accepted, and as the text inside an
 * envelope signed here, which reaches the decoder behind the signature.
 */
#include "peerd/wire/introductions.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok) {
    if (!ok)
        abort();
}

static void open_and_seal(const char *envelope, size_t len, const struct key_pair *pair) {
    struct wire_fault fault;
    struct description d;
    if (description_open(&d, envelope, len, NULL, &pair->public_key, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = description_seal(&d, pair, &len);
    description_free(&d);
    require(once != NULL &&
            description_open(&d, once, len, NULL, &pair->public_key, NULL) == ERR_OK);
    description_free(&d);
    free(once);
}

/* As a peer hands it on, alone and in a list with what cannot be right. */
static void introduce(const char *envelope, size_t len, const struct public_key *after) {
    static struct description known[INTRODUCTIONS_MAX];
    const char *const two[2] = {envelope, "{}"};
    size_t count, refused, list_len;
    struct public_key next;
    struct description d;
    bool good = description_open_foreign(&d, envelope, len, NULL) == ERR_OK;
    if (good)
        description_free(&d);
    char *list = introductions_encode(two, 2, len % 2 == 0 ? after : NULL, &list_len);
    if (list == NULL) /* not UTF-8 */
        return;
    require(introductions_decode(known, &count, &refused, &next, list, list_len, NULL) == ERR_OK);
    for (size_t i = 0; i < count; i++)
        description_free(&known[i]);
    require(count + refused <= 2 && refused >= 1 && (good || count == 0));
    free(list);
}

static char *sign(const char *text, size_t len, const struct key_pair *pair) {
    uint8_t hash[32], signature[SIGNATURE_BYTES];
    char signature_text[100];
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, len, NULL, 0);
    sign_labelled(signature, "peerd description v1", hash, sizeof(hash), pair);
    base64url_encode(signature, sizeof(signature), signature_text, sizeof(signature_text));
    json_t *o = json_object();
    json_object_set_new(o, "description", json_stringn(text, len));
    json_object_set_new(o, "signature", json_string(signature_text));
    char *envelope = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return envelope;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, 1, sizeof(seed)); /* the key of the seeds in the corpus */
    key_pair_from_seed(&pair, seed);
    open_and_seal((const char *)data, len, &pair);
    char *envelope = sign((const char *)data, len, &pair);
    if (envelope != NULL) {
        open_and_seal(envelope, strlen(envelope), &pair);
        introduce(envelope, strlen(envelope), &pair.public_key);
    }
    free(envelope);
    return 0;
}
