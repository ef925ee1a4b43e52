#include "test/live/space.h"

#include "test/live/process.h"
#include "test/live/wide.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID_FIRST     64100         /* cluster i is UID_FIRST + i: outside what Debian hands out */
#define LISTENER_NETS 250           /* listeners a /24 */
#define SCRIPT_MAX    262144        /* [bytes] two rules a cut */
#define NOBODY        "127.0.255.1" /* where connections to anybody else come from */
#define TABLE         "peerd_live"

struct addr space_site_addr(const struct space *s, uint32_t site, uint16_t port) {
    if (s != NULL && s->wide != NULL)
        return wide_site_addr(site, port);
    const uint8_t ip[4] = {127, 0, 0, (uint8_t)(site + 1)};
    return addr_ipv4(ip, port);
}

struct addr space_listener_addr(const struct space *s, uint32_t n, uint16_t port) {
    if (s->wide != NULL)
        return wide_listener_addr(s->wide, n, port);
    const uint8_t ip[4] = {127, 0, (uint8_t)(1 + n / LISTENER_NETS),
                           (uint8_t)(n % LISTENER_NETS + 1)};
    return addr_ipv4(ip, port);
}

struct prefix space_prefix(const struct space *s) {
    return (struct prefix){.addr = {.family = 4, .ip = {s->wide != NULL ? 10 : 127}}, .bits = 8};
}

int space_site_of(const struct space *s, uint32_t ip) {
    uint32_t host = ip & 0xff;
    if (s->wide != NULL)
        return wide_site_of(s->wide, ip);
    return ip >> 8 == 0x7f0000 && host >= 1 && host <= s->sites ? (int)host - 1 : -1;
}

int space_listener_of(const struct space *s, uint32_t ip) {
    if (s->wide != NULL)
        return wide_listener_of(ip);
    uint32_t net = ip >> 8 & 0xff, host = ip & 0xff;
    if (ip >> 16 != 0x7f00 || net < 1 || host < 1 || host > LISTENER_NETS)
        return -1;
    return (int)((net - 1) * LISTENER_NETS + host - 1);
}

/* ---- entering ---- */

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t len = strlen(text);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool enter_user_namespace(void) {
    char map[64];
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    if (!write_file("/proc/self/uid_map", map))
        return false;
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
    return write_file("/proc/self/gid_map", map);
}

/* Without a source of its own a connection to 127.0.0.2 would come from 127.0.0.1, and a dead fra1
 * would take ams1's own connections along. With these routes it comes from 127.0.0.2. */
static bool set_up_loopback(uint32_t sites, char *why, size_t why_size) {
    char script[SCRIPT_MAX];
    char output[256];
    size_t len =
        (size_t)snprintf(script, sizeof(script),
                         "link set lo up\n"
                         "route replace local 127.0.0.0/8 dev lo src " NOBODY " table local\n");
    const char *const argv[] = {"ip", "-batch", "-", NULL};
    for (uint32_t i = 0; i < sites; i++)
        len += (size_t)snprintf(
            script + len, sizeof(script) - len,
            "route replace local 127.0.0.%u dev lo src 127.0.0.%u table local\n", i + 1, i + 1);
    if (process_run(argv, script, output, sizeof(output)) == 0)
        return true;
    snprintf(why, why_size, "`ip` (package iproute2) could not set loopback up: %.80s", output);
    return false;
}

