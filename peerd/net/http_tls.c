/*
 * Certificates of the HTTP server.
 *
 * microhttpd is given a certificate at its start and has no means to change it or to demand one of
 * the client without a CA. Both are done a connection at a time, when microhttpd announces it: the
 * session gets credentials of our own, and a verification that looks at the key alone.
 */
#include "peerd/net/http_server_private.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES_MAX (256 * 1024) /* [bytes] a long chain is 20 KB */

const char *http_tls_priorities(enum net_http_door door) {
    return door == NET_HTTP_DOOR_PINNED ? "NORMAL:-VERS-ALL:+VERS-TLS1.3"
                                        : "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

/* ---- credentials ---- */

static struct http_credentials *make_credentials(const struct net_file *certificate,
                                                 const struct net_file *key, const char **why) {
    struct http_credentials *c = calloc(1, sizeof *c);
    gnutls_datum_t cert_pem = {(unsigned char *)certificate->data, (unsigned)certificate->len};
    gnutls_datum_t key_pem = {(unsigned char *)key->data, (unsigned)key->len};
    int failed = GNUTLS_E_MEMORY_ERROR;

    if (c != NULL)
        failed = gnutls_certificate_allocate_credentials(&c->gnutls);
    if (failed == 0)
        failed = gnutls_certificate_set_x509_key_mem2(c->gnutls, &cert_pem, &key_pem,
                                                      GNUTLS_X509_FMT_PEM, NULL, 0);
    if (failed < 0) {
        *why = gnutls_strerror(failed);
        if (c != NULL && c->gnutls != NULL)
            gnutls_certificate_free_credentials(c->gnutls);
        free(c);
        return NULL;
    }
    c->holders = 1;
    return c;
}

void http_tls_release(struct http_credentials *credentials) {
    if (credentials == NULL || --credentials->holders > 0)
        return;
    gnutls_certificate_free_credentials(credentials->gnutls);
    free(credentials);
}

/* ---- sessions ---- */

/* Refuses, within the handshake, a client whose certificate does not carry an Ed25519 key. Which
 * key it is matters to the handler, who can say "403" where a handshake could only hang up. */
static int verify_client(gnutls_session_t session) {
    struct public_key key;

    return net_identity_of_session(session, &key) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

void http_tls_settled(struct http_connection *connection) {
    connection->server->counters.handshaking -= connection->handshaking;
    connection->handshaking = false;
}

/* The client's Finished is the last that a server waits for. */
static int finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                    const gnutls_datum_t *message) {
    (void)type, (void)when, (void)message;
    if (incoming)
        http_tls_settled(gnutls_session_get_ptr(session));
    return 0;
}

void http_tls_begin(struct http_connection *connection) {
    struct net_http_server *server = connection->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (info == NULL || info->tls_session == NULL)
        return;
    gnutls_session_t session = info->tls_session;
    connection->credentials = server->credentials;
    connection->credentials->holders++;
    connection->handshaking = true;
    server->counters.handshaking++;
    /* microhttpd keeps a pointer of its own there, for pre-shared keys only. */
    gnutls_session_set_ptr(session, connection);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       finished);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, connection->credentials->gnutls);
    if (server->options.door == NET_HTTP_DOOR_PINNED) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_function(session, verify_client);
    }
}

/* ---- files ---- */

static enum err read_pem(struct net_file *out, const char *path, char *detail, size_t detail_size) {
    enum err err = net_file_read(out, path, PEM_BYTES_MAX);

    if (err != ERR_OK)
        snprintf(detail, detail_size, "%s: %s", path, err_text(err));
    return err == ERR_OK ? ERR_OK : ERR_BAD_FIELD;
}

static enum err load_files(struct net_http_server *server, struct net_file *certificate,
                           struct net_file *key, char *detail, size_t detail_size) {
    const char *why = NULL;
    enum err err = read_pem(certificate, server->certificate_file, detail, detail_size);

    if (err == ERR_OK)
        err = read_pem(key, server->key_file, detail, detail_size);
    if (err != ERR_OK)
        return err;
    struct http_credentials *fresh = make_credentials(certificate, key, &why);
    if (fresh == NULL) {
        snprintf(detail, detail_size, "%s with %s: %s", server->certificate_file, server->key_file,
                 why);
        return ERR_BAD_FIELD;
    }
    http_tls_release(server->credentials);
    server->credentials = fresh;
    return ERR_OK;
}

