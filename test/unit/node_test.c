#include "peerd/wire/node.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *request_text(size_t *len) {
    struct node_session sessions[2];
    struct node_request r = sample_node_request(sessions);
    return node_request_encode(&r, len);
}

static char *answer_text(size_t *len) {
    struct node_answer a = sample_node_answer();
    return node_answer_encode(&a, len);
}

Test(node, request_round_trips) {
    struct wire_fault fault;
    struct node_request out;
    size_t len, len_again;
    char *text = request_text(&len);
    cr_assert_not_null(text);
    cr_assert_eq(node_request_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = node_request_encode(&out, &len_again);
    cr_expect_str_eq(again, text);
    cr_expect_eq(len_again, strlen(text));
    cr_expect_str_empty(fault.text);
    free(again);
    free(text);
    node_request_free(&out);
}

Test(node, request_fields_arrive_where_they_belong) {
    struct node_request out;
    size_t len;
    char *text = request_text(&len);
    cr_assert_eq(node_request_decode(&out, text, len, NULL), ERR_OK);
    free(text);
    cr_expect_str_eq(out.node.text, "n1");
    cr_expect_eq(out.boot, 0xfedcba9876543210);
    cr_expect(out.seq == 12 && out.seen == 11 && out.order_seen == 5 && out.full);
    cr_expect(out.media_count == 2 && out.media[1].port == 7701);
    cr_expect(out.source_count == 2 && out.sources[0].digest.bytes[2] == 3);
    cr_expect(out.sources[0].duration_ms == 3600000 && out.sources[1].error == ERR_SOURCE_FAILED);
    cr_expect_eq(out.sources[1].class, SOURCE_CLASS_LIVE);
    const struct node_worker *k = &out.workers[0];
    cr_expect(k->index == 1 && k->pid == 4711 && k->restarts == 2 && k->frames == 123456789012 &&
              k->resent == 4321);
    cr_expect(k->sessions == 300 && k->credit_spent == 310 && k->cpu_ms == 987654);
    cr_expect(k->probes == 5555 && k->probes_refused == 66 && k->late_ms == 35);
    const struct node_session *s = &out.sessions[0];
    cr_expect(s->backup_count == 2 && strcmp(s->backups[1].text, "lon1") == 0);
    cr_expect(s->epoch == 2 && s->purpose == RESUME_COMMIT && s->worker == 1);
    cr_expect(s->expected == 2999 && s->lost_before == 12 && s->lost_after == 3);
    cr_expect(s->rtt_us == 25000 && s->jitter_us == 1800 && s->silent_ms == 140);
    cr_expect(s->buffer_ms == 200 && s->burst_x16 == 40);
    cr_expect(s->cause == MOVE_CAUSE_CRASHED && s->served_by.bytes[7] == 0x21);
    cr_expect(s->preroll == NODE_PREROLL_LEAST && s->merges_after == 240);
    cr_expect(s->moved.epoch == 2 && s->moved.detect_ms == 45 && s->moved.first_frame_ms == 80 &&
              s->moved.lost == 1 && s->moved.duplicates == 12);
    s = &out.sessions[1];
    cr_expect_eq(s->moved.epoch, 0u);
    cr_expect(s->preroll == NODE_PREROLL_NONE && s->merges_after == 0);
    cr_expect(s->purpose == RESUME_STANDBY && s->cause == MOVE_CAUSE_NONE && s->expected == 0);
    cr_expect(out.ended_count == 2 && out.ended[1].bytes[0] == 0xe1);
    cr_assert_eq(out.trip_count, 1);
    cr_expect(out.trips[0].client.port == 40000 && out.trips[0].cluster.bytes[7] == 0x22);
    cr_expect(out.trips[0].rtt_us == 31000 && out.trips[0].samples == 7);
    cr_expect(out.trips[0].asked == 9 && out.trips[0].lost == 2);
    cr_expect(out.trips[0].due == 50 && out.trips[0].missing == 6 && out.trips[0].runs == 4);
    cr_expect_eq(out.trips[0].session.bytes[0], 0x44);
    cr_expect(out.ask_count == 1 && out.asks[0].bytes[0] == 0x31);
    cr_assert_eq(out.start_count, 2);
    cr_expect(name_is_empty(&out.starts[0].issuer) && out.starts[0].window == 256);
    const struct node_starts *b = &out.starts[1];
    cr_expect_str_eq(b->issuer.text, "ams1");
    cr_expect(b->window == 128 && b->under_way == 3 && b->in_time == 5000000000 && b->late == 17 &&
              b->refused == 6000000000);
    cr_expect(out.making.told && out.making.makers == 4 && out.making.spare_ms == 3250);
    cr_assert_eq(out.making.stream_count, 2);
    cr_expect_str_eq(out.making.streams[1].source.text, "film");
    cr_expect_eq(out.making.streams[1].player_ms, 415u);
    cr_expect(out.drain.number == 1763710000123 && out.drain.active && out.drain.gone == 17);
    cr_expect(out.drain.age_ms == 61000 && out.drain.within_ms == 600000);
    cr_expect_str_eq(out.drain.to.text, "lon1");
    node_request_free(&out);
    cr_expect(out.sessions == NULL && out.session_count == 0);
    node_request_free(&out);
    node_request_free(NULL);
}

Test(node, answer_round_trips) {
    struct wire_fault fault;
    struct node_answer out;
    size_t len;
    char *text = answer_text(&len);
    cr_assert_not_null(text);
    cr_assert_eq(node_answer_decode(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = node_answer_encode(&out, NULL);
    cr_expect_str_eq(again, text);
    cr_expect(out.has_catalogue && out.catalogue.hash.bytes[1] == 8);
    cr_expect_str_eq(out.catalogue.sources[0].location, "/srv/media/news \"1\".wav");
    cr_expect(out.catalogue.sources[0].loop && out.catalogue.profiles[0].preroll_frames == 100);
    cr_expect(out.catalogue.rendition_count == 2 && out.catalogue.renditions[0].height == 720 &&
              out.catalogue.renditions[1].channels == 2);
    cr_expect(out.orders[0].what == NODE_ORDER_MOVE && out.orders[0].deadline_ms == 20000);
    cr_expect(out.orders[0].only);
    cr_expect(out.orders[1].what == NODE_ORDER_END && out.orders[1].error == ERR_MOVED);
    cr_expect(out.media_alive[0].node == 3 && out.media_alive[0].key.bytes[0] == 0x6b);
    cr_expect_eq(out.media_alive[0].answer_key.bytes[0], 0x7c);
    cr_expect(out.drain.number == 1763710000124 && !out.drain.active);
    cr_expect(out.credit.slots == 350 && out.credit.lease_ms == 300000);
    cr_expect(out.limits.sessions_max == 400 && out.limits.session_lease_ms == 10000);
    cr_expect(out.limits.standby_lease_ms == 15000 && out.limits.skew_ms == 2000);
    cr_expect(out.limits.hedge_ms_max == 500 && out.limits.hedges_per_minute == 12);
    cr_expect_eq(out.limits.probes_per_s, 7);
    cr_assert(out.told_count == 1 && out.told[0].count == 1);
    cr_expect(out.told[0].session.bytes[0] == 0x32 && out.told[0].list[0].media.port == 7702);
    cr_expect_str_eq(out.told[0].list[0].cluster.text, "rom1");
    cr_assert(out.named_count == 1 && out.named[0].count == 2);
    cr_expect(out.named[0].session.bytes[0] == 0x31 && out.named[0].list[1].media.port == 7701);
    cr_expect_str_eq(out.named[0].list[0].cluster.text, "par1");
    const struct public_key key = sample_pair(4).public_key;
    cr_expect(public_key_equal(&out.named[0].list[1].key, &key));
    free(again);
    free(text);
    node_answer_free(&out);
    cr_expect_null(out.media_alive);
    node_answer_free(NULL);
}

Test(node, answer_tells_which_services_peers_may_use) {
    struct node_answer a = sample_node_answer(), out;
    size_t len;
    a.guests[0].services = 2;
    a.guest_services = (struct node_guest_services){
        .names = {sample_name("radio"), sample_name("voice")}, .priorities = {0, 7}, .count = 2};
    char *text = node_answer_encode(&a, &len);
    cr_assert_eq(node_answer_decode(&out, text, len, NULL), ERR_OK);
    cr_assert_eq(out.guest_count, 2u);
    cr_expect(out.guests[0].services == 2 && out.guests[1].services == NODE_GUEST_SERVICES_ALL);
    cr_assert_eq(out.guest_services.count, 2u);
    cr_expect_str_eq(out.guest_services.names[1].text, "voice");
    cr_expect(out.guest_services.priorities[0] == 0 && out.guest_services.priorities[1] == 7);
    free(text);
    node_answer_free(&out);
}

Test(node, answer_tells_what_is_kept_for_a_peer) {
    struct node_answer a = sample_node_answer(), out;
    a.guests[0].slots = NODE_GUEST_SLOTS_ALL;
    a.guests[0].kept = 15;
    char *text = node_answer_encode(&a, NULL);
    cr_assert_eq(node_answer_decode(&out, text, strlen(text), NULL), ERR_OK);
    cr_expect(out.guests[0].slots == NODE_GUEST_SLOTS_ALL && out.guests[0].kept == 15);
    cr_expect_eq(out.guests[1].kept, 0u);
    free(text);
    node_answer_free(&out);
    a.guests[0].slots = 14;
    text = node_answer_encode(&a, NULL);
    cr_expect_neq(node_answer_decode(&out, text, strlen(text), NULL), ERR_OK,
                  "no more can be kept than may come");
    free(text);
}

Test(node, answer_tells_how_many_may_be_hot) {
    struct node_answer a = sample_node_answer(), out;
    a.limits.hot_max = 3;
    a.guests[0].hot = 2;
    char *text = node_answer_encode(&a, NULL);
    cr_assert_eq(node_answer_decode(&out, text, strlen(text), NULL), ERR_OK);
    cr_expect_eq(out.limits.hot_max, 3u);
    cr_expect(out.guests[0].hot == 2 && out.guests[1].hot == NODE_GUEST_HOT_ALL);
    free(text);
    node_answer_free(&out);
    a.limits.hot_max = 0; /* as of a peerd that knows of none */
    a.guests[0].hot = NODE_GUEST_HOT_ALL;
    text = node_answer_encode(&a, NULL);
    cr_expect_null(strstr(text, "\"hot\""));
    cr_assert_eq(node_answer_decode(&out, text, strlen(text), NULL), ERR_OK);
    cr_expect_eq(out.limits.hot_max, 0u);
    free(text);
    node_answer_free(&out);
}

Test(node, answer_without_news_is_small) {
    struct node_answer a = sample_node_answer();
    struct node_answer out;
    size_t len;
    a.has_catalogue = false;
    a.drain.number = 0;
    a.order_count = a.media_alive_count = a.issuer_count = a.named_count = a.told_count = 0;
    char *text = node_answer_encode(&a, &len);
    cr_assert_not_null(text);
    cr_expect_lt(len, 500);
    cr_assert_eq(node_answer_decode(&out, text, len, NULL), ERR_OK);
    cr_expect(!out.has_catalogue && out.orders == NULL && out.order_count == 0);
    free(text);
    node_answer_free(&out);
}

Test(node, request_of_a_full_machine_round_trips_and_one_more_is_refused) {
    struct node_session *sessions = calloc(NODE_SESSIONS_MAX, sizeof(*sessions));
    struct node_session two[2];
    struct node_request r = sample_node_request(two);
    struct node_request out;
    size_t len;
    for (size_t i = 0; i < NODE_SESSIONS_MAX; i++) {
        sessions[i] = sample_node_session((uint8_t)i);
        sessions[i].session.bytes[1] = (uint8_t)(i >> 8);
    }
    r.sessions = sessions;
    r.session_count = NODE_SESSIONS_MAX;
    char *text = node_request_encode(&r, &len);
    cr_assert_not_null(text);
    cr_assert_eq(node_request_decode(&out, text, len, NULL), ERR_OK);
    cr_expect_eq(out.session_count, NODE_SESSIONS_MAX);
    cr_expect_eq(out.sessions[NODE_SESSIONS_MAX - 1].session.bytes[1], 31);
    node_request_free(&out);
    r.session_count++;
    cr_expect_null(node_request_encode(&r, &len));

    /* One element more than the maximum, made by hand: refused by name. */
    struct wire_fault fault;
    char *more = sample_edit(text, "\"ended\":[", "\"sessions_too\":0,\"ended\":[");
    char *list = malloc((NODE_SESSIONS_MAX + 1) * 2 + 64);
    size_t at = (size_t)sprintf(list, "\"ended\":[0");
    for (size_t i = 0; i < NODE_SESSIONS_MAX; i++)
        at += (size_t)sprintf(list + at, ",0");
    sprintf(list + at, "],\"was\":[");
    char *over = sample_edit(more, "\"ended\":[", list);
    cr_expect_eq(node_request_decode(&out, over, strlen(over), &fault), ERR_OVERSIZED);
    cr_expect_str_eq(fault.text,
                     "ended: expected an array of at most 8192, found an array of 8193");
    free(over);
    free(list);
    free(more);
    free(text);
    free(sessions);
}

/* A flat table of documents that are wrong in one place. */
Test(node, request_is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum err err;
        const char *fault;
    } rows[] = {
        {"trailing bytes", "\"ended\"", "\"x\":1}{\"ended\"", ERR_BAD_FIELD, "line 1"},
        {"a key twice", "\"seq\":12", "\"seq\":12,\"seq\":12", ERR_BAD_FIELD, "duplicate"},
        {"a session's key twice", "\"epoch\":2", "\"epoch\":2,\"epoch\":3", ERR_BAD_FIELD,
         "duplicate"},
        {"a NUL in a name", "\"n1\"", "\"n\\u0000\"", ERR_BAD_FIELD, "line 1"},
        {"no node", "\"node\":\"n1\",", "", ERR_BAD_FIELD,
         "node: expected a name of 1 to 31 characters a-z 0-9 - _ ., found nothing"},
        {"a node in capitals", "\"n1\"", "\"N1\"", ERR_BAD_FIELD, "found \"N1\""},
        {"a terminal escape is not echoed", "\"n1\"", "\"\\u001b[2J\"", ERR_BAD_FIELD,
         "found \"?[2J\""},
        {"a word on draining without a number", "\"number\":1763710000123", "\"number\":0",
         ERR_BAD_FIELD, "drain.number: expected an integer from 1"},
        {"one with a number that none can follow", "\"number\":1763710000123",
         "\"number\":4611686018427387905", ERR_BAD_FIELD, "drain.number: expected"},
        {"one that says neither", "\"active\":true,", "", ERR_BAD_FIELD, "drain.active: expected"},
        {"one from before all clocks", "\"age_ms\":61000", "\"age_ms\":1099511627777",
         ERR_BAD_FIELD, "drain.age_ms: expected"},
        {"boot of zero", "\"boot\":\"_ty6mHZUMhA\"", "\"boot\":\"AAAAAAAAAAA\"", ERR_BAD_FIELD,
         "boot: expected a boot other than zero"},
        {"boot of 7 bytes", "\"boot\":\"_ty6mHZUMhA\"", "\"boot\":\"_ty6mHZUMg\"", ERR_BAD_FIELD,
         "boot: expected 8 bytes in base64url"},
        {"seq 0", "\"seq\":12", "\"seq\":0", ERR_BAD_FIELD, "seq: expected an integer from 1"},
        {"seq with a fraction", "\"seq\":12", "\"seq\":12.0", ERR_BAD_FIELD, "found 12"},
        {"seq as text", "\"seq\":12", "\"seq\":\"12\"", ERR_BAD_FIELD, "found \"12\""},
        {"seq beyond 63 bits", "\"seq\":12", "\"seq\":9223372036854775808", ERR_BAD_FIELD,
         "too big integer"},
        {"full as a number", "\"full\":true", "\"full\":1", ERR_BAD_FIELD,
         "full: expected true or false, found 1"},
        {"media that is no array", "\"media\":[\"192.0.2.1:7700\",\"192.0.2.1:7701\"]",
         "\"media\":{}", ERR_BAD_FIELD, "media: expected an array of at most 128, found an object"},
        {"media without a port", "\"192.0.2.1:7701\"", "\"192.0.2.1\"", ERR_BAD_FIELD, "media[1]:"},
        {"media with port 0", "\"192.0.2.1:7701\"", "\"192.0.2.1:0\"", ERR_BAD_FIELD, "media[1]:"},
        {"an unknown class", "\"live\"", "\"alive\"", ERR_BAD_FIELD,
         "sources[1].class: expected one of exact seekable live push, found \"alive\""},
        {"an unknown error", "\"source_failed\"", "\"broken\"", ERR_BAD_FIELD, "sources[1].error"},
        {"a worker without a port", "\"index\":1", "\"index\":2", ERR_BAD_FIELD,
         "workers: expected every index to be that of a `media` address"},
        {"a session on such a worker", "\"worker\":1", "\"worker\":2", ERR_BAD_FIELD,
         "sessions: expected every worker to be that of a `media` address"},
        {"a session that is a number", "\"sessions\":[{", "\"sessions\":[7,{", ERR_BAD_FIELD,
         "sessions[0]: expected an object, found 7"},
        {"an epoch below zero", "\"epoch\":2", "\"epoch\":-1", ERR_BAD_FIELD,
         "sessions[0].epoch: expected an integer from 0 to 4294967295, found -1"},
        {"a purpose that no session has", "\"commit\"", "\"cancel\"", ERR_BAD_FIELD,
         "sessions[0].purpose: expected one of standby hedge commit, found \"cancel\""},
        {"a fifth backup", "\"ams1\",\"lon1\"", "\"a\",\"b\",\"c\",\"d\",\"e\"", ERR_OVERSIZED,
         "sessions[0].backups: expected an array of at most 4, found an array of 5"},
        {"an unknown cause", "\"crashed\"", "\"bored\"", ERR_BAD_FIELD, "sessions[0].cause"},
        {"a lease of 10 days", "\"lease_ms\":9500", "\"lease_ms\":864000000", ERR_BAD_FIELD,
         "sessions[0].lease_ms"},
        {"a frame beyond any", "\"last_frame\":3000", "\"last_frame\":281474976710657",
         ERR_BAD_FIELD, "sessions[0].last_frame"},
        {"an ended id with a stray bit", "\"ended\":[\"4ODg4ODg4ODg4ODg4ODg4A\"",
         "\"ended\":[\"4ODg4ODg4ODg4ODg4ODg4B\"", ERR_BAD_FIELD, "ended[0]: expected 16 bytes"},
    };
    size_t len;
    char *text = request_text(&len);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct node_request, node_request_decode, text, &rows[i], rows[i].err);
    free(text);
}

Test(node, answer_is_refused_by_the_name_of_its_member) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        const char *fault;
    } rows[] = {
        {"no poll", "\"poll_ms\":100", "\"poll_ms\":0", "poll_ms: expected an integer from 1"},
        {"no self", "\"self\":{", "\"shelf\":{", "self: expected an object, found nothing"},
        {"a secret key as a public one", "k4.public.", "k4.secret.", "self.key: expected a public"},
        {"an empty location", "/srv/media/news \\\"1\\\".wav", "",
         "catalogue.sources[0].location: expected text of 1 to 255 bytes"},
        {"a line feed in a location", "/srv/media/news \\\"1\\\".wav", "a\\nb",
         "catalogue.sources[0].location: expected text"},
        {"three channels", "\"channels\":1", "\"channels\":3", "catalogue.profiles[0].channels"},
        {"guests refused for nothing", "\"refusal\":\"denied\"", "\"refusal\":\"ok\"",
         "guests[1].refusal: expected no_credit or denied, found \"ok\""},
        {"nobody named", "\"clusters\":[{", "\"clusters\":[],\"x\":[{",
         "named[0].clusters: expected at least one cluster"},
        {"one named without a name", "\"name\":\"vie1\"", "\"name\":\"\"",
         "named[0].clusters[1].name: expected a name"},
        {"one named nowhere", "\"media\":\"192.0.2.9:7700\"", "\"media\":\"here\"",
         "named[0].clusters[0].media: expected"},
        {"told of a backup without a name", "\"name\":\"rom1\"", "\"name\":\"\"",
         "told[0].clusters[0].name: expected a name"},
        {"an order for nothing", "\"move\"", "\"stay\"",
         "orders[0].what: expected one of move end, found \"stay\""},
        {"a move to nowhere", "\"target\":\"ams1\",", "", "orders[0].target: expected a name"},
        {"a seal key of 31 bytes", "\"key\":\"awEC", "\"key\":\"",
         "media_alive[0].key: expected 32"},
        {"no key for answers", "\"answer_key\"", "\"answer\"",
         "media_alive[0].answer_key: expected 32"},
        {"node number 256", "\"node\":3", "\"node\":256", "media_alive[0].node"},
        {"a hedge longer than any", "\"hedge_ms_max\":500", "\"hedge_ms_max\":2001",
         "limits.hedge_ms_max: expected an integer from 0 to 2000, found 2001"},
    };
    size_t len;
    char *text = answer_text(&len);
    for (size_t i = 0; i < COUNT(rows); i++)
        EXPECT_REFUSED(struct node_answer, node_answer_decode, text, &rows[i], ERR_BAD_FIELD);
    free(text);
}

