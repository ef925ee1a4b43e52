/*
 * The supervisor: one a machine. It holds the sockets and the power switch, speaks with peerd, and
 * hands its workers what they need to decide by themselves.
 *
 *              registration  <---HTTPS--->  peerd
 *                   |
 *     inspector -> supervisor -> media_alive ---beats---> backups, while peerd is silent
 *                   |     ^
 *              crew | link| sessions -> roster -> registration
 *                   v     |
 *                 workers  <---UDP--->  clients
 *
 * It never blocks, keeps nothing on disk, and no media passes through it.
 *
 * What fails, who notices, and what happens:
 *
 *   a worker dies        SIGCHLD: the next one starts on the same socket with the same cookie
 *                        secret, adopts the sessions at the frame that is due and sends again what
 *                        was swallowed: 50 to 100 ms, no client asks for anything
 *   a worker stalls      crew: SIGKILL after --stall-ms, then as above; it goes back 1 s at most
 *   one dies again       crew, within 10 s: its sessions are not handed on, since one of them may
 *                        be what kills; clients are told unknown_session and commit again. More
 *                        than 5 deaths in 10 s: a second's wait
 *   the supervisor dies  the kernel: its workers die with it; clients hedge at their backups
 *   peerd is silent      registration, at once where nobody listens, else after 200 ms or two
 *                        polls: all goes on, catalogue, issuers and credit hold; backups hear
 *                        media-alive
 *   our name and key     peerd, which refuses the later one: that one gives its credit back and
 *   are used twice       asks again rarely, in case that the other one goes
 *   a source ends or     session: a notice of the end, with its frame, repeated until a report has
 *   breaks off           seen it
 *
 * READY=1 is said when every worker runs and not when peerd has answered: this program and peerd
 * may be started, and restarted, in any order. Where it may (CAP_SYS_NICE, or Nice=-10 in the
 * unit), it runs at nice -10: media has deadlines that other work has not.
 */
#ifndef TRANSCODER_WORKER_SUPERVISOR_H
#define TRANSCODER_WORKER_SUPERVISOR_H

#include "transcoder/worker/options.h"

/* Runs until SIGTERM or SIGINT ends the process; returns an exit status only if it could not
 * start, having said why on standard error. */
int supervisor_run(const struct options *options);

#endif
