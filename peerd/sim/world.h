/*
 * The simulated world: everything that its parts share.
 *
 *   sim.c         the loop: takes the next event, or wakes the machine that is due
 *   dispatch.c    whom an event is for
 *   deadline.c    when machines want to be woken
 *   foresight.c   fetches what the next events are going to touch
 *   site.c        a cluster's peerd: the core, its beats, opens and reports
 *   call.c        what one peerd asks of another: descriptions and lodgings
 *   discovery.c   whom it finds, if DNS names the peers, and the resolver that it asks
 *   node.c        a machine: supervisor, registration, media-alive, power switch; roster.c
 *   worker.c      tenure and a pace for each session; door.c checks what clients ask
 *   client.c      witness and playout of a listener; opening.c gets it a session
 *   probing.c     … and its prober
 *   player.c      who watches a stream; kitchen.c makes it
 *   post.c        datagrams from one end of the network to another
 *   crowd.c       who comes and goes
 *   timeline.c    kills, restarts, drains and cuts, as the scenario says
 *   chronicle.c   what a picture of the run needs, into the report
 *   invariants.c  what must be true whatever happens
 *   narrative.c   lines for people and for comparing runs
 *
 * The machines are those of the programs; around them stands what the programs do with their
 * intentions, less cryptography: messages travel as structs, a ticket is a number in a table. What
 * the machines rely on is kept: cookies, nonces, counters, hints, boots, one run after another.
 * All arrays are walked by index, and random numbers come from generators of their own for each
 * purpose, so that a run depends on scenario and seed alone.
 */
#ifndef PEERD_SIM_WORLD_H
#define PEERD_SIM_WORLD_H

#include "peerd/base/chains.h"
#include "peerd/core/core.h"
#include "peerd/core/status.h"
#include "peerd/sim/body.h"
#include "peerd/sim/clock.h"
#include "peerd/sim/network.h"
#include "peerd/sim/queue.h"
#include "peerd/sim/report.h"
#include "peerd/sim/sim.h"
#include "peerd/wire/echo.h"
#include "transcoder/timeline/drain_kept.h"
#include "transcoder/timeline/due.h"
#include "transcoder/timeline/headless.h"
#include "transcoder/timeline/lap.h"
#include "transcoder/timeline/pace.h"
#include "transcoder/timeline/probed.h"
#include "transcoder/timeline/queue.h"
#include "transcoder/timeline/resend.h"
#include "transcoder/timeline/telling.h"
#include "transcoder/timeline/tenure.h"
#include "transcoder/timeline/witness_rest.h"

/* ---- how long things take that happen within a machine or a cluster ---- */

#define SIM_LAN          duration_us(300)   /* a node's way to its peerd */
#define SIM_PEERD_START  duration_ms(50)    /* from exec to the first event */
#define SIM_NODE_START   duration_ms(100)   /* the same, of a supervisor */
#define SIM_WORKER_START duration_ms(50)    /* the same, of a worker, link and settings included */
#define SIM_WORKER_PLACE duration_ms(3)     /* the same, of one that was at hand */
#define SIM_SPARE        duration_ms(1600)  /* from a worker's start until one more is at hand */
#define SIM_WARM_UP      duration_ms(5000)  /* before the scenario begins: everybody gets ready */
#define SIM_POLL_WAIT    duration_ms(1000)  /* a node waits so long for an answer */
#define SIM_NODE_TICK_MS 100                /* [ms] nodes look after workers and beat for peerd */
#define SIM_STALL        duration_ms(1000)  /* a worker that does not move for so long is killed */
#define SIM_CALL_WAIT    duration_ms(3000)  /* a peerd waits so long for another's answer */
#define SIM_CONNECT_WAIT duration_ms(1000)  /* a client waits so long for a connection … */
#define SIM_OPEN_WAIT    duration_ms(3000)  /* … and so long for an answer over it */
#define SIM_GIVE_UP      duration_ms(10000) /* and gives up opening after this */
#define SIM_FIGURES_MS   1000 /* [ms] between snapshots of a session that goes on … */
#define SIM_LOST_MS      400  /* [ms] … and loses frames, which is news */
#define SIM_HELD_MAX     4096 /* datagrams and requests that wait for a stopped one */
#define SIM_RETRY_MS     1000 /* [ms] a worker's Retry-After */
#define SIM_DRAINING_MS  2000 /* [ms] the same while draining */
#define SIM_COOKIE_S     30   /* [s] period of a cookie */
#define SIM_SLOTS_SPARE  64   /* slots of a playout buffer beyond its depth */
#define SIM_WORKERS_MAX  64   /* of a node */
#define SIM_HOLDERS_MAX  16   /* workers that send one session, hedges aside */
#define SIM_SLEEPY_SEEDS 3    /* every third seed lets listeners sleep */
#define SIM_PREROLL_US   60   /* [µs] of CPU a frame of Opus before the first */

