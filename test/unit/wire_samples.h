/*
 * Filled structs of every kind of message and document of peerd/wire: each field has a value of its
 * own, so that two that were swapped show. Also the seeds of the fuzzers were made from them.
 */
#ifndef TEST_UNIT_WIRE_SAMPLES_H
#define TEST_UNIT_WIRE_SAMPLES_H

#include "peerd/wire/agreement.h"
#include "peerd/wire/api.h"
#include "peerd/wire/description.h"
#include "peerd/wire/message.h"
#include "peerd/wire/node.h"
#include "peerd/wire/standbys.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* How many more allocations jansson gets; a test counts it up until its subject succeeds, and so
 * walks every path of failing memory. sample_memory_all() gives it back the usual allocator. */
static size_t sample_memory_left;

static inline void *sample_malloc(size_t size) {
    return sample_memory_left > 0 ? (sample_memory_left--, malloc(size)) : NULL;
}

static inline void sample_memory(size_t allocations) {
    sample_memory_left = allocations;
    json_set_alloc_funcs(sample_malloc, free);
}

static inline void sample_memory_all(void) {
    json_set_alloc_funcs(malloc, free);
}

/* `text` with the first `from` replaced by `to`, from malloc: how tests make a document wrong in
 * one place. `from` has to be there, or the test would prove nothing. */
static inline char *sample_edit(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    assert(at != NULL);
    size_t before = (size_t)(at - text);
    char *out = malloc(strlen(text) - strlen(from) + strlen(to) + 1);
    memcpy(out, text, before);
    strcpy(out + before, to);
    strcat(out, at + strlen(from));
    return out;
}

/* A document that is wrong where `row` makes it so is refused with that error and by the name of
 * its member, whoever wants to hear it or not, and nothing is touched before. For Criterion's
 * tests. */
#define EXPECT_REFUSED(type, decode, document, row, error)                                         \
    do {                                                                                           \
        struct wire_fault fault_ = {.text = ""};                                                   \
        type out_, untouched_;                                                                     \
        memset(&out_, 0xab, sizeof(out_));                                                         \
        untouched_ = out_;                                                                         \
        char *wrong_ = sample_edit(document, (row)->from, (row)->to);                              \
        enum err err_ = decode(&out_, wrong_, strlen(wrong_), &fault_);                            \
        cr_expect_eq(err_, error, "%s: %s", (row)->what, err_name(err_));                          \
        cr_expect_not_null(strstr(fault_.text, (row)->fault), "%s: %s", (row)->what, fault_.text); \
        cr_expect_eq(decode(&out_, wrong_, strlen(wrong_), NULL), error, "%s", (row)->what);       \
        cr_expect_eq(memcmp(&out_, &untouched_, sizeof(out_)), 0, "%s: touched", (row)->what);     \
        free(wrong_);                                                                              \
    } while (0)

static inline struct key_pair sample_pair(uint8_t fill) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, fill, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    return pair;
}

static inline struct name sample_name(const char *text) {
    struct name n;
    name_set(&n, text);
    return n;
}

static inline struct session_id sample_session(uint8_t fill) {
    struct session_id id;
    memset(id.bytes, fill, sizeof(id.bytes));
    return id;
}

static inline struct addr sample_addr(const char *text) {
    struct addr a = {0};
    addr_from_text(&a, text);
    return a;
}

static inline struct key_hint sample_hint(uint8_t fill) {
    struct key_hint h;
    memset(h.bytes, fill, sizeof(h.bytes));
    return h;
}

static inline struct message sample_resume(enum resume_purpose purpose, const char *ticket) {
    struct message m = {.kind = MESSAGE_RESUME, .nonce = 0x1122334455667788};
    struct message_resume *r = &m.u.resume;
    memset(r->cookie.bytes, 0xc0, COOKIE_BYTES);
    r->target = sample_hint(0x7a);
    r->session = sample_session(0x51);
    r->purpose = purpose;
    r->epoch = 3;
    r->counter = 77;
    r->from_frame = 1000;
    r->live_frame = 1012;
    resume_note_held(r, 1003);
    resume_note_held(r, 1128);
    r->hedge_ms = 500;
    r->silent_ms = 120;
    r->served_by = sample_hint(0x5b);
    r->cause = MOVE_CAUSE_CRASHED;
    r->ticket_len = (uint16_t)strlen(ticket);
    memcpy(r->ticket, ticket, r->ticket_len);
    return m;
}

static inline struct message_trips sample_trips(void) {
    return (struct message_trips){
        .target = sample_hint(0x7a),
        .session = sample_session(0x57),
        .counter = 82,
        .count = 2,
        .list = {{sample_hint(0x16), 25000, 8, 0, 0}, {sample_hint(0x17), 90001, 255, 0, 0}}};
}

