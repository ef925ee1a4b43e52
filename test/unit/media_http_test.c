/*
 * Remote sources against a small HTTP server of the test's own, which can also misbehave.
 */
#include "media_fixture.h"
#include "transcoder/media/digest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#define REQUEST_BYTES_MAX 4096
#define FRAMES            500

enum behaviour {
    GOOD,      /* ranges, keeps its word */
    HANGS_UP,  /* as good, but closes after 20 KB of each answer */
    NO_RANGES, /* answers 200 with everything, always */
    MISSING,   /* 404 */
    SILENT,    /* accepts and says nothing */
    STALLS,    /* says half of it and then nothing */
    LIES,      /* promises twice what it has */
    NONSENSE,  /* no HTTP at all */
    REDIRECTS, /* to a local file */
    MOVED      /* to another name of its own, which it serves well */
};

#define CONNECTIONS_MAX 64

struct server;

struct connection {
    struct server *server;
    int fd;
    pthread_t thread;
};

struct server {
    enum behaviour behaviour;
    int listener;
    uint16_t port;
    uint8_t *file;
    size_t len;
    atomic_bool stop;
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX];
    int connection_count;
};

static void say(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t put = send(fd, at, len, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        at += put;
        len -= (size_t)put;
    }
}

static void pause_until_stopped(struct server *s) {
    while (!atomic_load(&s->stop))
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void answer_file(struct server *s, int fd, size_t from) {
    char head[256];
    size_t promised = s->behaviour == LIES ? 2 * s->len : s->len;
    if (s->behaviour == NO_RANGES)
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", s->len);
    else
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Length: %zu\r\n"
                 "Content-Range: bytes %zu-%zu/%zu\r\nConnection: close\r\n\r\n",
                 promised - from, from, promised - 1, promised);
    say(fd, head, strlen(head));
    size_t end = s->len;
    if (s->behaviour == HANGS_UP && end > from + 20000)
        end = from + 20000;
    bool stalls = s->behaviour == STALLS && from < s->len / 2;
    if (stalls)
        end = s->len / 2 | 1; /* in the middle of a sample */
    if (end > from)
        say(fd, s->file + from, end - from);
    if (stalls)
        pause_until_stopped(s);
}

static void answer(struct server *s, int fd) {
    char request[REQUEST_BYTES_MAX + 1] = "";
    size_t len = 0, from = 0;
    while (len < REQUEST_BYTES_MAX && strstr(request, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, request + len, REQUEST_BYTES_MAX - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        request[len] = '\0';
    }
    const char *range = strstr(request, "Range: bytes=");
    if (range != NULL && s->behaviour != NO_RANGES)
        from = strtoul(range + 13, NULL, 10);
    const char *text = NULL;
    if (s->behaviour == MISSING)
        text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    else if (s->behaviour == NONSENSE)
        text = "220 mail.example.org ESMTP\r\n";
    else if (s->behaviour == REDIRECTS)
        text = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n";
    else if (s->behaviour == MOVED && strstr(request, "/elsewhere") == NULL)
        text = "HTTP/1.1 302 Found\r\nLocation: /elsewhere.wav\r\nContent-Length: 0\r\n\r\n";
    if (text != NULL)
        say(fd, text, strlen(text));
    else if (s->behaviour == SILENT)
        pause_until_stopped(s);
    else
        answer_file(s, fd, from < s->len ? from : s->len);
}

static void *serve_one(void *data) {
    struct connection *c = data;
    answer(c->server, c->fd);
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *serve(void *data) {
    struct server *s = data;
    while (!atomic_load(&s->stop) && s->connection_count < CONNECTIONS_MAX) {
        struct connection *c = &s->connections[s->connection_count];
        *c = (struct connection){.server = s, .fd = accept(s->listener, NULL, NULL)};
        if (c->fd < 0 || pthread_create(&c->thread, NULL, serve_one, c) != 0)
            break;
        s->connection_count++;
    }
    return NULL;
}

/* Serves the file at `path` on a port of the kernel's choice. */
static void server_start(struct server *s, enum behaviour behaviour, const char *path) {
    *s = (struct server){.behaviour = behaviour, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    cr_assert_eq(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(s->listener, 16), 0);
    cr_assert_eq(getsockname(s->listener, (struct sockaddr *)&a, &size), 0);
    s->port = ntohs(a.sin_port);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    fseek(f, 0, SEEK_END);
    s->len = (size_t)ftell(f);
    rewind(f);
    s->file = malloc(s->len);
    cr_assert_eq(fread(s->file, 1, s->len, f), s->len);
    fclose(f);
    cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s) {
    atomic_store(&s->stop, true);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < s->connection_count; i++) {
        shutdown(s->connections[i].fd, SHUT_RDWR);
        pthread_join(s->connections[i].thread, NULL);
        close(s->connections[i].fd);
    }
    close(s->listener);
    free(s->file);
}

static const char *url_of(const struct server *s, const char *name, char out[64]) {
    snprintf(out, 64, "http://127.0.0.1:%u/%s", s->port, name);
    return out;
}

static const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT};

/* A remote source gives the same payloads as the file itself, from 0 and from anywhere. */
static void expect_same_as_file(enum behaviour behaviour, const char *path, const char *name) {
    struct server server;
    char url[64];
    server_start(&server, behaviour, path);
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    uint8_t *reference = fixture_reference(path, false, &p, FRAMES);
    cr_expect(media_location_is_remote(url_of(&server, name, url)));
    struct media_stream *s = fixture_stream(url, false, &p);
    cr_expect(media_stream_facts(s)->remote);
    cr_expect_eq(media_stream_facts(s)->bytes, server.len);
    const uint64_t starts[] = {0, 400, 17, 250};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        cr_assert_eq(media_stream_start(s, starts[i], MEDIA_PREROLL_FULL, NULL), ERR_OK, "%s",
                     media_stream_why(s));
        for (uint64_t n = starts[i]; n < FRAMES; n++) {
            uint8_t payload[160];
            size_t len;
            enum err e = media_stream_next(s, payload, sizeof payload, &len);
            cr_assert_eq(e, ERR_OK, "frame %llu: %s", (unsigned long long)n, media_stream_why(s));
            cr_assert_arr_eq(payload, reference + n * 160, 160, "frame %llu",
                             (unsigned long long)n);
        }
    }
    media_stream_close(s);
    server_stop(&server);
    free(reference);
}

