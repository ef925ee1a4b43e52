#include "peerd/net/log.h"

#include "test/lib/standstill.h"
#include "test/unit/net_fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>

/* A log into a pipe, and what came out of it. */
struct tap {
    struct net_log *log;
    int fds[2];
    char text[1 << 17];
};

static struct tap *make_tap(enum net_log_format format, enum net_log_level level) {
    struct tap *t = calloc(1, sizeof *t);

    cr_assert_eq(pipe2(t->fds, O_NONBLOCK), 0);
    t->log = net_log_new(&(struct net_log_options){
        .program = "peerd", .format = format, .level = level, .fd = t->fds[1]});
    cr_assert_not_null(t->log);
    return t;
}

static const char *drain(struct tap *t) {
    size_t len = 0;
    ssize_t got;

    while (len < sizeof t->text - 1 &&
           (got = read(t->fds[0], t->text + len, sizeof t->text - 1 - len)) > 0)
        len += (size_t)got;
    t->text[len] = '\0';
    return t->text;
}

static void free_tap(struct tap *t) {
    net_log_free(t->log);
    close(t->fds[0]);
    close(t->fds[1]);
    free(t);
}

static size_t count_lines(const char *text) {
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* The line without its date, which has always the same form. */
static const char *after_time(const char *line) {
    int n = 0;

    cr_expect(sscanf(line, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ%n", &n) == 0 && n == 27, "%s",
              line);
    return line + 28;
}

Test(net_log, text_lines) {
    struct tap *t = make_tap(NET_LOG_TEXT, NET_LOG_INFO);
    struct addr a = loopback(7601);

    net_log(t->log, NET_LOG_INFO, "listening", NET_ADDR("addr", &a), NET_TEXT("door", "pinned"));
    cr_expect_str_eq(after_time(drain(t)),
                     "info peerd: listening addr=127.0.0.1:7601 door=pinned\n");
    net_log(t->log, NET_LOG_WARNING, "fra1 > ams1 suspect (silent 212 ms)",
            NET_NUMBER("rtt_us", -5), NET_BOOL("warm", true), NET_TEXT("who", "two words"),
            NET_TEXT("empty", ""), NET_TEXT("none", NULL));
    cr_expect_str_eq(after_time(drain(t)),
                     "warning peerd: fra1 > ams1 suspect (silent 212 ms) rtt_us=-5 warm=true "
                     "who=\"two words\" empty=\"\" none=-\n");
    net_logf(t->log, NET_LOG_ERROR, "%d of %s", 3, "\"it\"");
    cr_expect_str_eq(after_time(drain(t)), "error peerd: 3 of \"it\"\n");
    net_log(t->log, NET_LOG_DEBUG, "not wanted");
    cr_expect_str_eq(drain(t), "");
    cr_expect(net_log_wants(t->log, NET_LOG_INFO) && !net_log_wants(t->log, NET_LOG_DEBUG));
    net_log(NULL, NET_LOG_ERROR, "nowhere");
    cr_expect_not(net_log_wants(NULL, NET_LOG_ERROR));
    free_tap(t);
    net_log_free(NULL);
}

Test(net_log, json_lines_are_json_whatever_is_in_them) {
    static const struct {
        const char *what, *in, *out;
    } rows[] = {{"plain", "ams1", "ams1"},
                {"quotes and a backslash", "a\"b\\c", "a\"b\\c"},
                {"a forged second line", "x\n{\"level\":\"error\"}", "x\n{\"level\":\"error\"}"},
                {"terminal escapes", "\x1b[2J\x7f", "\x1b[2J\x7f"},
                {"UTF-8", "Zürich ✓ 😀", "Zürich ✓ 😀"},
                {"not UTF-8", "a\xff\xc3(b", "a\xef\xbf\xbd\xef\xbf\xbd(b"},
                {"overlong and surrogate", "\xc0\xaf\xed\xa0\x80",
                 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                {"cut short", "\xe2\x9c", "\xef\xbf\xbd\xef\xbf\xbd"},
                {"none", NULL, "-"}};
    struct tap *t = make_tap(NET_LOG_JSON, NET_LOG_DEBUG);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        net_log(t->log, NET_LOG_DEBUG, rows[i].in != NULL ? rows[i].in : "-",
                NET_TEXT("peer", rows[i].in), NET_NUMBER("n", INT64_MIN), NET_BOOL("ok", false));
        const char *line = drain(t);
        cr_expect_eq(count_lines(line), 1, "%s", rows[i].what);
        json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(j, "%s: %s", rows[i].what, line);
        cr_expect_str_eq(json_string_value(json_object_get(j, "peer")), rows[i].out, "%s",
                         rows[i].what);
        cr_expect_str_eq(json_string_value(json_object_get(j, "text")), rows[i].out);
        cr_expect_str_eq(json_string_value(json_object_get(j, "level")), "debug");
        cr_expect_str_eq(json_string_value(json_object_get(j, "program")), "peerd");
        cr_expect_eq(json_integer_value(json_object_get(j, "n")), INT64_MIN);
        cr_expect(json_is_false(json_object_get(j, "ok")));
        json_decref(j);
    }
    free_tap(t);
}

Test(net_log, long_records_are_cut_and_end_well) {
    struct tap *t = make_tap(NET_LOG_JSON, NET_LOG_INFO);
    char text[6000];

    for (size_t len = 3900; len < 4200; len++) {
        for (int where = 0; where < 2; where++) {
            memset(text, len % 2 ? '"' : 'x', len);
            text[len] = '\0';
            /* The first letter differs, or the limit on records alike would set in. */
            text[0] = (char)('A' + len % 26);
            text[1] = (char)('A' + len / 26 % 26);
            net_log(t->log, NET_LOG_INFO, where == 0 ? text : text + len - 40 + len % 40,
                    NET_NUMBER("first", 1), NET_TEXT("long", where == 1 ? text : "short"),
                    NET_NUMBER("last", 2));
        }
        const char *line = drain(t);
        while (*line != '\0') {
            size_t line_len = strcspn(line, "\n") + 1;
            json_t *j = json_loadb(line, line_len, 0, NULL);
            cr_expect_leq(line_len, NET_LOG_LINE_MAX);
            cr_assert_not_null(j, "%zu: %.*s", len, (int)line_len, line);
            json_decref(j);
            line += line_len;
        }
    }
    free_tap(t);
}

Test(net_log, what_is_said_of_each_session_is_alike) {
    standstill_begin();
    struct tap *t = make_tap(NET_LOG_TEXT, NET_LOG_INFO);

    for (int i = 0; i < 100; i++)
        net_logf(t->log, NET_LOG_INFO, "session AQ%c%c-_: free -> serving", 'a' + i % 26,
                 'A' + i / 26);
    cr_expect_eq(count_lines(drain(t)), NET_LOG_ALIKE_MAX);
    net_logf(t->log, NET_LOG_INFO, "session AQaA-_: serving -> ended");
    net_logf(t->log, NET_LOG_INFO, "session AQaA.-: free -> serving");
    net_logf(t->log, NET_LOG_INFO, "node AQaA-_: free -> serving");
    cr_expect_eq(count_lines(drain(t)), 3, "another event, no id, and no session");
    free_tap(t);
}

Test(net_log, records_alike_are_held_back_and_summed_up) {
    standstill_begin();
    struct tap *t = make_tap(NET_LOG_TEXT, NET_LOG_INFO);

    for (int i = 0; i < 100; i++)
        net_logf(t->log, NET_LOG_WARNING, "bad seal from peer %d", i);
    net_logf(t->log, NET_LOG_INFO, "bad seal from peer %d", 1);
    net_logf(t->log, NET_LOG_WARNING, "something else");
    cr_expect_eq(count_lines(drain(t)), NET_LOG_ALIKE_MAX + 2,
                 "another level and another sentence are not alike");
    standstill_pass(duration_ms(999));
    net_logf(t->log, NET_LOG_WARNING, "bad seal from peer %d", 1);
    cr_expect_eq(count_lines(drain(t)), 0, "not yet");
    standstill_pass(duration_ms(1));
    net_logf(t->log, NET_LOG_WARNING, "bad seal from peer %d", 100);
    const char *text = drain(t);
    cr_expect_eq(count_lines(text), 2, "%s", text);
    cr_expect_not_null(
        strstr(text,
               "warning peerd: more records alike held_back=81 like=\"bad seal from peer 0\""),
        "%s", text);
    cr_expect_not_null(strstr(text, "bad seal from peer 100\n"));
    for (int i = 0; i < 100; i++)
        net_logf(t->log, NET_LOG_WARNING, "once more %d", i);
    drain(t);
    net_log_free(t->log);
    t->log = NULL;
    cr_expect_not_null(strstr(drain(t), "held_back=80"), "said at the end at the latest");
    free_tap(t);
}

Test(net_log, a_reader_who_stalls_stalls_nobody) {
    struct tap *t = make_tap(NET_LOG_TEXT, NET_LOG_INFO);
    char sentence[1001];

    /* A blocking descriptor: it is the log that must not wait. */
    fcntl(t->fds[1], F_SETFL, 0);
    memset(sentence, 'x', 1000);
    sentence[1000] = '\0';
    for (int i = 0; i < 200; i++) {
        sentence[0] = (char)('a' + i % 26);
        sentence[1] = (char)('a' + i / 26);
        net_log(t->log, NET_LOG_INFO, sentence);
    }
    cr_expect_gt(net_log_dropped(t->log), 0, "200 kB do not fit into a pipe");
    uint64_t dropped = net_log_dropped(t->log);
    cr_expect_eq(count_lines(drain(t)), 200 - dropped);
    net_log(t->log, NET_LOG_INFO, "back again");
    char expected[64];
    snprintf(expected, sizeof expected, "log records lost, the reader stalled records=%d\n",
             (int)dropped);
    cr_expect_not_null(strstr(drain(t), expected));
    free_tap(t);
}

Test(net_log, a_trace_is_drained_with_its_own_times) {
    struct tap *t = make_tap(NET_LOG_TEXT, NET_LOG_INFO);
    static struct trace trace;
    int early_s, late_s, early_us, late_us;

    trace_init(&trace);
    trace_linef(&trace, instant_sub(net_now(), duration_s(3)), "fra1 > ams1 %s", "suspect");
    trace_linef(&trace, net_now(), "fra1 > ams1 alive");
    net_log_trace(t->log, NET_LOG_INFO, &trace);
    const char *text = drain(t);
    cr_expect_eq(count_lines(text), 2);
    cr_assert_eq(sscanf(text, "%*d-%*d-%*dT%*d:%*d:%d.%dZ", &early_s, &early_us), 2);
    const char *second = strchr(text, '\n') + 1;
    cr_assert_eq(sscanf(second, "%*d-%*d-%*dT%*d:%*d:%d.%dZ", &late_s, &late_us), 2);
    int64_t apart_us = ((late_s - early_s + 60) % 60) * 1000000ll + late_us - early_us;
    cr_expect(apart_us > 2900000 && apart_us < 3500000, "%d µs", (int)apart_us);
    cr_expect_str_eq(after_time(second), "info peerd: fra1 > ams1 alive\n");
    for (int i = 0; i < TRACE_LINES_MAX + 3; i++)
        trace_linef(&trace, net_now(), "line %d", i);
    net_log_trace(t->log, NET_LOG_INFO, &trace);
    cr_expect_not_null(strstr(drain(t), "warning peerd: trace lines lost lines=3\n"));
    free_tap(t);
}
