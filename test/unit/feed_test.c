#include "transcoder/worker/feed.h"

#include "peerd/net/clock.h"
#include "peerd/net/http_server.h"
#include "test/unit/media_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define FRAMES 200

static struct net_loop *loop;
static char path[FIXTURE_PATH_LEN_MAX + 1];
static struct media_profile pcmu, opus;
static uint8_t *reference; /* payloads of frames 0 … FRAMES−1 in PCMU */

static void start(void) {
    loop = net_loop_new();
    fixture_wav(fixture_path(path, "feed.wav"), 8000, 1, FRAMES * 160);
    media_profile_init(&pcmu, MEDIA_CODEC_PCMU);
    media_profile_init(&opus, MEDIA_CODEC_OPUS);
    reference = fixture_reference(path, false, &pcmu, FRAMES);
}

static void stop(void) {
    free(reference);
    unlink(path);
    net_loop_free(loop);
}

TestSuite(feed, .init = start, .fini = stop, .timeout = 60);

static struct feed *open_feed(const char *location, const struct media_profile *profile) {
    const struct feed_options options = {.loop = loop,
                                         .location = location,
                                         .source = {.class = SOURCE_CLASS_EXACT},
                                         .profile = *profile};
    struct feed *f;
    cr_assert_eq(feed_open(&f, &options, NULL), ERR_OK);
    return f;
}

static void expect_frame(struct feed *f, uint64_t frame) {
    const uint8_t *payload;
    size_t len;
    enum err e = feed_take(f, frame, &payload, &len);
    cr_assert_eq(e, ERR_OK, "frame %zu: %s %s", (size_t)frame, err_name(e), feed_why(f));
    cr_assert_eq(len, 160);
    cr_expect(memcmp(payload, reference + frame * 160, 160) == 0, "frame %zu", (size_t)frame);
}

Test(feed, local_frames_in_any_order) {
    static const uint64_t order[] = {10, 11, 12, 11, 10, 20, 15, 60, 61, 3, 4, 62, 199, 0};
    const uint8_t *payload;
    size_t len;
    struct feed *f = open_feed(path, &pcmu);
    cr_expect_eq(feed_state(f), FEED_IDLE);
    cr_expect_eq(feed_start(f, 10), 10, "PCMU is anybody's at once");
    cr_expect_eq(feed_state(f), FEED_READY, "and needs no pre-roll");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        expect_frame(f, order[i]);
    cr_expect_eq(feed_take(f, FRAMES, &payload, &len), ERR_SOURCE_ENDED);
    expect_frame(f, FRAMES - 1);
    cr_expect_eq(feed_take(f, FRAMES + 7, &payload, &len), ERR_SOURCE_ENDED);
    feed_start(f, 5 * FRAMES);
    cr_expect_eq(feed_take(f, 5 * FRAMES, &payload, &len), ERR_SOURCE_ENDED, "begun past the end");
    expect_frame(f, 50);
    feed_close(f);
}

/* The end is met ahead of being due, and told when its turn comes. */
static void feed_make_at_end(struct feed *f) {
    const uint8_t *payload;
    size_t len;
    feed_start(f, FRAMES - 4);
    expect_frame(f, FRAMES - 4);
    cr_assert(feed_wants(f));
    feed_make(f);
    cr_expect_not(feed_wants(f), "there are no more");
    for (uint64_t n = FRAMES - 3; n < FRAMES; n++)
        expect_frame(f, n);
    cr_expect_eq(feed_take(f, FRAMES, &payload, &len), ERR_SOURCE_ENDED);
}

/* Frames that are made when frame 30 is asked for, and then ahead of being asked for. */
Test(feed, batches_are_made_ahead) {
    struct feed *f = open_feed(path, &pcmu);
    cr_expect_not(feed_wants(f), "not started");
    feed_start(f, 30);
    expect_frame(f, 30);
    cr_expect(feed_wants(f), "the first frame was made alone");
    feed_make(f);
    cr_expect_not(feed_wants(f));
    for (uint64_t n = 31; n <= 30 + FEED_BATCH_FRAMES - FEED_LOW_FRAMES - 1; n++) {
        expect_frame(f, n);
        cr_expect_not(feed_wants(f), "after frame %zu", (size_t)n);
    }
    expect_frame(f, 30 + FEED_BATCH_FRAMES - FEED_LOW_FRAMES);
    cr_expect(feed_wants(f), "few are left");
    for (uint64_t n = 30; n <= 31 + FEED_BATCH_FRAMES; n++)
        expect_frame(f, n); /* nobody made the last one: taking it does */
    feed_make_at_end(f);
    feed_close(f);
}