Test(node, refuses_each_truncation_and_what_is_too_long) {
    size_t request_len, answer_len;
    char *request = request_text(&request_len);
    char *answer = answer_text(&answer_len);
    struct node_request r;
    struct node_answer a;
    for (size_t cut = 0; cut < request_len; cut++)
        cr_expect_neq(node_request_decode(&r, request, cut, NULL), ERR_OK, "cut to %zu", cut);
    for (size_t cut = 0; cut < answer_len; cut++)
        cr_expect_neq(node_answer_decode(&a, answer, cut, NULL), ERR_OK, "cut to %zu", cut);
    cr_expect_eq(node_request_decode(&r, request, request_len / 2, NULL), ERR_TRUNCATED);
    struct wire_fault fault;
    char *blank = malloc(NODE_REQUEST_LEN_MAX + 1);
    memset(blank, ' ', NODE_REQUEST_LEN_MAX + 1);
    cr_expect_eq(node_request_decode(&r, blank, NODE_REQUEST_LEN_MAX + 1, &fault), ERR_OVERSIZED);
    cr_expect_not_null(strstr(fault.text, "at most 8388608 bytes"), "%s", fault.text);
    cr_expect_eq(node_answer_decode(&a, blank, NODE_ANSWER_LEN_MAX + 1, NULL), ERR_OVERSIZED);
    free(blank);
    free(request);
    free(answer);
}

