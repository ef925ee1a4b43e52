/*
 * Suspicion: is a process that does not get on stuck, or does it only wait for a processor?
 *
 * A stuck process (a deadlock, a stopped or wedged one) is killed and replaced. One that is ready
 * to run and is not run is spared: on an overloaded machine its replacement would fare no better,
 * and starting it costs more of what is scarce. The kernel keeps the time that a process has spent
 * ready but not running (proc(5), schedstat); a quarter of the time under suspicion is an excuse,
 * up to SUSPICION_STARVED_MAX limits.
 */
#ifndef TRANSCODER_WORKER_SUSPICION_H
#define TRANSCODER_WORKER_SUSPICION_H

#include "peerd/base/time.h"

#include <sys/types.h>

#define SUSPICION_STARVED_MAX                                                                      \
    10 /* [limits] after which want of a processor is no excuse either                             \
        */

enum suspicion_verdict {
    SUSPICION_NONE,    /* it gets on, or it is too early to say */
    SUSPICION_STARVED, /* it would if it were let: said once a quarter of the limit */
    SUSPICION_STUCK    /* switch it off */
};

struct suspicion {
    struct instant sampled; /* "never" while there is none */
    uint64_t waited_ns;     /* [ns] ready but not running, by then */
};

void suspicion_init(struct suspicion *s);

/* To be asked every few hundredths of a second: `stalled` is how long the process has not got on,
 * `limit` how long it may. */
enum suspicion_verdict suspicion_judge(struct suspicion *s, pid_t pid, struct duration stalled,
                                       struct duration limit, struct instant now);

#endif