enum sim_life {
    SIM_LIFE_DEAD,
    SIM_LIFE_STARTING,
    SIM_LIFE_RUNNING,
    SIM_LIFE_STOPPED /* SIGSTOP: what comes in waits */
};

struct sim_process {
    enum sim_life life;
    uint64_t run; /* counts starts and deaths: what was meant for an older run is dropped */
    struct instant since;
    struct duration asleep; /* stopped so far, but for the present time */
    struct sim_event *held; /* while stopped */
    uint32_t held_count;
    uint32_t stops; /* so far */
};

/* ---- bodies of events ---- */

struct sim_beat {
    struct addr from;
    struct beat beat; /* allocated as far as it has views: see sim_beat_size() */
};

struct sim_poll {
    struct node_request request; /* owned */
    uint64_t run;                /* of the node */
};

/* A request from one peerd to another, and then its answer. */
struct sim_call {
    uint32_t from; /* cluster that asks */
    uint64_t run;  /* of its peerd */
    uint32_t to;   /* cluster that is asked */
    bool finds;    /* for discovery, of whoever holds this key: */
    struct public_key key;
    bool lodging;                      /* else, and without a message, it wants the description */
    struct agreement_message *message; /* of an agreement, then the answer; owned */
    struct instant asked;
    uint32_t ttl_ms; /* [ms] asked, then granted */
    struct standbys_group *groups;
    uint32_t group_count;
    uint32_t *slots;
    uint32_t slot_count;
    struct description description;
    enum err err;
    bool orphan; /* whoever asked has been told that there is no answer */
};

/* ---- a cluster ---- */

struct sim_site {
    struct policy policy;    /* its end, and what follows, is looked at all the time */
    struct policy *at_start; /* NULL until it is changed */
    bool shared_anew;        /* capacity, or the nodes that share it, were others before … */
    uint64_t shared_run;     /* … this run of peerd has seen all of that */
    struct core *core;       /* NULL unless running or stopped … */
    void *storage;           /* … of which this is, in a crowd */
    struct sim_process peerd;
    struct sim_clock clock; /* of peerd's host */
    uint32_t index;
    uint32_t *peer_of;               /* by cluster; UINT32_MAX: no peer */
    uint64_t verdicts_changed;       /* counter as of the last look */
    uint64_t falls;                  /* likewise */
    struct sim_keys *keys;           /* NULL: nobody takes another key */
    struct sim_discovery *discovery; /* NULL: its policy names its peers */
    struct key_hint hint;
    struct key_hint former_hint; /* of its key before; see rekey.h */
    struct public_key key;
    enum verdict verdicts[POLICY_PEERS_MAX];
    uint32_t cluster_of[POLICY_PEERS_MAX]; /* by index in the policy */
    uint32_t first_node, node_count;
    uint32_t first_worker, worker_count;
    uint32_t capacity;           /* [sessions] of the policy */
    struct sim_kitchen *kitchen; /* NULL: it makes no streams */
    uint32_t credit_used;        /* by all its workers together */
    struct sim_poll *polling;    /* questions under way in this step, for their answers */
    struct sim_call *calling;
};

/* ---- a machine ---- */

