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
 */
#ifndef TRANSCODER_WORKER_SUPERVISOR_H
#define TRANSCODER_WORKER_SUPERVISOR_H

#include "transcoder/worker/options.h"

/* Runs until SIGTERM or SIGINT ends the process; returns an exit status only if it could not
 * start, having said why on standard error. */
int supervisor_run(const struct options *options);

#endif
