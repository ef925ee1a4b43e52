/*
 * c-ares on the loop.
 *
 * A query for SRV records goes out once, then one for addresses a record, all at the same time; the
 * result is put together when the last of them has ended. c-ares may call back before the call that
 * started a query returns (names in /etc/hosts, nonsense), so every `done` waits for the next turn.
 */
#include "peerd/net/dns.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"

#include <ares.h>
#include <ares_nameser.h>
#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#define TTL_MAX_S 604800 /* [s] a week: RFC 8767 section 4 advises to believe nothing longer */
#define ADDRS_MAX 8      /* addresses used of one host */

struct record {
    struct net_dns_query *query;
    uint16_t priority, weight, port;
    char host[NET_DNS_NAME_LEN_MAX + 1];
    struct addr addrs[ADDRS_MAX];
    size_t addr_count;
};

struct texts {
    net_dns_texts_fn done;
    char list[NET_DNS_TEXTS_MAX][NET_DNS_TEXT_LEN_MAX + 1];
    size_t count;
};

struct net_dns_query {
    struct net_dns *dns;
    net_dns_done_fn done; /* NULL for texts */
    struct texts *texts;  /* owned; NULL unless texts are asked for */
    bool cancelled;
    void *data;
    size_t pending;         /* c-ares owes this many callbacks */
    struct net_timer later; /* calls `done` */
    int status;             /* worst outcome so far, of c-ares */
    int64_t ttl_s;          /* smallest seen */
    struct record records[NET_DNS_RECORDS_MAX];
    size_t record_count;
    struct net_dns_query *next, *previous;
};

struct socket_watch {
    ares_socket_t fd;
    struct net_watch *watch;
    struct net_dns *dns;
    struct socket_watch *next;
};

struct net_dns {
    struct net_loop *loop;
    ares_channel channel;
    struct net_timer timer; /* c-ares' next timeout */
    struct socket_watch *watches;
    struct net_dns_query queries; /* head of a ring */
    bool closing;
};

/* ---- c-ares and the loop ---- */

/* c-ares wants to be asked anew after everything that was done with it. */
static void rearm(struct net_dns *dns) {
    struct timeval tv;

    if (ares_timeout(dns->channel, NULL, &tv) == NULL)
        net_timer_cancel(&dns->timer);
    else
        net_timer_arm(&dns->timer, instant_add(net_now(), duration_us((int64_t)tv.tv_sec * 1000000 +
                                                                      tv.tv_usec)));
}

static void process(struct net_dns *dns, ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(dns->channel, readable, writable);
    rearm(dns);
}

static void time_is_up(void *data, struct instant now) {
    (void)now;
    process(data, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void socket_ready(void *data, unsigned events) {
    struct socket_watch *w = data;
    bool failed = (events & NET_FAILED) != 0;

    process(w->dns, (events & NET_READABLE) || failed ? w->fd : ARES_SOCKET_BAD,
            (events & NET_WRITABLE) ? w->fd : ARES_SOCKET_BAD);
}

static void socket_wanted(void *data, ares_socket_t fd, int readable, int writable) {
    struct net_dns *dns = data;
    unsigned events = (readable ? NET_READABLE : 0) | (writable ? NET_WRITABLE : 0);
    struct socket_watch **at = &dns->watches, *w;

    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    w = *at;
    if (events == 0) {
        if (w != NULL) {
            *at = w->next;
            net_watch_close(w->watch);
            free(w);
        }
        return;
    }
    if (w == NULL) {
        /* Without memory the socket goes unwatched, and its query ends by its timeout. */
        if ((w = calloc(1, sizeof *w)) == NULL)
            return;
        *w = (struct socket_watch){.fd = fd, .dns = dns, .next = dns->watches};
        w->watch = net_watch_open(dns->loop, fd, events, socket_ready, w);
        if (w->watch == NULL) {
            free(w);
            return;
        }
        dns->watches = w;
        return;
    }
    net_watch_set(w->watch, events);
}

/* ---- results ---- */

static void free_query(struct net_dns_query *q) {
    net_timer_cancel(&q->later);
    q->previous->next = q->next;
    q->next->previous = q->previous;
    free(q->texts);
    free(q);
}

static enum err err_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return ERR_OK;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return ERR_NOT_FOUND;
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
    case ARES_EBADFAMILY:
        return ERR_BAD_FIELD;
    case ARES_ETIMEOUT:
        return ERR_TIMEOUT;
    case ARES_ECONNREFUSED:
        return ERR_UNREACHABLE;
    case ARES_ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_IO;
    }
}

