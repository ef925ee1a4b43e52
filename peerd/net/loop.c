#include "peerd/net/loop.h"

#include "peerd/net/clock.h"
#include "peerd/net/loop_private.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

/* ---- turns ---- */

static void before_sleep(uv_prepare_t *handle) {
    struct net_loop *loop = handle->data;

    for (struct net_hook *h = loop->hooks.next; h != &loop->hooks; h = loop->hook_next) {
        loop->hook_next = h->next;
        h->called(h->data);
    }
    loop->hook_next = NULL;
    /* Last, because hooks may arm timers. */
    net_timers_settle(loop);
}

void net_hook_add(struct net_hook *hook, struct net_loop *loop, void (*called)(void *data),
                  void *data) {
    *hook = (struct net_hook){.next = &loop->hooks,
                              .previous = loop->hooks.previous,
                              .loop = loop,
                              .called = called,
                              .data = data};
    hook->previous->next = hook;
    hook->next->previous = hook;
}

void net_hook_remove(struct net_hook *hook) {
    if (hook->loop == NULL)
        return;
    if (hook->loop->hook_next == hook)
        hook->loop->hook_next = hook->next;
    hook->previous->next = hook->next;
    hook->next->previous = hook->previous;
    hook->loop = NULL;
}

/* ---- lifecycle ---- */

struct net_loop *net_loop_new(void) {
    struct net_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return NULL;
    }
    loop->hooks.next = loop->hooks.previous = &loop->hooks;
    uv_prepare_init(&loop->uv, &loop->prepare);
    loop->prepare.data = loop;
    uv_prepare_start(&loop->prepare, before_sleep);
    if (!net_timers_open(loop)) {
        net_loop_free(loop);
        return NULL;
    }
    /* A peer that hangs up must be an error of a write, never the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    return loop;
}

static void check_closing(uv_handle_t *handle, void *data) {
    (void)data;
    assert(uv_is_closing(handle) && "something opened on the loop was not closed");
    (void)handle;
}

void net_loop_free(struct net_loop *loop) {
    if (loop == NULL)
        return;
    net_timers_close(loop);
    uv_prepare_stop(&loop->prepare);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_walk(&loop->uv, check_closing, NULL);
    assert(loop->hooks.next == &loop->hooks && "a hook was not removed");
    assert(loop->timers == NULL && "a timer was not cancelled");
    /* Handles close asynchronously, and work on other threads ends when it ends; a `done` that
     * stops the loop does not stop this. */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        continue;
    uv_loop_close(&loop->uv);
    free(loop);
}

void net_loop_run(struct net_loop *loop) {
    loop->stopped = false;
    loop->running = true;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->running = false;
}

static void deadline_reached(void *data, struct instant now) {
    struct net_loop *loop = data;

    (void)now;
    uv_stop(&loop->uv);
}

bool net_loop_run_until(struct net_loop *loop, struct instant deadline) {
    struct net_timer timer;

    net_timer_init(&timer, loop, deadline_reached, loop);
    net_timer_arm(&timer, deadline);
    net_loop_run(loop);
    net_timer_cancel(&timer);
    return loop->stopped;
}

void net_loop_stop(struct net_loop *loop) {
    /* libuv would remember a stop that came too early and not run at all next time. */
    if (!loop->running)
        return;
    loop->stopped = true;
    uv_stop(&loop->uv);
}

struct uv_loop_s *net_loop_uv(struct net_loop *loop) {
    return &loop->uv;
}

/* ---- signals ---- */

struct net_signal {
    uv_signal_t handle;
    void (*arrived)(void *data, int number);
    void *data;
};

static void signal_arrived(uv_signal_t *handle, int number) {
    struct net_signal *signal = handle->data;

    signal->arrived(signal->data, number);
}

static void free_handle_data(uv_handle_t *handle) {
    free(handle->data);
}

struct net_signal *net_signal_open(struct net_loop *loop, int number,
                                   void (*arrived)(void *data, int number), void *data) {
    struct net_signal *signal = calloc(1, sizeof *signal);

    if (signal == NULL)
        return NULL;
    signal->arrived = arrived;
    signal->data = data;
    if (uv_signal_init(&loop->uv, &signal->handle) != 0) {
        free(signal);
        return NULL;
    }
    signal->handle.data = signal;
    if (uv_signal_start(&signal->handle, signal_arrived, number) != 0) {
        net_signal_close(signal);
        return NULL;
    }
    return signal;
}

void net_signal_close(struct net_signal *signal) {
    if (signal != NULL)
        uv_close((uv_handle_t *)&signal->handle, free_handle_data);
}

/* ---- work on another thread ---- */

struct work_item {
    uv_work_t request;
    struct net_loop *loop;
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
};

static void run_work(uv_work_t *request) {
    struct work_item *item = request->data;

    item->work(item->data);
}

static void finish_work(uv_work_t *request, int status) {
    struct work_item *item = request->data;

    (void)status; /* nothing here cancels work */
    item->loop->work_count--;
    item->done(item->data);
    free(item);
}

enum err net_work(struct net_loop *loop, void (*work)(void *data), void (*done)(void *data),
                  void *data) {
    if (loop->work_count >= NET_WORK_MAX)
        return ERR_FULL;
    struct work_item *item = calloc(1, sizeof *item);
    if (item == NULL)
        return ERR_NO_MEMORY;
    *item = (struct work_item){.loop = loop, .work = work, .done = done, .data = data};
    item->request.data = item;
    if (uv_queue_work(&loop->uv, &item->request, run_work, finish_work) != 0) {
        free(item);
        return ERR_IO;
    }
    loop->work_count++;
    return ERR_OK;
}
