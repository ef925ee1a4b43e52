/*
 * What the control path costs: seals and signatures, messages, JSON, and steps of the core.
 *
 * Everything runs in this process, and every figure is calls per CPU-second, the median of the
 * rounds. Where there is one, the bare call of libsodium stands beside ours.
 */
#include "peerd/net/clock.h"
#include "peerd/wire/beat.h"
#include "peerd/wire/message.h"
#include "peerd/wire/node.h"
#include "test/bench/cluster.h"
#include "test/bench/floor.h"
#include "test/bench/sheet.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- beats ----------------------------------------------------------------------------------- */

struct beats {
    struct beat beat;
    struct seal_key key;
    struct key_hint sender;
    uint8_t nonce[BEAT_NONCE_BYTES];
    uint8_t datagram[BEAT_LEN_MAX];
    size_t len;
};

static void seal_beat(void *data, uint32_t times) {
    struct beats *x = data;
    for (uint32_t i = 0; i < times; i++) {
        sodium_increment(x->nonce, sizeof(x->nonce));
        x->len =
            beat_seal(x->datagram, sizeof(x->datagram), &x->beat, &x->sender, &x->key, x->nonce);
    }
}

static void open_beat(void *data, uint32_t times) {
    struct beats *x = data;
    struct beat out;
    for (uint32_t i = 0; i < times; i++)
        if (beat_open(&out, x->datagram, x->len, &x->key) != ERR_OK)
            sheet_die("a beat does not open");
}

static void seal_bare(void *data, uint32_t times) {
    struct beats *x = data;
    uint8_t clear[BEAT_LEN_MAX] = {0}, sealed[BEAT_LEN_MAX + 16];
    unsigned long long len;
    for (uint32_t i = 0; i < times; i++) {
        sodium_increment(x->nonce, sizeof(x->nonce));
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            sealed, &len, clear,
            x->len - BEAT_HEADER_LEN - crypto_aead_xchacha20poly1305_ietf_ABYTES, x->datagram,
            BEAT_HEADER_LEN, NULL, x->nonce, x->key.bytes);
    }
}

static void put_beats(struct sheet *s) {
    struct beats x = {.beat = {.kind = BEAT_KIND_BEAT,
                               .boot = 1,
                               .seq = 2,
                               .interval_ms = 100,
                               .view_count = CLUSTER_PEERS}};
    struct key_pair mine, theirs;
    uint8_t seeds[2][KEY_BYTES] = {{1}, {2}};
    key_pair_from_seed(&mine, seeds[0]);
    key_pair_from_seed(&theirs, seeds[1]);
    x.sender = key_hint_of(&mine.public_key);
    for (uint8_t i = 0; i < CLUSTER_PEERS; i++)
        x.beat.views[i].peer = x.sender;
    if (seal_key_derive(&x.key, &mine, &theirs.public_key, true, SEAL_PURPOSE_BEAT, 0) != ERR_OK)
        sheet_die("no seal key");
    sheet_group(s, "beats", "beats with 20 views, a CPU-second");
    double seals = sheet_rate(s, seal_beat, &x);
    sheet_put(s, "seal_per_s", "seal", seals, "/s");
    sheet_put(s, "open_per_s", "open", sheet_rate(s, open_beat, &x), "/s");
    double bare = sheet_rate(s, seal_bare, &x);
    sheet_put(s, "bare_seal_per_s", "libsodium's seal alone, same length", bare, "/s");
    sheet_put(s, "seal_ratio", "ratio", seals / bare, "");
}

/* ---- tickets and messages -------------------------------------------------------------------- */

struct papers {
    struct key_pair issuer, client;
    struct ticket_issuer issuers[1];
    struct key_hint self;
    struct ticket ticket;
    char token[TICKET_LEN_MAX + 1];
    size_t token_len;
    struct message resume, report, grant;
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len;
};

static void sign_ticket(void *data, uint32_t times) {
    struct papers *x = data;
    for (uint32_t i = 0; i < times; i++)
        x->token_len = ticket_sign(x->token, &x->ticket, &x->issuer);
}

static void verify_ticket(void *data, uint32_t times) {
    struct papers *x = data;
    struct ticket out;
    const struct wall now = {(x->ticket.issued_s + 1) * 1000000, 0};
    for (uint32_t i = 0; i < times; i++)
        if (ticket_verify(&out, x->token, x->token_len, x->issuers, 1, now, duration_s(1)) !=
            ERR_OK)
            sheet_die("a ticket does not verify");
}

