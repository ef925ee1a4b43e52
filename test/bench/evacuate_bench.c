/*
 * What it costs the control plane to move sessions, many at a time.
 *
 * A cluster with 100,000 sessions on machines of 7,800 is drained at once to five peers
 * (evacuation.h). Moves a second and core are sessions by all CPU of all six cores, both sides,
 * from the drain to the last client's word in the ledger: orders, what nodes report of them,
 * arrivals, the record at both ends; beats, lodgings and the trace of each move are in it. Reports
 * come in batches, whose channel is authenticated as a whole (TLS with pinned keys), and tickets
 * are verified when a session is lodged or served first: that is a row of its own, and so is the
 * JSON of nodes' requests and answers, which peerd decodes and encodes beside the core.
 *
 * What starts at the peers costs them media CPU, which no control plane can hurry: modelled as in
 * peersim (SIM_PREROLL_US a frame of pre-roll), for starts that merge at once (full) and for those
 * of a herd (quick), and told as what a machine of so many cores would need.
 */
#include "peerd/sim/world.h"
#include "peerd/wire/ticket.h"
#include "test/bench/evacuation.h"
#include "test/bench/sheet.h"
#include "transcoder/timeline/lap.h"

#include <sodium.h>

#define SESSIONS       100000
#define SESSIONS_QUICK 5000
#define MOVES_AIM      50000 /* a second and core */
#define EVACUATE_AIM_S 5.0   /* until the last has gone */

/* ---- moves ----------------------------------------------------------------------------------- */

static struct evacuation_result run(const struct sheet *s, bool figures, bool json) {
    uint32_t sessions = s->quick ? SESSIONS_QUICK : SESSIONS;
    const struct evacuation_setup setup = {.sessions = sessions,
                                           .room = sessions * 3 / 10,
                                           .per_s = 100000,
                                           .figures = figures,
                                           .json = json};
    struct evacuation_result r = evacuation_run(&setup);
    if (r.whole && (r.ledger_out != sessions || r.ledger_in != sessions))
        sheet_die("of %u sessions %u have moved; ledgers: %u left, %u arrived", sessions, r.moved,
                  r.ledger_out, r.ledger_in);
    return r;
}

static double cores_s(const struct evacuation_result *r) {
    return r->leaving_cpu_s + r->arriving_cpu_s;
}

static void put_moves(struct sheet *s) {
    double per_s[SHEET_ROUNDS], leaving[SHEET_ROUNDS], arriving[SHEET_ROUNDS];
    for (unsigned i = 0; i < sheet_rounds(s); i++) {
        struct evacuation_result r = run(s, false, false);
        per_s[i] = r.moved / cores_s(&r);
        leaving[i] = r.leaving_cpu_s * 1e6 / r.moved;
        arriving[i] = r.arriving_cpu_s * 1e6 / r.moved;
    }
    sheet_group(s, "moves", "session moves, both sides, a CPU-second of cores");
    sheet_put_aimed(s, "per_s", "moves", sheet_median(per_s, sheet_rounds(s)), "/s", MOVES_AIM);
    sheet_put(s, "leaving_us", "CPU of the one that is left, a move",
              sheet_median(leaving, sheet_rounds(s)), "us");
    sheet_put(s, "arriving_us", "CPU of the peers, a move", sheet_median(arriving, sheet_rounds(s)),
              "us");
    struct evacuation_result r = run(s, false, true);
    sheet_put(s, "json_us", "beside it: JSON of nodes' requests and answers at both peerds, a move",
              r.json_cpu_s * 1e6 / r.moved, "us");
}

/* ---- the whole of it ------------------------------------------------------------------------- */

static void put_evacuation(struct sheet *s) {
    struct evacuation_result r = run(s, true, true);
    sheet_group(s, "evacuation", "100,000 sessions leave for five peers, all at once");
    sheet_put_aimed(s, "moved", "sessions that have gone, of as many as there are", r.moved, "",
                    s->quick ? SESSIONS_QUICK : SESSIONS);
    sheet_put_aimed(s, "gone_s", "until the last has gone, virtual time", r.lasted_s, "s",
                    -EVACUATE_AIM_S);
    sheet_put_aimed(s, "leaving_cpu_s", "CPU of the core that is left", r.leaving_cpu_s, "s",
                    -EVACUATE_AIM_S);
    sheet_put_aimed(s, "arriving_cpu_max_s", "CPU of the busiest peer's core", r.arriving_cpu_max_s,
                    "s", -EVACUATE_AIM_S);
    sheet_put(s, "cores_cpu_s", "CPU of all six cores, figures of all sessions told each second",
              cores_s(&r), "s");
    sheet_put(s, "json_cpu_s", "CPU of all six peerds for the JSON of their nodes", r.json_cpu_s,
              "s");
    sheet_put(s, "lodgings", "requests between clusters", r.lodgings, "");
    sheet_put(s, "orders", "orders that nodes took on", r.orders, "");
    sheet_put(s, "told", "moves whose record still stood in a ledger when the client told of it",
              r.ledger_told, "");
}

