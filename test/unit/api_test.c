#include "peerd/wire/api.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(api, request_round_trips) {
    struct api_session_request r = sample_api_request(), out;
    struct wire_fault fault;
    size_t len;
    char *text = api_session_request_encode(&r, &len);
    cr_assert_not_null(text);
    cr_assert_eq(api_session_request_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    cr_expect_str_eq(out.service.text, "radio");
    cr_expect_str_eq(out.profile.text, "opus-32");
    cr_expect_str_eq(out.source.text, "news");
    cr_expect(public_key_equal(&out.client_key, &r.client_key));
    cr_expect(out.protection == PROTECTION_HOT && out.start_ms == 90000);
    free(text);
}

Test(api, request_may_leave_out_what_has_a_default) {
    struct api_session_request r = sample_api_request(), out;
    char *text = api_session_request_encode(&r, NULL);
    char *shorter = sample_edit(text, ",\"protection\":\"hot\",\"start_ms\":90000", "");
    cr_assert_eq(api_session_request_decode(&out, shorter, strlen(shorter), NULL), ERR_OK);
    cr_expect(out.protection == PROTECTION_WARM && out.start_ms == 0);
    free(shorter);
    free(text);
}

Test(api, request_is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        const char *fault;
    } rows[] = {
        {"a misspelt member", "\"protection\"", "\"protektion\"",
         "protektion: expected no member of this name, found \"hot\""},
        {"no source", "\"source\":\"news\",", "", "source: expected a name of 1 to 31 characters"},
        {"a URL as source", "\"news\"", "\"http://example.net/\"", "source: expected a name"},
        {"a path as source", "\"news\"", "\"../news\"", "source: expected a name"},
        {"a key with a character too few", "\"k4.public.", "\"k4.publi.", "client_key: expected"},
        {"a key by another name", "\"client_key\"", "\"key\"", "key: expected no member"},
        {"an unknown protection", "\"hot\"", "\"boiling\"",
         "protection: expected one of cold warm hot, found \"boiling\""},
        {"protection null", "\"hot\"", "null", "protection: expected one of cold warm hot"},
        {"a start before the source", "90000", "-1", "start_ms: expected an integer from 0 to"},
        {"a start after two years", "90000", "63072000000", "start_ms: expected an integer"},
        {"a key twice", "\"start_ms\"", "\"source\":\"other\",\"start_ms\"", "duplicate"},
    };
    struct api_session_request r = sample_api_request();
    char *text = api_session_request_encode(&r, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct api_session_request, api_session_request_decode, text, &rows[i],
                       ERR_BAD_FIELD);
    free(text);
}

Test(api, answer_round_trips) {
    struct api_session_answer a = sample_api_answer(), out;
    struct wire_fault fault;
    size_t len;
    char *text = api_session_answer_encode(&a, &len);
    cr_assert_not_null(text);
    cr_assert_eq(api_session_answer_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = api_session_answer_encode(&out, NULL);
    cr_expect_str_eq(again, text);
    cr_expect(session_id_equal(&out.session, &a.session));
    cr_expect_str_eq(out.ticket, a.ticket);
    cr_expect(out.epoch == 1 && out.lease_ms == 10000 && out.expires_s == 1763720000);
    cr_expect(addr_equal(&out.media, &a.media) && out.backup_count == 2);
    cr_expect(public_key_equal(&out.backups[1].key, &a.backups[1].key));
    cr_expect(out.backups[1].media.family == 6 && out.backups[1].media.port == 7701);
    cr_expect(out.measures && out.probe_count == 1 && out.probes[0].media.port == 7702);
    cr_expect_str_eq(out.probes[0].cluster.text, "par1");
    cr_expect(public_key_equal(&out.probes[0].key, &a.probes[0].key));
    cr_expect_str_eq(out.rtp.encoding, "opus");
    cr_expect(out.rtp.payload_type == 96 && out.rtp.clock_rate_hz == 48000);
    cr_expect(out.rtp.channels == 2 && out.rtp.frame_ms == 20 && out.rtp.samples_per_frame == 960);
    cr_expect(out.rtp.ssrc == 0xdeadbeef && out.rtp.seq0 == 65535 && out.rtp.ts0 == 0xfffffffe);
    cr_expect_str_eq(out.rtp.fmtp, "stereo=0");
    free(again);
    free(text);
}

Test(api, answer_is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum err err;
        const char *fault;
    } rows[] = {
        {"no ticket", "\"ticket\":\"v4.public.dGlja2V0.Zm9vdGVy\"", "\"ticket\":\"\"",
         ERR_BAD_FIELD, "ticket: expected text of 1 to 900 bytes"},
        {"epoch 0", "\"epoch\":1", "\"epoch\":0", ERR_BAD_FIELD, "epoch: expected"},
        {"no rtp", "\"rtp\"", "\"rtsp\"", ERR_BAD_FIELD, "rtp: expected an object, found nothing"},
        {"payload type 128", "\"payload_type\":96", "\"payload_type\":128", ERR_BAD_FIELD,
         "rtp.payload_type: expected an integer from 0 to 127, found 128"},
        {"sequence number of 17 bits", "\"seq0\":65535", "\"seq0\":65536", ERR_BAD_FIELD,
         "rtp.seq0"},
        {"a backup without a port", "\"192.0.2.2:7700\"", "\"192.0.2.2\"", ERR_BAD_FIELD,
         "backups[0].media: expected an address and port"},
        {"five backups", "\"backups\":[", "\"backups\":[1,2,3,", ERR_OVERSIZED,
         "backups: expected an array of at most 4"},
        {"nine to probe", "\"probes\":[", "\"probes\":[1,2,3,4,5,6,7,8,", ERR_OVERSIZED,
         "probes: expected an array of at most 8"},
        {"one to probe who is nowhere", "\"192.0.2.4:7702\"", "\"\"", ERR_BAD_FIELD,
         "probes[0].media: expected an address and port"},
        {"a line feed for the SDP file", "stereo=0", "stereo=0\\r\\na=evil", ERR_BAD_FIELD,
         "rtp.fmtp: expected text of 0 to 127 bytes without control characters"},
    };
    struct api_session_answer a = sample_api_answer();
    char *text = api_session_answer_encode(&a, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct api_session_answer, api_session_answer_decode, text, &rows[i],
                       rows[i].err);
    char *nobody = sample_edit(text, "\"probes\"", "\"pro\"");
    struct api_session_answer none;
    cr_expect_eq(api_session_answer_decode(&none, nobody, strlen(nobody), NULL), ERR_OK);
    cr_expect(!none.measures && none.probe_count == 0, "an older cluster does not ask for it");
    free(nobody);
    char *newer = sample_edit(text, "\"epoch\":1", "\"epoch\":1,\"later\":true");
    struct api_session_answer out;
    cr_expect_eq(api_session_answer_decode(&out, newer, strlen(newer), NULL), ERR_OK,
                 "a member of a later version is ignored");
    free(newer);
    free(text);
}

