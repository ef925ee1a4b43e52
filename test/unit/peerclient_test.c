/*
 * The real peerclient: options, clusters that do not serve it, and, with the real peerd and
 * transcoderd, what it plays, writes and reports.
 */
#include "peerd/net/sockaddr.h"
#include "test/lib/fake_cluster.h"
#include "test/unit/cluster_fixture.h"
#include "transcoder/rtp/rtp.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char url[64];

static void open_client(void) {
    char path[512];
    open_rig();
    if (!program_find("peerclient", path, sizeof(path)))
        cr_skip_test("no peerclient in $PEERD_BIN");
    snprintf(url, sizeof(url), "http://%s:7680", rig.ip);
}

TestSuite(peerclient, .init = open_client, .fini = close_running, .timeout = 150);

#define ASK      "--service", "radio", "--source", "coffee", "--profile", "pcmu"
#define RUN(...) program_run(rig.dir, "peerclient", (const char *[]){__VA_ARGS__, NULL})

/* The last line of standard output, which with --json is the report. */
static json_t *report_of(const struct program_result *r) {
    const char *last = r->out;
    for (const char *at = r->out; *at != '\0'; at++)
        if (*at == '\n' && at[1] != '\0')
            last = at + 1;
    json_t *root = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_object(root), "out: %s\nerr: %s", r->out, r->err);
    return root;
}

static json_int_t number(const json_t *report, const char *key) {
    const json_t *value = json_object_get(report, key);
    cr_expect(json_is_integer(value), "%s", key);
    return json_integer_value(value);
}

static const char *word(const json_t *report, const char *key) {
    const char *text = json_string_value(json_object_get(report, key));
    return text != NULL ? text : "(none)";
}

/* ---- options --------------------------------------------------------------------------------- */

Test(peerclient, options) {
    static const struct {
        const char *what;
        const char *words[14]; /* ends with NULL */
        int status;
        const char *out, *err;
    } rows[] = {
        {"help", {"--help"}, 0, "usage: peerclient --cluster URL", ""},
        {"version", {"--version"}, 0, "peerclient 0.", ""},
        {"none", {NULL}, 2, "", "peerclient: clusters: expected 1 to 16 URLs"},
        {"unknown", {"--nonsense"}, 2, "", "peerclient: unknown option --nonsense; try --help\n"},
        {"no value", {"--token"}, 2, "", "a value is missing after --token; try --help\n"},
        {"a word too many", {"now"}, 2, "", "peerclient: unexpected argument `now`"},
        {"no URL", {"--cluster", "fra1:80", ASK}, 2, "", "clusters: expected 1 to 16 URLs"},
        {"empty URL", {"--cluster", "http://x,", ASK}, 2, "", "clusters: expected"},
        {"no service", {"--cluster", "http://x"}, 2, "", "service: expected a name"},
        {"buffer without unit", {"--buffer", "200"}, 2, "", "--buffer: expected a duration"},
        {"half a second", {"--duration", "0.5s"}, 2, "", "(whole numbers only: write 500ms)\n"},
        {"no unit", {"--duration", "5"}, 2, "", "(a bare number has no unit: write 5ms or 5s)\n"},
        {"negative buffer", {"--buffer", "-1s"}, 2, "", "--buffer: expected a duration"},
        {"no buffer", {"--cluster", "http://x", "--buffer", "0ms", ASK}, 2, "", "buffer: expected"},
        {"too large", {"--cluster", "http://x", "--buffer", "6s", ASK}, 2, "", "buffer: expected"},
        {"huge", {"--duration", "99999999999999999999s"}, 2, "", "--duration: expected"},
        {"protection",
         {"--cluster", "http://x", "--protection", "luke", ASK},
         2,
         "",
         "protection: expected cold, warm or hot"},
        {"rtp without port", {"--rtp-out", "127.0.0.1"}, 2, "", "--rtp-out: expected ip:port"},
        {"sdp alone", {"--sdp", "x.sdp"}, 2, "", "--sdp describes what --rtp-out sends"},
        {"bind", {"--cluster", "http://x", "--bind", "eth0", ASK}, 2, "", "bind: expected an IP"},
        {"stream alone", {"--stream", "http://x/m.m3u8"}, 2, "", "expected --http IP:PORT beside"},
        {"no file", {"--stream", "http://x/", "--http", "127.0.0.1:1"}, 2, "", "found `http://x/`"},
        {"stream and session",
         {"--stream", "http://x/m.m3u8", "--http", "127.0.0.1:1", "--source", "music"},
         2,
         "",
         "--stream: --source is of sessions"},
        {"nobody tells",
         {"--stream", "http://127.0.0.1:9/m.m3u8", "--http", "127.0.0.1:0", "--give-up", "300ms"},
         3,
         "0 requests",
         "no site tells the playlist: http://127.0.0.1:9/m.m3u8: "},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct program_result r = program_run(rig.dir, "peerclient", rows[i].words);
        cr_expect_eq(r.status, rows[i].status, "%s: %d", rows[i].what, r.status);
        cr_expect_not_null(strstr(r.out, rows[i].out), "%s: %s", rows[i].what, r.out);
        cr_expect_not_null(strstr(r.err, rows[i].err), "%s: %s", rows[i].what, r.err);
        cr_expect_eq(rows[i].out[0] == '\0', r.out[0] == '\0', "%s: %s", rows[i].what, r.out);
        if (rows[i].status == 2)
            cr_expect_eq(strchr(r.err, '\n'), r.err + strlen(r.err) - 1, "%s: one line: %s",
                         rows[i].what, r.err);
        program_result_free(&r);
    }
}

