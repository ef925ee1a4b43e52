#include "test/unit/net_http_fixture.h"

#include "peerd/net/sockaddr.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

/* ---- pinned ---- */

struct cast {
    struct key_pair server, client, stranger;
    struct net_identity *server_id, *client_id;
};

static void make_cast(struct cast *c) {
    *c = (struct cast){.server = key_number(1), .client = key_number(2), .stranger = key_number(3)};
    cr_assert_eq(net_identity_new(&c->server_id, &c->server), ERR_OK);
    cr_assert_eq(net_identity_new(&c->client_id, &c->client), ERR_OK);
}

static void open_pinned(struct site *s, const struct cast *c) {
    open_site(s, (struct net_http_server_options){.door = NET_HTTP_DOOR_PINNED,
                                                  .identity = c->server_id});
}

static void close_cast(struct cast *c) {
    net_identity_free(c->server_id);
    net_identity_free(c->client_id);
}

Test(net_http_tls, pinned_both_ways) {
    struct cast c;
    struct site s = {0};
    struct outcome o;
    char expected[200], key[KEY_PUBLIC_TEXT_LEN + 1];

    make_cast(&c);
    open_pinned(&s, &c);
    for (int i = 0; i < 3; i++) {
        call(&s, &o,
             (struct net_http_call_options){.url = url_of(&s, "/who"),
                                            .identity = c.client_id,
                                            .pinned = &c.server.public_key});
        cr_expect_eq(o.status, 200, "%s", o.detail);
        snprintf(expected, sizeof expected, "GET 127.0.0.1:0 %s x-asked=(none) q=(none)",
                 (public_key_to_text(&c.client.public_key, key), key));
        cr_expect_str_eq(o.body, expected, "the server knows who asks");
        cr_expect_eq(o.reused, i > 0);
    }
    close_site(&s);
    close_cast(&c);
}

