/*
 * The daemon behind http_server.h: start, stop, the loop's side of microhttpd, connections and the
 * sweep that ends slow ones.
 */
#include "peerd/net/http_server_private.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* [bytes] request line and headers of one connection, and its answer's; more is refused with 431.
 */
#define CONNECTION_MEMORY 32768
/* Connections that the kernel completes while we are busy. */
#define BACKLOG 512

/* While a handshake waits for the other side, microhttpd 0.9.75 takes its connection for ready and
 * wants to run again at once, for as long as that takes: one silent client would cost a whole core.
 * What arrives wakes us anyhow, so that this delays only the later parts of large answers to
 * others: 32 KB each. */
#define HANDSHAKE_PAUSE_MS 2

/* ---- driving microhttpd ---- */

static void drive(struct net_http_server *server) {
    MHD_UNSIGNED_LONG_LONG wait_ms;

    server->kicked = false;
    server->counters.turns++;
    MHD_run(server->daemon);
    if (server->kicked)
        net_timer_arm(&server->timer, net_now());
    else if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES) {
        if (wait_ms < HANDSHAKE_PAUSE_MS && server->counters.handshaking > 0)
            wait_ms = HANDSHAKE_PAUSE_MS;
        net_timer_arm(&server->timer, instant_add(net_now(), duration_ms((int64_t)wait_ms)));
    } else
        net_timer_cancel(&server->timer);
}

static void descriptor_ready(void *data, unsigned events) {
    (void)events;
    drive(data);
}

static void time_to_run(void *data, struct instant now) {
    (void)now;
    drive(data);
}

void http_server_kick(struct net_http_server *server) {
    server->kicked = true;
    net_timer_arm(&server->timer, net_now());
}

/* ---- connections ---- */

static void connection_opened(struct net_http_server *server, struct MHD_Connection *mhd,
                              void **socket_context) {
    struct http_connection *c = calloc(1, sizeof *c);

    *socket_context = c;
    /* Without memory the connection has no context, and its first request closes it. */
    if (c == NULL)
        return;
    c->server = server;
    c->mhd = mhd;
    c->since = net_now();
    c->next = &server->connections;
    c->previous = server->connections.previous;
    c->previous->next = c->next->previous = c;
    server->counters.connections++;
    server->counters.open++;
    if (server->options.door != NET_HTTP_DOOR_PLAIN)
        http_tls_begin(c);
    if (!net_timer_armed(&server->sweep))
        net_timer_arm(&server->sweep, instant_add(c->since, server->sweep_every));
}

static void connection_closed(struct http_connection *c) {
    if (c == NULL)
        return;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    c->server->counters.open--;
    http_tls_settled(c);
    http_tls_release(c->credentials);
    free(c);
}

static void connection_changed(void *cls, struct MHD_Connection *mhd, void **socket_context,
                               enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        connection_opened(cls, mhd, socket_context);
    else
        connection_closed(*socket_context);
}

/* microhttpd's own timeout counts from the last byte, so a client who sends one byte now and then
 * stays for ever. This one counts from the last time he got somewhere. */
static void cut_off_slow(struct net_http_server *server, struct instant now) {
    for (struct http_connection *c = server->connections.next; c != &server->connections;
         c = c->next) {
        if (c->waiting || c->cut_off ||
            !instant_reached(now, instant_add(c->since, server->options.idle)))
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        c->cut_off = true;
        server->counters.cut_off++;
        if (info != NULL)
            shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static void answer_overdue(struct net_http_server *server, struct instant now) {
    for (struct http_exchange *e = server->held.next, *next; e != &server->held; e = next) {
        next = e->next;
        if (e->response == NULL && instant_reached(now, e->deadline)) {
            server->counters.overdue++;
            http_exchange_give_up(e);
        }
    }
}

static void sweep(void *data, struct instant now) {
    struct net_http_server *server = data;

    cut_off_slow(server, now);
    answer_overdue(server, now);
    if (server->counters.open > 0)
        net_timer_arm(&server->sweep, instant_add(now, server->sweep_every));
}

/* ---- lifecycle ---- */

static void fill_defaults(struct net_http_server_options *o) {
    if (o->connections_max == 0)
        o->connections_max = 1024;
    if (o->body_bytes_max == 0)
        o->body_bytes_max = NET_HTTP_BODY_MAX;
    if (o->idle.us <= 0)
        o->idle = duration_s(30);
    if (o->answer_within.us <= 0)
        o->answer_within = duration_s(10);
}

static struct net_http_server *make_server(struct net_loop *loop,
                                           const struct net_http_server_options *options) {
    struct net_http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return NULL;
    server->loop = loop;
    server->options = *options;
    fill_defaults(&server->options);
    server->connections.next = server->connections.previous = &server->connections;
    server->held.next = server->held.previous = &server->held;
    server->sweep_every = duration_min(
        duration_s(1),
        duration_scale(duration_min(server->options.idle, server->options.answer_within), 1, 4));
    net_timer_init(&server->timer, loop, time_to_run, server);
    net_timer_init(&server->sweep, loop, sweep, server);
    return server;
}

static struct MHD_Daemon *start_daemon(struct net_http_server *server, int fd,
                                       const char *certificate, const char *key) {
    const struct net_http_server_options *o = &server->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    /* microhttpd counts whole seconds; our own sweep is the exact one. */
    unsigned idle_s = (unsigned)(duration_in_ms(o->idle) / 1000 + 1);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)http_tls_priorities(o->door)},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    if (o->door != NET_HTTP_DOOR_PLAIN)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, http_exchange_progress, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, o->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        o->connections_max_per_ip, MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server, MHD_OPTION_NOTIFY_COMPLETED,
        http_exchange_completed, server, MHD_OPTION_ARRAY,
        o->door != NET_HTTP_DOOR_PLAIN ? tls : none, MHD_OPTION_END);
}

