/*
 * Is the emulator exact? Probes between two places, and what became of them.
 *
 * A sender stamps every probe with the monotonic clock, which all namespaces share; the receiver's
 * kernel stamps it again as it comes out of the other interface. So a one-way delay is exact, and
 * neither program needs to be quick. Losses and their bursts are read off the probes' numbers.
 */
#ifndef TEST_LIB_WAN_CHECK_H
#define TEST_LIB_WAN_CHECK_H

#include "test/lib/wan/wan.h"

struct wan_check_bed; /* two places and an emulator between them */

struct wan_check_spec {
    struct path_quality quality; /* of the way there */
    uint32_t packets_per_s;
    struct duration duration;
    uint32_t payload_bytes; /* of a probe, at least 16 */
};

struct wan_check_found {
    uint64_t sent;
    uint64_t lost;
    uint64_t copies; /* probes that came once more */
    uint64_t bursts; /* runs of lost probes */
    uint64_t overtaken;
    double rate_per_s; /* as sent */
    double loss_percent;
    double burst_mean;                              /* [probes] */
    double mean_ms, p50_ms, p99_ms, min_ms, max_ms; /* of one-way delay */
    double within_1ms_percent;                      /* of probes, around what was asked */
    double stolen_percent; /* of the time of all cores, by the hypervisor: delays of that are not
                              the emulator's */
    struct wan_counters counters; /* of the emulator meanwhile */
};

/* NULL with the reason in `why`: it needs root. */
struct wan_check_bed *wan_check_open(char *why, size_t why_size);
void wan_check_close(struct wan_check_bed *bed);

/* False if it could not be measured, with the reason in `why`. */
bool wan_check_run(struct wan_check_bed *bed, const struct wan_check_spec *spec,
                   struct wan_check_found *out, char *why, size_t why_size);

#endif