static size_t put_together(const struct net_dns_query *q, struct net_dns_target targets[]) {
    size_t count = 0;

    for (size_t i = 0; i < q->record_count; i++) {
        const struct record *r = &q->records[i];
        for (size_t a = 0; a < r->addr_count && count < NET_DNS_TARGETS_MAX; a++) {
            struct net_dns_target *t = &targets[count++];
            *t = (struct net_dns_target){.addr = r->addrs[a],
                                         .priority = r->priority,
                                         .weight = r->weight,
                                         .record = (uint16_t)i};
            memcpy(t->host, r->host, sizeof t->host);
        }
    }
    return count;
}

static struct duration ttl_of(const struct net_dns_query *q) {
    return duration_s(q->ttl_s < TTL_MAX_S ? q->ttl_s : TTL_MAX_S);
}

/* A name that exists and leads nowhere is as good as none. */
static int why_nothing(const struct net_dns_query *q) {
    return q->status != ARES_SUCCESS ? q->status : ARES_ENODATA;
}

static void hand_over_texts(struct net_dns_query *q) {
    struct texts *t = q->texts;
    struct net_dns_texts result = {.texts = t->list, .count = t->count, .detail = ""};

    if (t->count > 0) {
        result.ttl = ttl_of(q);
    } else {
        result.err = err_of(why_nothing(q));
        result.detail = ares_strerror(why_nothing(q));
    }
    t->done(q->data, &result);
    free_query(q);
}

static void call_done(void *data, struct instant now) {
    struct net_dns_query *q = data;
    struct net_dns_target targets[NET_DNS_TARGETS_MAX];
    struct net_dns_result result = {.targets = targets, .detail = ""};

    (void)now;
    if (q->texts != NULL) {
        hand_over_texts(q);
        return;
    }
    result.count = put_together(q, targets);
    if (result.count > 0) {
        result.ttl = ttl_of(q);
    } else {
        result.err = err_of(why_nothing(q));
        result.detail = ares_strerror(why_nothing(q));
    }
    q->done(q->data, &result);
    free_query(q);
}

/* One of c-ares' callbacks has come. */
static void settle(struct net_dns_query *q) {
    q->pending--;
    /* While the channel is being destroyed, net_dns_free frees. */
    if (q->pending > 0 || q->dns->closing)
        return;
    if (q->cancelled)
        free_query(q);
    else
        net_timer_arm(&q->later, net_now());
}

static void note_ttl(struct net_dns_query *q, int64_t ttl_s) {
    if (ttl_s < q->ttl_s)
        q->ttl_s = ttl_s > 0 ? ttl_s : 0;
}

/* ---- addresses of a host ---- */

static void addresses_found(void *arg, int status, int timeouts, struct ares_addrinfo *info) {
    struct record *r = arg;
    struct net_dns_query *q = r->query;

    (void)timeouts;
    if (status != ARES_SUCCESS)
        q->status = status;
    for (struct ares_addrinfo_node *n = info != NULL ? info->nodes : NULL;
         n != NULL && r->addr_count < ADDRS_MAX; n = n->ai_next) {
        struct addr a = net_addr_from_sockaddr(n->ai_addr);
        if (addr_is_none(&a))
            continue;
        a.port = r->port;
        r->addrs[r->addr_count++] = a;
        note_ttl(q, n->ai_ttl);
    }
    ares_freeaddrinfo(info);
    settle(q);
}

static void ask_for_addresses(struct record *r) {
    /* One kind of socket, or each address comes once a kind. */
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    r->query->pending++;
    ares_getaddrinfo(r->query->dns->channel, r->host, NULL, &hints, addresses_found, r);
}