/* ---- clusters that do not serve it ----------------------------------------------------------- */

static void expect_not_served(const char *what, struct program_result r, const char *end,
                              const char *detail) {
    cr_expect_eq(r.status, 3, "%s: %d\n%s", what, r.status, r.err);
    json_t *report = report_of(&r);
    cr_expect_str_eq(word(report, "end"), end, "%s", what);
    cr_expect_not_null(strstr(word(report, "detail"), detail), "%s: %s", what,
                       word(report, "detail"));
    cr_expect_eq(number(report, "frames_expected"), 0, "%s", what);
    cr_expect(json_is_null(json_object_get(report, "media")), "%s", what);
    cr_expect_eq(json_array_size(json_object_get(report, "moves")), 0, "%s", what);
    json_decref(report);
    program_result_free(&r);
}

Test(peerclient, nobody_listens) {
    expect_not_served("refused connection",
                      RUN("--cluster", url, ASK, "--json", "--give-up", "500ms"), "unreachable",
                      "the other side cannot be reached");
    struct program_result r = RUN("--cluster", url, ASK, "--give-up", "500ms");
    cr_expect_eq(r.status, 3);
    cr_expect_not_null(strstr(r.out, "0 frames expected"), "in words without --json: %s", r.out);
    program_result_free(&r);
}

/* A dead site refuses nothing: it just does not answer. Here the backlog of a listener is full. */
Test(peerclient, nobody_answers) {
    struct sockaddr_storage to;
    struct addr a;
    int fds[8];
    cr_assert(addr_from_text(&a, url + strlen("http://")));
    socklen_t len = net_sockaddr_from_addr(&to, &a);
    for (size_t i = 0; i < ITEMS(fds); i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        cr_assert(fds[i] >= 0);
        if (i == 0)
            cr_assert(bind(fds[0], (struct sockaddr *)&to, len) == 0 && listen(fds[0], 0) == 0);
        else
            (void)!connect(fds[i], (struct sockaddr *)&to, len);
    }
    expect_not_served("blackhole", RUN("--cluster", url, ASK, "--json", "--give-up", "1s"),
                      "unreachable", url);
    for (size_t i = 0; i < ITEMS(fds); i++)
        close(fds[i]);
}

/* Asks a cluster that gives one answer only, for 1.5 s; for so many times that, where it was too
 * short for this machine to hear an answer. */
