/*
 * Tickets that are wrong in one thing. Each is presented as a client would, on a path that has its
 * cookie; the worker must refuse by name, and never send media.
 */
#include "test/live/hostile.h"

#include "peerd/net/clock.h"
#include "peerd/wire/paseto.h"
#include "test/lib/media_client.h"

#include <stdio.h>
#include <string.h>

struct attempt {
    struct hostile *h;
    struct media_client *client;
    struct ticket ticket;   /* the good one */
    struct key_pair own;    /* the client's */
    struct key_pair issuer; /* who signs */
    bool sign;              /* make the token anew; otherwise it is what `client` holds */
};

static void nothing(struct attempt *a) {
    (void)a;
}

static void stolen(struct attempt *a) {
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&a->client->key, seed);
}

static void altered(struct attempt *a) {
    char *c = &a->client->token[a->client->token_len / 2];
    *c = *c == 'A' ? 'B' : 'A';
    a->sign = false;
}

static void truncated(struct attempt *a) {
    a->client->token_len -= 20;
    a->sign = false;
}

static void forged(struct attempt *a) {
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&a->issuer, seed);
}

/* A peer signs in our name: its key is known here, but it is not the one that may. */
static void forged_by_peer(struct attempt *a) {
    a->issuer = a->h->sites[1].key;
}

static void expired(struct attempt *a) {
    a->ticket.issued_s -= 3 * 86400;
    a->ticket.expires_s = a->ticket.issued_s + 86400;
}

static void not_yet(struct attempt *a) {
    a->ticket.issued_s += 86400;
    a->ticket.expires_s += 86400;
}

static void outside_catalogue(struct attempt *a) {
    name_set(&a->ticket.source, "etc.passwd");
}

static void other_content(struct attempt *a) {
    a->ticket.digest.bytes[0] ^= 1;
}

static void other_profile(struct attempt *a) {
    name_set(&a->ticket.profile, "nonesuch");
}

static void unknown_claim(struct attempt *a) {
    struct media_client *c = a->client;
    char message[PASETO_TOKEN_LEN_MAX], footer[256];
    size_t len = 0, footer_len = 0;
    if (paseto_verify(c->token, c->token_len, &a->issuer.public_key, TICKET_LABEL,
                      sizeof(TICKET_LABEL) - 1, NULL, 0, message, sizeof(message) - 64,
                      &len) != ERR_OK ||
        paseto_footer(c->token, c->token_len, footer, sizeof(footer), &footer_len) != ERR_OK)
        return;
    len =
        len - 1 + (size_t)sprintf(message + len - 1, ",\"colour\":\"blue\",\"crt\":[\"colour\"]}");
    c->token_len = paseto_sign(c->token, sizeof(c->token), &a->issuer, message, len, footer,
                               footer_len, TICKET_LABEL, sizeof(TICKET_LABEL) - 1);
    a->sign = false;
}

static void other_target(struct attempt *a) {
    a->client->target = key_hint_of(&a->h->sites[1].key.public_key);
}

static void no_cookie(struct attempt *a) {
    memset(&a->client->cookie, 0x55, sizeof(a->client->cookie));
}

static const struct {
    const char *what;
    void (*spoil)(struct attempt *a);
    enum err expected; /* ERR_OK: granted */
} table[] = {
    {"a good ticket and the right key", nothing, ERR_OK},
    {"a stolen ticket: right ticket, wrong client key", stolen, ERR_BAD_SIGNATURE},
    {"an altered ticket", altered, ERR_BAD_SIGNATURE},
    {"a ticket cut short", truncated, ERR_COUNT},
    {"a forged ticket, signed by nobody known", forged, ERR_UNKNOWN_ISSUER},
    {"a ticket forged by a peer in our name", forged_by_peer, ERR_FOREIGN},
    {"an expired ticket", expired, ERR_EXPIRED},
    {"a ticket from the future", not_yet, ERR_NOT_YET},
    {"a ticket for a source outside the catalogue", outside_catalogue, ERR_UNKNOWN_SOURCE},
    {"a ticket for a source with other content", other_content, ERR_SOURCE_DIFFERS},
    {"a ticket for a profile that is not offered", other_profile, ERR_UNKNOWN_PROFILE},
    {"a ticket with a critical claim nobody knows", unknown_claim, ERR_UNKNOWN_CLAIM},
    {"a resume meant for another cluster", other_target, ERR_FOREIGN},
    {"a resume with a made-up cookie", no_cookie, ERR_BAD_COOKIE},
};