static enum err listen_and_start(struct net_http_server *server, const struct net_file *certificate,
                                 const struct net_file *key, char *detail, size_t detail_size) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    int fd;

    if (net_socket_tcp(&fd, &server->options.bind_to, BACKLOG) != ERR_OK) {
        snprintf(detail, detail_size, "cannot listen on %s: %s",
                 addr_to_text(&server->options.bind_to, text), strerror(errno));
        return ERR_IO;
    }
    server->address = net_addr_of_socket(fd);
    /* The daemon owns the socket from here on, also if it does not start. */
    server->daemon = start_daemon(server, fd, certificate->data, key->data);
    const union MHD_DaemonInfo *info =
        server->daemon != NULL ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                               : NULL;
    if (info != NULL)
        server->watch =
            net_watch_open(server->loop, info->epoll_fd, NET_READABLE, descriptor_ready, server);
    if (server->watch == NULL) {
        snprintf(detail, detail_size, "the HTTP daemon does not start on %s",
                 addr_to_text(&server->address, text));
        return ERR_IO;
    }
    return ERR_OK;
}

enum err net_http_server_start(struct net_http_server **out, struct net_loop *loop,
                               const struct net_http_server_options *options, char *detail,
                               size_t detail_size) {
    struct net_http_server *server = make_server(loop, options);
    struct net_file certificate = {0}, key = {0};
    enum err err = ERR_OK;

    *out = NULL;
    if (server == NULL)
        return ERR_NO_MEMORY;
    if (detail_size > 0)
        detail[0] = '\0';
    if (options->door != NET_HTTP_DOOR_PLAIN)
        err = http_tls_start(server, &certificate, &key, detail, detail_size);
    if (err == ERR_OK)
        err = listen_and_start(server, &certificate, &key, detail, detail_size);
    net_file_free(&certificate);
    net_file_free(&key);
    if (err != ERR_OK) {
        net_http_server_stop(server);
        return err;
    }
    *out = server;
    drive(server);
    return ERR_OK;
}

void net_http_server_stop(struct net_http_server *server) {
    if (server == NULL)
        return;
    server->stopping = true;
    /* microhttpd must not be stopped while a connection is suspended: answer for the handlers. They
     * keep their requests, which from here on lead nowhere. */
    for (struct http_exchange *e = server->held.next, *next; e != &server->held; e = next) {
        next = e->next;
        http_exchange_give_up(e);
    }
    http_streams_stop(server);
    if (server->daemon != NULL) {
        MHD_run(server->daemon);
        net_watch_close(server->watch);
        MHD_stop_daemon(server->daemon);
    }
    for (struct http_exchange *e = server->held.next, *next; e != &server->held; e = next) {
        next = e->next;
        e->server = NULL;
        e->next = e->previous = NULL;
    }
    net_timer_cancel(&server->timer);
    net_timer_cancel(&server->sweep);
    http_tls_stop(server);
    free(server);
}

struct addr net_http_server_address(const struct net_http_server *server) {
    return server->address;
}

const struct net_http_server_counters *
net_http_server_counters(const struct net_http_server *server) {
    return &server->counters;
}