static void encode(struct papers *x, const struct message *m, uint32_t times) {
    for (uint32_t i = 0; i < times; i++)
        x->len = message_encode(x->datagram, sizeof(x->datagram), m, &x->client);
}

static void encode_resume(void *data, uint32_t times) {
    struct papers *x = data;
    encode(x, &x->resume, times);
}

static void encode_report(void *data, uint32_t times) {
    struct papers *x = data;
    encode(x, &x->report, times);
}

static void encode_grant(void *data, uint32_t times) {
    struct papers *x = data;
    encode(x, &x->grant, times);
}

static void decode(void *data, uint32_t times) {
    struct papers *x = data;
    struct message m;
    for (uint32_t i = 0; i < times; i++)
        if (message_decode(&m, x->datagram, x->len) != ERR_OK)
            sheet_die("a message does not decode");
}

static void decode_and_verify(void *data, uint32_t times) {
    struct papers *x = data;
    struct message m;
    for (uint32_t i = 0; i < times; i++)
        if (message_decode(&m, x->datagram, x->len) != ERR_OK ||
            message_verify(&m, &x->client.public_key, &x->self) != ERR_OK)
            sheet_die("a message does not verify");
}

static void fill_papers(struct papers *x) {
    uint8_t seeds[2][KEY_BYTES] = {{3}, {4}};
    key_pair_from_seed(&x->issuer, seeds[0]);
    key_pair_from_seed(&x->client, seeds[1]);
    x->issuers[0].key = x->issuer.public_key;
    name_set(&x->issuers[0].cluster, "fra1");
    x->self = key_hint_of(&x->issuer.public_key);
    x->ticket = (struct ticket){.issued_s = 1763720000,
                                .expires_s = 1763723600,
                                .class = SOURCE_CLASS_EXACT,
                                .client = x->client.public_key,
                                .legs = {{.ssrc = 1}},
                                .leg_count = 1,
                                .protection = PROTECTION_WARM,
                                .backup_count = 2,
                                .anchor_wall_ms = 1763720000000};
    name_set(&x->ticket.issuer, "fra1");
    name_set(&x->ticket.service, "radio");
    name_set(&x->ticket.profile, "opus-32");
    name_set(&x->ticket.source, "news");
    name_set(&x->ticket.backups[0], "ams1");
    name_set(&x->ticket.backups[1], "lon1");
    sign_ticket(x, 1);
    x->resume = (struct message){.kind = MESSAGE_RESUME, .nonce = 1};
    x->resume.u.resume = (struct message_resume){.target = x->self,
                                                 .purpose = RESUME_COMMIT,
                                                 .epoch = 2,
                                                 .counter = 3,
                                                 .ticket_len = (uint16_t)x->token_len};
    memcpy(x->resume.u.resume.ticket, x->token, x->token_len);
    x->report = (struct message){.kind = MESSAGE_REPORT, .nonce = 1};
    x->report.u.report = (struct message_report){.target = x->self, .epoch = 2, .counter = 4};
    x->grant = (struct message){.kind = MESSAGE_GRANT, .nonce = 1};
    x->grant.u.grant = (struct message_grant){.purpose = RESUME_COMMIT, .epoch = 2};
}

static void put_papers(struct sheet *s) {
    static struct papers x;
    fill_papers(&x);
    sheet_group(s, "tickets", "tickets, a CPU-second");
    sheet_put(s, "sign_per_s", "sign", sheet_rate(s, sign_ticket, &x), "/s");
    double verified = sheet_rate(s, verify_ticket, &x);
    double bare = 1e6 / floor_verify_us(s);
    sheet_put(s, "verify_per_s", "verify", verified, "/s");
    sheet_put(s, "bare_verify_per_s", "libsodium's verification alone", bare, "/s");
    sheet_put(s, "verify_ratio", "ratio", verified / bare, "");
    sheet_group(s, "messages", "messages, a CPU-second");
    sheet_put(s, "sign_resume_per_s", "encode and sign a resume with its ticket",
              sheet_rate(s, encode_resume, &x), "/s");
    sheet_put(s, "verify_resume_per_s", "decode and verify it",
              sheet_rate(s, decode_and_verify, &x), "/s");
    sheet_put(s, "sign_report_per_s", "encode and sign a report", sheet_rate(s, encode_report, &x),
              "/s");
    sheet_put(s, "verify_report_per_s", "decode and verify it",
              sheet_rate(s, decode_and_verify, &x), "/s");
    sheet_put(s, "encode_grant_per_s", "encode a grant", sheet_rate(s, encode_grant, &x), "/s");
    sheet_put(s, "decode_grant_per_s", "decode it", sheet_rate(s, decode, &x), "/s");
}