Test(media_http, wav_by_ranges_is_the_file) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_wav(fixture_path(path, "r.wav"), 16000, 1, 16000 * 11);
    expect_same_as_file(GOOD, path, "r.wav");
    unlink(path);
}

Test(media_http, gsm_by_ranges_is_the_file) {
    fixture_need(MUSIC_GSM);
    expect_same_as_file(GOOD, MUSIC_GSM, "music.gsm");
}

Test(media_http, a_server_that_hangs_up_is_asked_again) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_wav(fixture_path(path, "h.wav"), 16000, 1, 16000 * 11);
    expect_same_as_file(HANGS_UP, path, "h.wav");
    unlink(path);
}

Test(media_http, digest_is_that_of_the_file) {
    char path[FIXTURE_PATH_LEN_MAX + 1], url[64];
    struct server server;
    struct media_digest local, remote;
    struct media_why why = {""};
    fixture_wav(fixture_path(path, "d.wav"), 16000, 1, 160000);
    server_start(&server, GOOD, path);
    cr_assert_eq(media_digest_compute(&local, path, &exact, NULL, NULL, NULL), ERR_OK);
    enum err e =
        media_digest_compute(&remote, url_of(&server, "d.wav", url), &exact, NULL, NULL, &why);
    cr_assert_eq(e, ERR_OK, "%s", why.text);
    cr_expect_arr_eq(local.digest.bytes, remote.digest.bytes, DIGEST_BYTES);
    cr_expect_eq(remote.facts.duration_frames, local.facts.duration_frames);
    cr_expect(media_digest_is_current(&remote, url));
    server_stop(&server);
    unlink(path);
}

/* As a writer to a pipe leaves it: what a server says of the length is all that there is. */
static void forget_length(const char *path) {
    static const uint8_t unsaid[4];
    FILE *f = fopen(path, "r+b");
    cr_assert(f != NULL && fseek(f, 40, SEEK_SET) == 0);
    cr_assert_eq(fwrite(unsaid, 1, sizeof unsaid, f), sizeof unsaid);
    fclose(f);
}

/* Whose header says how much there is is heard to its end, whatever the server says of it. */
Test(media_http, a_whole_recording_of_a_server_that_lies) {
    char path[FIXTURE_PATH_LEN_MAX + 1], url[64];
    struct server server;
    struct media_source *s;
    int16_t samples[160];
    fixture_wav(fixture_path(path, "l.wav"), 8000, 1, 16000);
    server_start(&server, LIES, path);
    cr_assert_eq(media_source_open(&s, url_of(&server, "l.wav", url), &exact, 8000, 1, NULL),
                 ERR_OK);
    for (int n = 0; n < 100; n++)
        cr_assert_eq(media_source_read(s, samples), ERR_OK, "frame %d", n);
    cr_expect_eq(media_source_read(s, samples), ERR_SOURCE_ENDED);
    media_source_close(s);
    server_stop(&server);
    unlink(path);
}

/* A start asks for the head and from where it plays, and nothing else: each question is a
 * connection, two round trips. */
