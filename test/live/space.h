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
 * Cluster i has address 127.0.0.(i+1); listener n has 127.0.(1+n/250).(n%250+1).
 */
#ifndef TEST_LIVE_SPACE_H
#define TEST_LIVE_SPACE_H

#include "peerd/base/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPACE_SITES_MAX     16
#define SPACE_LISTENERS_MAX 200
#define SPACE_CUTS_MAX      64

enum space_kind {
    SPACE_OWN,  /* network namespace, made by root */
    SPACE_USER, /* network namespace inside a user namespace */
    SPACE_SHARED
};

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
};

/* Enters the best place there is, or with `shared` stays where we are. Before any thread and any
 * socket. */
void space_enter(struct space *s, uint32_t sites, bool shared);

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

struct addr space_site_addr(uint32_t site, uint16_t port);
struct addr space_listener_addr(uint32_t listener, uint16_t port);

/* Which cluster or listener an IPv4 address (host order) is; -1 for none. */
int space_site_of(uint32_t ip, uint32_t sites);
int space_listener_of(uint32_t ip);

/* One sentence about where we are. */
const char *space_describe(const struct space *s);

#endif