/* ---- node registration ----------------------------------------------------------------------- */

struct registration {
    const struct node_request *request;
    char *text;
    size_t len;
};

static void encode_request(void *data, uint32_t times) {
    struct registration *x = data;
    for (uint32_t i = 0; i < times; i++) {
        free(x->text);
        x->text = node_request_encode(x->request, &x->len);
        if (x->text == NULL)
            sheet_die("a request does not encode");
    }
}

static void decode_request(void *data, uint32_t times) {
    struct registration *x = data;
    struct node_request out;
    for (uint32_t i = 0; i < times; i++) {
        if (node_request_decode(&out, x->text, x->len, NULL) != ERR_OK)
            sheet_die("a request does not decode");
        node_request_free(&out);
    }
}

static void put_registration(struct sheet *s, struct cluster *c) {
    struct registration x = {.request = cluster_full_report(c)};
    sheet_group(s, "node_request", "a node's request with 1000 sessions, a CPU-second");
    sheet_put(s, "encode_per_s", "encode", sheet_rate(s, encode_request, &x), "/s");
    sheet_put(s, "decode_per_s", "decode", sheet_rate(s, decode_request, &x), "/s");
    sheet_put(s, "kib", "its size", (double)x.len / 1024, "KiB");
    free(x.text);
}

/* ---- core ------------------------------------------------------------------------------------ */

static void beat_core(void *data, uint32_t times) {
    cluster_beats(data, times);
}

static void run_core(void *data, uint32_t times) {
    cluster_intervals(data, times);
}

static void report_core(void *data, uint32_t times) {
    cluster_full_reports(data, times);
}

/* Opened sessions stay for a while: each round begins with a fresh cluster. */
static double open_rate(const struct sheet *s) {
    double rates[SHEET_ROUNDS];
    uint32_t count = s->quick ? 500 : 5000;
    for (unsigned i = 0; i < sheet_rounds(s); i++) {
        struct cluster *c = cluster_new();
        c->answers = 0;
        double begun_s = sheet_cpu_s();
        cluster_opens(c, count);
        rates[i] = count / (sheet_cpu_s() - begun_s);
        if (c->answers != count)
            sheet_die("the core opened %u of %u sessions", c->answers, count);
        cluster_free(c);
    }
    return sheet_median(rates, sheet_rounds(s));
}

static void put_core(struct sheet *s, struct cluster *c) {
    sheet_group(s, "core", "the core with 20 peers and 1000 sessions, a CPU-second");
    uint64_t steps = c->steps;
    double begun_s = sheet_cpu_s();
    double beats = sheet_rate(s, beat_core, c);
    double steps_s = (double)(c->steps - steps) / (sheet_cpu_s() - begun_s);
    sheet_put(s, "steps_per_s", "steps, half of them beats received", steps_s, "/s");
    sheet_put(s, "beats_per_s", "beats received, each with 20 views and the ticks between", beats,
              "/s");
    sheet_put(s, "full_reports_per_s", "full reports of its node", sheet_rate(s, report_core, c),
              "/s");
    sheet_put(s, "opens_per_s", "sessions opened, with ranked backups", open_rate(s), "/s");
    double intervals = sheet_rate(s, run_core, c);
    sheet_put(s, "load_percent", "one core's load at 100 ms beats and polls",
              100.0 * 1000 / CLUSTER_INTERVAL_MS / intervals, "%");
    cluster_check(c);
}

int main(int argc, char **argv) {
    struct sheet s;
    sheet_open(&s, "seal_bench", "What seals, signatures, messages and the core's steps cost.",
               argc, argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    put_beats(&s);
    put_papers(&s);
    struct cluster *c = cluster_new();
    put_registration(&s, c);
    put_core(&s, c);
    cluster_free(c);
    return sheet_close(&s);
}
