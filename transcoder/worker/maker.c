#include "transcoder/worker/maker.h"

#include "peerd/net/clock.h"
#include "transcoder/media/segment.h"
#include "transcoder/worker/spawn.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* False: the other end is gone. */
static bool read_whole(void *to, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = read(SPAWN_FD_FIRST, (char *)to + done, len - done);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_whole(const void *from, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = write(SPAWN_FD_FIRST, (const char *)from + done, len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static uint64_t cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool obey(const struct maker_order *o) {
    struct maker_reply reply = {.facts = o->facts};
    struct media_bytes bytes = {0};
    uint64_t before = cpu_us();
    if (name_is_empty(&o->rendition.name)) {
        reply.error =
            media_segment_facts(&reply.facts, o->location, o->class, DURATION_ZERO, &reply.why);
    } else {
        const struct media_segment_source source = {.location = o->location,
                                                    .class = o->class,
                                                    .facts = o->facts,
                                                    .pass = o->pass,
                                                    .chunk = o->chunk};
        reply.error = media_segment_make(&bytes, &source, &o->rendition, o->number, &reply.why);
    }
    reply.bytes = bytes.len;
    crypto_generichash(reply.hash, sizeof(reply.hash), bytes.data, bytes.len, NULL, 0);
    reply.cpu_us = cpu_us() - before;
    bool sent = write_whole(&reply, sizeof(reply)) && write_whole(bytes.data, bytes.len);
    media_bytes_free(&bytes);
    return sent;
}

int maker_run(const struct options *options) {
    static struct maker_order order; /* the longest thing that is read */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != options->supervisor_pid)
        return 1;
    prctl(PR_SET_NAME, "transcoderd/make");
    signal(SIGPIPE, SIG_IGN);
    setpriority(PRIO_PROCESS, 0, MAKER_NICE);
    while (read_whole(&order, sizeof(order)) && obey(&order))
        continue;
    return 0;
}
