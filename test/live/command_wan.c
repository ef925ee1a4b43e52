/* wan: does the emulator hold what it is asked? A table, and with --json the figures as well. */
#include "test/live/commands.h"

#include "test/lib/wan/check.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PACKETS_PER_S 20000
#define PROBE_BYTES   172 /* of a frame of PCMU over RTP */
#define DELAY_OFF_MS  1.0
#define LOSS_OFF      0.3 /* points */
#define BURST_OFF     10  /* percent */

static const char help[] =
    "usage: live-run wan [--seconds N] [--pps N] [--json]\n"
    "\n"
    "Sends probes through the wide-area emulator, from one network namespace to another, and says\n"
    "whether delay, loss and bursts are what was asked. Needs root.\n"
    "\n"
    "  --seconds N   of each measurement [3]\n"
    "  --pps N       packets a second [20000]\n"
    "  --json        one JSON object on the last line\n"
    "\n"
    "Exit status: 0 exact, 1 not, 2 wrong options, 77 this machine does not permit it.\n";

struct options {
    uint32_t seconds, packets_per_s;
    bool json;
};

/* A measurement, and what is expected of it; `loss_percent` and `burst` follow from the quality. */
struct row {
    const char *key, *what;
    struct path_quality quality;
    double loss_percent, burst;
};

static const struct row rows[] = {
    {.key = "delay", .what = "40 ms", .quality = {.delay = {40000}}},
    {.key = "loss",
     .what = "40 ms, 2 % loss",
     .quality = {.delay = {40000}, .loss_ppm = 20000},
     .loss_percent = 2},
    {.key = "bursts",
     .what = "40 ms, 2 % loss in bursts of 3",
     .quality = {.delay = {40000},
                 .bursts = {.enter_ppm = 6803, .leave_ppm = 333333, .loss_bad_ppm = 1000000}},
     .loss_percent = 2,
     .burst = 3},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static bool holds(const struct row *row, const struct wan_check_found *f) {
    double asked_ms = (double)row->quality.delay.us / 1000;
    return f->p99_ms <= asked_ms + DELAY_OFF_MS && f->min_ms >= asked_ms - DELAY_OFF_MS &&
           fabs(f->loss_percent - row->loss_percent) <= LOSS_OFF &&
           (row->burst <= 0 || fabs(f->burst_mean - row->burst) <= row->burst * BURST_OFF / 100) &&
           f->counters.full == 0;
}

static void tell(const struct row *row, const struct wan_check_found *f) {
    printf("  %-32s  %6.0f/s  mean %6.3f  p50 %6.3f  p99 %6.3f  max %7.3f ms  lost %5.2f %%  "
           "bursts %4.2f  stolen %.1f %%  %s\n",
           row->what, f->rate_per_s, f->mean_ms, f->p50_ms, f->p99_ms, f->max_ms, f->loss_percent,
           f->burst_mean, f->stolen_percent, holds(row, f) ? "ok" : "NOT HELD");
}

static void tell_json(const struct wan_check_found *found, bool held) {
    printf("{\"realtime\":%s,\"held\":%s", found[0].counters.realtime ? "true" : "false",
           held ? "true" : "false");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct wan_check_found *f = &found[i];
        printf(",\"%s\":{\"packets_per_s\":%.0f,\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
               "\"max_ms\":%.3f,\"within_1ms_percent\":%.3f,\"loss_percent\":%.3f,"
               "\"burst_mean\":%.3f,\"stolen_percent\":%.2f}",
               rows[i].key, f->rate_per_s, f->mean_ms, f->p50_ms, f->p99_ms, f->max_ms,
               f->within_1ms_percent, f->loss_percent, f->burst_mean, f->stolen_percent);
    }
    puts("}");
}

static int measure(const struct options *o) {
    struct wan_check_found found[ROW_COUNT];
    char why[160] = "out of memory";
    bool held = true;
    struct wan_check_bed *bed = wan_check_open(why, sizeof(why));
    if (bed == NULL) {
        printf("the wide-area emulator needs root and TUN interfaces: %s\n", why);
        return COMMAND_SKIPPED;
    }
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct wan_check_spec spec = {.quality = rows[i].quality,
                                      .packets_per_s = o->packets_per_s,
                                      .duration = duration_s(o->seconds),
                                      .payload_bytes = PROBE_BYTES};
        if (!wan_check_run(bed, &spec, &found[i], why, sizeof(why))) {
            wan_check_close(bed);
            fprintf(stderr, "live-run wan: %s\n", why);
            return COMMAND_CANNOT;
        }
        tell(&rows[i], &found[i]);
        held = holds(&rows[i], &found[i]) && held;
    }
    wan_check_close(bed);
    printf("  %s\n", found[0].counters.realtime
                         ? "the emulator ran in real time (SCHED_FIFO)"
                         : "the emulator was not permitted to run in real time");
    if (o->json)
        tell_json(found, held);
    return held ? COMMAND_DONE : COMMAND_UNMET;
}

int command_wan(int argc, char **argv) {
    static const struct option table[] = {
        {"seconds", required_argument, NULL, 's'},
        {"pps", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.seconds = 3, .packets_per_s = PACKETS_PER_S};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 's')
            o.seconds = (uint32_t)atoi(optarg);
        else if (c == 'p')
            o.packets_per_s = (uint32_t)atoi(optarg);
        else if (c == 'j')
            o.json = true;
        else if (c == 'h')
            return fputs(help, stdout) < 0 ? COMMAND_UNMET : COMMAND_DONE;
        else
            return fputs("live-run wan: try --help\n", stderr) < 0 ? COMMAND_UNMET : COMMAND_USAGE;
    }
    if (optind == argc && o.seconds > 0 && o.seconds <= 3600 && o.packets_per_s > 0 &&
        o.packets_per_s <= 200000)
        return measure(&o);
    fputs("live-run wan: try --help\n", stderr);
    return COMMAND_USAGE;
}
