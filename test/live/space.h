/*
 * The place where a run happens: as far from the rest of the machine as rights allow.
 *
 * As root, a network namespace of its own: loopback addresses stand for hosts, nothing outside can
 * be disturbed, and packets can be dropped by address pair (nftables), so that a dead site is
 * silent as a dead site is, without the ICMP by which a killed process on loopback gives itself
 * away. Each cluster runs under a user id of its own: it cannot read another's files, and what it
 * sends is told apart even where a TCP connection does not bind its address. Not root: the same in
 * a user namespace, with one user id. Where neither is allowed: plain loopback, said aloud.
 *
 * Cluster i has address 127.0.0.(i+1): beats 7600, control 7601, clients 7680, media 7700 and up.
 * Listener n has 127.0.(1+n/250).(n%250+1), its player port 5004.
 *
 * Each cluster's files, its own copies of the programs included, are in a folder that only its user
 * can enter. `kill` with `blackhole` first silences the address, then kills, microseconds later.
 * With one user id a site can be silenced only when it dies, and partitions are refused. On plain
 * loopback killed processes betray themselves by ICMP; nothing here relies on that. All processes
 * die with the runner, even if it is killed (tests/leash.sh). Sites and listeners share the
 * machine, so everything runs as sessions of nice -10, and the runner in real time; "this machine
 * stood still" in a log means that even that did not help.
 *
 * A scenario that says anything about links gets a wide space (wide.h): each cluster and each group
 * of listeners in a namespace of its own, 10.(i+1).0.1 and 10.(100+group).x.y, and between them an
 * emulator that delays, loses and cuts. That needs root.
 */
#ifndef TEST_LIVE_SPACE_H
#define TEST_LIVE_SPACE_H

#include "peerd/sim/scenario.h"
#include "test/lib/wan/place.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPACE_SITES_MAX     16
#define SPACE_LISTENERS_MAX 200
#define SPACE_CUTS_MAX      1024

enum space_kind {
    SPACE_OWN,  /* network namespace, made by root */
    SPACE_USER, /* network namespace inside a user namespace */
    SPACE_SHARED,
    SPACE_WIDE /* namespaces with an emulator between them, made by root */
};

struct wide;

/* One end of a cut: neighbouring clusters, or neighbouring listeners. */
struct space_end {
    bool listeners;
    uint32_t first, last;
};

/* Packets from one end to another vanish. */
struct space_cut {
    struct space_end from, to;
};

struct space {
    enum space_kind kind;
    bool own_uids;  /* each cluster has its own user id */
    char why[160];  /* why not better, for people; "" if it is the best */
    uint32_t sites; /* clusters that have an address */
    bool dead[SPACE_SITES_MAX];
    struct space_cut cuts[SPACE_CUTS_MAX];
    uint32_t cut_count;
    struct wide *wide; /* owned; NULL unless it is wide */
};

/* Enters the best place there is, or with `shared` stays where we are. Before any thread and any
 * socket. */
void space_enter(struct space *s, uint32_t sites, bool shared);

/* Enters a wide one. False with the reason in `why`: then it is as after space_enter with `shared`.
 * The scenario must outlive it. */
bool space_enter_wide(struct space *s, const struct scenario *scenario, uint64_t seed);

/* Ends the emulator. The namespace that was entered stays until the process ends. */
void space_leave(struct space *s);

/* True if packets can be dropped at all, or between any two ends. */
bool space_can_blackhole(const struct space *s);
bool space_can_cut(const struct space *s);

/* Changes take effect with space_apply: a single transaction of the kernel. False, with the reason
 * in `why`, if it was refused; what is there stays. Does nothing in a shared space. */
bool space_apply(struct space *s);
void space_blackhole(struct space *s, uint32_t site, bool dead);
bool space_cut(struct space *s, const struct space_end *from, const struct space_end *to);
void space_mend(struct space *s, const struct space_end *from, const struct space_end *to);
void space_mend_site(struct space *s, uint32_t site); /* all that concerns it */
void space_mend_all(struct space *s);

/* The user id of a cluster's processes; 0 to stay who we are. */
uid_t space_uid(const struct space *s, uint32_t site);

/* Where they are; `s` NULL: on loopback. */
struct addr space_site_addr(const struct space *s, uint32_t site, uint16_t port);
struct addr space_listener_addr(const struct space *s, uint32_t listener, uint16_t port);

/* All addresses there are. */
struct prefix space_prefix(const struct space *s);

/* Where a cluster or a listener stands; NULL: where we are. */
const struct wan_place *space_site_place(const struct space *s, uint32_t site);
const struct wan_place *space_listener_place(const struct space *s, uint32_t listener);

/* Which cluster or listener an IPv4 address (host order) is; -1 for none. */
int space_site_of(const struct space *s, uint32_t ip);
int space_listener_of(const struct space *s, uint32_t ip);

/* One sentence about where we are. */
const char *space_describe(const struct space *s);

#endif
