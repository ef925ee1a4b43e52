/*
 * A client of a media port, for tests: asks, waits for the answer, and notes every frame that came.
 *
 * It speaks wire/message over a plain socket and blocks; the real client is transcoder/client. It
 * is as rude as a test wants: everything it sends can be changed on the way.
 */
#ifndef TEST_LIB_MEDIA_CLIENT_H
#define TEST_LIB_MEDIA_CLIENT_H

#include "peerd/wire/message.h"
#include "transcoder/rtp/rtcp.h"
#include "transcoder/timeline/position.h"

#define MEDIA_CLIENT_FRAMES_MAX  2048  /* frames noted */
#define MEDIA_CLIENT_PATIENCE_MS 20000 /* [ms] longer than any machine makes us wait */
#define MEDIA_CLIENT_PAYLOAD_MAX 320   /* [bytes] kept of each */

struct media_client_frame {
    uint32_t copies;      /* how often it came */
    struct instant first; /* when the first did */
    uint16_t len;         /* [bytes] of the first copy */
    uint8_t payload[MEDIA_CLIENT_PAYLOAD_MAX];
    bool differs; /* a later copy was not the same */
};

struct media_client {
    int fd;
    struct addr server;
    struct key_pair key;
    struct key_hint target;
    struct session_id session;
    struct ticket ticket;
    char token[TICKET_LEN_MAX + 1];
    size_t token_len;
    struct cookie cookie;
    struct pass pass;    /* mark 0: it signs */
    uint32_t free_slots; /* as the newest cookie came with */
    uint64_t counter, nonce;
    struct position position;
    uint8_t payload_type;
    struct media_client_frame frames[MEDIA_CLIENT_FRAMES_MAX];
    uint32_t received;     /* frames that came, copies too */
    uint32_t strangers;    /* RTP that is not of this session */
    struct rtcp_report sr; /* newest sender report */
    uint32_t sr_count;
    struct message_notice notice; /* newest */
    uint32_t notice_count;
    uint32_t echo_count; /* answers to probes */
    uint32_t pass_count; /* answers to knocks */
};

/* Opens a socket and makes a key; the ticket is to be filled and signed by the test. */
void media_client_open(struct media_client *c, const struct addr *server,
                       const struct key_hint *target);
void media_client_close(struct media_client *c);

/* Signs `ticket` (with client key and session filled in) as `issuer` would. */
void media_client_ticket(struct media_client *c, const struct ticket *ticket,
                         const struct key_pair *issuer, uint32_t samples);

/* Sends bytes as they are. */
void media_client_send(struct media_client *c, const void *data, size_t len);

/* Hello and cookie. False if none came. */
bool media_client_hello(struct media_client *c);

/* Knocks, and keeps the pass: from now on it does not sign. False if a cookie came in its place, or
 * something that it cannot open. */
bool media_client_knock(struct media_client *c);

/* Sends so many probes for whoever has that hint, and returns how many are answered. */
uint32_t media_client_probe(struct media_client *c, const struct key_hint *target, int times);

/* Fills what every resume has: cookie, target, session, next counter, ticket. */
struct message_resume media_client_resume(struct media_client *c, enum resume_purpose purpose,
                                          uint32_t epoch, uint64_t from, uint64_t live);

/* Sends a resume or a report and waits for its answer: MESSAGE_GRANT, MESSAGE_REFUSE or
 * MESSAGE_ACK in `answer`. False if none came. */
bool media_client_ask(struct media_client *c, const struct message_resume *resume,
                      struct message *answer);
bool media_client_report(struct media_client *c, uint32_t epoch, uint64_t last_frame,
                         struct message *answer);

/* True if this resume gets no answer: what is asked after it gets one and it has none. */
bool media_client_is_ignored(struct media_client *c, const struct message_resume *resume);

/* Takes what has arrived, and what arrives for so long. */
void media_client_listen(struct media_client *c, int64_t ms);

/* Listens until `frame` has come. False if it does not. */
bool media_client_await(struct media_client *c, uint64_t frame);

/* Listens until no frame came for so long, though the server was awake. False if they go on and on.
 */
bool media_client_await_silence(struct media_client *c, int64_t ms);

/* Frames of from … to−1 that have not come. */
uint32_t media_client_missing(const struct media_client *c, uint64_t from, uint64_t to);

/* One past the highest frame that came; 0 if none did. */
uint64_t media_client_end(const struct media_client *c);

#endif
