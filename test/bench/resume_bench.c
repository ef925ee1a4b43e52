/*
 * How many resumes one worker takes on: in pure code, and through the real program; and a cluster.
 *
 * Pure is what the door of a worker does with each: decode, cookie, ticket, signature, tenure. The
 * rest of a real one is opening the source and, for Opus, pre-roll. Real ones come over loopback
 * from a crowd that asks for the same at once, CROWD_WINDOW questions open at a time: standbys,
 * then hedges that lack ten frames, then commits. Counted is what was granted, by the second until
 * the last answer and by the worker's CPU until the last client heard its first frame. A hedge that
 * waits for its pre-roll longer than its 500 ms is never heard: that share is told.
 *
 * A cluster is peerd and transcoderd with a worker for each of two cores, and a crowd for each, in
 * a process of its own on the same cores (rush.h): what counts are answers, by the wall clock.
 */
#include "test/bench/crowd.h"
#include "test/bench/machine.h"
#include "test/bench/rush.h"
#include "test/bench/sheet.h"
#include "transcoder/timeline/tenure.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MISSING    10 /* [frames] 200 ms */
#define PURE_SLOTS 4096
#define PURE_CROWD 1000
#define CROWD_MAX  500
#define ROUNDS     3
#define HEARD_S    20.0 /* [s] until which everybody must hear who committed */
#define HEDGE_S    1.0  /* [s] after which no hedge of 500 ms is heard any more */

/* ---- pure ------------------------------------------------------------------------------------ */

struct visitor {
    struct key_pair key;
    struct message resume;
    char token[TICKET_LEN_MAX + 1];
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len;
};

struct door {
    uint8_t secret[32];
    struct addr from;
    struct key_pair cluster, issuer;
    struct key_hint self;
    struct ticket_issuer issuers[1];
    struct wall wall;
    struct instant now;
    struct tenure tenure;
    struct tenure_outbox outbox;
    struct tenure_session sessions[PURE_SLOTS];
    struct due_entry due[PURE_SLOTS];
    uint32_t *index;
    uint32_t next; /* visitor */
    uint64_t asked, granted;
    struct visitor visitors[PURE_CROWD];
};

static void make_visitor(struct door *d, struct visitor *v, uint32_t number) {
    struct ticket t = {.issued_s = d->wall.us / 1000000,
                       .expires_s = d->wall.us / 1000000 + 3600,
                       .class = SOURCE_CLASS_EXACT,
                       .legs = {{.ssrc = number}},
                       .leg_count = 1,
                       .protection = PROTECTION_WARM,
                       .backup_count = 2,
                       .anchor_wall_ms = d->wall.us / 1000};
    uint8_t seed[KEY_BYTES] = {0x33};
    memcpy(seed + 1, &number, sizeof(number));
    key_pair_from_seed(&v->key, seed);
    memcpy(t.session.bytes, seed, sizeof(t.session.bytes));
    t.client = v->key.public_key;
    name_set(&t.issuer, "fra1");
    name_set(&t.service, "radio");
    name_set(&t.profile, "opus");
    name_set(&t.source, "recording");
    name_set(&t.backups[0], "ams1");
    name_set(&t.backups[1], "lon1");
    struct message_resume *r = &v->resume.u.resume;
    v->resume.kind = MESSAGE_RESUME;
    cookie_make(&r->cookie, d->secret, &d->from, 1);
    r->target = d->self;
    r->session = t.session;
    r->purpose = RESUME_COMMIT;
    r->epoch = 1;
    r->from_frame = 1000;
    r->live_frame = 1010;
    r->ticket_len = (uint16_t)ticket_sign(v->token, &t, &d->issuer);
    memcpy(r->ticket, v->token, r->ticket_len);
}

static struct door *door_new(void) {
    struct door *d = calloc(1, sizeof(*d));
    uint8_t seeds[2][KEY_BYTES] = {{0x11}, {0x22}};
    const struct tenure_config config = {.session_lease = duration_s(3600),
                                         .standby_lease = duration_s(3600),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 60000};
    if (d == NULL || (d->index = calloc(tenure_index_count(PURE_SLOTS), sizeof(uint32_t))) == NULL)
        sheet_die("out of memory");
    key_pair_from_seed(&d->cluster, seeds[0]);
    key_pair_from_seed(&d->issuer, seeds[1]);
    d->self = key_hint_of(&d->cluster.public_key);
    d->issuers[0].key = d->issuer.public_key;
    name_set(&d->issuers[0].cluster, "fra1");
    d->from = addr_ipv4((uint8_t[4]){192, 0, 2, 7}, 5004);
    d->wall = (struct wall){1763720000000000, 1000};
    d->now = instant_us(1000000);
    tenure_init(&d->tenure, &config, d->sessions, d->due, d->index, PURE_SLOTS);
    const struct tenure_event credit = {.kind = TENURE_CREDIT_LEASED,
                                        .now = d->now,
                                        .u.credit = {.slots = PURE_SLOTS, .until = INSTANT_NEVER}};
    tenure_step(&d->tenure, &credit, &d->outbox);
    for (uint32_t i = 0; i < PURE_CROWD; i++)
        make_visitor(d, &d->visitors[i], i);
    return d;
}