Test(net_http_tls, wrong_pins_and_missing_certificates_are_refused) {
    struct cast c;
    struct site s = {0};
    struct outcome o;

    make_cast(&c);
    open_pinned(&s, &c);
    const struct {
        const char *what;
        const struct net_identity *identity;
        const struct public_key *pinned;
        enum err expected;
    } rows[] = {{"right", c.client_id, &c.server.public_key, ERR_OK},
                {"another server's key", c.client_id, &c.stranger.public_key, ERR_FOREIGN},
                {"our own key", c.client_id, &c.client.public_key, ERR_FOREIGN},
                {"no certificate of ours", NULL, &c.server.public_key, ERR_IO},
                {"a CA in place of a pin", c.client_id, NULL, ERR_FOREIGN},
                {"right again", c.client_id, &c.server.public_key, ERR_OK}};
    /* The connection of the first row is kept, and must not serve the others. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t before = net_http_server_counters(s.server)->requests;
        call(&s, &o,
             (struct net_http_call_options){.url = url_of(&s, "/hello"),
                                            .identity = rows[i].identity,
                                            .pinned = rows[i].pinned});
        cr_expect_eq(o.err, rows[i].expected, "%s: %s %s", rows[i].what, err_name(o.err), o.detail);
        cr_expect_eq(net_http_server_counters(s.server)->requests - before,
                     rows[i].expected == ERR_OK, "%s: no request gets through", rows[i].what);
    }
    close_site(&s);
    close_cast(&c);
}

Test(net_http_tls, each_client_is_known_by_its_own_key) {
    enum {
        N = 20
    };
    struct cast c;
    struct site s = {0};
    static struct outcome o[N];
    struct net_identity *ids[N];
    size_t left = N;

    make_cast(&c);
    open_pinned(&s, &c);
    for (uint8_t i = 0; i < N; i++) {
        struct key_pair pair = key_number((uint8_t)(100 + i));
        cr_assert_eq(net_identity_new(&ids[i], &pair), ERR_OK);
        o[i].left = &left;
        start_call(&s, &o[i],
                   (struct net_http_call_options){.url = url_of(&s, "/who"),
                                                  .identity = ids[i],
                                                  .pinned = &c.server.public_key,
                                                  .timeout = duration_s(PATIENCE_S)},
                   NULL);
    }
    run_until_stopped(s.loop);
    for (int i = 0; i < N; i++) {
        char key[KEY_PUBLIC_TEXT_LEN + 1];
        public_key_to_text(net_identity_public_key(ids[i]), key);
        cr_expect_not_null(strstr(o[i].body, key), "%d: %s %s", i, o[i].body, o[i].detail);
        net_identity_free(ids[i]);
    }
    close_site(&s);
    close_cast(&c);
}

/* ---- clients by OpenSSL, who may do what ours never does ---- */

static X509 *certify(EVP_PKEY *key, const char *cn, const EVP_MD *digest) {
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *alt;
    X509V3_CTX ctx;

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    alt = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(x, alt, -1);
    X509_EXTENSION_free(alt);
    cr_assert_gt(X509_sign(x, key, digest), 0);
    return x;
}

/* A handshake and a request over a blocking socket, by another process, so that our loop can run
 * meanwhile. Exits with 0 if an answer came. */
static int openssl_client(struct site *s, SSL_CTX *ctx, int max_version) {
    struct addr at = net_http_server_address(s->server);
    struct sockaddr_storage sa;
    socklen_t len = net_sockaddr_from_addr(&sa, &at);
    char text[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 || SSL_connect(ssl) != 1 ||
        SSL_write(ssl, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 33) != 33)
        return 1;
    return SSL_read(ssl, text, sizeof text) > 12 && memcmp(text + 9, "200", 3) == 0 ? 0 : 2;
}

static bool answered(struct site *s, EVP_PKEY *key, X509 *x, int max_version) {
    int status;
    pid_t pid = fork();

    cr_assert(pid >= 0);
    if (pid == 0) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        if (key != NULL) {
            SSL_CTX_use_certificate(ctx, x);
            SSL_CTX_use_PrivateKey(ctx, key);
        }
        _exit(openssl_client(s, ctx, max_version));
    }
    while (waitpid(pid, &status, WNOHANG) == 0)
        net_loop_run_until(s->loop, in_ms(2));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(net_http_tls, what_a_pinned_door_does_not_let_in) {
    struct cast c;
    struct site s = {0};
    uint8_t seed[32] = {7};
    EVP_PKEY *ed = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    X509 *ed_x = certify(ed, "any", NULL), *p256_x = certify(p256, "any", EVP_sha256());
    X509 *rsa_x = certify(rsa, "any", EVP_sha256());
    const struct {
        const char *what;
        EVP_PKEY *key;
        X509 *x;
        int max_version;
        bool let_in;
    } rows[] = {{"an Ed25519 key", ed, ed_x, TLS1_3_VERSION, true},
                {"no certificate", NULL, NULL, TLS1_3_VERSION, false},
                {"a P-256 key", p256, p256_x, TLS1_3_VERSION, false},
                {"an RSA key", rsa, rsa_x, TLS1_3_VERSION, false},
                {"TLS 1.2", ed, ed_x, TLS1_2_VERSION, false},
                {"an Ed25519 key once more", ed, ed_x, TLS1_3_VERSION, true}};

    make_cast(&c);
    open_pinned(&s, &c);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(answered(&s, rows[i].key, rows[i].x, rows[i].max_version), rows[i].let_in,
                     "%s", rows[i].what);
    cr_expect_eq(net_http_server_counters(s.server)->requests, 2);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(rsa);
    X509_free(ed_x);
    X509_free(p256_x);
    X509_free(rsa_x);
    close_site(&s);
    close_cast(&c);
}

/* ---- the operator's certificate ---- */

/* Writes a P-256 key and certificate as an operator's tools would: under new names, then renamed.
 */
static void write_pem(const struct folder *f, const char *cn, bool only_certificate) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = certify(key, cn, EVP_sha256());
    FILE *file = fopen(in_folder(f, "new"), "w");

    cr_assert(PEM_write_X509(file, x) == 1 && fclose(file) == 0);
    cr_assert_eq(rename(in_folder(f, "new"), in_folder(f, "cert.pem")), 0);
    if (!only_certificate) {
        file = fopen(in_folder(f, "new"), "w");
        cr_assert(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                  fclose(file) == 0);
        cr_assert_eq(rename(in_folder(f, "new"), in_folder(f, "key.pem")), 0);
    }
    X509_free(x);
    EVP_PKEY_free(key);
}