/* A container may be root and yet not be allowed to become somebody else. */
static bool may_change_uid(void) {
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(setresgid(UID_FIRST, UID_FIRST, UID_FIRST) == 0 &&
                      setresuid(UID_FIRST, UID_FIRST, UID_FIRST) == 0
                  ? 0
                  : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void space_enter(struct space *s, uint32_t sites, bool shared) {
    *s = (struct space){.kind = SPACE_SHARED, .sites = sites};
    if (shared)
        return;
    if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
        s->kind = SPACE_OWN;
    else if (enter_user_namespace())
        s->kind = SPACE_USER;
    if (s->kind == SPACE_SHARED) {
        snprintf(s->why, sizeof(s->why), "no network namespace: %s", strerror(errno));
        return;
    }
    /* From here there is no way back: a namespace without loopback is of no use to anybody. */
    if (!set_up_loopback(sites, s->why, sizeof(s->why))) {
        fprintf(stderr, "live-run: %s\n", s->why);
        _exit(1);
    }
    s->own_uids = s->kind == SPACE_OWN && may_change_uid();
    if (!space_apply(s)) {
        fprintf(stderr, "live-run: %s\n", s->why);
        s->cut_count = UINT32_MAX; /* no packet filter: see space_can_blackhole */
    }
}

bool space_enter_wide(struct space *s, const struct scenario *scenario, uint64_t seed) {
    *s = (struct space){.kind = SPACE_SHARED, .sites = scenario->cluster_count};
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        snprintf(s->why, sizeof(s->why), "only root may make network namespaces");
        return false;
    }
    s->wide = wide_open(scenario, seed, s->why, sizeof(s->why));
    if (s->wide == NULL)
        return false;
    s->kind = SPACE_WIDE;
    s->own_uids = may_change_uid();
    return true;
}

void space_leave(struct space *s) {
    wide_close(s->wide);
    s->wide = NULL;
}

const struct wan_place *space_site_place(const struct space *s, uint32_t site) {
    return s->wide != NULL ? wide_site_place(s->wide, site) : NULL;
}

const struct wan_place *space_listener_place(const struct space *s, uint32_t listener) {
    return s->wide != NULL ? wide_listener_place(s->wide, listener) : NULL;
}

bool space_can_blackhole(const struct space *s) {
    return s->kind != SPACE_SHARED && s->cut_count != UINT32_MAX;
}

bool space_can_cut(const struct space *s) {
    return space_can_blackhole(s) && (s->own_uids || s->kind == SPACE_WIDE);
}

uid_t space_uid(const struct space *s, uint32_t site) {
    return s->own_uids ? UID_FIRST + site : 0;
}

/* ---- dropping packets ---- */

struct script {
    char text[SCRIPT_MAX];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct script *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->text + s->len, sizeof(s->text) - s->len, format, args);
    va_end(args);
    if (n > 0 && s->len + (size_t)n < sizeof(s->text))
        s->len += (size_t)n;
}

static const char *end_text(const struct space *s, const struct space_end *e, char out[40]) {
    struct addr a =
        e->listeners ? space_listener_addr(s, e->first, 0) : space_site_addr(s, e->first, 0);
    struct addr b =
        e->listeners ? space_listener_addr(s, e->last, 0) : space_site_addr(s, e->last, 0);
    int len = snprintf(out, 40, "%u.%u.%u.%u", a.ip[0], a.ip[1], a.ip[2], a.ip[3]);
    if (!addr_equal(&a, &b))
        snprintf(out + len, 40 - (size_t)len, "-%u.%u.%u.%u", b.ip[0], b.ip[1], b.ip[2], b.ip[3]);
    return out;
}

/* What a site's own processes say to each other goes on: it is the site's uplink that is cut. With
 * one user id for all, only a site that is dead anyway can be silenced, and then altogether. */
static void put_blackhole(const struct space *s, struct script *out, uint32_t site) {
    char a[40];
    end_text(s, &(struct space_end){.first = site, .last = site}, a);
    if (!s->own_uids) {
        put(out, "ip saddr %s drop\nip daddr %s drop\n", a, a);
        return;
    }
    unsigned uid = space_uid(s, site);
    put(out, "ip saddr %s ip daddr != %s drop\n", a, a);
    put(out, "meta skuid %u ip daddr != %s drop\n", uid, a);
    put(out, "meta skuid != %u ip daddr %s drop\n", uid, a);
}

