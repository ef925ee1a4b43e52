/* Answers of a known length that are taken piece by piece: heads, parts, pauses, ends that are
 * none. */
#include "peerd/net/http_client.h"
#include "peerd/net/http_server.h"
#include "test/unit/net_fixture.h"

#include <stdio.h>
#include <string.h>

#define BODY_BYTES    400000 /* more than sockets take by themselves */
#define WAITING_BYTES 65536

static struct net_loop *loop;
static struct net_http_server *server;
static struct net_http_client *client;
static struct net_http_stream *stream;
static struct net_timer more;
static size_t written, promised; /* [bytes] */
static int drained, overs;
static char target[256];
static bool breaks;
static struct net_http_call *to_pause; /* at its first piece */

static struct {
    int heads, done;
    unsigned status;
    char range[64];
    size_t bytes, wrong; /* [bytes] */
    enum err err;
} seen;

static char byte_at(size_t n) {
    return (char)('a' + n % 23);
}

static void write_more(void *data, struct instant now) {
    (void)data;
    (void)now;
    while (stream != NULL && written < promised &&
           net_http_stream_waiting(stream) < WAITING_BYTES / 2) {
        char block[5000];
        size_t len = promised - written < sizeof block ? promised - written : sizeof block;
        for (size_t i = 0; i < len; i++)
            block[i] = byte_at(written + i);
        cr_assert(net_http_stream_write(stream, block, len));
        written += len;
    }
    if (stream == NULL || written < promised)
        return;
    if (breaks)
        net_http_stream_break(stream);
    else
        net_http_stream_end(stream);
    stream = NULL;
}

static void on_drained(void *data) {
    (void)data;
    drained++;
    net_timer_arm(&more, net_now());
}

static void on_over(void *data) {
    (void)data;
    overs++;
    stream = NULL;
}

static void handle(void *data, struct net_http_request *r) {
    static const struct net_http_header headers[] = {{"Content-Range", "bytes 0-399999/500000"},
                                                     {"Content-Type", "video/mp4"}};
    (void)data;
    net_http_target(r, target, sizeof target);
    stream = net_http_answer_stream(
        r, &(struct net_http_stream_options){.status = strcmp(r->path, "/part") == 0 ? 206 : 0,
                                             .headers = headers,
                                             .header_count = 2,
                                             .body_bytes = BODY_BYTES,
                                             .waiting_bytes_max = WAITING_BYTES,
                                             .drained = on_drained,
                                             .over = on_over});
    net_timer_arm(&more, net_now());
}

static void begin(void) {
    const struct net_http_server_options options = {.bind_to = loopback(0), .handler = handle};
    loop = net_loop_new();
    net_timer_init(&more, loop, write_more, NULL);
    cr_assert_eq(net_http_server_start(&server, loop, &options, NULL, 0), ERR_OK);
    client = net_http_client_new(loop);
    promised = BODY_BYTES;
}

static void end(void) {
    net_http_client_free(client);
    net_http_server_stop(server);
    net_timer_cancel(&more);
    net_loop_free(loop);
}

TestSuite(net_http_pass, .init = begin, .fini = end, .timeout = 60);

static void head(void *data, const struct net_http_result *r) {
    const char *range = net_http_result_header(r, "content-range");
    (void)data;
    cr_expect_eq(seen.bytes, 0u, "before the first byte");
    seen.heads++;
    seen.status = r->status;
    snprintf(seen.range, sizeof seen.range, "%s", range != NULL ? range : "");
}

static void piece(void *data, const char *text, size_t len) {
    (void)data;
    for (size_t i = 0; i < len; i++)
        seen.wrong += text[i] != byte_at(seen.bytes + i);
    seen.bytes += len;
    if (to_pause != NULL)
        net_http_pause(to_pause, true);
    to_pause = NULL;
}

static void done(void *data, const struct net_http_result *r) {
    (void)data;
    seen.done++;
    seen.err = r->err;
    net_loop_stop(loop);
}

static struct net_http_call *ask(const char *path, int64_t timeout_ms) {
    char url[300], at[ADDR_TEXT_LEN_MAX + 1];
    struct addr address = net_http_server_address(server);
    struct net_http_call *call;
    snprintf(url, sizeof url, "http://%s%s", addr_to_text(&address, at), path);
    cr_assert_eq(net_http_call(client,
                               &(struct net_http_call_options){.url = url,
                                                               .timeout = duration_ms(timeout_ms),
                                                               .head = head,
                                                               .piece = piece,
                                                               .done = done},
                               &call),
                 ERR_OK);
    return call;
}

Test(net_http_pass, a_part_comes_in_pieces_behind_its_head) {
    ask("/part", 5000);
    cr_assert(net_loop_run_until(loop, in_ms(10000)));
    cr_expect(seen.err == ERR_OK && seen.heads == 1 && seen.status == 206);
    cr_expect_str_eq(seen.range, "bytes 0-399999/500000");
    cr_expect(seen.bytes == BODY_BYTES && seen.wrong == 0);
    cr_expect_geq(drained, 2, "who writes is told when there is room again: %d", drained);
    cr_expect_eq(overs, 0);
}

/* Nothing is read meanwhile, so not much more is written either, and silence is nobody's fault. */
Test(net_http_pass, a_pause_is_no_silence) {
    struct net_http_call *call = to_pause = ask("/whole", 300);
    net_loop_run_until(loop, in_ms(900));
    cr_assert(seen.done == 0 && seen.bytes > 0 && seen.bytes < 50000, "%zu", seen.bytes);
    net_http_pause(call, false);
    cr_assert(net_loop_run_until(loop, in_ms(10000)));
    cr_expect(seen.err == ERR_OK && seen.bytes == BODY_BYTES && seen.wrong == 0);
}

Test(net_http_pass, what_is_shorter_than_promised_is_no_end) {
    promised = 1000;
    ask("/whole", 5000);
    cr_assert(net_loop_run_until(loop, in_ms(10000)));
    cr_expect(seen.err != ERR_OK && seen.bytes <= 1000u, "%s", err_name(seen.err));
}

Test(net_http_pass, one_that_is_broken_off_is_no_end) {
    promised = 1000;
    breaks = true;
    ask("/whole", 5000);
    cr_assert(net_loop_run_until(loop, in_ms(10000)));
    cr_expect(seen.err != ERR_OK && overs == 0, "%s", err_name(seen.err));
}

Test(net_http_pass, a_target_can_be_asked_for_elsewhere) {
    promised = BODY_BYTES;
    ask("/a%20b/%C3%A9+c;d=1%3F.ts?x=1%2F2&y&CMCD=bl%3D1%2Csid%3D%22s%22", 5000);
    cr_assert(net_loop_run_until(loop, in_ms(10000)));
    cr_expect_str_eq(target, "/a%20b/%C3%A9+c;d=1%3F.ts?x=1%2F2&y&CMCD=bl%3D1%2Csid%3D%22s%22");
}