Test(node, refuses_what_is_no_object) {
    static const struct {
        const char *text;
        enum err err;
        const char *fault;
    } rows[] = {{"", ERR_TRUNCATED, "line 1"},
                {"[]", ERR_BAD_FIELD, "the document: expected an object, found an array of 0"},
                {"7", ERR_BAD_FIELD, "line 1"},
                {"{}", ERR_BAD_FIELD, "node: expected a name"},
                {"{\"node\":\"\xff\"}", ERR_BAD_FIELD, "unable to decode byte 0xff"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wire_fault fault;
        struct node_request r;
        enum err e = node_request_decode(&r, rows[i].text, strlen(rows[i].text), &fault);
        cr_expect_eq(e, rows[i].err, "%s: %s", rows[i].text, err_name(e));
        cr_expect_not_null(strstr(fault.text, rows[i].fault), "%s: %s", rows[i].text, fault.text);
    }
}

Test(node, ignores_a_member_it_does_not_know) {
    size_t len;
    char *text = request_text(&len);
    char *newer = sample_edit(text, "\"seq\":12", "\"seq\":12,\"later\":{\"version\":[2]}");
    struct node_request r;
    cr_assert_eq(node_request_decode(&r, newer, strlen(newer), NULL), ERR_OK);
    node_request_free(&r);
    free(newer);
    free(text);
}

Test(node, does_not_encode_what_it_would_not_decode) {
    struct node_session sessions[2];
    struct node_request r = sample_node_request(sessions);
    sessions[0].backup_count = TICKET_BACKUPS_MAX + 1;
    cr_expect_null(node_request_encode(&r, NULL), "a fifth backup");
    r = sample_node_request(sessions);
    r.seq = (uint64_t)1 << 63;
    cr_expect_null(node_request_encode(&r, NULL), "an integer that JSON does not have");
    struct node_answer a = sample_node_answer();
    strcpy(a.catalogue.sources[0].location, "caf\xe9.wav");
    cr_expect_null(node_answer_encode(&a, NULL), "text that is not UTF-8");
}

Test(node, survives_every_lack_of_memory) {
    struct node_session sessions[2];
    struct node_request r = sample_node_request(sessions), r_out;
    struct node_answer a = sample_node_answer(), a_out;
    size_t request_len, answer_len, n = 0;
    char *request = request_text(&request_len), *answer = answer_text(&answer_len), *text;
    for (text = NULL; text == NULL; n++) {
        sample_memory(n);
        text = node_request_encode(&r, NULL);
    }
    cr_expect_gt(n, 100, "encoding needs memory");
    free(text);
    for (n = 0, text = NULL; text == NULL; n++) {
        sample_memory(n);
        text = node_answer_encode(&a, NULL);
    }
    free(text);
    enum err e = ERR_NO_MEMORY;
    for (n = 0; e != ERR_OK && n < 5000; n++) {
        sample_memory(n);
        e = node_request_decode(&r_out, request, request_len, NULL);
    }
    cr_expect(e == ERR_OK && n > 100, "%s after %zu allocations", err_name(e), n);
    node_request_free(&r_out);
    for (n = 0, e = ERR_NO_MEMORY; e != ERR_OK && n < 5000; n++) {
        sample_memory(n);
        e = node_answer_decode(&a_out, answer, answer_len, NULL);
    }
    cr_expect(e == ERR_OK && n > 100, "%s after %zu allocations", err_name(e), n);
    node_answer_free(&a_out);
    sample_memory_all();
    free(request);
    free(answer);
}

Test(node, catalogue_hash_follows_its_content_only) {
    struct node_answer a = sample_node_answer();
    struct catalogue_hash first = node_catalogue_hash(&a.catalogue), none = {{0}};
    a.catalogue.hash.bytes[0] ^= 1;
    struct catalogue_hash same = node_catalogue_hash(&a.catalogue);
    cr_expect_eq(memcmp(&first, &same, sizeof(first)), 0);
    cr_expect_neq(memcmp(&first, &none, sizeof(first)), 0);
    a.catalogue.sources[0].channel_since_s = 1;
    struct catalogue_hash since = node_catalogue_hash(&a.catalogue);
    cr_expect_neq(memcmp(&first, &since, sizeof(first)), 0);
    a.catalogue.sources[0].channel_since_s = 0;
    a.catalogue.sources[0].loop = false;
    struct catalogue_hash other = node_catalogue_hash(&a.catalogue);
    cr_expect_neq(memcmp(&first, &other, sizeof(first)), 0);
}

Test(set_digest, depends_on_the_set_and_not_on_the_order) {
    struct session_id a = sample_session(1), b = sample_session(2);
    struct set_digest ab = {{0}}, ba = {{0}}, empty = {{0}};
    set_digest_toggle(&ab, &a, 1, RESUME_COMMIT);
    cr_expect(!set_digest_equal(&ab, &empty));
    set_digest_toggle(&ab, &b, 1, RESUME_STANDBY);
    set_digest_toggle(&ba, &b, 1, RESUME_STANDBY);
    set_digest_toggle(&ba, &a, 1, RESUME_COMMIT);
    cr_expect(set_digest_equal(&ab, &ba));
    set_digest_toggle(&ba, &a, 1, RESUME_COMMIT);
    set_digest_toggle(&ba, &a, 2, RESUME_COMMIT);
    cr_expect(!set_digest_equal(&ab, &ba), "another epoch");
    set_digest_toggle(&ba, &a, 2, RESUME_COMMIT);
    set_digest_toggle(&ba, &a, 1, RESUME_HEDGE);
    cr_expect(!set_digest_equal(&ab, &ba), "another purpose");
    set_digest_toggle(&ba, &a, 1, RESUME_HEDGE);
    set_digest_toggle(&ba, &b, 1, RESUME_STANDBY);
    cr_expect(set_digest_equal(&ba, &empty));
}