/* TCP from listeners does not bind its address, so it is known by whose it is: ours. */
static void put_cut(const struct space *s, struct script *out, const struct space_cut *cut) {
    char from[40], to[40];
    end_text(s, &cut->from, from);
    end_text(s, &cut->to, to);
    put(out, "ip saddr %s ip daddr %s drop\n", from, to);
    if (cut->from.listeners)
        put(out, "meta skuid 0 ip daddr %s tcp dport 7680 drop\n", to);
    else
        put(out, "meta skuid %u-%u ip daddr %s drop\n", (unsigned)space_uid(s, cut->from.first),
            (unsigned)space_uid(s, cut->from.last), to);
}

bool space_apply(struct space *s) {
    static struct script script;
    char output[160];
    const char *const argv[] = {"nft", "-f", "-", NULL};
    if (!space_can_blackhole(s))
        return s->kind == SPACE_SHARED;
    if (s->wide != NULL && wide_apply(s->wide, s))
        return true;
    if (s->wide != NULL) {
        snprintf(s->why, sizeof(s->why), "the emulator does not answer");
        return false;
    }
    script.len = 0;
    put(&script, "table ip " TABLE "\ndelete table ip " TABLE "\ntable ip " TABLE " {\n"
                 "chain out {\ntype filter hook output priority 0;\n");
    for (uint32_t i = 0; i < s->sites; i++)
        if (s->dead[i])
            put_blackhole(s, &script, i);
    for (uint32_t i = 0; i < s->cut_count; i++)
        put_cut(s, &script, &s->cuts[i]);
    put(&script, "}\n}\n");
    if (process_run(argv, script.text, output, sizeof(output)) == 0)
        return true;
    snprintf(s->why, sizeof(s->why), "`nft` (package nftables) cannot drop packets: %.90s", output);
    return false;
}

void space_blackhole(struct space *s, uint32_t site, bool dead) {
    s->dead[site] = dead;
}

static bool same_end(const struct space_end *a, const struct space_end *b) {
    return a->listeners == b->listeners && a->first == b->first && a->last == b->last;
}

bool space_cut(struct space *s, const struct space_end *from, const struct space_end *to) {
    space_mend(s, from, to);
    if (s->cut_count >= SPACE_CUTS_MAX)
        return false;
    s->cuts[s->cut_count++] = (struct space_cut){*from, *to};
    return true;
}

void space_mend(struct space *s, const struct space_end *from, const struct space_end *to) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->cut_count && space_can_blackhole(s); i++)
        if (!same_end(&s->cuts[i].from, from) || !same_end(&s->cuts[i].to, to))
            s->cuts[kept++] = s->cuts[i];
    s->cut_count = space_can_blackhole(s) ? kept : s->cut_count;
}

static bool is_site(const struct space_end *e, uint32_t site) {
    return !e->listeners && e->first == site && e->last == site;
}

void space_mend_site(struct space *s, uint32_t site) {
    uint32_t kept = 0;
    if (!space_can_blackhole(s))
        return;
    for (uint32_t i = 0; i < s->cut_count; i++)
        if (!is_site(&s->cuts[i].from, site) && !is_site(&s->cuts[i].to, site))
            s->cuts[kept++] = s->cuts[i];
    s->cut_count = kept;
    s->dead[site] = false;
}

void space_mend_all(struct space *s) {
    if (!space_can_blackhole(s))
        return;
    s->cut_count = 0;
    memset(s->dead, 0, sizeof(s->dead));
}

const char *space_describe(const struct space *s) {
    switch (s->kind) {
    case SPACE_OWN:
        return s->own_uids ? "a private network; each cluster under its own user id"
                           : "a private network";
    case SPACE_USER:
        return "a private network in a user namespace";
    case SPACE_WIDE:
        return wide_describe(s->wide);
    case SPACE_SHARED:
        break;
    }
    return "plain loopback, where a killed process gives itself away by ICMP";
}
