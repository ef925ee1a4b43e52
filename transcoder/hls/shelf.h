/*
 * The shelf: which segments are at hand, which are being made, and who waits for which.
 *
 *             ask, or next of one asked               a maker is free
 *     (none) ---------------------------> WANTED ------------------------> MAKING
 *        ^                                  |                                | made
 *        | failed, or forgotten             | too many wanted ahead          v
 *        +----------------------------------+------- room is needed ------ READY
 *
 * A segment is a function of its key, so one is as good as another: it is made once while it is
 * kept, whoever asks, and never twice at the same time. Makers work on different segments side by
 * side. What somebody waits for is made first, in the order of asking; what is only expected to be
 * asked for next waits for a maker to spare, and never takes the last one. Whoever has waited for
 * SHELF_WAIT_MS is told no, or at once if it can be foreseen: a player then turns to another
 * cluster, while it would hang on a server that says nothing. It is made all the same, for who asks
 * again. What is kept is bounded in bytes; what was asked for longest ago goes first. A maker that
 * takes longer than SHELF_MAKE_MS is to be ended, and its segment is nobody's any more.
 *
 * Bytes are not kept here: item numbers stand for them in an array of the caller's.
 */
#ifndef TRANSCODER_HLS_SHELF_H
#define TRANSCODER_HLS_SHELF_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHELF_ITEMS   4096 /* kept, wanted and being made */
#define SHELF_WAITERS 1024 /* requests without an answer yet; more are told no at once */
#define SHELF_MAKERS  128  /* processes */
#define SHELF_AHEAD   64   /* wanted without being asked for; of more the oldest are forgotten */
#define SHELF_NONE    UINT32_MAX
#define SHELF_WAIT_MS 1500  /* [ms] players take longer for a frozen server */
#define SHELF_MAKE_MS 20000 /* [ms] ten times what 3.2 s of 1080 lines take on a busy core */

/* What is kept under one number. */
struct shelf_key {
    uint32_t line;   /* the caller's number for one rendition of one source */
    uint32_t number; /* of the segment */
};

enum shelf_state {
    SHELF_FREE,
    SHELF_WANTED,
    SHELF_MAKING,
    SHELF_READY
};

struct shelf_item {
    struct shelf_key key;
    enum shelf_state state;
    uint32_t waiters;
    uint32_t cost_us; /* [µs] that making it will take, as the caller expects */
    uint64_t order;   /* wanted: of asking; ready: of the latest use */
    uint64_t bytes;   /* ready: [bytes] */
    uint32_t chain;   /* next item of the same bucket */
};

struct shelf_waiter {
    uint64_t token; /* the caller's */
    uint32_t item;
    struct instant until;
};

struct shelf_maker {
    uint32_t item; /* SHELF_NONE: idle */
    struct instant since;
    bool here; /* there is such a process */
};

struct shelf_counters {
    uint64_t hits;    /* asked for and at hand */
    uint64_t waited;  /* asked for and answered later */
    uint64_t refused; /* asked for and told no: at once, or after waiting */
    uint64_t made;
    uint64_t ahead; /* made before anybody asked */
    uint64_t failed;
    uint64_t dropped; /* to make room */
};

struct shelf {
    struct shelf_item items[SHELF_ITEMS];
    uint32_t buckets[SHELF_ITEMS];
    struct shelf_waiter waiters[SHELF_WAITERS];
    uint32_t waiter_count;
    struct shelf_maker makers[SHELF_MAKERS];
    uint64_t bytes, bytes_max;
    uint64_t clock; /* grows with each use */
    bool news;      /* some waiter may have its answer */
    struct shelf_counters counters;
};

/* 400 KB: the caller's, and not on a stack. */
void shelf_init(struct shelf *s, uint64_t bytes_max);

/* A process is there, idle; or is gone, and what it made fails. */
void shelf_maker_here(struct shelf *s, uint32_t maker);
void shelf_maker_gone(struct shelf *s, uint32_t maker);

/* One that has nothing to do; SHELF_NONE. For work of another kind say that it is gone, until that
 * is done. */
uint32_t shelf_idle(const struct shelf *s);

enum shelf_answer {
    SHELF_HAVE, /* *item is it */
    SHELF_WAIT, /* shelf_answered will tell */
    SHELF_NO
};

/* Makers that are making something. */
uint32_t shelf_busy(const struct shelf *s);

/* Somebody asks. */
enum shelf_answer shelf_ask(struct shelf *s, struct shelf_key key, uint32_t cost_us, uint64_t token,
                            struct instant now, uint32_t *item);

/* It is likely to be asked for next. False: that is nothing new, nothing follows from it. */
bool shelf_expect(struct shelf *s, struct shelf_key key, uint32_t cost_us);

/* It is at hand, being made or wanted. */
bool shelf_knows(struct shelf *s, struct shelf_key key);

/* It will not be asked for after all: nothing follows if somebody waits, or it is under way. */
void shelf_forget(struct shelf *s, struct shelf_key key);

/* Nobody listens any more. */
void shelf_leave(struct shelf *s, uint64_t token);

/* Gives the most urgent work to an idle maker. False: there is no work, or nobody for it. */
bool shelf_assign(struct shelf *s, struct instant now, uint32_t *maker, uint32_t *item);

/* The maker is done: its item, which is ready with so many bytes, or has failed (`ok` false). */
uint32_t shelf_made(struct shelf *s, uint32_t maker, bool ok, uint64_t bytes);

/* Call each after the others until it says false. An item whose bytes are to be thrown away. */
bool shelf_drop(struct shelf *s, uint32_t *item);
/* A waiter whose answer is there: an item, or SHELF_NONE for no. */
bool shelf_answered(struct shelf *s, struct instant now, uint64_t *token, uint32_t *item);
/* A maker to be ended: then say that it is gone. */
bool shelf_overdue(const struct shelf *s, struct instant now, uint32_t *maker);

/* When one of them has something to say without anything else happening. */
struct instant shelf_deadline(const struct shelf *s);

/* Stops the program where the drawing above is not obeyed. */
void shelf_check_invariants(const struct shelf *s);

#endif
