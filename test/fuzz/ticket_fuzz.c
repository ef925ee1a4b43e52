/*
 * Tickets: the first byte of an input chooses the way in.
 *   0       the rest is a token as it came: footer and verification, which end at the key id or at
 *           the signature
 *   1       the rest is a footer, under a good signature
 *   others  the rest is a set of claims, signed here by the known key, so that the claims parser
 *           is reached
 * A ticket that verifies can be signed, and the result verifies to the same ticket.
 */
#include "peerd/wire/paseto.h"
#include "peerd/wire/ticket.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct key_pair *known_key(void) {
    static const uint8_t seed[KEY_BYTES] = {1};
    static struct key_pair pair;
    if (pair.seed[0] == 0)
        key_pair_from_seed(&pair, seed);
    return &pair;
}

static size_t known_footer(char out[80]) {
    static const char start[] = "{\"kid\":\"";
    memcpy(out, start, 8);
    key_id_to_text(&known_key()->public_key, out + 8);
    memcpy(out + 8 + KEY_ID_TEXT_LEN, "\"}", 3);
    return strlen(out);
}

static bool verify(struct ticket *out, const char *token, size_t len) {
    /* Whatever name the claims take, one of ours may be tried: fra1 and an empty table. */
    struct ticket_issuer issuer = {.key = known_key()->public_key};
    struct wall now = {.us = 1790000000000000};
    struct ticket before;
    CHECK(name_set(&issuer.cluster, "fra1"));
    memset(out, 0x5a, sizeof(*out));
    before = *out;
    enum err e = ticket_verify(out, token, len, &issuer, 1, now, duration_s(1000000000));
    if (e != ERR_OK)
        CHECK(memcmp(out, &before, sizeof(before)) == 0);
    return e == ERR_OK;
}

static void sign_and_verify_again(const struct ticket *t) {
    char token[TICKET_LEN_MAX + 1], again[TICKET_LEN_MAX + 1];
    struct ticket back;
    size_t len = ticket_sign(token, t, known_key());
    /* Ours may be longer than what came: dates and figures are, but blanks are not. */
    if (len == 0)
        return;
    CHECK(verify(&back, token, len));
    CHECK(ticket_sign(again, &back, known_key()) == len && memcmp(token, again, len) == 0);
}

static void try_token(const char *token, size_t len) {
    char footer[PASETO_TOKEN_LEN_MAX];
    size_t footer_len;
    struct ticket t;
    paseto_footer(token, len, footer, sizeof(footer), &footer_len);
    if (verify(&t, token, len))
        sign_and_verify_again(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char token[PASETO_TOKEN_LEN_MAX + 1], footer[80];
    if (size == 0)
        return 0;
    const char *rest = (const char *)data + 1;
    if (data[0] == 0) {
        try_token(rest, size - 1);
        return 0;
    }
    size_t footer_len = known_footer(footer);
    size_t len = data[0] == 1 ? paseto_sign(token, sizeof(token), known_key(), "{}", 2, rest,
                                            size - 1, TICKET_LABEL, strlen(TICKET_LABEL))
                              : paseto_sign(token, sizeof(token), known_key(), rest, size - 1,
                                            footer, footer_len, TICKET_LABEL, strlen(TICKET_LABEL));
    if (len != 0)
        try_token(token, len);
    return 0;
}