static void door_free(struct door *d) {
    free(d->index);
    free(d);
}

static struct visitor *next_visitor(struct door *d) {
    struct visitor *v = &d->visitors[d->next++ % PURE_CROWD];
    d->now = instant_add(d->now, duration_us(50));
    return v;
}

/* Its first frame is out at once, or window.h would soon let nobody else begin. */
static void judge(struct door *d, const struct message_resume *r) {
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED, .now = d->now, .u.resume = r};
    struct tenure_event begun = {.kind = TENURE_MEDIA_BEGUN, .now = d->now};
    bool starts = false;
    tenure_step(&d->tenure, &e, &d->outbox);
    d->asked++;
    for (uint32_t i = 0; i < d->outbox.count; i++) {
        const struct tenure_out *o = &d->outbox.items[i];
        d->granted += o->kind == TENURE_GRANT;
        starts = starts || o->kind == TENURE_MEDIA_START;
        begun.u.begun.slot = o->kind == TENURE_MEDIA_START ? o->slot : begun.u.begun.slot;
    }
    begun.u.begun.asked = d->now;
    if (starts)
        tenure_step(&d->tenure, &begun, &d->outbox);
}

/* Commits under ever newer epochs: the first of each visitor admits, the others begin anew. */
static void tenure_only(void *data, uint32_t times) {
    struct door *d = data;
    for (uint32_t i = 0; i < times; i++) {
        struct message_resume *r = &next_visitor(d)->resume.u.resume;
        r->epoch++;
        r->counter++;
        judge(d, r);
    }
}

static void sign_visitors(struct door *d) {
    for (uint32_t i = 0; i < PURE_CROWD; i++) {
        struct visitor *v = &d->visitors[i];
        v->resume.u.resume.epoch++;
        v->resume.u.resume.counter += 1000000;
        v->len = message_encode(v->datagram, sizeof(v->datagram), &v->resume, &v->key);
    }
}

/* What is signed can be used once: the counter that tenure has seen is turned back for the next
 * time round. */
static void whole_door(void *data, uint32_t times) {
    struct door *d = data;
    for (uint32_t i = 0; i < times; i++) {
        struct visitor *v = next_visitor(d);
        struct message m;
        struct ticket t;
        if (message_decode(&m, v->datagram, v->len) != ERR_OK ||
            !cookie_check(&m.u.resume.cookie, d->secret, &d->from, 1) ||
            ticket_verify(&t, m.u.resume.ticket, m.u.resume.ticket_len, d->issuers, 1, d->wall,
                          duration_s(1)) != ERR_OK ||
            message_verify(&m, &t.client, &d->self) != ERR_OK)
            sheet_die("a resume does not verify");
        uint32_t slot = tenure_find(&d->tenure, &m.u.resume.session);
        if (slot != TENURE_SLOT_NONE)
            d->sessions[slot].counter = 0;
        judge(d, &m.u.resume);
    }
}

static void put_pure(struct sheet *s) {
    struct door *d = door_new();
    sheet_group(s, "pure", "pure, 1000 sessions, a CPU-second");
    sheet_put(s, "tenure_per_s", "tenure alone, a commit", sheet_rate(s, tenure_only, d), "/s");
    sign_visitors(d);
    sheet_put(s, "resumes_per_s", "decode, cookie, ticket, signature, tenure",
              sheet_rate(s, whole_door, d), "/s");
    if (d->granted < d->asked)
        sheet_die("tenure granted %llu of %llu", (unsigned long long)d->granted,
                  (unsigned long long)d->asked);
    tenure_check_invariants(&d->tenure);
    door_free(d);
}

/* ---- real ------------------------------------------------------------------------------------ */

struct round {
    double per_s[ROUNDS];     /* granted by the second until the last answer */
    double per_cpu_s[ROUNDS]; /* by the worker's CPU-second, until the last hears */
    double heard_ms[ROUNDS * CROWD_MAX];
    size_t heard_count;
    size_t asked_count;
};