static struct program_result ask_fake(struct fake_cluster *f, const struct fake_answer *answer,
                                      unsigned *times) {
    static const char *const patience[] = {"1500ms", "6s", "24s"};
    *times = 1;
    for (size_t i = 0;; i++, *times *= 4) {
        fake_cluster_start(f, rig.ip, answer, 1);
        struct program_result r = RUN("--cluster", f->url, ASK, "--json", "--give-up", patience[i],
                                      "--token", CLUSTER_TOKEN);
        fake_cluster_stop(f);
        if (i + 1 == ITEMS(patience) || strstr(r.out, "\"unreachable\"") == NULL)
            return r;
        program_result_free(&r);
    }
}

Test(peerclient, answers_that_help_nobody) {
    static const struct {
        const char *what;
        struct fake_answer answer;
        const char *detail;
        unsigned requests_min, requests_max; /* within 1.5 s */
    } rows[] = {
        {"garbage", {201, "no JSON", 0}, "an answer that cannot be read", 1, 4},
        {"binary", {201, "\xff\xfe\x01", 0}, "an answer that cannot be read", 1, 4},
        {"nothing", {201, NULL, 0}, "an answer that cannot be read", 1, 4},
        {"another success", {200, "{}", 0}, "200 refused", 1, 4},
        {"redirect", {302, "", 0}, "302 refused", 1, 4},
        {"unknown source",
         {404, "{\"status\":404,\"title\":\"no such source\",\"code\":\"unknown_source\"}", 0},
         "404 no such source",
         1,
         1},
        {"wrong token", {403, "{\"status\":403,\"title\":\"not allowed\"}", 0}, "403", 1, 1},
        {"a problem that steers terminals",
         {400, "{\"status\":400,\"title\":\"\xc2\x9b[2J\",\"detail\":\"d\"}", 0},
         "400 ??[2J: d",
         1,
         1},
        {"server error", {500, "oops", 0}, "500 refused", 1, 4},
        {"full", {503, "{\"status\":503,\"title\":\"full\"}", 1}, "503 full", 1, 2},
        {"full for long", {503, "{\"status\":503,\"title\":\"full\"}", 100}, "503 full", 1, 1},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct fake_cluster f;
        unsigned times;
        struct program_result r = ask_fake(&f, &rows[i].answer, &times);
        cr_expect(f.requests >= rows[i].requests_min && f.requests <= times * rows[i].requests_max,
                  "%s: %u requests", rows[i].what, f.requests);
        cr_expect_str_eq(f.authorization, "Bearer " CLUSTER_TOKEN, "%s", rows[i].what);
        cr_expect_eq(strlen(f.key), 32, "%s: an Idempotency-Key", rows[i].what);
        expect_not_served(rows[i].what, r, "refused", rows[i].detail);
    }
}

Test(peerclient, the_token_may_come_from_the_environment) {
    static const struct fake_answer no[] = {{403, NULL, 0}};
    struct fake_cluster f;
    setenv("PEERCLIENT_TOKEN", "from-outside", 1);
    fake_cluster_start(&f, rig.ip, no, 1);
    struct program_result r = RUN("--cluster", f.url, ASK);
    fake_cluster_stop(&f);
    cr_expect_str_eq(f.authorization, "Bearer from-outside");
    cr_expect_null(strstr(r.out, "from-outside"));
    cr_expect_null(strstr(r.err, "from-outside"));
    program_result_free(&r);
    setenv("PEERCLIENT_TOKEN", "", 1);
    fake_cluster_start(&f, rig.ip, no, 1);
    r = RUN("--cluster", f.url, ASK);
    fake_cluster_stop(&f);
    cr_expect_eq(r.status, 3, "an empty one is none");
    cr_expect_str_eq(f.authorization, "");
    program_result_free(&r);
}

/* ---- the whole path -------------------------------------------------------------------------- */

static void start_all(void) {
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    cr_assert(cluster_start(&rig));
    if (!cluster_start_node(&rig, 100))
        cr_skip_test("no transcoderd in $PEERD_BIN");
}

/* A deep buffer: the machine may be busy, and that is not what is tested. */
#define PLAY "--cluster", url, "--token", CLUSTER_TOKEN, "--buffer", "3s", "--json"

