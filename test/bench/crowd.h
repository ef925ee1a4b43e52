/*
 * A crowd: many clients of one media port, in one thread.
 *
 * They say hello, present tickets, report every 500 ms and count what they hear, as real clients
 * do; each has its own key, session and ticket, and CROWD_PATHS sockets are shared among them. They
 * sign, until they have knocked for passes.
 * While they listen they look at their sockets every CROWD_NAP_US in place of sleeping in them: on
 * loopback the sender pays for waking a sleeping receiver, which no sender to a network does.
 */
#ifndef TEST_BENCH_CROWD_H
#define TEST_BENCH_CROWD_H

#include "peerd/base/time.h"
#include "peerd/wire/message.h"
#include "test/bench/machine.h"

#define CROWD_PATHS        16
#define CROWD_NAP_US       1000 /* [µs] */
#define CROWD_QUICK_US     50  /* [µs] while answers are awaited, unless `nap_us` says otherwise */
#define CROWD_REPORT_MS    500 /* [ms] between reports of a client that is served */
#define CROWD_HEADER_BYTES 28  /* of IPv4 and UDP */
#define CROWD_WINDOW       64  /* questions asked and not answered yet */

struct crowd_member {
    struct key_pair key;
    struct session_id session;
    char token[TICKET_LEN_MAX + 1];
    uint16_t token_len;
    struct pass pass;          /* mark 0: it signs */
    struct key_hint served_by; /* until now, as it says; zeros: by nobody */
    uint64_t counter;
    uint32_t epoch;
    uint64_t start; /* frame that was live when the crowd was made */
    /* The question that is open, or was asked last. */
    uint64_t nonce;
    struct instant asked;
    struct instant repeat; /* it is asked again then; "never" once answered */
    struct instant answered;
    enum err error;
    struct instant heard;   /* first frame after the question; "never" for none yet */
    struct instant filled;  /* when as many had come as were missing; "never" until then */
    uint64_t filled_frames; /* `frames` then */
    /* What is heard. */
    bool served; /* it reports */
    bool any;
    uint16_t next_seq;
    uint64_t frames; /* that came */
    uint64_t lost;   /* that a later one overtook */
    struct instant report_due;
};

struct crowd {
    const struct machine *machine;
    struct key_hint target;
    struct instant begun;
    uint32_t count;
    struct crowd_member *members;
    int paths[CROWD_PATHS];
    struct cookie cookies[CROWD_PATHS];
    bool greeted[CROWD_PATHS]; /* has a cookie */
    bool awake;                /* sleep in the sockets: exact times of arrival */
    uint32_t nap_us;           /* [µs] between looks for answers */
    uint32_t open;             /* questions */
    uint64_t nonces;           /* of questions */
    uint64_t reports;          /* sent */
    uint64_t busy;             /* times that somebody was told to come again */
    uint64_t acks;
    uint64_t strays; /* datagrams that belong to nobody */
    uint64_t bytes;  /* of datagrams either way, CROWD_HEADER_BYTES each included */
};

/* Makes `count` clients with tickets for the profile, spread over the recording, and paths with
 * cookies. Ends the process if the machine does not answer. */
struct crowd *crowd_new(const struct machine *m, enum media_codec codec, uint32_t count);
void crowd_free(struct crowd *c);

struct crowd_asked {
    uint32_t granted;
    uint32_t refused;
    double took_s; /* from the first question to the last answer */
};

/* Clients first … first+count−1 ask for the same, CROWD_WINDOW at a time; returns when all are
 * answered; who is told to come again later does. A hedge and a commit lack `missing` frames before
 * the live one; a commit has a new epoch; it makes the client report, and so does a hot standby. */
struct crowd_asked crowd_ask(struct crowd *c, uint32_t first, uint32_t count,
                             enum resume_purpose purpose, uint32_t missing);

/* The same, and ends the process unless every question was granted. */
double crowd_ask_all(struct crowd *c, enum resume_purpose purpose, uint32_t missing);

/* Each gets a pass, which takes seconds: a worker hands out so many in each. Ends the process if
 * somebody gets none. */
void crowd_knock(struct crowd *c);

/* Each says hello once, as clients do to keep a way open. */
void crowd_hello(struct crowd *c);

/* Hears and reports for so long. */
void crowd_listen(struct crowd *c, double seconds);

/* Listens until those clients have heard a frame since they asked; false after so long. */
bool crowd_await(struct crowd *c, uint32_t first, uint32_t count, double seconds_max);

/* Sums over all. */
uint64_t crowd_frames(const struct crowd *c);
uint64_t crowd_lost(const struct crowd *c);

#endif