static inline struct message_named sample_named(void) {
    return (struct message_named){
        .session = sample_session(0x58),
        .count = 2,
        .list = {{sample_name("par1"), sample_hint(0x18),
                  addr_ipv4((const uint8_t[]){192, 0, 2, 1}, 7700)},
                 {sample_name("a-name-of-thirty-one-characters"), sample_hint(0x19),
                  addr_ipv6(
                      (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9},
                      7701)}}};
}

static inline struct message_notice sample_notice(void) {
    return (struct message_notice){.session = sample_session(0x56),
                                   .number = 7,
                                   .what = NOTICE_MOVE,
                                   .cause = MOVE_CAUSE_DEGRADED,
                                   .target = sample_hint(0x14),
                                   .deadline_ms = 5000,
                                   .end = MESSAGE_FRAME_UNKNOWN};
}

static inline void sample_of_passes(struct message *m) {
    if (m->kind == MESSAGE_PASS) {
        m->u.pass.mark = 2;
        memset(m->u.pass.sealed, 0x5e, PASS_SEALED_BYTES);
        return;
    }
    memset(m->u.knock.cookie.bytes, 0xc0, COOKIE_BYTES);
    m->u.knock.target = sample_hint(0x7a);
    memset(m->u.knock.client.bytes, 0x21, KEY_BYTES);
}

/* One message of each kind; a resume with a short ticket. */
static inline struct message sample_message(enum message_kind kind) {
    struct message m = {.kind = kind, .nonce = 0xfedcba9876543210};
    switch (kind) {
    case MESSAGE_HELLO:
        break;
    case MESSAGE_COOKIE:
        memset(m.u.cookie.cookie.bytes, 0xc1, COOKIE_BYTES);
        m.u.cookie.cluster = sample_hint(0x11);
        m.u.cookie.free_slots = 4242;
        break;
    case MESSAGE_RESUME:
        return sample_resume(RESUME_HEDGE, "v4.public.dGlja2V0.Zm9vdGVy");
    case MESSAGE_GRANT:
        m.u.grant = (struct message_grant){.session = sample_session(0x52),
                                           .purpose = RESUME_COMMIT,
                                           .epoch = 4,
                                           .counter = 78,
                                           .start_frame = 1001,
                                           .mergeable_from = 1101,
                                           .lease_ms = 10000,
                                           .determinism = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                           .cluster = sample_hint(0x12)};
        break;
    case MESSAGE_REFUSE:
        m.u.refuse = (struct message_refuse){.session = sample_session(0x53),
                                             .purpose = RESUME_STANDBY,
                                             .error = ERR_NO_CREDIT,
                                             .counter = 79,
                                             .retry_after_ms = 1500,
                                             .cluster = sample_hint(0x13)};
        break;
    case MESSAGE_REPORT:
        m.u.report = (struct message_report){.target = sample_hint(0x7a),
                                             .session = sample_session(0x54),
                                             .epoch = 5,
                                             .counter = 80,
                                             .last_frame = 2000,
                                             .expected = 2001,
                                             .lost_before = 9,
                                             .lost_after = 1,
                                             .jitter_us = 3100,
                                             .rtt_us = 24000,
                                             .lag_us = -4200,
                                             .notice = 6};
        break;
    case MESSAGE_ACK:
        m.u.ack = (struct message_ack){sample_session(0x55), 6, 81, 9000};
        break;
    case MESSAGE_NOTICE:
        m.u.notice = sample_notice();
        break;
    case MESSAGE_PROBE:
        m.u.probe.target = sample_hint(0x7a);
        break;
    case MESSAGE_ECHO:
        m.u.echo.cluster = sample_hint(0x15);
        break;
    case MESSAGE_TRIPS:
        m.u.trips = sample_trips();
        break;
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
        m.u.named = sample_named();
        break;
    case MESSAGE_KNOCK:
    case MESSAGE_PASS:
        sample_of_passes(&m);
    }
    return m;
}