/* What peerd is told of a session, less what stands in its ticket. */
struct sim_told {
    uint32_t epoch;
    uint8_t purpose : 7; /* enum resume_purpose */
    uint8_t hot : 1;     /* a standby that sends, too */
    uint8_t cause;       /* enum move_cause */
    uint16_t silent_ms;
    uint8_t preroll;       /* enum node_preroll */
    uint16_t merges_after; /* [frames] UINT16_MAX: never */
    uint32_t lease_ms;     /* [ms] */
    uint64_t last_frame;
    uint32_t expected, lost_before, lost_after; /* [frames] */
    uint32_t rtt_us, jitter_us;                 /* [µs] */
    uint16_t buffer_ms, burst_x16;              /* [ms], [1/16 frames] */
    struct key_hint served_by;
    struct message_moved moved;           /* that its listener has told of */
    uint8_t backup_count;                 /* that it goes by, as it was told; 0: the ticket's */
    uint16_t backups[TICKET_BACKUPS_MAX]; /* clusters */
};

/* Of that, what is news when it changes; the rest are figures. */
struct sim_news {
    uint32_t epoch;
    uint8_t purpose : 7, hot : 1;
    uint8_t cause;
    uint32_t lost_before;
    struct key_hint served_by;
    uint32_t moved; /* epoch */
    uint8_t backup_count;
    uint16_t backups[TICKET_BACKUPS_MAX];
};

/* A session as the node tells of it. */
struct sim_entry {
    bool used;
    bool changed;         /* not told yet as it is */
    bool listed;          /* on the list of those to be told */
    bool lost;            /* more frames than before, when it was told last */
    uint32_t client;      /* whose; its ticket has the same number */
    struct sim_told now;  /* newest snapshot */
    struct sim_news told; /* as peerd was told last */
    struct instant at;    /* of the snapshot */
    struct instant told_at;
    uint64_t seq; /* request in which it was told last */
    /* What a replacement needs to go on. */
    uint64_t counter;
    uint64_t live_frame;
    struct instant live_at;
};

struct sim_ended {
    struct session_id id;
    uint64_t seq; /* request in which it was told; 0 not yet */
};

/* Entries have the number of the worker and its slot: see sim_roster_place(). */
struct sim_roster {
    struct sim_shelf *shelves[SIM_WORKERS_MAX]; /* of the workers */
    uint32_t slots[SIM_WORKERS_MAX];
    uint32_t *list; /* places with something to tell */
    uint32_t list_count, list_room;
    struct sim_ended *ended;
    uint32_t ended_count, ended_room;
    struct set_digest digest;
    uint32_t used, committed;
    uint64_t seen; /* newest request that was answered */
};

struct sim_node {
    uint32_t index; /* of all */
    uint32_t cluster;
    uint32_t number; /* in its cluster */
    struct sim_process process;
    struct sim_clock clock; /* its workers', too */
    uint64_t boot;
    uint64_t cookie_secret;
    uint64_t seq, order_seen;
    bool full;                 /* the next request tells everything */
    uint64_t asking;           /* request under way; 0 none */
    struct instant late_until; /* a request of it is late; any instant that is over: none */
    struct headless peerd;     /* whether it speaks for itself */
    struct duration poll;
    bool briefed; /* peerd has told whose workers these are */
    bool draining;
    struct drain_kept drain;
    struct node_limits limits;
    struct node_credit credit;
    struct instant credit_until;
    struct guests_allotted *guests; /* NULL: nothing is agreed or kept … */
    struct board *board;            /* … and then there is none */
    uint32_t peers;       /* of its cluster at the start, or with discovery clusters: as many as */
    struct echo **echoes; /* towards each peer; NULL: nothing was ever said */
    bool *told_alive;     /* peers to be told that media is alive, whom its peerd named last */
    bool beating;
    uint32_t first_worker, worker_count;
    struct instant spare; /* since when a worker without a place is at hand */
    struct sim_roster roster;
    struct node_trip *trips; /* that clients told since the last request; NULL: none */
    uint32_t trip_count;
    struct session_id *asks; /* whose clients may be named others, likewise */
    uint32_t ask_count;
};

/* ---- a worker ---- */