static void expect_played(const struct program_result *r, json_int_t frames, const char *end) {
    cr_expect_eq(r->status, 0, "%d\n%s%s", r->status, r->out, r->err);
    json_t *report = report_of(r);
    cr_expect_str_eq(word(report, "end"), end);
    cr_expect_eq(number(report, "frames_expected"), frames);
    cr_expect_eq(number(report, "frames_played"), frames);
    cr_expect_eq(number(report, "frames_lost"), 0);
    cr_expect_eq(number(report, "frames_differing"), 0);
    cr_expect_eq(number(report, "packets_foreign"), 0);
    cr_expect_str_eq(word(report, "cluster"), "fra1");
    json_decref(report);
}

static off_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

Test(peerclient, recordings_and_raw_payloads) {
    char wav[160], raw[160], again[160];
    start_all();
    snprintf(wav, sizeof(wav), "%s", cluster_file(&rig, "out.wav"));
    snprintf(raw, sizeof(raw), "%s", cluster_file(&rig, "out.raw"));
    snprintf(again, sizeof(again), "%s", cluster_file(&rig, "again.raw"));
    struct program_result r = RUN(PLAY, ASK, "--duration", "3s", "--wav", wav, "--raw", raw);
    expect_played(&r, 150, "closed");
    program_result_free(&r);
    cr_expect_eq(size_of(raw), 150 * 160, "%lld", (long long)size_of(raw));
    cr_expect_eq(size_of(wav), 44 + 150 * 320, "%lld", (long long)size_of(wav));
    /* The same frames of an exact source are the same bytes, and a start is where it was asked. */
    r = RUN(PLAY, ASK, "--duration", "1s", "--start", "2s", "--raw", again);
    expect_played(&r, 50, "closed");
    program_result_free(&r);
    cr_assert_eq(size_of(again), 50 * 160);
    FILE *a = fopen(raw, "rb"), *b = fopen(again, "rb");
    cr_assert(a != NULL && b != NULL && fseek(a, 100 * 160, SEEK_SET) == 0);
    for (int i = 0; i < 50 * 160; i++)
        cr_assert_eq(fgetc(a), fgetc(b), "byte %d", i);
    fclose(a);
    fclose(b);
}

/* What a player hears: one stream, from frame 0 on, without a hole, and described. */
Test(peerclient, rtp_and_sdp) {
    char sdp[160], to[40], expected[64];
    struct addr here = {.family = 4, .ip = {127, 0, 0, 1}};
    struct sockaddr_storage sa;
    socklen_t sa_len = net_sockaddr_from_addr(&sa, &here);
    struct rtp_packet first = {.seq = 0}, packet = {.seq = 0};
    uint8_t datagram[2048];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int room = 1 << 20;
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sa_len) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    here = net_addr_of_socket(fd);
    snprintf(to, sizeof(to), "127.0.0.1:%u", here.port);
    snprintf(sdp, sizeof(sdp), "%s", cluster_file(&rig, "session.sdp"));
    start_all();
    struct program_result r = RUN(PLAY, "--service", "radio", "--source", "coffee", "--profile",
                                  "opus", "--duration", "2s", "--rtp-out", to, "--sdp", sdp);
    expect_played(&r, 100, "closed");
    json_t *report = report_of(&r);
    const json_t *media = json_object_get(report, "media");
    for (unsigned n = 0; n < 100; n++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&p, 1, 1000), 1, "packet %u", n);
        ssize_t len = recv(fd, datagram, sizeof(datagram), 0);
        cr_assert_eq(rtp_decode(&packet, datagram, (size_t)len), ERR_OK);
        if (n == 0)
            first = packet;
        cr_expect_eq(packet.seq, (uint16_t)(first.seq + n), "packet %u", n);
        cr_expect_eq(packet.timestamp, first.timestamp + n * 960, "packet %u", n);
        cr_expect_eq(packet.marker, n == 0, "packet %u", n);
        cr_expect_eq(packet.payload_len, 160, "64 kbit/s are 160 bytes in 20 ms");
        cr_expect_eq(packet.ssrc, (uint32_t)number(media, "ssrc"));
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    cr_expect_eq(poll(&p, 1, 0), 0, "not one more");
    char *text = program_read(sdp);
    snprintf(expected, sizeof(expected), "m=audio %u RTP/AVP 111\r\n", here.port);
    cr_expect_not_null(strstr(text, expected), "%s", text);
    cr_expect_not_null(strstr(text, "a=rtpmap:111 opus/48000/2\r\n"), "%s", text);
    cr_expect_not_null(strstr(text, "c=IN IP4 127.0.0.1\r\n"), "%s", text);
    cr_expect_not_null(strstr(text, "a=fmtp:111 stereo=0;"), "%s", text);
    free(text);
    json_decref(report);
    program_result_free(&r);
    close(fd);
}