static void one_pass(struct round *p, unsigned round, const struct machine *m, struct crowd *c,
                     enum resume_purpose purpose) {
    bool media = purpose == RESUME_HEDGE || purpose == RESUME_COMMIT;
    double before_s = machine_usage(m).worker_s;
    double took_s = crowd_ask_all(c, purpose, media ? MISSING : 0);
    bool all = !media || crowd_await(c, 0, c->count, purpose == RESUME_HEDGE ? HEDGE_S : HEARD_S);
    if (!all && purpose == RESUME_COMMIT)
        sheet_die("not all clients hear something after a commit");
    p->per_s[round] = c->count / took_s;
    p->per_cpu_s[round] = c->count / (machine_usage(m).worker_s - before_s);
    p->asked_count += c->count;
    for (uint32_t i = 0; media && i < c->count; i++)
        if (!instant_is_never(c->members[i].heard))
            p->heard_ms[p->heard_count++] =
                (double)instant_since(c->members[i].heard, c->members[i].asked).us * 1e-3;
}

static void put_pass(struct sheet *s, const char *name, const char *title, struct round *p,
                     unsigned rounds) {
    char key[64], what[96];
    snprintf(key, sizeof(key), "%s_per_s", name);
    snprintf(what, sizeof(what), "%s, a second", title);
    sheet_put(s, key, what, sheet_median(p->per_s, rounds), "/s");
    snprintf(key, sizeof(key), "%s_per_cpu_s", name);
    snprintf(what, sizeof(what), "%s, a CPU-second of the worker", title);
    sheet_put(s, key, what, sheet_median(p->per_cpu_s, rounds), "/s");
    if (p->heard_count == 0)
        return;
    snprintf(key, sizeof(key), "%s_heard_ms_p50", name);
    sheet_put(s, key, "until half of those who hear do so",
              sheet_median(p->heard_ms, p->heard_count), "ms");
    snprintf(key, sizeof(key), "%s_heard_ms_max", name);
    sheet_put(s, key, "until all of them do", sheet_quantile(p->heard_ms, p->heard_count, 1000),
              "ms");
    snprintf(key, sizeof(key), "%s_heard", name);
    sheet_put(s, key, "who hears, of all", (double)p->heard_count / (double)p->asked_count, "");
}

static void put_real(struct sheet *s, struct machine *m, enum media_codec codec, uint32_t count) {
    static struct round standby, hedge, commit, cold;
    unsigned rounds = s->quick ? 1 : ROUNDS;
    char key[32], title[96];
    count = s->quick ? count / 5 : count;
    assert(count <= CROWD_MAX);
    memset(&standby, 0, sizeof(standby));
    hedge = commit = cold = standby;
    machine_start(m);
    for (unsigned i = 0; i < rounds; i++) {
        struct crowd *c = crowd_new(m, codec, count);
        one_pass(&standby, i, m, c, RESUME_STANDBY);
        one_pass(&hedge, i, m, c, RESUME_HEDGE);
        crowd_listen(c, 0.1);
        one_pass(&commit, i, m, c, RESUME_COMMIT);
        crowd_ask_all(c, RESUME_RELEASE, 0);
        crowd_free(c);
        c = crowd_new(m, codec, count);
        one_pass(&cold, i, m, c, RESUME_COMMIT);
        crowd_ask_all(c, RESUME_RELEASE, 0);
        crowd_free(c);
    }
    machine_stop(m);
    snprintf(key, sizeof(key), "%s_%u", media_codec_name(codec), count);
    snprintf(title, sizeof(title), "%u clients of %s at once, one worker", count,
             media_codec_name(codec));
    sheet_group(s, key, title);
    put_pass(s, "standby", "standbys", &standby, rounds);
    put_pass(s, "hedge", "hedges of standbys", &hedge, rounds);
    put_pass(s, "commit", "commits of hedges", &commit, rounds);
    put_pass(s, "cold", "commits of nothing lodged", &cold, rounds);
}

/* ---- a cluster ------------------------------------------------------------------------------- */

#define CLUSTER_COUNT 1000
#define CLUSTER_AIM   5000 /* answers a second */
#define OPUS_COUNT    200  /* two slow cores can send that many at once; more are late for ever */
#define ALONE_COUNT   50   /* starts one after the other */
#define VERIFY_COUNT  2000

/* [us] of CPU for a signature's verification, in a process of its own. */
static double verify_us(void) {
    static const char label[] = "resume_bench", text[256] = "text";
    struct key_pair pair;
    uint8_t signature[SIGNATURE_BYTES];
    key_pair_from_seed(&pair, (const uint8_t[KEY_BYTES]){1});
    sign_labelled(signature, label, text, sizeof(text), &pair);
    double begun_s = sheet_cpu_s();
    for (unsigned i = 0; i < VERIFY_COUNT; i++)
        if (!verify_labelled(signature, label, text, sizeof(text), &pair.public_key))
            sheet_die("a signature of ours does not verify");
    return (sheet_cpu_s() - begun_s) * 1e6 / VERIFY_COUNT;
}