struct sim_session {
    bool used;
    bool resting;    /* its listener sleeps: nothing is sent */
    bool dirty;      /* to be told to the node at the end of this step */
    uint32_t client; /* of whom; its ticket has the same number */
    uint64_t nonce;  /* of its newest message: notices repeat it */
    struct pace pace;
    struct resend resend;
    struct instant warm;   /* pre-roll is done */
    struct instant begins; /* media was asked for then, and no frame is out yet; else "never" */
    uint64_t mergeable_from;
    uint16_t merges_after; /* [frames] of the last start; UINT16_MAX: never */
    uint8_t preroll;       /* enum node_preroll, likewise */
    uint64_t last_sent;
    bool sent_any;
    bool told; /* tenure knows that there is no more */
    enum err stopped;
    uint32_t expected, lost_before, lost_after; /* [frames] of the newest report */
    uint32_t rtt_us, jitter_us;                 /* [µs] likewise */
    uint16_t buffer_ms, burst_x16;              /* [ms], [1/16 frames] of the reports beside it */
    struct message_moved moved;                 /* of the newest that told of a move */
    struct instant told_at;
    uint16_t silent_ms;
    uint32_t epoch; /* newest seen, for the invariant */
    struct telling telling;
    uint8_t tells_count; /* of other backups: workers, … */
    uint32_t tells[TICKET_BACKUPS_MAX];
    uint8_t backup_count; /* … and clusters, of those that it goes by; 0: the ticket's */
    uint16_t backups[TICKET_BACKUPS_MAX];
};

/* Datagrams that a worker has not read yet: inbox.h. */
struct sim_inbox {
    struct sim_event *events;
    uint32_t next, count, room; /* events[next … count) wait */
    uint32_t reads;             /* in this turn */
    bool sending;               /* is it a turn of sending … */
    struct instant sends_since; /* … and of what was due by then */
};

struct sim_worker {
    uint32_t index; /* of all */
    uint32_t cluster, node, number;
    struct sim_process process;
    struct tenure tenure;
    struct tenure_session *tenures;
    struct due_entry *leases;
    uint32_t *lookup;
    struct guests *guests; /* NULL: nothing is agreed or kept */
    struct due due;        /* of media, by slot */
    struct due_entry *paces;
    struct sim_shelf *shelf; /* sessions: shelf.h */
    uint32_t slots;          /* grow with what comes, up to slots_max */
    uint32_t slots_max;
    uint64_t frames;
    uint32_t restarts;
    uint32_t credit_used;             /* as counted in the site's sum */
    struct duration frame;            /* of its CPU, for each, while it is slow; else zero */
    bool slowed;                      /* ever */
    struct instant warm[QUEUE_CROWD]; /* its latest pre-rolls are done, the last one first */
    struct queue queue;
    struct instant busy_until; /* with what labour.h follows */
    struct sim_inbox inbox;
    struct instant started;
    struct instant lost_at; /* until when the process before was sending */
    uint32_t adopting;      /* sessions of it that this one was given */
    struct instant turned;  /* since when it can be reached, or not */
    struct probed probed;
    uint32_t echoes;             /* so many in the present second, as the invariant counts … */
    struct instant echoes_since; /* … which began then */
};

/* What a client asked, while tenure answers. */
struct sim_question {
    uint32_t client;
    uint64_t nonce;
    uint16_t silent_ms;
    bool silent; /* adoption: nobody waits for an answer */
};

/* ---- a listener ---- */

enum sim_client_state {
    SIM_CLIENT_WAITING, /* its time has not come */
    SIM_CLIENT_OPENING,
    SIM_CLIENT_OPEN,
    SIM_CLIENT_OVER /* ended, refused, or gone without a word */
};

/* A worker that believes to serve a session, or (`hot`) sends as its hot standby. */
struct sim_holder {
    uint32_t worker : 31, hot : 1;
    uint32_t epoch;
    struct instant since; /* it began to */
    struct instant
        unwanted; /* since when its client has nothing to do with it; "never" if it has */
};

/* What a listener has heard, once it hears no more. */
struct sim_heard {
    uint32_t expected, lost, duplicated, hedges; /* [frames], hedges */
    uint32_t lost_run_max;                       /* [frames] */
};

/* What the chronicle knows of a listener. */
struct sim_notes {
    uint32_t served_by;      /* cluster; UINT32_MAX none */
    uint32_t gap_frames;     /* lost in a row up to now */
    uint64_t hedges;         /* counted so far */
    struct instant gap_from; /* when the first of them was due */
};