/* ---- SRV records ---- */

/* The smallest TTL of an answer's records; c-ares 1.18 does not tell it for SRV. Returns `least` as
 * soon as something does not fit, since c-ares itself has judged the answer by then. */
static int64_t smallest_ttl(const unsigned char *answer, int len, int64_t least) {
    const unsigned char *at = answer + HFIXEDSZ, *end = answer + len;
    unsigned questions, answers;

    if (len < HFIXEDSZ)
        return least;
    questions = (unsigned)answer[4] << 8 | answer[5];
    answers = (unsigned)answer[6] << 8 | answer[7];
    for (unsigned i = 0; i < questions + answers; i++) {
        char *name = NULL;
        long name_len = 0;
        if (at >= end || ares_expand_name(at, answer, len, &name, &name_len) != ARES_SUCCESS)
            return least;
        ares_free_string(name);
        at += name_len;
        if (end - at < (i < questions ? QFIXEDSZ : RRFIXEDSZ))
            return least;
        if (i < questions) {
            at += QFIXEDSZ;
            continue;
        }
        int64_t ttl_s = (int64_t)at[4] << 24 | at[5] << 16 | at[6] << 8 | at[7];
        unsigned data_len = (unsigned)at[8] << 8 | at[9];
        least = ttl_s < least ? ttl_s : least;
        if (end - at < (ptrdiff_t)(RRFIXEDSZ + data_len))
            return least;
        at += RRFIXEDSZ + data_len;
    }
    return least;
}

static void take_records(struct net_dns_query *q, const struct ares_srv_reply *reply) {
    for (; reply != NULL && q->record_count < NET_DNS_RECORDS_MAX; reply = reply->next) {
        struct record *r = &q->records[q->record_count];
        size_t len = strlen(reply->host);
        /* The root as a target says "decidedly not available here". */
        if (len == 0 || strcmp(reply->host, ".") == 0 || len > NET_DNS_NAME_LEN_MAX)
            continue;
        *r = (struct record){
            .query = q, .priority = reply->priority, .weight = reply->weight, .port = reply->port};
        memcpy(r->host, reply->host, len + 1);
        q->record_count++;
    }
}

static void records_found(void *arg, int status, int timeouts, unsigned char *answer, int len) {
    struct net_dns_query *q = arg;
    struct ares_srv_reply *reply = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_srv_reply(answer, len, &reply);
    if (status == ARES_SUCCESS) {
        note_ttl(q, smallest_ttl(answer, len, TTL_MAX_S));
        take_records(q, reply);
    } else {
        q->status = status;
    }
    if (reply != NULL)
        ares_free_data(reply);
    /* Not while the channel is going: new queries would outlive it. */
    for (size_t i = 0; i < q->record_count && !q->cancelled && !q->dns->closing; i++)
        ask_for_addresses(&q->records[i]);
    settle(q);
}

/* ---- TXT records ---- */

/* c-ares gives the strings of all records in a row and marks where a record begins. */
static void take_texts(struct texts *t, const struct ares_txt_ext *string) {
    while (string != NULL && t->count < NET_DNS_TEXTS_MAX) {
        char *text = t->list[t->count];
        size_t len = 0;
        bool good = true;
        do {
            good = good && string->length <= NET_DNS_TEXT_LEN_MAX - len &&
                   memchr(string->txt, 0, string->length) == NULL;
            if (good)
                memcpy(text + len, string->txt, string->length);
            len += good ? string->length : 0;
            string = string->next;
        } while (string != NULL && !string->record_start);
        text[len] = '\0';
        t->count += good;
    }
}

static void texts_found(void *arg, int status, int timeouts, unsigned char *answer, int len) {
    struct net_dns_query *q = arg;
    struct ares_txt_ext *reply = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_txt_reply_ext(answer, len, &reply);
    if (status == ARES_SUCCESS) {
        note_ttl(q, smallest_ttl(answer, len, TTL_MAX_S));
        take_texts(q->texts, reply);
    } else {
        q->status = status;
    }
    if (reply != NULL)
        ares_free_data(reply);
    settle(q);
}

