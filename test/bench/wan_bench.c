/*
 * How exact the wide-area emulator is: delay, loss and bursts at 20,000 packets a second.
 *
 * Probes go from one network namespace through the emulator to another; both ends are stamped on
 * the clock that all namespaces share. Needs root; elsewhere it says so and has no figures.
 */
#include "test/bench/sheet.h"
#include "test/lib/wan/check.h"

#define PACKETS_PER_S 20000
#define PROBE_BYTES   172 /* a frame of PCMU over RTP */
#define SECONDS       10
#define SECONDS_QUICK 2

static struct wan_check_found run(const struct sheet *s, struct wan_check_bed *bed,
                                  const struct path_quality *quality) {
    struct wan_check_spec spec = {.quality = *quality,
                                  .packets_per_s = PACKETS_PER_S,
                                  .duration = duration_s(s->quick ? SECONDS_QUICK : SECONDS),
                                  .payload_bytes = PROBE_BYTES};
    struct wan_check_found found;
    char why[160];
    if (!wan_check_run(bed, &spec, &found, why, sizeof(why)))
        sheet_die("%s", why);
    return found;
}

static void put_delay(struct sheet *s, struct wan_check_bed *bed) {
    struct path_quality q = {.delay = duration_ms(40)};
    struct wan_check_found f = run(s, bed, &q);
    sheet_group(s, "delay", "40 ms asked, 20,000 packets a second");
    sheet_put(s, "sent_per_s", "packets sent", f.rate_per_s, "/s");
    sheet_put(s, "realtime", "the emulator runs under SCHED_FIFO", f.counters.realtime, "");
    sheet_put(s, "mean_ms", "mean", f.mean_ms, "ms");
    sheet_put(s, "p50_ms", "half of them within", f.p50_ms, "ms");
    sheet_put_aimed(s, "p99_ms", "99 % of them within", f.p99_ms, "ms", -41);
    sheet_put(s, "max_ms", "all of them within", f.max_ms, "ms");
    sheet_put(s, "lost", "lost", (double)f.lost, "packets");
}

static double apart(double a, double b) {
    return a > b ? a - b : b - a;
}

static void put_losses(struct sheet *s, struct wan_check_bed *bed) {
    struct path_quality alone = {.delay = duration_ms(40), .loss_ppm = 20000};
    struct path_quality bursts = {
        .delay = duration_ms(40),
        .bursts = {.enter_ppm = 6803, .leave_ppm = 333333, .loss_bad_ppm = 1000000}};
    struct wan_check_found f = run(s, bed, &alone), g = run(s, bed, &bursts);
    sheet_group(s, "loss", "2 % loss asked, each packet for itself");
    sheet_put(s, "percent", "lost", f.loss_percent, "%");
    sheet_put_aimed(s, "off_points", "off by", apart(f.loss_percent, 2), "points", -0.3);
    sheet_put(s, "p99_ms", "99 % of the others within", f.p99_ms, "ms");
    sheet_group(s, "bursts", "2 % loss asked, in bursts of 3 on average");
    sheet_put(s, "percent", "lost", g.loss_percent, "%");
    sheet_put_aimed(s, "off_points", "off by", apart(g.loss_percent, 2), "points", -0.3);
    sheet_put(s, "burst_packets", "mean length of a burst", g.burst_mean, "packets");
    sheet_put_aimed(s, "burst_off_percent", "off by", apart(g.burst_mean, 3) / 3 * 100, "%", -10);
}

int main(int argc, char **argv) {
    struct sheet s;
    char why[160] = "out of memory";
    sheet_open(&s, "wan", "how exact the wide-area emulator is", argc, argv);
    struct wan_check_bed *bed = wan_check_open(why, sizeof(why));
    if (bed == NULL) {
        sheet_note(&s, "skipped: it needs root and TUN interfaces (%s)", why);
        return sheet_close(&s);
    }
    put_delay(&s, bed);
    put_losses(&s, bed);
    wan_check_close(bed);
    return sheet_close(&s);
}
