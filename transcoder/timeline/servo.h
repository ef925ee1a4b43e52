/*
 * Servo: by how much faster or slower than its own clock a server sends, so that it follows its
 * listener's.
 *
 * Two clocks never agree. Crystals are off by up to 100 ppm; at 40 ppm a playout buffer of 200 ms
 * is empty, or twice as full, after 80 minutes. The playout clock starts once and is never
 * stretched, so it is the server that follows. Each report says the *lag* x of the serving path: by
 * how much later than a depth before its playout instant the least delayed frame of the last
 * seconds came. That minimum leaves out queues and loss; distance and clocks remain. With d the
 * error of the server's clock against the listener's [µs/s = ppm, positive: fast] and u the
 * correction,
 *
 *     dx/dt = −(u + d)        u = Kp·e + Ki·∫e dt        e = x − nearest x that is content
 *
 * a proportional-integral controller before an integrator: the second-order loop that recovers a
 * clock anywhere (F. M. Gardner, Phaselock Techniques; RFC 5905 section 11.3 disciplines clocks
 * just so), with s² + Kp·s + Ki, ω = √Ki, ζ = Kp / 2ω. The integral becomes −d: no error is left.
 *
 * Kp = 1/16 s⁻¹ and Ki = 1/4096 s⁻² give ω = 1/64 s⁻¹ and ζ = 2, and 86° of phase at the gain
 * crossover of 0.063 s⁻¹. A report is up to 5 s old news (a minimum over 2 to 4 s, half a second
 * between reports, a round trip), which costs 18° of it. 68° are left, and a gain four times as
 * high would still be stable. A clock that is 500 ppm off moves arrivals by 8 ms for a while, then
 * back; 16 ms ask for all the rate there is.
 *
 * Content is a lag from SERVO_EARLY_US early, since a start is rounded such that it is none to a
 * whole frame early, to SERVO_LATE_US late. Who finds it so changes nothing, and a clock that is as
 * good as its listener's keeps its own schedule. Inside this dead band e is zero, the gain of the
 * loop smaller, and its damping with it (ζ goes by the root of the gain), but never gone; being
 * overdamped it comes to rest at the edge from outside.
 *
 * A listener may lie. The rate never leaves ±SERVO_RATE_PPB_MAX, so who lies gets a thousandth more
 * or less of its own media a second, too early or too late for its own buffer, and nobody else
 * hears anything. Nothing is integrated while the rate is at its limit, lest a lie, or a path that
 * became longer, be paid for later by as much in the other direction. Each report stands for
 * SERVO_REPORT_MS, whenever it comes: with reports lost the integral only learns more slowly.
 */
#ifndef TRANSCODER_TIMELINE_SERVO_H
#define TRANSCODER_TIMELINE_SERVO_H

#include <stdbool.h>
#include <stdint.h>

#define SERVO_RATE_PPB_MAX 1000000 /* [ppb] 1000 ppm: five times what bad crystals differ by */
#define SERVO_EARLY_US     20000   /* [µs] a frame: what a start may be early by */
#define SERVO_LATE_US      1000    /* [µs] what clocks are read, and frames gathered, to */
#define SERVO_KP_INV       16      /* [s] 1/Kp */
#define SERVO_KI_INV       4096    /* [s²] 1/Ki */
#define SERVO_REPORT_MS    500     /* [ms] of each report */
#define SERVO_SAME_PPB     2000 /* [ppb] who is content with so little needs nothing: 3 h a frame */

struct servo {
    int64_t integral_ppb; /* what it has learnt of the clocks; within ±SERVO_RATE_PPB_MAX */
};

/* A server starts fresh: it does not know what the one before it had learnt. */
void servo_init(struct servo *s);

/* Takes a report, any lag will do, and returns the rate to send at from now on [ppb], faster if
 * positive. They come in order (tenure sees to that), about twice a second; none is owed. */
int32_t servo_report(struct servo *s, int32_t lag_us);

/* True of a lag that asks for nothing. */
bool servo_is_content(int32_t lag_us);

#endif
