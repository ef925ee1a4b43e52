#include "test/lib/wan/wan.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 3000

struct wan {
    pid_t pid;
    int control;
    uint32_t count;
};

/* The emulator's process. What is typed at a terminal is not for it. */
_Noreturn static void emulate(const struct wan_place *places, uint32_t count, uint64_t seed,
                              int control, pid_t parent) {
    sigset_t none;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(forwarder_run(places, count, seed, control));
}

struct wan *wan_start(const struct wan_place *places, uint32_t count, uint64_t seed, char *why,
                      size_t why_size) {
    struct wan_counters ignored;
    struct wan *w = calloc(1, sizeof(*w));
    pid_t parent = getpid();
    int pair[2];
    if (w == NULL || count > WAN_PLACES_MAX ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        snprintf(why, why_size, "%s", count > WAN_PLACES_MAX ? "too many places" : strerror(errno));
        free(w);
        return NULL;
    }
    w->count = count;
    w->control = pair[0];
    w->pid = fork();
    if (w->pid == 0) {
        close(pair[0]);
        emulate(places, count, seed, pair[1], parent);
    }
    close(pair[1]);
    if (w->pid > 0 && wan_count(w, &ignored))
        return w;
    snprintf(why, why_size, "the emulator does not start");
    wan_stop(w);
    return NULL;
}

void wan_stop(struct wan *w) {
    if (w == NULL)
        return;
    close(w->control);
    if (w->pid > 0) {
        kill(w->pid, SIGKILL);
        waitpid(w->pid, NULL, 0);
    }
    free(w);
}

bool wan_lives(struct wan *w) {
    if (w->pid > 0 && waitpid(w->pid, NULL, WNOHANG) == w->pid)
        w->pid = 0;
    return w->pid > 0;
}

static bool order(struct wan *w, const struct wan_order *o, struct wan_counters *out) {
    struct pollfd p = {.fd = w->control, .events = POLLIN};
    int ready;
    if (send(w->control, o, sizeof(*o), MSG_NOSIGNAL) != sizeof(*o))
        return false;
    while ((ready = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR)
        continue;
    return ready > 0 && recv(w->control, out, sizeof(*out), 0) == sizeof(*out);
}

bool wan_set_way(struct wan *w, uint32_t from, uint32_t to, const struct path_quality *quality) {
    struct wan_counters ignored;
    struct wan_order o = {
        .kind = WAN_ORDER_WAY, .from = (uint16_t)from, .to = (uint16_t)to, .quality = *quality};
    return order(w, &o, &ignored);
}

bool wan_set_mile(struct wan *w, uint32_t place, const struct way_mile *mile) {
    struct wan_counters ignored;
    struct wan_order o = {.kind = WAN_ORDER_MILE, .from = (uint16_t)place, .mile = *mile};
    return order(w, &o, &ignored);
}

bool wan_set_cuts(struct wan *w, const bool *cuts) {
    struct wan_counters ignored;
    struct wan_order o = {.kind = WAN_ORDER_CUTS};
    for (uint32_t i = 0; i < w->count * w->count; i++)
        o.cuts[i / 8] |= (uint8_t)(cuts[i] << i % 8);
    return order(w, &o, &ignored);
}

bool wan_count(struct wan *w, struct wan_counters *out) {
    return order(w, &(struct wan_order){.kind = WAN_ORDER_COUNTERS}, out);
}