static inline struct node_session sample_node_session(uint8_t fill) {
    return (struct node_session){.session = sample_session(fill),
                                 .issuer = sample_name("fra1"),
                                 .service = sample_name("radio"),
                                 .profile = sample_name("opus-32"),
                                 .source = sample_name("news"),
                                 .backups = {sample_name("ams1"), sample_name("lon1")},
                                 .backup_count = 2,
                                 .expires_s = 1763720000,
                                 .epoch = 2,
                                 .purpose = RESUME_COMMIT,
                                 .worker = 1,
                                 .last_frame = 3000,
                                 .client = sample_addr("[2001:db8::7]:5004"),
                                 .lease_ms = 9500,
                                 .expected = 2999,
                                 .lost_before = 12,
                                 .lost_after = 3,
                                 .rtt_us = 25000,
                                 .jitter_us = 1800,
                                 .buffer_ms = 200,
                                 .burst_x16 = 40,
                                 .silent_ms = 140,
                                 .cause = MOVE_CAUSE_CRASHED,
                                 .served_by = sample_hint(0x21),
                                 .preroll = NODE_PREROLL_LEAST,
                                 .merges_after = 240,
                                 .moved = {2, 45, 80, 1, 12}};
}

/* `sessions` has room for two. */
static inline struct node_request sample_node_request(struct node_session *sessions) {
    static struct addr media[2];
    static struct node_profile profiles[1];
    static struct node_source sources[2];
    static struct node_worker workers[1];
    static struct session_id ended[2];
    static struct node_guest guests[1];
    static struct node_trip trips[1];
    static struct session_id asks[1];
    static struct node_starts starts[2];
    static struct node_stream streams[2];
    streams[0] = (struct node_stream){sample_name("news"), 0};
    streams[1] = (struct node_stream){sample_name("film"), 415};
    starts[0] = (struct node_starts){.window = 256, .in_time = 70};
    starts[1] = (struct node_starts){sample_name("ams1"), 128, 3, 5000000000, 17, 6000000000};
    asks[0] = sample_session(0x31);
    trips[0] = (struct node_trip){
        sample_addr("198.51.100.9:40000"), sample_hint(0x22), 31000, 7, 9, 2, 50, 6, 4, {{0x44}}};
    media[0] = sample_addr("192.0.2.1:7700");
    media[1] = sample_addr("192.0.2.1:7701");
    profiles[0] = (struct node_profile){sample_name("opus-32"), {{8, 7, 6, 5, 4, 3, 2, 1}}};
    sources[0] =
        (struct node_source){sample_name("news"), {{1, 2, 3}}, SOURCE_CLASS_EXACT, 3600000, ERR_OK};
    sources[1] =
        (struct node_source){sample_name("gone"), {{0}}, SOURCE_CLASS_LIVE, 0, ERR_SOURCE_FAILED};
    workers[0] =
        (struct node_worker){1, 4711, 2, 123456789012, 4321, 300, 310, 987654, 5555, 66, 35};
    ended[0] = sample_session(0xe0);
    ended[1] = sample_session(0xe1);
    sessions[0] = sample_node_session(0x31);
    sessions[1] = (struct node_session){.session = sample_session(0x32),
                                        .issuer = sample_name("lon1"),
                                        .service = sample_name("voice"),
                                        .profile = sample_name("pcmu"),
                                        .source = sample_name("news"),
                                        .purpose = RESUME_STANDBY,
                                        .client = sample_addr("198.51.100.9:40000")};
    guests[0] = (struct node_guest){sample_name("ams1"), 17, 4000000000, 5000000000};
    return (struct node_request){
        .node = sample_name("n1"),
        .boot = 0xfedcba9876543210,
        .seq = 12,
        .seen = 11,
        .order_seen = 5,
        .media = media,
        .media_count = 2,
        .profiles = profiles,
        .profile_count = 1,
        .sources = sources,
        .source_count = 2,
        .workers = workers,
        .worker_count = 1,
        .catalogue = {{9, 9}},
        .drain = {1763710000123, true, sample_name("lon1"), 61000, 600000, 17},
        .sessions_digest = {{7, 7}},
        .full = true,
        .sessions = sessions,
        .session_count = 2,
        .ended = ended,
        .ended_count = 2,
        .guests = guests,
        .guest_count = 1,
        .trips = trips,
        .trip_count = 1,
        .asks = asks,
        .ask_count = 1,
        .starts = starts,
        .start_count = 2,
        .making = {true, 4, 3250, streams, 2}};
}

static inline struct node_order sample_order(void) {
    return (struct node_order){.id = 6,
                               .session = sample_session(0x41),
                               .what = NODE_ORDER_MOVE,
                               .cause = MOVE_CAUSE_DEGRADED,
                               .only = true,
                               .target = sample_name("ams1"),
                               .target_key = sample_pair(2).public_key,
                               .deadline_ms = 20000};
}

static inline struct node_rendition_spec *sample_renditions(void) {
    static struct node_rendition_spec list[2];
    list[0] =
        (struct node_rendition_spec){sample_name("720p"), sample_name("h264"), 2500000, 720, 25, 0};
    list[1] = (struct node_rendition_spec){sample_name("aac"), sample_name("aac"), 128000, 0, 0, 2};
    return list;
}

