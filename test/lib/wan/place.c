#include "test/lib/wan/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUEUE_PACKETS                                                                              \
    20000 /* a second of what wan_check sends: the emulator decides what is lost */

struct addr wan_addr(uint8_t net, uint8_t high, uint8_t low, uint16_t port) {
    const uint8_t ip[4] = {10, net, high, low};
    return addr_ipv4(ip, port);
}

static int own_namespace(void) {
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int wan_place_enter(const struct wan_place *p) {
    int home = own_namespace();
    if (home < 0 || p->ns < 0 || setns(p->ns, CLONE_NEWNET) == 0)
        return home;
    int err = errno;
    close(home);
    errno = err;
    return -1;
}

/* Without the way back everything after would happen in the wrong place. */
void wan_place_leave(int home) {
    if (setns(home, CLONE_NEWNET) != 0) {
        perror("wan: cannot return to the own network namespace");
        _exit(1);
    }
    close(home);
}

/* The interface belongs to the namespace in which the device was opened. */
static int open_tun(void) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    strcpy(request.ifr_name, WAN_INTERFACE);
    if (ioctl(fd, TUNSETIFF, &request) == 0)
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

/* The whole network is local, so that a socket may be bound to any address of it. */
static bool set_up(uint8_t net) {
    FILE *ip = popen("ip -batch -", "w");
    if (ip == NULL)
        return false;
    fprintf(ip,
            "link set lo up\n"
            "addr add 10.%u.0.1/32 dev " WAN_INTERFACE "\n"
            "link set " WAN_INTERFACE " up txqueuelen %d\n"
            "route replace local 10.%u.0.0/16 dev lo src 10.%u.0.1 table local\n"
            "route replace 10.0.0.0/8 dev " WAN_INTERFACE " src 10.%u.0.1\n",
            net, QUEUE_PACKETS, net, net, net);
    return pclose(ip) == 0;
}

static bool furnish(struct wan_place *p, char *why, size_t why_size) {
    p->tun = open_tun();
    if (p->tun < 0)
        snprintf(why, why_size, "no TUN interface: %s", strerror(errno));
    else if (!set_up(p->net))
        snprintf(why, why_size, "`ip` (package iproute2) could not set up " WAN_INTERFACE);
    else
        return true;
    return false;
}

bool wan_place_make(struct wan_place *p, uint8_t net, bool here, char *why, size_t why_size) {
    *p = (struct wan_place){.net = net, .ns = -1, .tun = -1};
    if (here)
        return furnish(p, why, why_size);
    int home = own_namespace();
    if (home < 0 || unshare(CLONE_NEWNET) != 0) {
        snprintf(why, why_size, "no network namespace: %s", strerror(errno));
        if (home >= 0)
            close(home);
        return false;
    }
    p->ns = own_namespace();
    bool ok = p->ns >= 0 && furnish(p, why, why_size);
    wan_place_leave(home);
    if (!ok)
        wan_place_close(p);
    return ok;
}

void wan_place_close(struct wan_place *p) {
    if (p->tun >= 0)
        close(p->tun);
    if (p->ns >= 0)
        close(p->ns);
    p->tun = p->ns = -1;
}
