/*
 * Floors: what the machine can do at best with nothing of ours around it, to judge what is ours.
 */
#ifndef TEST_BENCH_FLOOR_H
#define TEST_BENCH_FLOOR_H

#include "test/bench/sheet.h"

/* [µs] of CPU a datagram of so many bytes, sent over loopback with sendmmsg, 32 a call, from an
 * unconnected socket to sockets that nobody sleeps in. The kernel's receiving half is in it, since
 * on loopback the sender runs that as well. */
double floor_send_us(const struct sheet *s, size_t bytes);

/* [µs] of CPU to verify one Ed25519 signature over a report. */
double floor_verify_us(const struct sheet *s);

#endif