static inline struct node_answer sample_node_answer(void) {
    static struct node_source_spec sources[1];
    static struct node_profile_spec profiles[1];
    static struct ticket_issuer issuers[2];
    static struct node_order orders[2];
    static struct node_media_alive alive[1];
    static struct node_guest_limit guests[2];
    static struct node_named named[1], told[1];
    named[0] = (struct node_named){
        sample_session(0x31),
        2,
        {{sample_name("par1"), sample_pair(3).public_key, sample_addr("192.0.2.9:7700")},
         {sample_name("vie1"), sample_pair(4).public_key, sample_addr("[2001:db8::9]:7701")}}};
    told[0] = (struct node_named){
        sample_session(0x32),
        1,
        {{sample_name("rom1"), sample_pair(5).public_key, sample_addr("192.0.2.10:7702")}}};
    guests[0] = (struct node_guest_limit){
        sample_name("ams1"), 20, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL, NODE_GUEST_HOT_ALL, 0};
    guests[1] = (struct node_guest_limit){
        sample_name("lon1"), 0, ERR_DENIED, NODE_GUEST_SERVICES_ALL, NODE_GUEST_HOT_ALL, 0};
    sources[0] = (struct node_source_spec){sample_name("news"), "/srv/media/news \"1\".wav",
                                           SOURCE_CLASS_EXACT, true, 1769860800};
    profiles[0] = (struct node_profile_spec){
        sample_name("opus-32"), sample_name("opus"), 48000, 1, 32000, 5, 100};
    issuers[0] =
        (struct ticket_issuer){.cluster = sample_name("fra1"), .key = sample_pair(1).public_key};
    issuers[1] = (struct ticket_issuer){.cluster = sample_name("ams1"),
                                        .key = sample_pair(2).public_key,
                                        .issued_until_s = 1763710000,
                                        .expires_until_s = 1763796400};
    orders[0] = sample_order();
    orders[1] = (struct node_order){
        .id = 7, .session = sample_session(0x42), .what = NODE_ORDER_END, .error = ERR_MOVED};
    alive[0] = (struct node_media_alive){.cluster = sample_name("ams1"),
                                         .beats = sample_addr("192.0.2.2:7600"),
                                         .key = {{0x6b, 1, 2}},
                                         .answer_key = {{0x7c, 3, 4}},
                                         .node = 3};
    return (struct node_answer){
        .seq = 12,
        .lease_ms = 1000,
        .poll_ms = 100,
        .want_full = true,
        .drain = {1763710000124, false, {""}, 0, 0, 0},
        .cluster = sample_name("fra1"),
        .cluster_key = sample_pair(1).public_key,
        .has_catalogue = true,
        .catalogue = {{{9, 8}}, sources, 1, profiles, 1, sample_renditions(), 2},
        .issuers = issuers,
        .issuer_count = 2,
        .credit = {350, 300000},
        .guests = guests,
        .guest_count = 2,
        .orders = orders,
        .order_count = 2,
        .named = named,
        .named_count = 1,
        .told = told,
        .told_count = 1,
        .media_alive = alive,
        .media_alive_count = 1,
        .limits = {400, 10000, 15000, 2000, 500, 12, 7, 0}};
}

static inline struct api_session_request sample_api_request(void) {
    return (struct api_session_request){sample_name("radio"), sample_name("opus-32"),
                                        sample_name("news"),  sample_pair(9).public_key,
                                        PROTECTION_HOT,       90000};
}

static inline struct api_session_answer sample_api_answer(void) {
    return (struct api_session_answer){
        .session = sample_session(0x61),
        .ticket = "v4.public.dGlja2V0.Zm9vdGVy",
        .epoch = 1,
        .lease_ms = 10000,
        .expires_s = 1763720000,
        .cluster = sample_name("fra1"),
        .cluster_key = sample_pair(1).public_key,
        .media = sample_addr("192.0.2.1:7700"),
        .backups = {{sample_name("ams1"), sample_pair(2).public_key, sample_addr("192.0.2.2:7700")},
                    {sample_name("lon1"), sample_pair(3).public_key, sample_addr("[::1]:7701")}},
        .backup_count = 2,
        .measures = true,
        .probes = {{sample_name("par1"), sample_pair(4).public_key, sample_addr("192.0.2.4:7702")}},
        .probe_count = 1,
        .rtp = {"opus", 96, 48000, 2, 20, 960, 0xdeadbeef, 65535, 0xfffffffe, "stereo=0"}};
}

