#include "test/bench/ask.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int ask_dial(const char *ip, unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, ip, &to.sin_addr);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

size_t ask_answer_len(const char *text) {
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = end != NULL ? strcasestr(text, "Content-Length:") : NULL;
    return length != NULL && length < end
               ? (size_t)(end + 4 - text) + strtoul(length + 15, NULL, 10)
               : 0;
}
