/*
 * The inside of the HTTP server, shared by http_server.c (daemon, connections, time),
 * http_exchange.c (a request and its answer) and http_tls.c (certificates) only.
 */
#ifndef PEERD_NET_HTTP_SERVER_PRIVATE_H
#define PEERD_NET_HTTP_SERVER_PRIVATE_H

#include "peerd/net/file.h"
#include "peerd/net/http_server.h"

#include <microhttpd.h>

/* A certificate in use. Connections hold on to the one they were opened under, so that new files
 * never pull it away from a handshake. */
struct http_credentials {
    unsigned holders; /* the server, and each connection */
    struct gnutls_certificate_credentials_st *gnutls;
};

/* One for each connection, from accept to close. */
struct http_connection {
    struct net_http_server *server;
    struct MHD_Connection *mhd;
    struct http_credentials *credentials; /* NULL at a plain door */
    struct instant since;                 /* when it last got somewhere, see http_server.h: idle */
    bool handshaking;                     /* counted as such */
    bool waiting;                         /* a handler holds its request: time is not its fault */
    bool cut_off;                         /* shut down; closes as soon as microhttpd notices */
    struct http_connection *next, *previous;
};

/* An answer made once. Holders are its owner and each exchange that was answered with it. */
struct net_http_ready {
    unsigned holders;
    unsigned status;
    struct MHD_Response *response;
};

/* One request and its answer. It has two holders: microhttpd until the exchange is over on the
 * wire, and the handler from being called until it answers; the last one frees. */
struct http_exchange {
    struct net_http_request request; /* first, so that either pointer is the other */
    struct net_http_server *server;  /* NULL once the server has stopped */
    struct MHD_Connection *mhd;      /* NULL once microhttpd has let go */
    struct http_connection *connection;
    uint8_t *body;    /* `capacity` bytes, one more than fits the body at least */
    size_t capacity;  /* [bytes] */
    size_t discarded; /* [bytes] of a body already refused */
    unsigned refusal; /* status to answer with when the body is through; 0 if none */
    bool held_by_handler;
    bool suspended;                        /* microhttpd waits for us */
    struct instant deadline;               /* when the handler is overdue */
    struct MHD_Response *response;         /* ready to be queued; NULL before */
    struct net_http_ready *ready;          /* whose response it is; NULL: its own */
    struct net_http_stream *stream;        /* what it sends; NULL: it is whole already */
    unsigned status;                       /* of the response */
    struct http_exchange *next, *previous; /* of those that the handler holds */
};

struct net_http_server {
    struct net_loop *loop;
    struct MHD_Daemon *daemon;
    struct net_watch *watch; /* on microhttpd's epoll descriptor */
    struct net_timer timer;  /* when microhttpd wants to run again */
    struct net_timer sweep;  /* looks for the slow and the overdue */
    struct duration sweep_every;
    bool stopping; /* no handler is called any more */
    bool kicked;   /* something was resumed: run again at once */
    struct net_http_server_options options;
    struct addr address;
    struct http_credentials *credentials; /* for new connections; NULL at a plain door */
    char *certificate_file, *key_file;    /* copies */
    struct net_file_watch *file_watches[2];
    struct http_connection connections; /* head of a ring */
    struct http_exchange held;          /* head of a ring: with the handler, unanswered */
    struct net_http_stream *streams;    /* that may be suspended; NULL for none */
    struct net_http_server_counters counters;
};

/* http_tls.c */

/* Makes the first credentials of a server and the PEM texts that microhttpd wants to see. */
enum err http_tls_start(struct net_http_server *server, struct net_file *certificate,
                        struct net_file *key, char *detail, size_t detail_size);
void http_tls_stop(struct net_http_server *server);

/* Puts our certificate, and what we ask of the client's, into a session just begun. */
void http_tls_begin(struct http_connection *connection);

/* The handshake is over, one way or another. */
void http_tls_settled(struct http_connection *connection);
void http_tls_release(struct http_credentials *credentials);

/* The priority string for gnutls_priority_init. */
const char *http_tls_priorities(enum net_http_door door);

/* http_exchange.c: microhttpd's callbacks, `cls` being the server. */
enum MHD_Result http_exchange_progress(void *cls, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version,
                                       const char *upload_data, size_t *upload_data_size,
                                       void **state);
void http_exchange_completed(void *cls, struct MHD_Connection *mhd, void **state,
                             enum MHD_RequestTerminationCode why);

/* Answers 503 in place of a handler that is overdue (or a server that stops). */
void http_exchange_give_up(struct http_exchange *exchange);

/* Answers with that response, and lets the request go. False: there is nobody to be answered; the
 * response is destroyed. */
bool http_exchange_respond(struct http_exchange *exchange, unsigned status,
                           struct MHD_Response *response);

/* http_stream.c */

/* The exchange is over: nobody reads it any more. Accepts NULL. */
void http_stream_unread(struct net_http_stream *stream);

/* Ends all, so that microhttpd can be stopped. */
void http_streams_stop(struct net_http_server *server);

/* http_server.c */

/* Lets microhttpd run again soon: called after a connection was resumed. */
void http_server_kick(struct net_http_server *server);

#endif
