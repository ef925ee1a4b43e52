/* genkey and pubkey: everything that two providers must exchange is the line that these print. */
#include "peerd/ctl/ctl.h"
#include "peerd/io/policy_file.h"
#include "peerd/net/clock.h"
#include "peerd/net/file.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int print_public(const struct public_key *key, bool json) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    char id[KEY_ID_TEXT_LEN + 1];
    public_key_to_text(key, text);
    key_id_to_text(key, id);
    if (json)
        printf("{\"public_key\":\"%s\",\"key_id\":\"%s\"}\n", text, id);
    else
        puts(text);
    return CTL_DONE;
}

static bool one_file(const struct ctl_options *o, const char *command) {
    if (o->word_count == 1)
        return true;
    fprintf(stderr, "peerctl %s: expected one FILE, found %d words\n", command, o->word_count);
    return false;
}

int ctl_genkey(const struct ctl_options *o) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    if (!one_file(o, "genkey"))
        return CTL_USAGE;
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    sodium_memzero(seed, sizeof(seed));
    enum err err = net_key_write(&pair, o->words[0]);
    struct public_key public_key = pair.public_key;
    sodium_memzero(&pair, sizeof(pair));
    if (err == ERR_DENIED) {
        fprintf(stderr, "peerctl genkey: %s exists, and a key is never overwritten\n", o->words[0]);
        return CTL_REFUSED;
    }
    if (err != ERR_OK) {
        fprintf(stderr, "peerctl genkey: %s: %s\n", o->words[0], strerror(errno));
        return CTL_REFUSED;
    }
    return print_public(&public_key, o->json);
}

int ctl_pubkey(const struct ctl_options *o) {
    struct key_pair pair;
    if (!one_file(o, "pubkey"))
        return CTL_USAGE;
    enum err err = key_file_read_secret(&pair, o->words[0]);
    if (err != ERR_OK) {
        fprintf(stderr, "peerctl pubkey: %s: %s\n", o->words[0],
                err == ERR_DENIED ? "others may read it; chmod 600 it, or make a new key"
                : err == ERR_IO   ? strerror(errno)
                                  : "not a k4.secret key file");
        return CTL_REFUSED;
    }
    struct public_key public_key = pair.public_key;
    sodium_memzero(&pair, sizeof(pair));
    return print_public(&public_key, o->json);
}
