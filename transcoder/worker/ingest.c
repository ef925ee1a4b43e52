#include "transcoder/worker/ingest.h"

#include "transcoder/hls/segments.h"
#include "transcoder/media/ingest.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_HEIGHT = 1,
    OPTION_FPS,
    OPTION_HELP
};

static const struct option table[] = {{"height", required_argument, NULL, OPTION_HEIGHT},
                                      {"fps", required_argument, NULL, OPTION_FPS},
                                      {"help", no_argument, NULL, OPTION_HELP},
                                      {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: transcoderd ingest [--height LINES] [--fps N] FROM TO\n"
    "\n"
    "Makes of a recording, a file or URL, an MP4 of class exact: pictures at a constant rate with\n"
    "one that needs no other at the beginning of every segment of 3.2 s, sound at 48 kHz without\n"
    "loss. From the same recording the same libraries make the same bytes on any machine.\n"
    "\n"
    "  --height LINES  of its pictures, even [the recording's, 1080 at most]\n"
    "  --fps N         pictures a second: 5 to 60, of which 3.2 s are a whole number [25]\n";

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

int ingest_main(int argc, char **argv) {
    struct media_ingest order = {0};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?' || option == ':')
            return refuse("expected an option that there is, and its value", argv[optind - 1]);
        if (!take_number(option == OPTION_HEIGHT ? &order.height : &order.fps, optarg))
            return refuse("expected a number", optarg);
    }
    if (argc - optind != 2)
        return refuse("expected two files", NULL);
    order.from = argv[optind];
    order.to = argv[optind + 1];
    return make(&order);
}
