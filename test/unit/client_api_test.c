/*
 * peerclient.h used as an application would: configurations that make no sense, clusters that do
 * not answer, stopping from everywhere, and, where there is a real cluster, frames.
 */
#include "test/lib/fake_cluster.h"
#include "test/unit/cluster_fixture.h"
#include "transcoder/client/peerclient.h"

#include <pthread.h>
#include <unistd.h>

TestSuite(client_api, .init = open_rig, .fini = close_running, .timeout = 120);

struct seen {
    struct peerclient *client;
    unsigned opened, frames, lost, traces;
    uint64_t next; /* index that the next frame must have */
    unsigned out_of_order;
    uint64_t stop_after; /* [frames] 0: never */
    bool stop_when_opened;
    size_t bytes;
    char encoding[16];
    struct peerclient_report report; /* taken in the last callback */
};

static void opened(void *data, const struct peerclient_media *media) {
    struct seen *s = data;
    s->opened++;
    snprintf(s->encoding, sizeof(s->encoding), "%s", media->encoding);
    if (s->stop_when_opened)
        peerclient_stop(s->client);
}

static void frame_due(void *data, const struct peerclient_frame *frame) {
    struct seen *s = data;
    s->out_of_order += frame->index != s->next;
    s->next = frame->index + 1;
    s->frames++;
    s->lost += frame->lost;
    cr_expect_eq(frame->lost, frame->payload == NULL);
    s->bytes += frame->len;
    peerclient_report(s->client, &s->report);
    if (s->stop_after != 0 && s->frames >= s->stop_after)
        peerclient_stop(s->client);
}

static void traced(void *data, int64_t at_us, const char *line) {
    struct seen *s = data;
    s->traces++;
    cr_expect(at_us > 0);
    cr_expect_neq(line[0], '\0');
    for (const char *c = line; *c != '\0'; c++)
        cr_expect(*c >= ' ' && *c <= '~', "`%s`", line);
}

static struct peerclient_config config_for(const char *const *urls, size_t count, struct seen *s) {
    return (struct peerclient_config){.clusters = urls,
                                      .cluster_count = count,
                                      .token = CLUSTER_TOKEN,
                                      .service = "radio",
                                      .profile = "pcmu",
                                      .source = "coffee",
                                      .opened = opened,
                                      .frame = frame_due,
                                      .trace = traced,
                                      .data = s};
}

/* ---- configurations -------------------------------------------------------------------------- */

static const char *const one_url[] = {"http://127.0.0.1:1"};

