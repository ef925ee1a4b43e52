/*
 * Prober: how far away a client is from clusters that do not serve it.
 *
 * The cluster that opens a session names a handful of others beside the backups in the ticket, best
 * first. While it serves it names others in their place, whenever those have had their packets
 * (naming.h). They are asked one after another (topo/probe), one packet of 32 bytes
 * at a time, and no more than one in PROBER_EVERY. The pause is drawn, up to twice as long, so that
 * thousands who lost the same server do not ask in step. While media is missing nobody is probed.
 *
 * An answer counts if it repeats the nonce of the one packet that is out and comes from where that
 * went. Round trips to the backups come from the witness's hellos and cost nothing. What has been
 * measured anew is told to whoever serves, in one signed message every ten seconds. A probe moves
 * nobody: what clusters make of it is the order of the backups of those who come later.
 *
 * While the client is in doubt whose fault lost frames are (doubt.h) it tells every PROBER_DOUBT,
 * and of each backup how many questions have been answered since, and how many have not, and how
 * many of the server's frames were lost meanwhile: as they come, not when they are due. That may
 * move people: where the serving path alone is bad, see monitor/ways.h. Who was asked to go
 * elsewhere tells the same of its backups in its usual rhythm, when it has been out of doubt for as
 * long: that is how its former server is known to be well again (peerd/core/way_home.h). Who has
 * left a second time does not, for half an hour: whoever serves it then need not know of the first
 * time.
 *
 * Three steps, as there are three facts: prober_ticked(), prober_echoed() and prober_named(). Both
 * sides of time are the caller's; the simulator and peerclient drive this very machine.
 */
#ifndef TRANSCODER_TIMELINE_PROBER_H
#define TRANSCODER_TIMELINE_PROBER_H

#include "topo/probe.h"
#include "transcoder/timeline/witness.h"

#define PROBER_TARGETS_MAX 8
#define PROBER_EVERY       duration_ms(1000) /* [ms] at least, between two packets to anybody */
#define PROBER_TELL_FIRST  duration_ms(3000) /* [ms] after the beginning */
#define PROBER_TELL        duration_ms(8000) /* [ms] between two messages, or up to half more */
#define PROBER_DOUBT       duration_ms(500)  /* [ms] the same while it is in doubt … */
#define PROBER_EARLY       duration_ms(1100) /* [ms] … after so long; before, DOUBT_TELL */

struct prober_stats {
    uint64_t sent;
    uint64_t answered;
    uint64_t foreign; /* echoes and names that nobody waits for, or from elsewhere */
    uint64_t named;   /* times that others took the place of the targets */
};

struct prober {
    struct probe probe; /* whom next; what they said */
    struct witness_address targets[PROBER_TARGETS_MAX];
    bool news[PROBER_TARGETS_MAX]; /* measured since it was told */
    struct rng rng;
    uint64_t nonce; /* of the packet that is out; 0: none */
    size_t asked;   /* whom; index */
    struct instant sent_at;
    struct instant next_at; /* of the next packet; "never" if there is nobody to ask */
    struct instant tell_at; /* of the next message */
    struct instant told_at; /* of the newest; backups heard since are news */
    uint64_t counter;       /* of that */
    uint64_t tell_nonce;    /* of that, as long as no names have answered it; 0: none */
    struct addr told_to;    /* who got it */
    struct prober_stats stats;
};

/* At most PROBER_TARGETS_MAX of `targets` are taken, the first ones; none may be among the servers
 * of the session. `seed` is fresh entropy. */
void prober_init(struct prober *p, const struct witness_address *targets, size_t count,
                 uint64_t seed, struct instant now);

/* Time has come, or passed: at most one packet and one message come of it. While it is in doubt the
 * witness has deadlines of its own often enough; of the witness only the outcomes change. */
struct prober_out {
    bool probes;
    struct message probe;
    struct addr to; /* of the probe */
    bool tells;
    struct message trips; /* to whoever serves; the caller signs it */
    uint8_t server;       /* slot of the witness to send it to */
};
void prober_ticked(struct prober *p, struct witness *w, struct instant now, struct prober_out *out);

/* An echo has come. False: it is none of ours. */
bool prober_echoed(struct prober *p, const struct addr *from, uint64_t nonce,
                   const struct key_hint *cluster, struct instant now);

/* Whoever serves names others to measure, in answer to the newest message. Who is named again keeps
 * what it has said; servers of the session are left out, they are measured already. False: nobody
 * waits for it, and nothing has changed. */
bool prober_named(struct prober *p, const struct witness *w, const struct addr *from,
                  uint64_t nonce, const struct message_named *named, struct instant now);

struct instant prober_deadline(const struct prober *p);
void prober_check_invariants(const struct prober *p);

/* Index of the target at an address; PROBER_TARGETS_MAX for any other. */
size_t prober_find(const struct prober *p, const struct addr *media);

/* What is known of a target; zero: nothing, or it is deaf. */
struct duration prober_rtt(const struct prober *p, size_t target);

#endif
