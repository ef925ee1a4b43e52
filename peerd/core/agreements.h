/*
 * Agreements with all peers: what the machines of agreement.h are told, and what follows.
 *
 * A row of the policy's `agreements` that fits a peer's name makes an agreement with it required:
 * what is given and asked is said as soon as the peer has been heard, sessions of ours are named it
 * as a backup only as the terms allow and as long as they are in force, and of its own no more are
 * taken here than are held. A peer that no row fits is trusted as its `accept_moves` and
 * `offer_moves` say. If it wants an agreement all the same it gets one at once: it may bring what
 * there is room for, and is asked for as much; nothing is set aside because of that.
 *
 * Sessions come to workers, which ask nobody: they know how many of each peer's they may let in
 * (allotment.h) and of which services, and refuse the others at the door. What is not in the terms
 * otherwise, and whoever is too many because two nodes took one in at the same time, a node tells
 * of within a poll; it is ended with the reason, and its client turns to its next backup. Who was
 * here before stays, whatever becomes of the agreement. A peer that has not been heard since we
 * started may rely on what a run before has promised: until a lease is over it brings as many as
 * are reserved for it.
 *
 * What a machine wants to say to a peer that is not heard is lost, as it might be on the way.
 */
#ifndef PEERD_CORE_AGREEMENTS_H
#define PEERD_CORE_AGREEMENTS_H

#include "peerd/core/agreement.h"
#include "peerd/core/outbox.h"

struct core;
struct core_event;
struct node_session;
struct peering;

#define AGREEMENTS_LEASE duration_s(600) /* where no row says another */

/* An agreement with one peer, and what of ours counts on it. */
struct accord {
    struct agreement agreement;
    bool required;
    bool wish;                     /* what we give and ask is to be told to the machine */
    uint32_t counted;              /* committed sessions of ours in groups lodged with it */
    struct instant refused_traced; /* newest line about a session of its; "never": none */
};

/* What all have in common. */
struct agreements {
    struct agreement_room required; /* no more than there is */
    struct agreement_room trusted;  /* of those with whom none is: no bound, nothing is set aside */
    struct agreement_outbox outbox; /* what is said in this step */
    bool saying;                    /* `outbox` is in use by this step's outbox */
    struct instant refused_traced;  /* as of an accord, of those with whom there is none */
};

/* The peer has been heard, or the policy is another: says what we wish, if anything has to be
 * agreed. */
void agreements_wish(struct core *core, struct peering *p);

/* Another policy is in force. */
void agreements_policy(struct core *core);

/* CORE_AGREEMENT_HEARD. */
void agreements_heard(struct core *core, const struct core_event *event,
                      struct core_outbox *outbox);

/* Leases that are over end now, before anything is decided: a process that did not run for a while
 * finds an event before the deadline that has passed meanwhile, and several agreements may end in
 * a step, of which one at most can be said in it. */
void agreements_expire(struct core *core, struct peering *p);

void agreements_step(struct core *core, struct peering *p, struct core_outbox *outbox);
struct instant agreements_deadline(const struct peering *p);

/* Gives back what was held for it. */
void agreements_forget(struct peering *p);

/* A group with so many committed sessions counts on it, or (negative) not any more. */
void agreements_counted(struct peering *p, int64_t sessions);

/* May sessions of ours be lodged there at all, as far as agreements go? */
bool agreements_count(const struct peering *p);

/* Has something to be agreed with it, and is that under way? */
bool agreements_pend(const struct peering *p);

/* May a session of that service and of a client there go to the peer? */
bool agreements_offer(const struct core *core, const struct peering *p, const struct name *service,
                      const struct addr *client);

/* May a player of ours be sent to a stream there? Of an agreement only `clients` says something of
 * that: what else it is about are slots at nodes. */
bool agreements_send(const struct peering *p, const struct addr *client);

/* [sessions] that could go there, as far as is known. */
uint32_t agreements_room(const struct core *core, const struct peering *p);

/* Of a session of ours there: as agreed, or else as the policy says. */
uint32_t agreements_cost(const struct peering *p);

/* [sessions] to be set aside here for the peer, used or not. */
uint32_t agreements_held(const struct core *core, const struct peering *p);

/* Does a row of the policy say that no more of its sessions come here than agreements_held()? */
bool agreements_bound(const struct core *core, const struct peering *p);

/* With nothing held for it: is there nothing under way either that would change that soon? */
bool agreements_deny(const struct peering *p, uint32_t held);

/* The services of our policy that its sessions may use here, as in node_guest_limit: those that
 * both sides have named, of a class that both have. Clients are not in it: whether a client's
 * address is one that was agreed upon, is asked when a node tells of its session. */
uint32_t agreements_services(const struct core *core, const struct peering *p);

/* Standbys of its that each worker may send for, as in node_guest_limit. */
uint32_t agreements_hot(const struct core *core, const struct peering *p);

/* So many more of its sessions were refused by workers, as more than they were told to let in … */
void agreements_refused(struct core *core, struct peering *p, uint64_t count);

/* … and as of a service that is not in the terms. */
void agreements_denied(struct core *core, struct peering *p, uint64_t count);

/* A node tells of a session that is not in the table, or (`known`) stands by there and is to serve.
 * ERR_OK: it may. A limit concerns newcomers: who was let in to stand by may serve, though less has
 * been agreed since, unless that is nothing, or not for such as it. */
enum err agreements_admit(struct core *core, const struct node_session *told, bool known);

void agreements_check_invariants(const struct core *core);

#endif
