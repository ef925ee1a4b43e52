/*
 * Messages of agreements. What decodes must encode, decode again and encode to the same; what does
 * not must say why and leave the caller's struct alone.
 */
#include "peerd/wire/agreement.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct wire_fault fault;
    struct agreement_message m, untouched;
    memset(&m, 0x5a, sizeof(m));
    untouched = m;
    if (agreement_message_decode(&m, (const char *)data, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0' && memcmp(&m, &untouched, sizeof(m)) == 0);
        return 0;
    }
    require(m.run != 0 && m.seq != 0 && m.offer.asks.slots_min <= m.offer.asks.slots);
    char *once = agreement_message_encode(&m, &len);
    require(once != NULL && agreement_message_decode(&m, once, len, NULL) == ERR_OK);
    char *twice = agreement_message_encode(&m, NULL);
    require(twice != NULL && strcmp(once, twice) == 0);
    free(once);
    free(twice);
    return 0;
}