/* A session of its own for each attempt, opened as everybody does. */
static bool prepare(struct attempt *a, struct media_client *c) {
    const struct hostile_site *site = &a->h->sites[0];
    struct api_session_request request = {.protection = PROTECTION_WARM};
    struct api_session_answer answer;
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&a->own, seed);
    name_set(&request.service, "radio");
    name_set(&request.profile, "pcmu");
    name_set(&request.source, "music");
    request.client_key = a->own.public_key;
    if (hostile_open(site, &request, &answer, NULL) != 201)
        return false;
    const struct key_hint hint = key_hint_of(&site->key.public_key);
    const struct ticket_issuer issuer = ticket_issuer_of(&site->name, &site->key.public_key);
    media_client_open(c, &answer.media, &hint);
    c->key = a->own;
    c->session = answer.session;
    c->token_len = strlen(answer.ticket);
    memcpy(c->token, answer.ticket, c->token_len + 1);
    a->client = c;
    a->issuer = site->key;
    a->sign = true;
    if (ticket_verify(&a->ticket, c->token, c->token_len, &issuer, 1, net_wall(), duration_s(30)) !=
        ERR_OK)
        return false;
    c->position = position_of_leg(&a->ticket.legs[0], answer.rtp.samples_per_frame);
    return true;
}

static bool as_expected(enum err expected, bool answered, const struct message *m) {
    if (!answered)
        return false;
    if (expected == ERR_OK)
        return m->kind == MESSAGE_GRANT;
    return m->kind == MESSAGE_REFUSE && (expected == ERR_COUNT || m->u.refuse.error == expected);
}

static void try_one(struct hostile *h, size_t index) {
    static struct media_client c;
    struct attempt a = {.h = h};
    struct message answer;
    if (!prepare(&a, &c)) {
        hostile_result(h, false, "%s: no session could be opened for it", table[index].what);
        return;
    }
    bool greeted = media_client_hello(&c);
    table[index].spoil(&a);
    if (a.sign)
        c.token_len = ticket_sign(c.token, &a.ticket, &a.issuer);
    struct message_resume resume = media_client_resume(&c, RESUME_COMMIT, 1, 0, 0);
    bool answered = greeted && c.token_len > 0 && media_client_ask(&c, &resume, &answer);
    bool granted = answered && answer.kind == MESSAGE_GRANT;
    if (!granted)
        media_client_listen(&c, 60);
    bool heard = granted ? media_client_await(&c, 0) : media_client_end(&c) > 0;
    bool ok = as_expected(table[index].expected, answered, &answer) &&
              heard == (table[index].expected == ERR_OK);
    hostile_result(h, ok, "%s: %s%s", table[index].what,
                   !answered                       ? "no answer"
                   : answer.kind == MESSAGE_REFUSE ? err_name(answer.u.refuse.error)
                                                   : "granted",
                   heard ? ", media flow" : "");
    if (heard) {
        resume = media_client_resume(&c, RESUME_RELEASE, 2, 0, 0);
        media_client_ask(&c, &resume, &answer);
    }
    media_client_close(&c);
}

/* The very same datagram again, from the same place: its counter has been seen. */
static void replay(struct hostile *h) {
    static struct media_client c;
    struct attempt a = {.h = h};
    struct message answer;
    if (!prepare(&a, &c) || !media_client_hello(&c)) {
        hostile_result(h, false, "a replayed resume: no session could be opened for it");
        return;
    }
    struct message_resume resume = media_client_resume(&c, RESUME_COMMIT, 1, 0, 0);
    bool first = media_client_ask(&c, &resume, &answer) && answer.kind == MESSAGE_GRANT;
    struct message_resume leave = media_client_resume(&c, RESUME_RELEASE, 2, 0, 0);
    bool left = media_client_ask(&c, &leave, &answer);
    media_client_listen(&c, 50);
    uint64_t end = media_client_end(&c);
    bool ignored = media_client_is_ignored(&c, &resume);
    media_client_listen(&c, 100);
    hostile_result(h, first && left && ignored && media_client_end(&c) <= end + 1,
                   "a replayed resume, after its session has left: %s, %s",
                   ignored ? "no answer" : "an answer",
                   media_client_end(&c) <= end + 1 ? "no media" : "media flow");
    media_client_close(&c);
}

void hostile_tickets(struct hostile *h) {
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        try_one(h, i);
    replay(h);
}