/* The same on each core at once. An answer wants one for the ticket, and another for who has
 * no pass, and machines give at one time half of what they do at another: what they gave stands
 * beside what we made of it. */
static double verify_beside_us(void) {
    double *us = mmap(NULL, RUSH_CROWDS * sizeof(*us), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[RUSH_CROWDS];
    if (us == MAP_FAILED)
        sheet_die("no memory");
    for (unsigned i = 0; i < RUSH_CROWDS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            us[i] = verify_us();
            _exit(0);
        }
    }
    double sum = 0;
    for (unsigned i = 0; i < RUSH_CROWDS; i++) {
        int status = 0;
        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
            sheet_die("a process that verifies has failed");
        sum += us[i];
    }
    munmap(us, RUSH_CROWDS * sizeof(*us));
    return sum / RUSH_CROWDS;
}

static void put_cluster(struct sheet *s, const struct machine *m) {
    static struct site site;
    struct rush_result r[ROUNDS], with_signatures, opus, alone;
    double per_s[ROUNDS], cpu_us[ROUNDS], load_us[ROUNDS], busy[ROUNDS], verified_us[ROUNDS];
    unsigned rounds = s->quick ? 1 : ROUNDS;
    uint32_t count = s->quick ? CLUSTER_COUNT / 5 : CLUSTER_COUNT;
    uint32_t opus_count = s->quick ? OPUS_COUNT / 5 : OPUS_COUNT;
    site_init(&site, m, "fra1", 0, RUSH_CROWDS);
    site_start(&site, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        verified_us[i] = verify_beside_us();
        r[i] = rush_run(&site, MEDIA_CODEC_PCMU, count, RUSH_PASSED);
        per_s[i] = count / r[i].answered_s;
        cpu_us[i] = (r[i].answered_cpu_s + r[i].peerd_cpu_s) * 1e6 / count;
        load_us[i] = r[i].load_cpu_s * 1e6 / count;
        busy[i] = (double)r[i].busy / count;
    }
    with_signatures = rush_run(&site, MEDIA_CODEC_PCMU, count, RUSH_SIGNED);
    opus = rush_run(&site, MEDIA_CODEC_OPUS, opus_count, RUSH_SIGNED);
    alone = rush_run(&site, MEDIA_CODEC_OPUS, s->quick ? ALONE_COUNT / 5 : ALONE_COUNT, RUSH_APART);
    site_destroy(&site);
    sheet_group(s, "cluster", "a cluster, two workers: commits of 1000 at once, nothing lodged");
    sheet_put_aimed(s, "answers_per_s", "answered, a second", sheet_median(per_s, rounds), "/s",
                    CLUSTER_AIM);
    sheet_put(s, "control_us", "CPU of the cluster until the last answer, each",
              sheet_median(cpu_us, rounds), "us");
    sheet_put(s, "verify_us", "a signature's verification just before, on both cores at once",
              sheet_median(verified_us, rounds), "us");
    sheet_put(s, "load_us", "CPU of those who ask, on the same cores, each",
              sheet_median(load_us, rounds), "us");
    sheet_put(s, "busy", "times that one was told to come again, each", sheet_median(busy, rounds),
              "");
    sheet_put(s, "signed_answers_per_s", "the same of those who have no pass and sign, one round",
              count / with_signatures.answered_s, "/s");
    sheet_put(s, "opus_answers_per_s", "the same of Opus, whose pre-rolls begin meanwhile",
              opus_count / opus.answered_s, "/s");
    sheet_put(s, "opus_full_ms", "CPU of a start of Opus alone, with a full pre-roll",
              alone.heard_cpu_s * 1e3 / alone.count, "ms");
    sheet_put(s, "opus_quick_ms", "CPU of a start of Opus among 200, with a quick one",
              opus.heard_cpu_s * 1e3 / opus.count, "ms");
    sheet_put(s, "opus_heard_s", "until the last of them is heard", opus.heard_s, "s");
}

int main(int argc, char **argv) {
    struct sheet s;
    struct machine m;
    sheet_open(&s, "resume_bench", "How many resumes one worker takes on.", argc, argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    media_init();
    put_pure(&s);
    machine_init(&m);
    put_real(&s, &m, MEDIA_CODEC_PCMU, 500);
    put_real(&s, &m, MEDIA_CODEC_OPUS, 100);
    put_cluster(&s, &m);
    machine_destroy(&m);
    return sheet_close(&s);
}