Test(feed, preroll_comes_in_slices) {
    const uint8_t *payload;
    size_t len;
    int slices = 0;
    struct feed *f = open_feed(path, &opus);
    cr_expect_eq(feed_start(f, 150), 150);
    cr_expect_eq(feed_state(f), FEED_BUSY);
    cr_expect_eq(feed_take(f, 150, &payload, &len), ERR_NOT_YET);
    for (; feed_state(f) == FEED_BUSY; slices++)
        feed_warm(f);
    cr_expect_eq(slices, 150 / FEED_SLICE_FRAMES, "back to the beginning of the lap");
    cr_expect_eq(feed_take(f, 150, &payload, &len), ERR_OK);
    cr_expect_eq(feed_start(f, 151), 150, "it stands there already: the promise holds on");
    cr_expect_eq(feed_state(f), FEED_READY);
    cr_expect_eq(feed_take(f, 140, &payload, &len), ERR_NOT_YET, "an older one: pre-roll again");
    cr_expect_eq(feed_state(f), FEED_BUSY);
    feed_close(f);
}

Test(feed, a_hurried_start_is_heard_soon_and_merges_at_the_next_lap) {
    int slices = 0;
    struct feed *f = open_feed(path, &opus);
    feed_hurry(f, MEDIA_PREROLL_QUICK);
    cr_expect_eq(feed_start(f, 150), MEDIA_LAP_FRAMES);
    for (; feed_state(f) == FEED_BUSY; slices++)
        feed_warm(f);
    cr_expect_eq(slices, MEDIA_PREROLL_QUICK / FEED_SLICE_FRAMES);
    cr_expect_eq(feed_start(f, 50), 50, "it was for one start only");
    cr_expect_eq(feed_allowed(f), MEDIA_PREROLL_FULL);
    feed_close(f);
    f = open_feed(path, &opus);
    feed_hurry(f, MEDIA_PREROLL_LEAST);
    cr_expect_eq(feed_start(f, 150), MEDIA_LAP_FRAMES);
    cr_expect_eq(feed_allowed(f), MEDIA_PREROLL_LEAST);
    feed_close(f);
    f = open_feed(path, &pcmu);
    feed_hurry(f, MEDIA_PREROLL_QUICK);
    cr_expect_eq(feed_start(f, 150), 150, "what has no memory merges at once");
    feed_close(f);
}

/* Whoever else waits for a pre-roll is heard sooner: frames are made as they are taken, for a
 * while. */
Test(feed, a_hurried_start_makes_nothing_ahead) {
    const uint64_t last = 150 + FEED_SPARING_FRAMES - 1;
    const uint8_t *payload;
    size_t len;
    struct feed *f = open_feed(path, &opus);
    feed_hurry(f, MEDIA_PREROLL_QUICK);
    feed_start(f, 150);
    while (feed_state(f) == FEED_BUSY)
        feed_warm(f);
    for (uint64_t n = 150; n <= last; n++) {
        cr_expect_not(feed_wants(f), "%llu", (unsigned long long)n);
        cr_expect_not(feed_holds(f, n), "%llu", (unsigned long long)n);
        cr_expect_eq(feed_take(f, n, &payload, &len), ERR_OK);
    }
    cr_expect(feed_wants(f), "from now on like any other");
    feed_close(f);
}

Test(feed, local_failures_are_told_at_once) {
    const struct feed_options options = {.loop = loop,
                                         .location = "/nonexistent.wav",
                                         .source = {.class = SOURCE_CLASS_EXACT},
                                         .profile = pcmu};
    struct media_why why = {.text = ""};
    struct feed *f;
    cr_expect_eq(feed_open(&f, &options, &why), ERR_SOURCE_FAILED);
    cr_expect_null(f);
    cr_expect_neq(why.text[0], '\0');
}

/* ---- a server of files with range requests, in a process of its own -------------------------- */

static uint8_t *served;
static size_t served_len;

