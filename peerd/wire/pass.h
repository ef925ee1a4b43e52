/*
 * Passes: what stands under a client's messages in place of a signature.
 *
 * A signature takes a machine some 50 µs to verify, and a herd brings thousands of them at once. A
 * pass is a key that one client and one machine have in common: under a message it makes a MAC,
 * which takes a microsecond. Who asks proves the same as by signing, to that machine alone.
 *
 * A machine remembers none. A pass is BLAKE2b-256, keyed with the secret that cookies are made
 * with, over "peerd pass v1" ‖ 0x00 ‖ the client's public key ‖ the number of the period 8, so it
 * follows again from the key that a ticket names. A period is PASS_PERIOD_S; the pass of the one
 * before is good, too. `mark` tells which of the two it is: 1 of an even period, 2 of an odd one.
 *
 * It is handed out sealed to the client's key, so that whoever sees it, or asks for another's, has
 * nothing: libsodium's sealed box (crypto_box_seal) to the X25519 form of that key, of which the
 * one-time secret is the caller's entropy. To seal one takes 110 µs, in calm and within a
 * budget, of which one address has a half at most; who has none signs. Nobody proves by asking that
 * he is the client: what he gets is of no use to him.
 *
 * The MAC is BLAKE2b-128, keyed with the pass, over every byte before it: the message's kind, its
 * target and its counter are among them.
 *
 * What that proves: that the holder of the client's key has written the message, or the machine
 * itself has, and only to that machine. Session, cluster and purpose are not in the pass, they are
 * in what it stands under, as with a signature, and replays are refused as those of signatures are.
 * Whoever steals a pass may speak for that client, to that machine, for two periods at most;
 * whoever steals the key, to everybody until the ticket expires. Whoever reads the machine's secret
 * may speak for all clients, to that machine, until transcoderd begins anew, with which all passes
 * end.
 *
 * A sealed box does not say who has sealed it, and the mark beside it is not sealed. Who sits on
 * the path may hand out a box of his own, or one that he has kept: what it makes proves nothing to
 * the machine, which refuses it, and the client signs: a round trip or two, no more than packets
 * that he drops. A backup that stands by has been asked by its pass in calm; of one that does not
 * (cold) it comes out when it is needed.
 */
#ifndef PEERD_WIRE_PASS_H
#define PEERD_WIRE_PASS_H

#include "peerd/wire/keys.h"

#define PASS_BYTES        32  /* [bytes] */
#define PASS_SEALED_BYTES 80  /* [bytes] 32 of the one-time key, 16 of its MAC, the pass */
#define PASS_PROOF_BYTES  16  /* [bytes] */
#define PASS_PERIOD_S     600 /* [s] */
#define PASS_MARK_MAX     2

struct pass {
    uint8_t bytes[PASS_BYTES]; /* secret */
    uint8_t mark;              /* 1 or 2; 0: there is none */
};

/* The pass of a client in a period; and the one with that mark, of `period` or the one before. */
void pass_make(struct pass *out, const uint8_t secret[32], const struct public_key *client,
               uint64_t period);
void pass_marked(struct pass *out, const uint8_t secret[32], const struct public_key *client,
                 uint8_t mark, uint64_t period);

/* To the client, and out again. `entropy` is fresh. ERR_BAD_FIELD: its key is no point of the
 * curve. ERR_BAD_SIGNATURE: it was not sealed to this key, or not by this rule. */
enum err pass_seal(uint8_t out[PASS_SEALED_BYTES], const struct pass *pass,
                   const struct public_key *client, const uint8_t entropy[32]);
enum err pass_open(struct pass *out, const uint8_t sealed[PASS_SEALED_BYTES], uint8_t mark,
                   const struct key_pair *mine);

void pass_prove(uint8_t out[PASS_PROOF_BYTES], const struct pass *pass, const void *text,
                size_t len);
bool pass_proves(const uint8_t proof[PASS_PROOF_BYTES], const struct pass *pass, const void *text,
                 size_t len);

#endif