static void copy_file(const char *from, const char *to) {
    char text[8192];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    size_t len = fread(text, 1, sizeof text, in);

    cr_assert(fwrite(text, 1, len, out) == len);
    fclose(in);
    fclose(out);
}

/* A call that trusts only the certificate in `ca`. */
static enum err trusting(struct site *s, struct outcome *o, const char *ca) {
    call(s, o, (struct net_http_call_options){.url = url_of(s, "/hello"), .ca_file = ca});
    return o->err;
}

Test(net_http_tls, the_operators_certificate_is_loaded_anew_when_it_changes) {
    struct folder f = make_folder();
    struct site s = {0};
    struct outcome o;
    char certificate[128], key[128], first[128], second[128];

    snprintf(certificate, sizeof certificate, "%s", in_folder(&f, "cert.pem"));
    snprintf(key, sizeof key, "%s", in_folder(&f, "key.pem"));
    snprintf(first, sizeof first, "%s", in_folder(&f, "first.pem"));
    snprintf(second, sizeof second, "%s", in_folder(&f, "second.pem"));
    write_pem(&f, "first", false);
    copy_file(certificate, first);
    open_site(&s, (struct net_http_server_options){.door = NET_HTTP_DOOR_OPERATOR,
                                                   .certificate_file = certificate,
                                                   .key_file = key});
    cr_expect_eq(trusting(&s, &o, first), ERR_OK, "%s", o.detail);
    cr_expect_str_eq(o.body, "hello");

    /* Half of a change: refused, and the old pair serves on. */
    write_pem(&f, "half", true);
    cr_expect_eq(net_http_server_reload(s.server), ERR_BAD_FIELD);
    net_http_client_free(s.client); /* its connection is from before */
    s.client = net_http_client_new(s.loop);
    cr_expect_eq(trusting(&s, &o, first), ERR_OK, "%s", o.detail);

    /* A whole change is noticed without being told. A kept connection goes on under the old one. */
    write_pem(&f, "second", false);
    copy_file(certificate, second);
    struct instant until = in_ms(PATIENCE_S * 1000);
    while (s.reloads == 0 && instant_before(net_now(), until))
        net_loop_run_until(s.loop, in_ms(10));
    cr_assert_gt(s.reloads, 0);
    cr_expect_eq(trusting(&s, &o, first), ERR_OK, "%s", o.detail);
    cr_expect(o.reused);
    cr_expect_eq(trusting(&s, &o, second), ERR_OK, "%s", o.detail);
    net_http_client_free(s.client);
    s.client = net_http_client_new(s.loop);
    cr_expect_eq(trusting(&s, &o, first), ERR_FOREIGN, "%s", o.detail);
    cr_expect_geq(net_http_server_counters(s.server)->reloads, 1);
    cr_expect_geq(net_http_server_counters(s.server)->reload_failures, 1);
    cr_expect_eq(s.reload_failures, (int)net_http_server_counters(s.server)->reload_failures);
    close_site(&s);
    unlink(certificate);
    unlink(key);
    unlink(first);
    unlink(second);
    rmdir(f.path);
}