static void serve(void *data, struct net_http_request *request) {
    const char *range = net_http_header(request, "Range");
    unsigned long long first = 0;
    char content_range[96];
    (void)data;
    if (strcmp(request->path, "/a.wav") != 0) {
        net_http_answer_problem(request, 404, ERR_NOT_FOUND, NULL, 0);
        return;
    }
    if (range != NULL)
        sscanf(range, "bytes=%llu-", &first);
    if (first > served_len)
        first = served_len;
    snprintf(content_range, sizeof(content_range), "bytes %llu-%zu/%zu", first, served_len - 1,
             served_len);
    const struct net_http_header headers[] = {{"Accept-Ranges", "bytes"},
                                              {"Content-Range", content_range}};
    net_http_answer(request, &(struct net_http_answer){.status = range != NULL ? 206 : 200,
                                                       .content_type = "audio/wav",
                                                       .body = served + first,
                                                       .body_len = served_len - first,
                                                       .headers = headers,
                                                       .header_count = range != NULL ? 2 : 1});
}

/* Returns the server's process; its port arrives through a pipe. */
static pid_t start_server(uint16_t *port) {
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct net_http_server_options options = {.door = NET_HTTP_DOOR_PLAIN, .handler = serve};
        struct net_http_server *server;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        FILE *f = fopen(path, "rb");
        served = malloc(FRAMES * 320 + 100);
        served_len = fread(served, 1, FRAMES * 320 + 100, f);
        addr_from_text(&options.bind_to, "127.0.0.1:0");
        struct net_loop *own = net_loop_new();
        if (net_http_server_start(&server, own, &options, NULL, 0) != ERR_OK)
            _exit(1);
        uint16_t bound = net_http_server_address(server).port;
        if (write(fds[1], &bound, sizeof(bound)) != sizeof(bound))
            _exit(1);
        net_loop_run(own);
        _exit(0);
    }
    close(fds[1]);
    cr_assert_eq(read(fds[0], port, sizeof(*port)), (ssize_t)sizeof(*port));
    close(fds[0]);
    return pid;
}

static void changed(void *data) {
    (*(int *)data)++;
    net_loop_stop(loop);
}

/* Waits for a frame as a session does. */
static enum err await_frame(struct feed *f, uint64_t frame, const uint8_t **payload) {
    struct instant end = instant_add(net_now(), duration_s(20));
    size_t len;
    enum err e;
    while ((e = feed_take(f, frame, payload, &len)) == ERR_NOT_YET &&
           instant_before(net_now(), end))
        net_loop_run_until(loop, end);
    return e;
}

Test(feed, remote_frames_come_from_threads) {
    static const uint64_t starts[] = {0, 120, 30};
    char url[64];
    uint16_t port;
    int changes = 0;
    const uint8_t *payload;
    pid_t server = start_server(&port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/a.wav", port);
    struct feed *f = open_feed(url, &pcmu);
    feed_set_listener(f, changed, &changes);
    cr_expect_eq(feed_state(f), FEED_BUSY, "opening waits for nobody here");
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(feed_start(f, starts[i]), starts[i]);
        for (uint64_t n = starts[i]; n < starts[i] + 60; n++) {
            enum err e = await_frame(f, n, &payload);
            cr_assert_eq(e, ERR_OK, "frame %zu: %s %s", (size_t)n, err_name(e), feed_why(f));
            cr_expect(memcmp(payload, reference + n * 160, 160) == 0, "frame %zu", (size_t)n);
        }
    }
    cr_expect_gt(changes, 3);
    /* Far ahead, it catches up within a few turns and finds the end. */
    cr_expect_eq(await_frame(f, FRAMES - 1, &payload), ERR_OK);
    cr_expect_eq(await_frame(f, FRAMES, &payload), ERR_SOURCE_ENDED);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    cr_expect_eq(await_frame(f, 5, &payload), ERR_SOURCE_FAILED, "the server is gone");
    cr_expect_eq(feed_state(f), FEED_FAILED);
    feed_close(f);
}

Test(feed, remote_may_be_closed_at_any_time) {
    char url[64];
    uint16_t port;
    pid_t server = start_server(&port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/a.wav", port);
    feed_close(open_feed(url, &opus));
    struct feed *f = open_feed(url, &opus);
    feed_start(f, 100);
    net_loop_run_until(loop, instant_add(net_now(), duration_ms(20)));
    feed_close(f);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/other.wav", port);
    f = open_feed(url, &opus);
    feed_start(f, 0);
    const uint8_t *payload;
    int changes = 0;
    feed_set_listener(f, changed, &changes);
    cr_expect_eq(await_frame(f, 0, &payload), ERR_SOURCE_FAILED, "no such file there");
    feed_close(f);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}