/* A ticket, as far as its group and the scenario do not say it already. */
struct sim_ticket {
    struct session_id session;
    uint32_t issuer; /* cluster */
    uint32_t backups[TICKET_BACKUPS_MAX];
    uint8_t backup_count;
    int64_t expires_s; /* [s] since the Unix epoch */
};

/* Most listeners do nothing most of the time, and there may be a million: what only an open session
 * needs (`witness`, `playout`) is there only while it is open, the rest is small. */
struct sim_client {
    uint32_t index, group, number;
    enum sim_client_state state;
    uint32_t order_at; /* of the clusters to ask, which scenario_client_order() says */
    uint64_t attempt;  /* counts asks; an answer to an older one is dropped */
    struct instant give_up;
    struct duration retry_after; /* shortest of this round; zero: none was said */
    uint64_t seed;
    struct sim_ticket ticket;
    struct witness *witness; /* NULL unless its session is open; the playout buffer likewise */
    struct playout *playout;
    struct sim_nap *nap;         /* while it sleeps, in place of both: see sleep.h, nap.h */
    struct instant sleeps_until; /* at most */
    uint16_t naps;               /* so far */
    bool put_off;                /* it sleeps, and a backup has told it to come again later */
    struct instant served_from;  /* see report_client */
    struct instant anchor;       /* playout instant of frame 0, worked out from outside */
    struct instant heard;        /* a frame was played last; or it began to open */
    struct instant servable;     /* since when some server of its own could serve it; "never" */
    struct instant over_at;
    struct instant named_at; /* other backups were told to it last, … */
    bool named;              /* … if ever */
    bool refused;
    int32_t drift_ppm; /* [ppm] of its clock, from the beginning */
    bool called;       /* its time to open is set */
    bool leaving;      /* its time to leave has come, or is set by the timeline */
    bool opened;       /* it has had a session */
    bool probes;       /* it has a prober, while its session is open */
    char *outcome;     /* why it is over, or was refused; NULL: it is `playing`, or waits */
    uint32_t epoch, epoch_high; /* as of the last look */
    struct sim_holder *holders;
    uint32_t holder_count;
    struct sim_heard total; /* once it is over */
    uint32_t reordered;     /* [frames] played after a later one */
    uint32_t apart;         /* [frames] that came twice outside of any overlap */
    struct sim_notes notes;
};

/* What the naps of sleepers have in common: nap.h. */
struct sim_naps {
    struct chains by_key;
    struct pattern **patterns; /* by number; doubles */
    uint32_t count;
};

/* Where the machines of a cluster are among all: asked for every datagram. */
struct sim_place {
    uint32_t first_node, node_count;
    uint32_t first_worker, workers; /* of each node */
};

/* What a group of listeners hears, and where it is. */
struct sim_stream {
    uint64_t end;            /* one past the last frame; FRAME_NEVER: endless */
    bool mergeable;          /* bytes are a function of position */
    bool laps;               /* with a memory, see lap.h: a start costs CPU of the worker */
    uint32_t preroll_frames; /* that the profile grants such a start */
    uint32_t phase;          /* of its laps */
    struct duration origin;  /* round trip to the server that has the source; zero: it is at hand */
    uint16_t frame_bytes;    /* payload of a frame */
    uint32_t first_addr;     /* of its addresses */
    uint32_t starts;         /* clusters at which its listeners begin, one after another */
    uint32_t neighbours;     /* addresses for each of them; 0: only one start */
};

/* ---- all of it ---- */