Test(media_http, a_start_asks_twice) {
    char path[FIXTURE_PATH_LEN_MAX + 1], url[64];
    struct server server;
    struct media_profile p;
    uint8_t payload[160];
    size_t len;
    fixture_wav(fixture_path(path, "t.wav"), 8000, 1, 8000 * 30);
    server_start(&server, GOOD, path);
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    struct media_stream *s = fixture_stream(url_of(&server, "t.wav", url), false, &p);
    cr_assert_eq(media_stream_start(s, 1000, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (int n = 0; n < 25; n++)
        cr_assert_eq(media_stream_next(s, payload, sizeof payload, &len), ERR_OK);
    media_stream_close(s);
    server_stop(&server);
    cr_expect_eq(server.connection_count, 2); /* counted by its thread, which has ended */
    unlink(path);
}

/* The time limit of the test is there to end a hang, not to measure. */
Test(media_http, servers_that_fail_are_told, .timeout = 120) {
    const struct {
        const char *what;
        enum behaviour behaviour;
        enum err error;
        const char *says;
    } rows[] = {
        {"404", MISSING, ERR_SOURCE_FAILED, "404"},
        {"silence", SILENT, ERR_TIMEOUT, "no answer within 300 ms"},
        {"no ranges", NO_RANGES, ERR_UNSUPPORTED, "range requests"},
        {"not HTTP", NONSENSE, ERR_SOURCE_FAILED, ""},
        {"twice the length", LIES, ERR_TIMEOUT, ""},
        {"a redirect to a file", REDIRECTS, ERR_SOURCE_FAILED, ""},
        {"a redirect to what could be read", MOVED, ERR_SOURCE_FAILED, ""},
    };
    char path[FIXTURE_PATH_LEN_MAX + 1], url[64];
    fixture_wav(fixture_path(path, "f.wav"), 8000, 1, 80000);
    forget_length(path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server server;
        bool waits = rows[i].error == ERR_TIMEOUT;
        struct media_source_options options = {.class = SOURCE_CLASS_EXACT,
                                               .timeout = duration_ms(waits ? 300 : 30000)};
        struct media_source *s = NULL;
        struct media_why why = {""};
        server_start(&server, rows[i].behaviour, path);
        enum err e = media_source_open(&s, url_of(&server, "f.wav", url), &options, 8000, 1, &why);
        int16_t samples[160];
        for (int n = 0; e == ERR_OK && n < 1000; n++) /* it may need the end to notice */
            e = media_source_read(s, samples);
        cr_expect(e == rows[i].error || (rows[i].behaviour == LIES && e == ERR_SOURCE_FAILED),
                  "%s: %s: %s", rows[i].what, err_name(e), why.text);
        cr_expect(strstr(why.text, rows[i].says) != NULL, "%s: \"%s\"", rows[i].what, why.text);
        media_source_close(s);
        server_stop(&server);
    }
    unlink(path);
}

Test(media_http, nobody_listening_is_told) {
    struct media_source *s;
    struct media_why why = {""};
    enum err e = media_source_open(&s, "http://127.0.0.1:1/a.wav", &exact, 8000, 1, &why);
    cr_expect_eq(e, ERR_SOURCE_FAILED);
    cr_expect(strstr(why.text, "refused") != NULL, "%s", why.text);
}

Test(media_http, secrets_of_a_url_are_not_told) {
    static const struct {
        const char *url, *told;
    } rows[] = {
        {"http://127.0.0.1:1/a.wav", "http://127.0.0.1:1/a.wav: "},
        {"http://user:secret@127.0.0.1:1/a.wav", "http://127.0.0.1:1/a.wav: "},
        {"http://us@er:secret@127.0.0.1:1/b@c.wav", "http://127.0.0.1:1/b@c.wav: "},
        {"http://127.0.0.1:1/a.wav?sig=secret", "http://127.0.0.1:1/a.wav: "},
        {"http://user:secret@127.0.0.1:1?sig=secret@x/y", "http://127.0.0.1:1: "},
        {"http://127.0.0.1:1/a.wav#secret", "http://127.0.0.1:1/a.wav: "},
        {"ftp://user:secret@example.org/a.wav?secret", "ftp://example.org/a.wav: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_source *s;
        struct media_why why = {""};
        cr_expect_neq(media_source_open(&s, rows[i].url, &exact, 8000, 1, &why), ERR_OK);
        cr_expect(strncmp(why.text, rows[i].told, strlen(rows[i].told)) == 0, "%s: \"%s\"",
                  rows[i].url, why.text);
        cr_expect(strstr(why.text, "secret") == NULL, "%s: \"%s\"", rows[i].url, why.text);
    }
}

static void *abort_soon(void *stream) {
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    media_stream_abort(stream);
    return NULL;
}

/* Its stream would wait for two minutes. */
Test(media_http, a_stalled_server_can_be_left, .timeout = 60) {
    char path[FIXTURE_PATH_LEN_MAX + 1], url[64];
    struct server server;
    struct media_profile p;
    fixture_wav(fixture_path(path, "s.wav"), 8000, 1, 8000 * 100);
    server_start(&server, STALLS, path);
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    struct media_stream *s = fixture_stream(url_of(&server, "s.wav", url), false, &p);
    cr_assert_eq(media_stream_start(s, 0, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, abort_soon, s), 0);
    uint8_t payload[160];
    size_t len;
    enum err e = ERR_OK;
    for (int n = 0; e == ERR_OK && n < 5000; n++)
        e = media_stream_next(s, payload, sizeof payload, &len);
    cr_expect_eq(e, ERR_TIMEOUT, "%s", err_name(e));
    pthread_join(thread, NULL);
    media_stream_close(s);
    server_stop(&server);
    unlink(path);
}