Test(client_api, configurations_that_make_no_sense) {
    static const char long_url[300] = "http://";
    char longer[300], long_token[300], long_name[40];
    memset(longer, 'x', sizeof(longer));
    memcpy(longer, long_url, 7);
    longer[299] = '\0';
    memset(long_token, 't', sizeof(long_token));
    long_token[256] = '\0';
    memset(long_name, 'n', sizeof(long_name));
    long_name[39] = '\0';
    const char *const bad_urls[] = {"ftp://x", "", "x", "http://x y", "http://x\r\nHost: y",
                                    longer};
    struct peerclient_config good = config_for(one_url, 1, NULL);
    char why[128] = "";
    struct peerclient *c = peerclient_new(&good, why, sizeof(why));
    cr_assert_not_null(c, "%s", why);
    peerclient_free(c);
    for (size_t i = 0; i < ITEMS(bad_urls); i++) {
        struct peerclient_config k = config_for(&bad_urls[i], 1, NULL);
        cr_expect_null(peerclient_new(&k, why, sizeof(why)), "url %zu", i);
        cr_expect_eq(strncmp(why, "clusters: ", 10), 0, "%s", why);
    }
#define WITHOUT(what, field, value)                                                                \
    do {                                                                                           \
        struct peerclient_config k = good;                                                         \
        k.field = (value);                                                                         \
        why[0] = '\0';                                                                             \
        cr_expect_null(peerclient_new(&k, why, sizeof(why)), #field);                              \
        cr_expect_eq(strncmp(why, what, strlen(what)), 0, #field ": %s", why);                     \
        cr_expect_null(peerclient_new(&k, NULL, 0), #field ", nobody asks why");                   \
    } while (0)
    WITHOUT("clusters", cluster_count, 0);
    WITHOUT("clusters", cluster_count, 17);
    WITHOUT("clusters", clusters, NULL);
    WITHOUT("service", service, NULL);
    WITHOUT("service", service, "no blanks");
    WITHOUT("profile", profile, "");
    WITHOUT("source", source, long_name);
    WITHOUT("protection", protection, "lukewarm");
    WITHOUT("buffer", buffer_ms, 39);
    WITHOUT("buffer", buffer_ms, 5001);
    WITHOUT("start", start_ms, UINT64_C(31536000001));
    WITHOUT("token", token, "");
    WITHOUT("token", token, "two\r\nlines");
    WITHOUT("token", token, long_token);
    WITHOUT("bind", bind_ip, "localhost");
    WITHOUT("bind", bind_ip, "127.0.0.1:80");
    peerclient_free(NULL);
}

Test(client_api, ends_have_names) {
    for (int end = PEERCLIENT_END_NONE; end <= PEERCLIENT_END_INTERNAL; end++)
        cr_expect_neq(peerclient_end_name((enum peerclient_end)end)[0], '\0');
}

/* Texts may go as soon as the object is made. */
Test(client_api, configuration_is_copied) {
    static const struct fake_answer script[] = {{404, "{\"status\":404,\"title\":\"gone\"}", 0}};
    struct fake_cluster f;
    char url[80], service[] = "radio", source[] = "coffee", profile[] = "pcmu";
    const char *urls[] = {url};
    struct seen s = {.opened = 0};
    fake_cluster_start(&f, rig.ip, script, 1);
    snprintf(url, sizeof(url), "%s///", f.url);
    struct peerclient_config k = config_for(urls, 1, &s);
    k.service = service;
    k.source = source;
    k.profile = profile;
    struct peerclient *c = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(c);
    memset(url, 'x', sizeof(url));
    memset(service, 'x', sizeof(service));
    memset(source, 'x', sizeof(source));
    memset(profile, 'x', sizeof(profile));
    urls[0] = NULL;
    cr_expect_eq(peerclient_run(c), PEERCLIENT_END_REFUSED);
    peerclient_free(c);
    fake_cluster_stop(&f);
    cr_expect_eq(f.requests, 1);
    cr_expect_not_null(strstr(f.body, "\"service\":\"radio\""), "%s", f.body);
    cr_expect_not_null(strstr(f.body, "\"source\":\"coffee\""), "%s", f.body);
    cr_expect_str_eq(f.authorization, "Bearer " CLUSTER_TOKEN);
}

/* ---- clusters that do not help --------------------------------------------------------------- */

Test(client_api, nobody_there) {
    struct seen s = {.opened = 0};
    struct peerclient_report report;
    struct peerclient_config k = config_for(one_url, 1, &s);
    k.give_up_ms = 600;
    struct peerclient *c = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(c);
    cr_expect_eq(peerclient_run(c), PEERCLIENT_END_UNREACHABLE);
    cr_expect_eq(peerclient_run(c), PEERCLIENT_END_UNREACHABLE, "it runs once");
    peerclient_report(c, &report);
    cr_expect_eq(report.end, PEERCLIENT_END_UNREACHABLE);
    cr_expect_not_null(strstr(report.detail, "http://127.0.0.1:1: "), "%s", report.detail);
    cr_expect_eq(report.frames_expected, 0);
    cr_expect_eq(report.cluster[0], '\0');
    cr_expect_eq(s.opened, 0);
    cr_expect_geq(s.traces, 1);
    peerclient_free(c);
}

/* A refusal that waiting does not change is asked for once; the other cluster still is asked, and
 * what it says counts as well. */
Test(client_api, refusals_are_per_cluster) {
    static const struct fake_answer no[] = {{403, "{\"status\":403,\"title\":\"denied\"}", 0}};
    static const struct fake_answer full[] = {{503, "{\"status\":503,\"title\":\"full\"}", 1}};
    struct fake_cluster a, b;
    struct seen s = {.opened = 0};
    struct peerclient_report report;
    fake_cluster_start(&a, rig.ip, no, 1);
    fake_cluster_start(&b, rig.ip, full, 1);
    const char *const urls[] = {a.url, b.url};
    struct peerclient_config k = config_for(urls, 2, &s);
    k.give_up_ms = 2500;
    struct peerclient *c = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(c);
    cr_expect_eq(peerclient_run(c), PEERCLIENT_END_REFUSED);
    peerclient_report(c, &report);
    peerclient_free(c);
    fake_cluster_stop(&a);
    fake_cluster_stop(&b);
    cr_expect_eq(a.requests, 1);
    cr_expect(b.requests >= 1 && b.requests <= 3, "once a second: %u", b.requests);
    cr_expect_not(b.keys_differ, "the same key each time");
    cr_expect_str_eq(a.key, b.key, "and at each cluster");
    cr_expect_not_null(strstr(report.detail, "403 denied"), "%s", report.detail);
}

/* ---- stopping -------------------------------------------------------------------------------- */

Test(client_api, stop_before_it_runs) {
    struct peerclient_config k = config_for(one_url, 1, NULL);
    k.trace = NULL;
    struct peerclient *c = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(c);
    peerclient_stop(c);
    peerclient_stop(c);
    cr_expect_eq(peerclient_run(c), PEERCLIENT_END_CLOSED);
    peerclient_free(c);
}

static void *stop_soon(void *data) {
    usleep(100000);
    peerclient_stop(data);
    return NULL;
}

static enum peerclient_end run_and_stop(struct peerclient *c) {
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop_soon, c), 0);
    enum peerclient_end end = peerclient_run(c);
    pthread_join(thread, NULL);
    return end;
}

Test(client_api, stop_from_another_thread_while_a_cluster_thinks) {
    static const struct fake_answer never[] = {{0, NULL, 0}};
    struct fake_cluster f;
    struct seen s = {.opened = 0};
    fake_cluster_start(&f, rig.ip, never, 1);
    const char *const urls[] = {f.url};
    struct peerclient_config k = config_for(urls, 1, &s);
    struct peerclient *c = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(c);
    cr_expect_eq(run_and_stop(c), PEERCLIENT_END_CLOSED);
    peerclient_free(c);
    fake_cluster_stop(&f);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A session answer whose media address is a port of ours where nobody listens. */
static const char *session_answer(const char *encoding, const char *rtp_more, unsigned frame_ms) {
    static char text[2048];
    snprintf(text, sizeof(text),
             "{\"session\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"ticket\":\"v4.public.x\",\"epoch\":1,"
             "\"lease_ms\":5000,\"expires\":2000000000,\"cluster\":{\"name\":\"fra1\",\"key\":"
             "\"%s\"},\"media\":\"%s:7799\",\"backups\":[],\"rtp\":{\"encoding\":\"%s\","
             "\"payload_type\":0,\"clock_rate\":8000,\"channels\":1,\"frame_ms\":%u,"
             "\"samples_per_frame\":160,\"ssrc\":1,\"seq0\":1,\"ts0\":1,\"fmtp\":\"%s\"}}",
             rig.public_texts[AS_OPERATOR], rig.ip, encoding, frame_ms, rtp_more);
    return text;
}

static enum peerclient_end run_for(unsigned give_up_ms, const char *body, struct seen *s,
                                   char *detail, size_t size) {
    const struct fake_answer script[] = {{201, body, 0}};
    struct fake_cluster f;
    struct peerclient_report report;
    fake_cluster_start(&f, rig.ip, script, 1);
    const char *const urls[] = {f.url};
    struct peerclient_config k = config_for(urls, 1, s);
    k.give_up_ms = give_up_ms;
    s->client = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(s->client);
    enum peerclient_end end = peerclient_run(s->client);
    peerclient_report(s->client, &report);
    snprintf(detail, size, "%s", report.detail);
    peerclient_free(s->client);
    fake_cluster_stop(&f);
    return end;
}

/* Gives up after 0.8 s, or later where that was too short for this machine to hear the answer. */
static enum peerclient_end run_with_answer(const char *body, struct seen *s, char *detail,
                                           size_t size) {
    const struct seen fresh = *s;
    unsigned ms = 800;
    enum peerclient_end end;
    while ((end = run_for(ms, body, s, detail, size)) == PEERCLIENT_END_UNREACHABLE &&
           s->opened == 0 && ms < 20000) {
        *s = fresh;
        ms *= 4;
    }
    return end;
}

Test(client_api, answers_that_make_no_sense) {
    static const struct {
        const char *what;
        const char *encoding, *fmtp;
        unsigned frame_ms;
        const char *says;
    } rows[] = {
        {"frames of 10 ms", "PCMU", "", 10, "no sense"},
        {"encoding with a slash", "PCMU/8000", "", 20, "no sense"},
        {"encoding that steers terminals", "PC\xc2\x9bMU", "", 20, "no sense"},
        {"fmtp that is not ASCII", "PCMU", "a=\xc3\xbc", 20, "no sense"},
        {"fmtp with a line feed", "PCMU", "x\\r\\na=evil", 20, "cannot be read"},
        {"encoding that is too long", "ABCDEFGHIJKLMNOPQ", "", 20, "cannot be read"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct seen s = {.opened = 0};
        char detail[256];
        enum peerclient_end end =
            run_with_answer(session_answer(rows[i].encoding, rows[i].fmtp, rows[i].frame_ms), &s,
                            detail, sizeof(detail));
        cr_expect_eq(end, PEERCLIENT_END_REFUSED, "%s: %s", rows[i].what, peerclient_end_name(end));
        cr_expect_not_null(strstr(detail, rows[i].says), "%s: %s", rows[i].what, detail);
        cr_expect_eq(s.opened, 0, "%s", rows[i].what);
    }
    static const char *const garbage[] = {"", "{}", "\xff", "[]", "{\"session\":\"A\"}"};
    for (size_t i = 0; i < ITEMS(garbage); i++) {
        struct seen s = {.opened = 0};
        char detail[256];
        cr_expect_eq(run_with_answer(garbage[i], &s, detail, sizeof(detail)),
                     PEERCLIENT_END_REFUSED);
        cr_expect_not_null(strstr(detail, "cannot be read"), "%s: %s", garbage[i], detail);
    }
}

/* The answer was good, but there is no media where it points. */
Test(client_api, no_media) {
    struct seen s = {.opened = 0};
    char detail[256];
    cr_expect_eq(run_with_answer(session_answer("PCMU", "", 20), &s, detail, sizeof(detail)),
                 PEERCLIENT_END_UNREACHABLE);
    cr_expect_eq(s.opened, 1);
    cr_expect_eq(s.frames, 0);
}

Test(client_api, stop_when_opened) {
    struct seen s = {.stop_when_opened = true};
    char detail[256];
    cr_expect_eq(run_with_answer(session_answer("PCMU", "", 20), &s, detail, sizeof(detail)),
                 PEERCLIENT_END_CLOSED);
    cr_expect_eq(s.opened, 1);
    cr_expect_eq(s.frames, 0);
}

/* ---- a real cluster -------------------------------------------------------------------------- */

static const char *start_all(void) {
    static char url[64];
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    cr_assert(cluster_start(&rig));
    if (!cluster_start_node(&rig, 100))
        cr_skip_test("no transcoderd in $PEERD_BIN");
    snprintf(url, sizeof(url), "http://%s:7680", rig.ip);
    return url;
}

static enum peerclient_end play(struct seen *s, const char *source, const char *profile) {
    const char *const urls[] = {one_url[0], start_all()};
    struct peerclient_config k = config_for(urls, 2, s);
    struct peerclient_report report;
    k.source = source;
    k.profile = profile;
    k.buffer_ms = 3000; /* the machine may be busy, and that is not what is tested */
    s->client = peerclient_new(&k, NULL, 0);
    cr_assert_not_null(s->client);
    enum peerclient_end end = s->stop_after == 0 && !s->stop_when_opened && source[0] == 'c'
                                  ? run_and_stop(s->client)
                                  : peerclient_run(s->client);
    peerclient_report(s->client, &report);
    cr_expect_eq(report.frames_expected, s->frames);
    cr_expect_eq(report.frames_lost, s->lost);
    cr_expect_eq(report.end, end);
    peerclient_free(s->client);
    return end;
}

/* Not one frame more than was asked for, the first cluster of the list being dead. */
Test(client_api, stop_after_so_many_frames) {
    struct seen s = {.stop_after = 60};
    cr_expect_eq(play(&s, "coffee", "pcmu"), PEERCLIENT_END_CLOSED);
    cr_expect_eq(s.frames, 60);
    cr_expect_eq(s.lost, 0);
    cr_expect_eq(s.out_of_order, 0);
    cr_expect_eq(s.bytes, 60 * 160);
    cr_expect_str_eq(s.encoding, "PCMU");
    cr_expect_str_eq(s.report.cluster, "fra1");
}

Test(client_api, source_that_ends) {
    struct seen s = {.stop_after = 0};
    cr_expect_eq(play(&s, "robot", "opus"), PEERCLIENT_END_SOURCE_ENDED);
    cr_expect_eq(s.frames, 100, "%u", s.frames);
    cr_expect_eq(s.lost, 0);
    cr_expect_eq(s.out_of_order, 0);
    cr_expect_str_eq(s.encoding, "opus");
}

Test(client_api, stop_from_another_thread_while_it_plays) {
    struct seen s = {.stop_after = 0};
    cr_expect_eq(play(&s, "coffee", "opus"), PEERCLIENT_END_CLOSED);
}

/* Three in one thread: each ends by itself, one of them without ever being served, and running the
 * first one lasts as long as any of them. */
Test(client_api, several_share_a_thread) {
    enum {
        SHARING = 3
    };
    static const uint64_t frames[SHARING] = {20, 60, 0};
    struct seen s[SHARING] = {{.opened = 0}};
    const char *const real[] = {start_all()};
    char why[128];
    for (size_t i = 0; i < SHARING; i++) {
        struct peerclient_config k = config_for(i == 2 ? one_url : real, 1, &s[i]);
        k.buffer_ms = 3000;
        k.beside = i > 0 ? s[0].client : NULL;
        k.give_up_ms = i == 2 ? 600 : 0;
        s[i].stop_after = frames[i];
        s[i].client = peerclient_new(&k, why, sizeof(why));
        cr_assert_not_null(s[i].client, "%s", why);
    }
    struct peerclient_config wrong = config_for(real, 1, NULL);
    wrong.beside = s[1].client;
    cr_expect_null(peerclient_new(&wrong, why, sizeof(why)));
    cr_expect_eq(strncmp(why, "beside: ", 8), 0, "%s", why);
    cr_expect_eq(peerclient_run(s[1].client), PEERCLIENT_END_NONE, "the first runs them");
    cr_expect_eq(peerclient_run(s[0].client), PEERCLIENT_END_CLOSED);
    cr_expect_eq(peerclient_run(s[1].client), PEERCLIENT_END_CLOSED, "it says how it ended");
    cr_expect_eq(peerclient_run(s[2].client), PEERCLIENT_END_UNREACHABLE);
    for (size_t i = SHARING; i-- > 0;) {
        cr_expect_eq(s[i].frames, frames[i], "%zu", i);
        cr_expect_eq(s[i].lost, 0);
        peerclient_free(s[i].client);
    }
}
