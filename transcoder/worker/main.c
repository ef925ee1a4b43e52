/*
 * transcoderd: reads its options, then is a supervisor or, started by one, a worker. `transcoderd
 * ingest` is a tool by itself.
 */
#include "transcoder/media/media.h"
#include "transcoder/worker/front.h"
#include "transcoder/worker/ingest.h"
#include "transcoder/worker/maker.h"
#include "transcoder/worker/options.h"
#include "transcoder/worker/supervisor.h"
#include "transcoder/worker/worker.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    static struct options options;
    char fault[OPTIONS_FAULT_MAX];
    if (argc > 1 && strcmp(argv[1], "ingest") == 0)
        return ingest_main(argc - 1, argv + 1);
    if (!options_parse(&options, argc, argv, fault)) {
        fprintf(stderr, "transcoderd: %s\n", fault);
        return 2;
    }
    if (sodium_init() < 0) {
        fprintf(stderr, "transcoderd: libsodium cannot start\n");
        return 1;
    }
    switch (options.run) {
    case OPTIONS_RUN_HELP:
        fputs(options_help(), stdout);
        return 0;
    case OPTIONS_RUN_VERSION:
        puts("transcoderd " PEERD_VERSION);
        return 0;
    case OPTIONS_RUN_WORKER:
        media_init();
        return worker_run(&options);
    case OPTIONS_RUN_FRONT:
        media_init();
        return front_run(&options);
    case OPTIONS_RUN_MAKER:
        media_init();
        return maker_run(&options);
    case OPTIONS_RUN_SUPERVISOR:
        media_init();
        return supervisor_run(&options);
    }
    return 2;
}
