#include "test/lib/fake_cluster.h"

#include "peerd/net/http_server.h"
#include "peerd/net/loop.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX 64

struct inside {
    struct fake_cluster *f;
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_http_request *kept[KEPT_MAX];
    unsigned kept_count;
};

static void copy(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void note(struct fake_cluster *f, const struct net_http_request *r) {
    char key[sizeof(f->key)];
    copy(key, sizeof(key), net_http_header(r, "Idempotency-Key"));
    if (f->requests++ == 0)
        memcpy(f->key, key, sizeof(key));
    f->keys_differ |= strcmp(f->key, key) != 0;
    copy(f->authorization, sizeof(f->authorization), net_http_header(r, "Authorization"));
    copy(f->body, sizeof(f->body), (const char *)r->body);
}

static void handle(void *data, struct net_http_request *r) {
    struct inside *in = data;
    struct fake_cluster *f = in->f;
    unsigned at = f->requests < f->script_len ? f->requests : f->script_len - 1;
    const struct fake_answer *a = &f->script[at];
    note(f, r);
    if (a->status == 0) {
        assert(in->kept_count < KEPT_MAX);
        in->kept[in->kept_count++] = r;
        return;
    }
    net_http_answer(r, &(struct net_http_answer){.status = a->status,
                                                 .body = a->body,
                                                 .body_len = a->body != NULL ? strlen(a->body) : 0,
                                                 .retry_after_s = a->retry_after_s});
}

static void told_to_end(void *data, unsigned events) {
    struct inside *in = data;
    (void)events;
    net_loop_stop(in->loop);
}

static void *run(void *data) {
    struct inside in = {.f = data, .loop = net_loop_new()};
    struct fake_cluster *f = data;
    struct net_http_server_options options = {
        .door = NET_HTTP_DOOR_PLAIN, .handler = handle, .data = &in};
    char text[80];
    snprintf(text, sizeof(text), "%s:0", f->url);
    bool good = addr_from_text(&options.bind_to, text) &&
                net_http_server_start(&in.server, in.loop, &options, NULL, 0) == ERR_OK;
    assert(good && "the fake cluster cannot listen");
    (void)good;
    struct addr at = net_http_server_address(in.server);
    snprintf(f->url, sizeof(f->url), "http://%s", addr_to_text(&at, text));
    struct net_watch *watch = net_watch_open(in.loop, f->ending[0], NET_READABLE, told_to_end, &in);
    ssize_t said = write(f->started[1], "x", 1);
    assert(watch != NULL && said == 1);
    (void)said;
    net_loop_run(in.loop);
    net_watch_close(watch);
    net_http_server_stop(in.server);
    while (in.kept_count > 0)
        net_http_answer_json(in.kept[--in.kept_count], 200, "{}");
    net_loop_free(in.loop);
    return NULL;
}

void fake_cluster_start(struct fake_cluster *f, const char *ip, const struct fake_answer *script,
                        unsigned script_len) {
    char byte;
    memset(f, 0, sizeof(*f));
    f->script = script;
    f->script_len = script_len;
    snprintf(f->url, sizeof(f->url), "%s", ip); /* until the port is known */
    int made = pipe(f->started) + pipe(f->ending);
    assert(made == 0);
    (void)made;
    int failed = pthread_create(&f->thread, NULL, run, f);
    assert(failed == 0);
    (void)failed;
    ssize_t heard = read(f->started[0], &byte, 1);
    assert(heard == 1);
    (void)heard;
}

void fake_cluster_stop(struct fake_cluster *f) {
    ssize_t said = write(f->ending[1], "x", 1);
    assert(said == 1);
    (void)said;
    pthread_join(f->thread, NULL);
    for (int i = 0; i < 2; i++) {
        close(f->started[i]);
        close(f->ending[i]);
    }
}
