#include "transcoder/worker/ingest.h"

#include "transcoder/hls/incoming.h"
#include "transcoder/hls/segments.h"
#include "transcoder/media/ingest.h"
#include "transcoder/worker/ingest_live.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_HEIGHT = 1,
    OPTION_FPS,
    OPTION_LIVE,
    OPTION_LATE,
    OPTION_HELP
};

static const struct option table[] = {{"height", required_argument, NULL, OPTION_HEIGHT},
                                      {"fps", required_argument, NULL, OPTION_FPS},
                                      {"live", no_argument, NULL, OPTION_LIVE},
                                      {"late", required_argument, NULL, OPTION_LATE},
                                      {"help", no_argument, NULL, OPTION_HELP},
                                      {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: transcoderd ingest [--height LINES] [--fps N] FROM TO\n"
    "       transcoderd ingest --live [--late MS] [--height LINES] [--fps N] FROM FOLDER\n"
    "\n"
    "Makes of a recording, a file or URL, an MP4 of class exact: pictures at a constant rate with\n"
    "one that needs no other at the beginning of every segment of 3.2 s, sound at 48 kHz without\n"
    "loss. From the same recording the same libraries make the same bytes on any machine.\n"
    "\n"
    "  --height LINES  of its pictures, even [the recording's, 1080 at most]\n"
    "  --fps N         pictures a second: 5 to 60, of which 3.2 s are a whole number [25]\n"
    "  --live          of what comes in: \"-\" (standard input), a FIFO, a file or URL of any "
    "format\n"
    "                  with sound; what the clusters' sources of class live are made of, as chunks "
    "of\n"
    "                  3.2 s that lie in FOLDER (incoming.txt tells of the newest). Serve it over "
    "HTTP,\n"
    "                  or copy it. Begun again it goes on there, with a gap\n"
    "  --late MS       by which every cluster lists a segment later than by its date [6400]\n";

static int refuse(const char *what, const char *found) {
    fprintf(stderr, "transcoderd ingest: %s%s%s; see transcoderd ingest --help\n", what,
            found != NULL ? ", found " : "", found != NULL ? found : "");
    return 2;
}

static bool take_number(uint32_t *out, const char *value) {
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || n < 1 || n > 100000)
        return false;
    *out = (uint32_t)n;
    return true;
}

static int make(const struct media_ingest *order) {
    struct media_ingested made;
    struct media_why why = {.text = ""};
    enum err e = media_ingest(&made, order, &why);
    if (e != ERR_OK) {
        fprintf(stderr, "transcoderd ingest: %s: %s\n", order->from,
                why.text[0] != '\0' ? why.text : err_text(e));
        return 1;
    }
    printf("%s: %u.%03u s, %u segments, ", order->to, (unsigned)(made.duration_ms / 1000),
           (unsigned)(made.duration_ms % 1000), segments_of(made.duration_ms));
    if (made.height != 0)
        printf("%ux%u at %u pictures a second, ", made.width, made.height, made.fps);
    printf("sound at %d Hz\n", RENDITION_RATE_HZ);
    return 0;
}

static uint32_t *number_of(struct ingest_live *order, int option) {
    return option == OPTION_HEIGHT ? &order->height
           : option == OPTION_FPS  ? &order->fps
                                   : &order->late_ms;
}

static int run(const struct ingest_live *order, bool live) {
    const struct media_ingest recording = {order->from, order->folder, order->height, order->fps};
    const uint32_t late_ms = order->late_ms;
    if (!live)
        return late_ms != 0 ? refuse("--late is for what comes in live", NULL) : make(&recording);
    if (late_ms != 0 && (late_ms < INCOMING_LATE_MS_MIN || late_ms > INCOMING_LATE_MS_MAX))
        return refuse("expected --late to be 1600 to 60000", NULL);
    return ingest_live(order);
}

int ingest_main(int argc, char **argv) {
    struct ingest_live order = {0};
    bool live = false;
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?' || option == ':')
            return refuse("expected an option that there is, and its value", argv[optind - 1]);
        if (option == OPTION_LIVE)
            live = true;
        else if (!take_number(number_of(&order, option), optarg))
            return refuse("expected a number", optarg);
    }
    if (argc - optind != 2)
        return refuse(live ? "expected a source and a folder" : "expected two files", NULL);
    order.from = argv[optind];
    order.folder = argv[optind + 1];
    return run(&order, live);
}
