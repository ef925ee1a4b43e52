/* Who has written a message: signatures, and MACs of passes. */
#include "peerd/wire/message_inner.h"

#include <assert.h>
#include <sodium.h>

#define LABEL_RESUME "peerd resume v1"
#define LABEL_REPORT "peerd report v1"
#define LABEL_TRIPS  "peerd trips v1"

static const char *label_of(enum message_kind kind) {
    return kind == MESSAGE_RESUME  ? LABEL_RESUME
           : kind == MESSAGE_TRIPS ? LABEL_TRIPS
                                   : LABEL_REPORT;
}

void message_write_proof(struct writer *w, const uint8_t *text, enum message_kind kind,
                         const struct key_pair *pair, const struct pass *pass) {
    uint8_t proof[SIGNATURE_BYTES];
    if (pass != NULL)
        pass_prove(proof, pass, text, writer_len(w));
    else
        sign_labelled(proof, label_of(kind), text, writer_len(w), pair);
    write_copy(w, proof, pass != NULL ? PASS_PROOF_BYTES : SIGNATURE_BYTES);
}

static bool is_for(const struct message *m, const struct key_hint *me) {
    assert(message_is_signed(m->kind) && m->signed_part.data != NULL);
    const struct key_hint *target = m->kind == MESSAGE_RESUME  ? &m->u.resume.target
                                    : m->kind == MESSAGE_TRIPS ? &m->u.trips.target
                                                               : &m->u.report.target;
    return key_hint_equal(target, me);
}

enum err message_verify_passed(const struct message *m, const struct public_key *client,
                               const struct key_hint *me, const uint8_t secret[32],
                               uint64_t period) {
    assert(m->mark != 0);
    struct pass pass;
    if (!is_for(m, me))
        return ERR_FOREIGN;
    pass_marked(&pass, secret, client, m->mark, period);
    bool proves = pass_proves(m->signed_part.data + m->signed_part.len, &pass, m->signed_part.data,
                              m->signed_part.len);
    sodium_memzero(&pass, sizeof(pass));
    return proves ? ERR_OK : ERR_BAD_COOKIE;
}

enum err message_verify(const struct message *m, const struct public_key *client,
                        const struct key_hint *me) {
    if (!is_for(m, me))
        return ERR_FOREIGN;
    if (m->mark != 0)
        return ERR_BAD_SIGNATURE;
    const uint8_t *signature = m->signed_part.data + m->signed_part.len;
    return verify_labelled(signature, label_of(m->kind), m->signed_part.data, m->signed_part.len,
                           client)
               ? ERR_OK
               : ERR_BAD_SIGNATURE;
}