Test(api, refuses_each_truncation_and_what_is_too_long) {
    struct api_session_request r = sample_api_request(), r_out;
    struct api_session_answer a = sample_api_answer(), a_out;
    size_t request_len, answer_len;
    char *request = api_session_request_encode(&r, &request_len);
    char *answer = api_session_answer_encode(&a, &answer_len);
    for (size_t cut = 0; cut < request_len; cut++)
        cr_expect_neq(api_session_request_decode(&r_out, request, cut, NULL), ERR_OK);
    for (size_t cut = 0; cut < answer_len; cut++)
        cr_expect_neq(api_session_answer_decode(&a_out, answer, cut, NULL), ERR_OK);
    char blank[API_ANSWER_LEN_MAX + 1];
    memset(blank, ' ', sizeof(blank));
    cr_expect_eq(api_session_request_decode(&r_out, blank, API_REQUEST_LEN_MAX + 1, NULL),
                 ERR_OVERSIZED);
    cr_expect_eq(api_session_answer_decode(&a_out, blank, sizeof(blank), NULL), ERR_OVERSIZED);
    free(request);
    free(answer);
}

Test(api, problem_round_trips) {
    struct api_problem p = api_problem_of(ERR_NO_CREDIT, "voice: 700 of 700 in use"), out;
    size_t len;
    p.retry_after_s = 2;
    char *text = api_problem_encode(&p, &len);
    cr_expect_str_eq(text, "{\"title\":\"no capacity left\",\"status\":503,\"detail\":\"voice: 700 "
                           "of 700 in use\",\"code\":\"no_credit\",\"retry_after_s\":2}");
    cr_assert_eq(api_problem_decode(&out, text, len, NULL), ERR_OK);
    cr_expect(out.status == 503 && out.code == ERR_NO_CREDIT && out.retry_after_s == 2);
    cr_expect_str_eq(out.title, p.title);
    cr_expect_str_eq(out.detail, p.detail);
    free(text);
}

Test(api, problem_of_somebody_else_is_understood_as_far_as_it_goes) {
    static const struct {
        const char *text;
        enum err err;
        uint32_t status;
        enum err code;
    } rows[] = {
        {"{\"status\":502,\"title\":\"Bad Gateway\"}", ERR_OK, 502, ERR_COUNT},
        {"{\"status\":503,\"code\":\"of_the_future\"}", ERR_OK, 503, ERR_COUNT},
        {"{\"status\":404,\"type\":\"https://example.net/p\"}", ERR_OK, 404, ERR_COUNT},
        {"{\"title\":\"no status\"}", ERR_BAD_FIELD, 0, ERR_OK},
        {"{\"status\":200}", ERR_BAD_FIELD, 0, ERR_OK},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct api_problem p = {.status = 0};
        enum err e = api_problem_decode(&p, rows[i].text, strlen(rows[i].text), NULL);
        cr_expect_eq(e, rows[i].err, "%s", rows[i].text);
        cr_expect(p.status == rows[i].status && p.code == rows[i].code, "%s", rows[i].text);
    }
}

Test(api, problem_can_quote_anything) {
    char detail[1000];
    memset(detail, '\xff', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    struct api_problem p = api_problem_of(ERR_BAD_FIELD, detail), out;
    size_t len;
    char *text = api_problem_encode(&p, &len);
    cr_assert_not_null(text);
    cr_expect_eq(api_problem_decode(&out, text, len, NULL), ERR_OK);
    cr_expect_eq(strlen(out.detail), WIRE_FAULT_LEN_MAX);
    free(text);
}

Test(api, tells_every_error_in_a_status_that_fits) {
    for (int e = 0; e < ERR_COUNT; e++) {
        uint32_t status = api_status_of((enum err)e);
        if (strcmp(err_name((enum err)e), "unknown") == 0)
            continue;
        cr_expect(e == ERR_OK ? status == 200 : status >= 400 && status <= 599, "%s is %u",
                  err_name((enum err)e), status);
    }
    cr_expect_eq(api_status_of(ERR_UNKNOWN_SOURCE), 404);
    cr_expect_eq(api_status_of(ERR_DENIED), 403);
    cr_expect_eq(api_status_of(ERR_DRAINING), 503);
    cr_expect_eq(api_status_of(ERR_OVERSIZED), 413);
    cr_expect_eq(api_status_of(ERR_BAD_POLICY), 400, "whoever wrote it has to mend it");
}