/* ---- tickets --------------------------------------------------------------------------------- */

struct papers {
    struct ticket_issuer issuers[1];
    struct wall now;
    char token[TICKET_LEN_MAX + 1];
    size_t len;
};

static void verify(void *data, uint32_t times) {
    struct papers *x = data;
    struct ticket out;
    for (uint32_t i = 0; i < times; i++)
        if (ticket_verify(&out, x->token, x->len, x->issuers, 1, x->now, duration_s(1)) != ERR_OK)
            sheet_die("a ticket does not verify");
}

static void put_tickets(struct sheet *s) {
    static struct papers x;
    struct key_pair issuer;
    uint8_t seed[KEY_BYTES] = {3};
    struct ticket t = {.issued_s = 1763720000,
                       .expires_s = 1763723600,
                       .class = SOURCE_CLASS_EXACT,
                       .legs = {{.ssrc = 1}},
                       .leg_count = 1,
                       .protection = PROTECTION_WARM,
                       .backup_count = 2,
                       .anchor_wall_ms = 1763720000000};
    key_pair_from_seed(&issuer, seed);
    x.issuers[0].key = issuer.public_key;
    x.now = (struct wall){1763720001000000, 0};
    name_set(&x.issuers[0].cluster, "fra1");
    name_set(&t.issuer, "fra1");
    name_set(&t.service, "radio");
    name_set(&t.profile, "opus");
    name_set(&t.source, "news");
    name_set(&t.backups[0], "peer1");
    name_set(&t.backups[1], "peer2");
    x.len = ticket_sign(x.token, &t, &issuer);
    double per_s = sheet_rate(s, verify, &x);
    sheet_group(s, "tickets", "tickets, verified once where a session is lodged or comes");
    sheet_put(s, "verify_per_s", "a CPU-second of a worker", per_s, "/s");
    sheet_put(s, "all_cpu_s", "CPU for those of 100,000, at the workers of five peers",
              SESSIONS / per_s, "s");
}

/* ---- media ----------------------------------------------------------------------------------- */

/* [frames] of pre-roll, on average over where in a lap a session is. */
static double preroll(uint32_t asked) {
    uint64_t sum = 0;
    for (uint64_t frame = 10 * LAP_FRAMES; frame < 11 * LAP_FRAMES; frame++)
        sum += lap_preroll(frame, 0, LAP_MERGES_FRAMES, asked);
    return (double)sum / LAP_FRAMES;
}

static void put_media(struct sheet *s) {
    double full_s = preroll(UINT32_MAX) * SIM_PREROLL_US * 1e-6 * SESSIONS;
    double least_s = preroll(LAP_LEAST_FRAMES) * SIM_PREROLL_US * 1e-6 * SESSIONS;
    double quick_s = preroll(LAP_QUICK_FRAMES) * SIM_PREROLL_US * 1e-6 * SESSIONS;
    sheet_group(s, "media", "media CPU of 100,000 Opus starts, modelled as in peersim");
    sheet_put(s, "full_core_s", "each with a full pre-roll: bytes merge from its first frame on",
              full_s, "core-s");
    sheet_put(s, "quick_core_s", "each with a quick one, as a rush gets", quick_s, "core-s");
    sheet_put(s, "least_core_s", "each with the least one, as a crowd gets", least_s, "core-s");
    sheet_put(s, "full_cores", "cores of each peer that have that done within 5 s",
              full_s / EVACUATE_AIM_S / EVACUATION_PEERS, "");
    sheet_put(s, "quick_cores", "the same with quick ones",
              quick_s / EVACUATE_AIM_S / EVACUATION_PEERS, "");
    sheet_put(s, "least_cores", "the same with the least ones",
              least_s / EVACUATE_AIM_S / EVACUATION_PEERS, "");
}

int main(int argc, char **argv) {
    struct sheet s;
    sheet_open(&s, "evacuate_bench", "What moving sessions costs the control plane.", argc, argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    put_moves(&s);
    put_evacuation(&s);
    put_tickets(&s);
    put_media(&s);
    return sheet_close(&s);
}
