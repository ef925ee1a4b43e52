/*
 * Between `struct addr` and the kernel's socket addresses, and the making of bound sockets.
 */
#ifndef PEERD_NET_SOCKADDR_H
#define PEERD_NET_SOCKADDR_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"

#include <sys/socket.h>

/* Writes the kernel's form and returns its length; 0 for "none". */
socklen_t net_sockaddr_from_addr(struct sockaddr_storage *out, const struct addr *a);

/* The same for a socket of the IPv6 family: IPv4 addresses are mapped (::ffff:a.b.c.d). */
socklen_t net_sockaddr_mapped(struct sockaddr_storage *out, const struct addr *a);

/* "None" for families other than IPv4 and IPv6. */
struct addr net_addr_from_sockaddr(const struct sockaddr *sa);

/* The address a socket is bound to, e.g. to learn the port after binding to port 0. */
struct addr net_addr_of_socket(int fd);

/* Makes a bound, non-blocking, close-on-exec socket; the caller owns *fd. `[::]` takes IPv4 as
 * well. TCP sockets listen. ERR_IO with errno set if the address is taken or not ours. */
enum err net_socket_udp(int *fd, const struct addr *bind_to);
enum err net_socket_tcp(int *fd, const struct addr *bind_to, int backlog);

#endif