enum err net_http_server_reload(struct net_http_server *server) {
    struct net_file certificate = {0}, key = {0};
    char detail[256] = "";

    if (server->options.door != NET_HTTP_DOOR_OPERATOR)
        return ERR_OK;
    enum err err = load_files(server, &certificate, &key, detail, sizeof detail);
    net_file_free(&certificate);
    net_file_free(&key);
    /* Between the two files of a renewal the pair does not match: the next change sets it right. */
    if (err == ERR_OK)
        server->counters.reloads++;
    else
        server->counters.reload_failures++;
    if (server->options.reloaded != NULL)
        server->options.reloaded(server->options.data, err, detail);
    return err;
}

static void files_changed(void *data) {
    net_http_server_reload(data);
}

static enum err start_operator(struct net_http_server *server, struct net_file *certificate,
                               struct net_file *key, char *detail, size_t detail_size) {
    const struct net_http_server_options *o = &server->options;

    if (o->certificate_file == NULL || o->key_file == NULL) {
        snprintf(detail, detail_size, "certificate and key file are needed");
        return ERR_BAD_FIELD;
    }
    server->certificate_file = strdup(o->certificate_file);
    server->key_file = strdup(o->key_file);
    if (server->certificate_file == NULL || server->key_file == NULL)
        return ERR_NO_MEMORY;
    /* Watched first: a change that comes while we read is seen afterwards. */
    server->file_watches[0] =
        net_file_watch_open(server->loop, server->certificate_file, files_changed, server);
    server->file_watches[1] =
        net_file_watch_open(server->loop, server->key_file, files_changed, server);
    if (server->file_watches[0] == NULL || server->file_watches[1] == NULL)
        return ERR_NO_MEMORY;
    return load_files(server, certificate, key, detail, detail_size);
}

static char *copy_text(const char *text, size_t *len) {
    *len = strlen(text);
    return strdup(text);
}

static enum err start_pinned(struct net_http_server *server, struct net_file *certificate,
                             struct net_file *key, char *detail, size_t detail_size) {
    const struct net_identity *identity = server->options.identity;
    const char *why = "";

    if (identity == NULL) {
        snprintf(detail, detail_size, "an identity is needed");
        return ERR_BAD_FIELD;
    }
    certificate->data = copy_text(net_identity_certificate(identity), &certificate->len);
    key->data = copy_text(net_identity_private_key(identity), &key->len);
    if (certificate->data == NULL || key->data == NULL)
        return ERR_NO_MEMORY;
    server->credentials = make_credentials(certificate, key, &why);
    if (server->credentials == NULL) {
        snprintf(detail, detail_size, "the identity's certificate: %s", why);
        return ERR_BAD_FIELD;
    }
    return ERR_OK;
}

enum err net_http_server_rekey(struct net_http_server *server,
                               const struct net_identity *identity) {
    struct net_file certificate = {0}, key = {0};
    struct http_credentials *before = server->credentials;
    const struct net_identity *old = server->options.identity;
    char detail[256];

    server->options.identity = identity;
    enum err err = start_pinned(server, &certificate, &key, detail, sizeof detail);
    net_file_free(&certificate);
    net_file_free(&key);
    if (err == ERR_OK) {
        http_tls_release(before);
        return ERR_OK;
    }
    server->credentials = before;
    server->options.identity = old;
    return err;
}

enum err http_tls_start(struct net_http_server *server, struct net_file *certificate,
                        struct net_file *key, char *detail, size_t detail_size) {
    if (server->options.door == NET_HTTP_DOOR_PINNED)
        return start_pinned(server, certificate, key, detail, detail_size);
    return start_operator(server, certificate, key, detail, detail_size);
}

void http_tls_stop(struct net_http_server *server) {
    net_file_watch_close(server->file_watches[0]);
    net_file_watch_close(server->file_watches[1]);
    http_tls_release(server->credentials);
    free(server->certificate_file);
    free(server->key_file);
}
