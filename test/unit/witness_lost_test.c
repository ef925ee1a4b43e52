/* Of whom single frames are asked for once more. */
#include "test/unit/witness_fixture.h"

static uint32_t nacks_to(uint8_t server) {
    uint32_t count = 0;
    for (size_t i = 0; i < f.count; i++)
        count += f.sent[i].o.kind == WITNESS_SEND_NACK && f.sent[i].o.server == server;
    return count;
}

/* Frames 51 and 52 of fra1 are lost while ams1 is remembered to have filled a hole. */
Test(witness_lost, a_backup_is_asked_while_it_fills_and_no_longer) {
    static const struct {
        const char *what;
        bool hedges;
        uint8_t asked;
    } rows[] = {{"its hedge runs", true, 1}, {"its hedge is over", false, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.w.filler = (struct witness_filler){.server = 1, .high = 40};
        f.w.servers[1].hedge.active = rows[i].hedges;
        f.w.servers[1].media_at = rows[i].hedges ? f.w.servers[0].media_at : INSTANT_NEVER;
        stream(0, 50, 51);
        stream(0, 53, 56);
        cr_expect_geq(nacks_to(rows[i].asked), 1u, "%s", rows[i].what);
        cr_expect_eq(nacks_to(1 - rows[i].asked), 0u, "%s", rows[i].what);
        forget_sent();
    }
}