Test(net_http_tls, certificates_that_cannot_be_used) {
    struct folder f = make_folder();
    struct net_loop *loop = net_loop_new();
    struct net_http_server *server;
    char detail[300], cert[128], key[128], junk[128];

    write_pem(&f, "good", false);
    snprintf(cert, sizeof cert, "%s", in_folder(&f, "cert.pem"));
    snprintf(key, sizeof key, "%s", in_folder(&f, "key.pem"));
    snprintf(junk, sizeof junk, "%s", in_folder(&f, "junk.pem"));
    write_file(junk, "-----BEGIN NOTHING-----\n");
    const struct {
        const char *what, *cert, *key, *named;
    } rows[] = {{"no certificate named", NULL, key, "needed"},
                {"no key named", cert, NULL, "needed"},
                {"missing certificate", in_folder(&f, "missing"), key, "missing"},
                {"missing key", cert, in_folder(&f, "missing"), "missing"},
                {"junk", junk, key, "junk.pem"},
                {"the key is a certificate", cert, cert, "cert.pem"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = net_http_server_start(
            &server, loop,
            &(struct net_http_server_options){.door = NET_HTTP_DOOR_OPERATOR,
                                              .bind_to = loopback(0),
                                              .certificate_file = rows[i].cert,
                                              .key_file = rows[i].key,
                                              .handler = handle},
            detail, sizeof detail);
        cr_expect_eq(err, ERR_BAD_FIELD, "%s: %s", rows[i].what, err_name(err));
        cr_expect_not_null(strstr(detail, rows[i].named), "%s: %s", rows[i].what, detail);
        cr_expect_null(server);
    }
    cr_expect_eq(net_http_server_start(&server, loop,
                                       &(struct net_http_server_options){
                                           .door = NET_HTTP_DOOR_PINNED, .bind_to = loopback(0)},
                                       detail, sizeof detail),
                 ERR_BAD_FIELD, "pinned without an identity");
    net_loop_free(loop);
    unlink(cert);
    unlink(key);
    unlink(junk);
    rmdir(f.path);
}

/* ---- a handshake that does not end ---- */

static void await_handshaking(struct site *s, uint64_t count, const char *what) {
    const struct net_http_server_counters *n = net_http_server_counters(s->server);
    struct instant until = in_ms(PATIENCE_S * 1000);

    while (n->handshaking != count && instant_before(net_now(), until))
        net_loop_run_until(s->loop, in_ms(10));
    cr_expect_eq(n->handshaking, count, "%s", what);
}

/* Who connects and says nothing, or half a word, must not keep the server busy. */
Test(net_http_tls, an_unfinished_handshake_costs_nothing) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
    } rows[] = {{"silent", "", 0}, {"half a record", "\x16\x03\x01\x02", 4}};
    struct cast c;
    struct site s = {0};
    struct outcome o;

    make_cast(&c);
    open_pinned(&s, &c);
    const struct net_http_server_counters *n = net_http_server_counters(s.server);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_storage to;
        struct addr at = net_http_server_address(s.server);
        socklen_t len = net_sockaddr_from_addr(&to, &at);
        int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&to, len), 0);
        cr_assert_eq(write(fd, rows[i].bytes, rows[i].len), (ssize_t)rows[i].len);
        await_handshaking(&s, 1, rows[i].what);
        net_loop_run_until(s.loop, in_ms(50));
        uint64_t before = n->turns;
        net_loop_run_until(s.loop, in_ms(200));
        cr_expect_leq(n->turns - before, 150, "%s: run %u times in 200 ms", rows[i].what,
                      (unsigned)(n->turns - before));
        call(&s, &o,
             (struct net_http_call_options){.url = url_of(&s, "/hello"),
                                            .identity = c.client_id,
                                            .pinned = &c.server.public_key});
        cr_expect_eq(o.status, 200, "%s: others are served meanwhile: %s", rows[i].what, o.detail);
        cr_expect_eq(n->handshaking, 1, "%s", rows[i].what);
        close(fd);
        await_handshaking(&s, 0, rows[i].what);
    }
    close_site(&s);
    close_cast(&c);
}