static inline struct description sample_description(void) {
    static struct description_service services[1];
    static struct description_profile profiles[1];
    static struct description_source sources[1];
    static struct addr media[2];
    static struct description_past past;
    static struct description_origin origins[2];
    static struct description_doors doors = {"fra1.example.net:7600", "192.0.2.1:7601"};
    services[0] = (struct description_service){sample_name("radio"), 120, 700};
    profiles[0] = (struct description_profile){sample_name("opus-32"), {{1, 2}}};
    sources[0] = (struct description_source){sample_name("news"), {{3, 4}}};
    media[0] = sample_addr("192.0.2.1:7700");
    media[1] = sample_addr("192.0.2.1:7701");
    origins[0] = (struct description_origin){
        sample_name("film"), "https://origin.example.net/film/master.m3u8", false, true};
    origins[1] = (struct description_origin){sample_name("channel-1"),
                                             "http://192.0.2.1:8080/c1/master.m3u8", true, false};
    past =
        (struct description_past){.former = {{sample_pair(5).public_key, 1763710000, 1763796400}},
                                  .former_count = 1,
                                  .revoked = {sample_pair(6).public_key, sample_pair(7).public_key},
                                  .revoked_count = 2};
    return (struct description){.cluster = sample_name("fra1"),
                                .provider = sample_name("acme"),
                                .region = sample_name("eu-central"),
                                .upstream = "AS64500",
                                .placed = true,
                                .latitude_udeg = 50110900,
                                .longitude_udeg = -8682100,
                                .key = sample_pair(1).public_key,
                                .has_next_key = true,
                                .next_key = sample_pair(4).public_key,
                                .beat_blocks = true,
                                .issued_s = 1763720000,
                                .services = services,
                                .service_count = 1,
                                .profiles = profiles,
                                .profile_count = 1,
                                .sources = sources,
                                .source_count = 1,
                                .media = media,
                                .media_count = 2,
                                .clients_url = "https://fra1.example.net:7680",
                                .doors = &doors,
                                .origins = origins,
                                .origin_count = 2,
                                .past = &past,
                                .draining = true,
                                .reserved = 40};
}

static inline struct standbys_request sample_standbys_request(void) {
    static struct standbys_group groups[2];
    memset(groups, 0, sizeof(groups));
    groups[0] = (struct standbys_group){.issuer = sample_name("fra1"),
                                        .service = sample_name("radio"),
                                        .backups = {sample_name("ams1"), sample_name("lon1")},
                                        .backup_count = 2,
                                        .sessions = 900,
                                        .digest = {{5, 6}}};
    prefix_from_text(&groups[0].location, "192.0.2.0/24");
    groups[1] = groups[0];
    groups[1].backup_count = 1;
    groups[1].backups[1] = (struct name){.text = ""};
    prefix_from_text(&groups[1].location, "2001:db8:7::/48");
    return (struct standbys_request){.ttl_ms = 30000, .groups = groups, .group_count = 2};
}

static inline struct agreement_offer sample_agreement_offer(void) {
    struct agreement_offer o = {.region = sample_name("de")};
    o.gives.slots = 50;
    o.gives.services.names[0] = sample_name("radio");
    o.gives.services.names[1] = sample_name("voice");
    o.gives.services.count = 2;
    o.gives.classes = 0x0b;
    o.gives.cost = 7;
    prefix_from_text(&o.gives.clients.never[0], "198.51.100.0/24");
    o.gives.clients.never_count = 1;
    o.asks.slots = 40;
    o.asks.slots_min = 10;
    o.asks.services.names[0] = sample_name("radio");
    o.asks.services.count = 1;
    o.asks.classes = 0x03;
    o.asks.cost_max = 9;
    o.asks.regions.only[0] = sample_name("nl");
    o.asks.regions.only_count = 1;
    o.asks.regions.never[0] = sample_name("uk");
    o.asks.regions.never_count = 1;
    prefix_from_text(&o.asks.clients.only[0], "192.0.2.0/24");
    prefix_from_text(&o.asks.clients.only[1], "2001:db8:7::/48");
    o.asks.clients.only_count = 2;
    return o;
}

static inline struct agreement_message sample_agreement_message(void) {
    return (struct agreement_message){.cluster = sample_name("fra1"),
                                      .run = 0x0102030405060708,
                                      .seq = 12,
                                      .kind = AGREEMENT_KIND_ACCEPT,
                                      .lease_ms = 60000,
                                      .offer = sample_agreement_offer(),
                                      .heard_run = 0x1112131415161718,
                                      .heard_seq = 5,
                                      .slots = 45};
}

#endif
