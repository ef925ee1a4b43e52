#include "test/live/tap.h"

#include "peerd/net/clock.h"
#include "peerd/wire/message.h"
#include "test/lib/wan/wan.h"
#include "transcoder/rtp/rtp.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IP_HEADER_MIN 20
#define UDP_HEADER    8
#define SNAP_BYTES    2048
#define PURPOSE_AT    52  /* header 12, cookie 16, hint 8, session 16 */
#define ROUNDS_MAX    256 /* packets a turn: the loop has other work */

/* One interface that is listened to. */
struct ear {
    struct tap *tap;
    int fd;
    struct net_watch *watch;
};

struct tap {
    const struct space *space;
    struct ear ears[WAN_PLACES_MAX];
    uint32_t ear_count;
    void (*seen)(void *data, const struct tap_packet *packet);
    void *data;
};

/* UDP that is not a fragment; the rest is not even copied. Offsets count from the IP header. */
static bool filter(int fd) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SNAP_BYTES), BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What is asked; the purpose of a resume stands at a fixed place (wire/message.h). */
static void read_purpose(struct tap_packet *p, const uint8_t *body, size_t len) {
    p->resumes = len > PURPOSE_AT && body[0] == MESSAGE_FIRST_BYTE && body[2] == MESSAGE_RESUME;
    if (!p->resumes)
        return;
    p->purpose = (enum resume_purpose)body[PURPOSE_AT];
    p->asks = p->purpose == RESUME_HEDGE || p->purpose == RESUME_COMMIT;
}

static void read_numbers(struct tap_packet *p, const uint8_t *body, size_t len) {
    struct rtp_packet packet;
    if (!p->media || rtp_decode(&packet, body, len) != ERR_OK)
        return;
    p->seq = packet.seq;
    p->ssrc = packet.ssrc;
}

static void look(struct tap *t, const uint8_t *ip, size_t len, struct instant at) {
    size_t header = len >= IP_HEADER_MIN ? (size_t)(ip[0] & 15) * 4 : 0;
    if (header < IP_HEADER_MIN || ip[0] >> 4 != 4 || len < header + UDP_HEADER + 1)
        return;
    uint32_t from = be32(ip + 12), to = be32(ip + 16);
    int site = space_site_of(t->space, from), listener = space_listener_of(t->space, to);
    struct tap_packet p = {.at = at, .to_listener = true};
    if (site < 0 || listener < 0) {
        site = space_site_of(t->space, to);
        listener = space_listener_of(t->space, from);
        p.to_listener = false;
    }
    if (site < 0 || listener < 0)
        return;
    const uint8_t *body = ip + header + UDP_HEADER;
    size_t body_len = len - header - UDP_HEADER;
    p.site = (uint32_t)site;
    p.listener = (uint32_t)listener;
    p.media = rtp_kind(body, body_len) == RTP_KIND_RTP;
    read_purpose(&p, body, body_len);
    read_numbers(&p, body, body_len);
    t->seen(t->data, &p);
}

/* The kernel stamps in wall time; what counts here is the monotonic scale, read together. */
static struct instant stamp_of(struct msghdr *m) {
    struct timespec wall;
    struct instant now = net_now();
    clock_gettime(CLOCK_REALTIME, &wall);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec then;
            memcpy(&then, CMSG_DATA(c), sizeof(then));
            int64_t age_us =
                (wall.tv_sec - then.tv_sec) * 1000000 + (wall.tv_nsec - then.tv_nsec) / 1000;
            return instant_sub(now, duration_us(age_us > 0 ? age_us : 0));
        }
    return now;
}

/* On loopback each packet is seen leaving and arriving; one dropped on the way only leaves. On an
 * interface of its own each is seen once. */
static bool counts(const struct tap *t, const struct sockaddr_ll *from) {
    return t->space->wide != NULL || from->sll_pkttype != PACKET_OUTGOING;
}

static void ready(void *data, unsigned events) {
    struct ear *ear = data;
    struct tap *t = ear->tap;
    uint8_t bytes[SNAP_BYTES];
    (void)events;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        struct sockaddr_ll from;
        union {
            char bytes[128];
            struct cmsghdr align;
        } control;
        struct iovec part = {bytes, sizeof(bytes)};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(ear->fd, &m, MSG_DONTWAIT);
        if (n < 0)
            return;
        if (counts(t, &from))
            look(t, bytes, (size_t)n, stamp_of(&m));
    }
}

/* The kernel shows what leaves only to whoever listens to every protocol. On loopback that comes in
 * again, and is seen then. */
static int open_socket(const char *interface, uint16_t protocol) {
    int on = 1, bytes = 4 * 1024 * 1024;
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_ll lo = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(protocol),
                             .sll_ifindex = (int)if_nametoindex(interface)};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (filter(fd) && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&lo, sizeof(lo)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool listen_to(struct tap *t, struct net_loop *loop, const struct wan_place *place) {
    struct ear *ear = &t->ears[t->ear_count++];
    int home = place != NULL ? wan_place_enter(place) : -1;
    ear->tap = t;
    ear->fd = place != NULL ? open_socket(WAN_INTERFACE, ETH_P_ALL) : open_socket("lo", ETH_P_IP);
    if (home >= 0)
        wan_place_leave(home);
    ear->watch = ear->fd >= 0 ? net_watch_open(loop, ear->fd, NET_READABLE, ready, ear) : NULL;
    return ear->watch != NULL;
}

/* Listeners of a group share a place, and are neighbours. */
static bool listen_to_all(struct tap *t, struct net_loop *loop, uint32_t listeners) {
    const struct wan_place *before = NULL;
    if (t->space->wide == NULL)
        return listen_to(t, loop, NULL);
    for (uint32_t i = 0; i < listeners; i++) {
        const struct wan_place *place = space_listener_place(t->space, i);
        if (place != before && !listen_to(t, loop, place))
            return false;
        before = place;
    }
    return true;
}

struct tap *tap_open(struct net_loop *loop, const struct space *space, uint32_t listeners,
                     void (*seen)(void *data, const struct tap_packet *packet), void *data) {
    struct tap *t = space->kind != SPACE_SHARED ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL)
        return NULL;
    t->space = space;
    t->seen = seen;
    t->data = data;
    if (listen_to_all(t, loop, listeners))
        return t;
    tap_close(t);
    return NULL;
}

void tap_close(struct tap *t) {
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->ear_count; i++) {
        if (t->ears[i].watch != NULL)
            net_watch_close(t->ears[i].watch);
        if (t->ears[i].fd >= 0)
            close(t->ears[i].fd);
    }
    free(t);
}
