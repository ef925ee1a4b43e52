/*
 * live-run: the real programs on loopback, and an ear that counts what was heard.
 */
#include "test/live/commands.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"run", "FILE", "run a scenario (see test/README.md) with the real programs", command_run},
    {"demo", "", "three clusters, ten listeners, one dead site", command_demo},
    {"same", "A B", "do two recordings hold the same media, sample for sample?", command_same},
    {"hostile", "DIR", "bad tickets and noise at every door of running clusters", command_hostile},
    {"wan", "", "is the wide-area emulator exact?", command_wan},
    {"compare", "FILE", "the same scenarios in peersim and with the real programs",
     command_compare},
    {"trials", "CASE", "hundreds of deaths, held against what is promised", command_trials},
    {"watch", "PID", "had the machine time for a test and its processes?", command_watch},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out) {
    fputs("usage: live-run COMMAND [words] [options]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %-5s  %s\n", commands[i].name, commands[i].words, commands[i].help);
    fputs("\nEach command knows --help.\n"
          "Exit status: 0 as expected, 1 not, 2 wrong options, 3 could not be run here.\n",
          out);
}

int main(int argc, char **argv) {
    if (sodium_init() < 0) {
        fputs("live-run: libsodium cannot start\n", stderr);
        return COMMAND_CANNOT;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? COMMAND_USAGE : COMMAND_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("live-run " PEERD_VERSION);
        return COMMAND_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "live-run: no command `%s`; try --help\n", argv[1]);
    return COMMAND_USAGE;
}