/* ---- queries ---- */

static struct net_dns_query *make_query(struct net_dns *dns, net_dns_done_fn done, void *data) {
    struct net_dns_query *q = calloc(1, sizeof *q);

    if (q == NULL)
        return NULL;
    q->dns = dns;
    q->done = done;
    q->data = data;
    q->ttl_s = TTL_MAX_S;
    net_timer_init(&q->later, dns->loop, call_done, q);
    q->next = &dns->queries;
    q->previous = dns->queries.previous;
    q->previous->next = q->next->previous = q;
    return q;
}

struct net_dns_query *net_dns_srv(struct net_dns *dns, const char *name, net_dns_done_fn done,
                                  void *data) {
    struct net_dns_query *q = make_query(dns, done, data);

    if (q == NULL)
        return NULL;
    q->pending++;
    ares_query(dns->channel, name, ns_c_in, ns_t_srv, records_found, q);
    rearm(dns);
    return q;
}

struct net_dns_query *net_dns_host(struct net_dns *dns, const char *host, uint16_t port,
                                   net_dns_done_fn done, void *data) {
    struct net_dns_query *q = make_query(dns, done, data);

    if (q == NULL)
        return NULL;
    struct record *r = &q->records[q->record_count++];
    r->query = q;
    r->port = port;
    snprintf(r->host, sizeof r->host, "%s", host);
    ask_for_addresses(r);
    rearm(dns);
    return q;
}

struct net_dns_query *net_dns_txt(struct net_dns *dns, const char *name, net_dns_texts_fn done,
                                  void *data) {
    struct net_dns_query *q = make_query(dns, NULL, data);

    if (q == NULL)
        return NULL;
    if ((q->texts = calloc(1, sizeof *q->texts)) == NULL) {
        free_query(q);
        return NULL;
    }
    q->texts->done = done;
    q->pending++;
    ares_query(dns->channel, name, ns_c_in, ns_t_txt, texts_found, q);
    rearm(dns);
    return q;
}

void net_dns_cancel(struct net_dns_query *q) {
    q->cancelled = true;
    net_timer_cancel(&q->later);
    if (q->pending == 0)
        free_query(q);
}

/* ---- lifecycle ---- */

static void prepare_ares(void) {
    ares_library_init(ARES_LIB_INIT_ALL);
}

enum err net_dns_new(struct net_dns **out, struct net_loop *loop,
                     const struct net_dns_options *options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct net_dns_options o = options != NULL ? *options : (struct net_dns_options){0};
    struct net_dns *dns = calloc(1, sizeof *dns);
    struct ares_options ares = {.timeout = o.timeout.us > 0 ? (int)duration_in_ms(o.timeout) : 400,
                                .tries = o.tries > 0 ? o.tries : 3,
                                .sock_state_cb = socket_wanted,
                                .sock_state_cb_data = dns};

    *out = NULL;
    pthread_once(&once, prepare_ares);
    if (dns == NULL)
        return ERR_NO_MEMORY;
    dns->loop = loop;
    dns->queries.next = dns->queries.previous = &dns->queries;
    net_timer_init(&dns->timer, loop, time_is_up, dns);
    if (ares_init_options(&dns->channel, &ares,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
        ARES_SUCCESS) {
        free(dns);
        return ERR_IO;
    }
    if (o.servers != NULL && ares_set_servers_ports_csv(dns->channel, o.servers) != ARES_SUCCESS) {
        net_dns_free(dns);
        return ERR_BAD_FIELD;
    }
    *out = dns;
    return ERR_OK;
}

void net_dns_free(struct net_dns *dns) {
    if (dns == NULL)
        return;
    dns->closing = true;
    /* Calls back for every query in flight, and closes the sockets. */
    ares_destroy(dns->channel);
    assert(dns->watches == NULL);
    while (dns->queries.next != &dns->queries)
        free_query(dns->queries.next);
    net_timer_cancel(&dns->timer);
    free(dns);
}
