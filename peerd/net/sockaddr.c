#include "peerd/net/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

socklen_t net_sockaddr_from_addr(struct sockaddr_storage *out, const struct addr *a) {
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    return 0;
}

socklen_t net_sockaddr_mapped(struct sockaddr_storage *out, const struct addr *a) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    if (a->family != 4)
        return net_sockaddr_from_addr(out, a);
    memset(out, 0, sizeof *out);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
    memcpy(&in6->sin6_addr.s6_addr[12], a->ip, 4);
    return sizeof *in6;
}

struct addr net_addr_from_sockaddr(const struct sockaddr *sa) {
    if (sa != NULL && sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        return addr_ipv4((const uint8_t *)&in->sin_addr, ntohs(in->sin_port));
    }
    if (sa != NULL && sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        return addr_ipv6(in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
    }
    return (struct addr){0};
}

struct addr net_addr_of_socket(int fd) {
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return (struct addr){0};
    return net_addr_from_sockaddr((struct sockaddr *)&sa);
}

static enum err make_socket(int *fd, const struct addr *bind_to, int type) {
    struct sockaddr_storage sa;
    socklen_t len = net_sockaddr_from_addr(&sa, bind_to);
    int on = 1, off = 0;

    if (len == 0) {
        errno = EAFNOSUPPORT;
        return ERR_IO;
    }
    *fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return ERR_IO;
    if (sa.ss_family == AF_INET6)
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    /* For TCP this only allows to listen again while old connections linger. For UDP it would let a
     * second process steal datagrams, so there it stays off. */
    if (type == SOCK_STREAM)
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(*fd, (struct sockaddr *)&sa, len) != 0) {
        int why = errno;
        close(*fd);
        *fd = -1;
        errno = why;
        return ERR_IO;
    }
    return ERR_OK;
}

enum err net_socket_udp(int *fd, const struct addr *bind_to) {
    return make_socket(fd, bind_to, SOCK_DGRAM);
}

enum err net_socket_tcp(int *fd, const struct addr *bind_to, int backlog) {
    enum err err = make_socket(fd, bind_to, SOCK_STREAM);

    if (err == ERR_OK && listen(*fd, backlog) != 0) {
        int why = errno;
        close(*fd);
        *fd = -1;
        errno = why;
        return ERR_IO;
    }
    return err;
}