struct sim {
    struct sim_options options;
    const struct scenario *scenario;
    struct instant now;
    struct instant zero; /* the scenario begins */
    struct instant end;  /* … and ends */
    struct sim_queue queue;
    struct sim_bodies bodies; /* of datagrams in the air */
    struct due due;           /* of machines: sites, workers, clients */
    struct due_entry *due_entries;
    struct sim_network network;
    struct rng rng; /* boots, seeds of machines, entropy */
    struct sim_site *sites;
    uint32_t site_count;
    struct sim_place *places; /* by cluster */
    struct sim_node *nodes;
    uint32_t node_count;
    struct sim_worker *workers;
    uint32_t worker_count;
    struct sim_client *clients;
    uint32_t client_count;
    struct sim_player *players; /* by client; NULL: there are none */
    bool *hit; /* clusters that the latest event with a target hit: `last` in a scenario */
    struct sim_stream *streams; /* by group */
    /* Machines step one after another, so they share what is emptied after each step. */
    struct trace trace;
    struct core_outbox core_outbox;
    struct tenure_outbox tenure_outbox;
    struct witness_outbox witness_outbox;
    uint64_t steps;  /* of machines */
    uint64_t digest; /* of every line so far */
    uint64_t lines;
    enum report_state *states; /* of the clusters, as noted last */
    struct sim_watch *watch;   /* what the invariants remember */
    uint64_t same_time;        /* things since time has passed */
    bool sleeps;               /* listeners may */
    bool foresees;             /* sim_foresight_pays() */
    struct instant stirred_at;
    bool stirred;   /* a worker has turned since sim_sleep_after() */
    bool replaying; /* sim_replay_begin(); then: */
    struct sim_queue past, present_queue;
    struct instant present;
    uint32_t sleeping; /* listeners */
    struct sim_naps naps;
    uint64_t wakes;
    bool freeing;
    bool closing; /* the scenario is over; listeners leave and leases run out */
    bool violated;
    char violation[512];
    struct report report;
};

/* ---- sim.c ---- */

/* What the clocks of machines show: true time, unless they drift or were stepped. */
struct wall sim_wall(const struct sim *sim, const struct sim_clock *clock);
struct instant sim_site_now(const struct sim *sim, const struct sim_site *site);
struct instant sim_node_now(const struct sim *sim, const struct sim_node *node);
struct instant sim_worker_now(const struct sim *sim, const struct sim_worker *worker);
struct instant sim_client_now(const struct sim *sim, const struct sim_client *client);
struct sim_clock sim_client_clock(const struct sim *sim, const struct sim_client *client);

void sim_put(struct sim *sim, struct duration after, const struct sim_event *event);
void sim_put_at(struct sim *sim, struct instant at, const struct sim_event *event);
void sim_event_drop(struct sim *sim, struct sim_event *event);

/* Goes back to an earlier instant, at which something is restored that slept; the end simulates
 * what it does until now (before it), and nothing else has anything to do in that time. */
void sim_replay_begin(struct sim *sim, struct instant from);
void sim_replay_end(struct sim *sim);

/* Deadlines of machines. */
void sim_due_site(struct sim *sim, const struct sim_site *site);
void sim_due_worker(struct sim *sim, const struct sim_worker *worker);
void sim_due_client(struct sim *sim, const struct sim_client *client);

/* What an event means, now. Bodies are taken. */
void sim_dispatch(struct sim *sim, const struct sim_event *e);

/* The true one of a machine, by its number among all: sites, workers, clients. */
struct instant sim_machine_deadline(const struct sim *sim, uint32_t machine);

/* A process that is stopped keeps the event for later: true. So does one that is dead lose it. */
bool sim_process_holds(struct sim *sim, struct sim_process *p, const struct sim_event *event);
void sim_process_start(struct sim *sim, struct sim_process *p, enum sim_life life);

/* How much later than the others it begins at the very start: less than `within`, `--apart`. */
struct duration sim_process_begins(const struct sim *sim, const struct sim_process *p,
                                   struct duration within, uint32_t which);
void sim_process_kill(struct sim *sim, struct sim_process *p);
void sim_process_stop(struct sim *sim, struct sim_process *p);
void sim_process_continue(struct sim *sim, struct sim_process *p);
bool sim_process_lives(const struct sim_process *p);

/* ---- addresses: 10.CLUSTER.CLUSTER.NODE, 172.16… for clients ---- */

struct addr sim_worker_addr(const struct sim *sim, const struct sim_worker *worker);
void sim_number_networks(struct sim *sim);
struct addr sim_client_addr(const struct sim *sim, uint32_t client);
struct addr sim_node_addr(const struct sim_node *node);
/* The first group of clients of whom somebody is there, or might be. */
uint32_t sim_group_at(const struct sim *sim, const struct prefix *location);
/* UINT32_MAX if nobody has it. */
uint32_t sim_worker_at(const struct sim *sim, const struct addr *addr);
uint32_t sim_node_at(const struct sim *sim, const struct addr *addr);
uint32_t sim_cluster_at(const struct sim *sim, const struct addr *addr);

#endif