Test(peerclient, source_that_ends) {
    start_all();
    struct program_result r =
        RUN(PLAY, "--service", "radio", "--source", "robot", "--profile", "pcmu");
    expect_played(&r, 100, "source_ended");
    program_result_free(&r);
    r = RUN(PLAY, "--service", "radio", "--source", "robot", "--profile", "pcmu", "--start", "1h");
    expect_played(&r, 0, "source_ended");
    program_result_free(&r);
}

/* Both signals: a report, an exit status, and files that are whole. */
Test(peerclient, signals_end_it_cleanly) {
    static const int signals[] = {SIGTERM, SIGINT};
    char wav[160];
    start_all();
    snprintf(wav, sizeof(wav), "%s", cluster_file(&rig, "out.wav"));
    for (size_t i = 0; i < ITEMS(signals); i++) {
        struct program p;
        unlink(wav);
        program_start(&p, rig.dir, "-signal", "peerclient",
                      (const char *[]){"--cluster", url, "--token", CLUSTER_TOKEN, "--json", ASK,
                                       "--wav", wav, NULL});
        /* The header's length is written at the end; frames before. */
        for (int k = 0; k < 1500 && size_of(wav) < 4096; k++)
            usleep(20000);
        cr_assert_geq(size_of(wav), 4096, "it plays");
        program_signal(&p, signals[i]);
        struct program_result r = program_finish(&p, PROGRAM_PATIENCE_MS);
        cr_expect(r.status == 0 || r.status == 1, "%d\n%s", r.status, r.err);
        json_t *report = report_of(&r);
        cr_expect_str_eq(word(report, "end"), "closed");
        json_int_t frames = number(report, "frames_expected");
        cr_expect_gt(frames, 0);
        cr_expect_eq(size_of(wav), 44 + frames * 320, "each frame is in it");
        json_decref(report);
        program_result_free(&r);
    }
}

Test(peerclient, outputs_that_cannot_be_written) {
    static const char *const options[] = {"--wav", "--raw", "--sdp"};
    start_all();
    for (size_t i = 0; i < ITEMS(options); i++) {
        struct program_result r =
            RUN(PLAY, ASK, "--rtp-out", "127.0.0.1:9", options[i], "/nowhere/file");
        cr_expect_eq(r.status, 4, "%s: %d", options[i], r.status);
        cr_expect_not_null(strstr(r.err, "/nowhere/file"), "%s: %s", options[i], r.err);
        json_t *report = report_of(&r);
        cr_expect_str_eq(word(report, "end"), "closed");
        json_decref(report);
        program_result_free(&r);
    }
}

/* A link, so that a mistake costs this link and not the device. */
Test(peerclient, a_device_is_written_to_and_not_replaced) {
    char link[512];
    struct stat now;
    start_all();
    snprintf(link, sizeof(link), "%s/full", rig.dir);
    cr_assert_eq(symlink("/dev/full", link), 0);
    struct program_result r = RUN(PLAY, ASK, "--rtp-out", "127.0.0.1:9", "--sdp", link);
    cr_expect_eq(r.status, 4, "%d: %s", r.status, r.err);
    cr_expect(lstat(link, &now) == 0 && S_ISLNK(now.st_mode), "it is there still");
    program_result_free(&r);
}
