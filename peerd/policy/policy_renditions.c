/* The table of renditions: outputs of streams that are made on demand. */
#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/schema_rows.h"

#include <string.h>

#define FPS_PRESET      25
#define CHANNELS_PRESET 2

static const char *const codecs[] = {"h264", "aac", "opus"};

static void check_codec(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field) {
    const size_t count = sizeof(codecs) / sizeof(codecs[0]);
    const struct name *codec = field;
    for (size_t i = 0; i < count; i++)
        if (strcmp(codec->text, codecs[i]) == 0)
            return;
    struct fault *x = schema_mismatch(run, row, node);
    const char *near = fault_nearest(codec->text, codecs, count);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

/* What transcoder/hls/rendition.h can make; a segment of 3.2 s holds whole pictures. */
static void check_pictures(struct schema_run *run, struct tree_node *node,
                           struct policy_rendition *r) {
    if (r->fps == 0)
        r->fps = FPS_PRESET;
    policy_refuse_key(run, node, "channels", "h264",
                      "no channels: pictures and sound are renditions apart");
    if (tree_find(node, "height") == NULL) {
        struct fault *x = fault_add(run->faults, node, "height");
        fault_expected(x, "the height of its pictures, 64 to 1080 lines");
        fault_found(x, "none");
    } else if (r->height % 2 != 0) {
        policy_refuse_key(run, node, "height", "h264", "an even number of lines");
    }
    if (3200 * r->fps % 1000 != 0)
        policy_refuse_key(run, node, "fps", "h264",
                          "a rate of which 3.2 s are whole pictures: 25, 30, 50, 60");
    if (r->bitrate_bps < 50000)
        policy_refuse_key(run, node, "bitrate", "h264", "at least 50kbit/s");
}

static void check_sound(struct schema_run *run, struct tree_node *node,
                        struct policy_rendition *r) {
    const char *codec = r->codec.text;
    bool opus = strcmp(codec, "opus") == 0;
    uint32_t least = opus ? 6000 : 32000;
    if (r->channels == 0)
        r->channels = CHANNELS_PRESET;
    policy_refuse_key(run, node, "height", codec, "no height: it has no pictures");
    policy_refuse_key(run, node, "fps", codec, "no pictures a second: it has none");
    if (r->bitrate_bps < least || r->bitrate_bps > 256000 * r->channels)
        policy_refuse_key(run, node, "bitrate", codec,
                          opus ? "6kbit/s to 256kbit/s a channel"
                               : "32kbit/s to 256kbit/s a channel");
    else if (opus && (r->bitrate_bps % 400 != 0 || r->bitrate_bps > 480000))
        policy_refuse_key(run, node, "bitrate", codec,
                          "at most 480kbit/s, in steps of 400bit/s (whole bytes a frame)");
}

static void check_rendition(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_rendition *r = record;
    if (schema_good(node, "codec") == NULL || schema_good(node, "bitrate") == NULL)
        return;
    if (strcmp(r->codec.text, "h264") == 0)
        check_pictures(run, node, r);
    else
        check_sound(run, node, r);
}

static const struct schema_row rendition_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_rendition, name), .required = true,
     .doc = "In playlists and paths; the same at every cluster that has the stream."},
    {"codec", SCHEMA_NAME, AT(policy_rendition, codec), .required = true,
     .form = "one of h264, aac, opus", .check = check_codec,
     .doc = "h264 are pictures; sound is apart."},
    {"bitrate", SCHEMA_BITRATE, AT(policy_rendition, bitrate_bps), .required = true,
     .range = "6kbit/s..20Mbit/s",
     .doc = "Of h264 the most over a second, the quality being constant; of aac and opus the "
            "mean."},
    {"height", SCHEMA_COUNT, AT(policy_rendition, height), .range = "64..1080",
     .doc = "Lines; h264 only. Sources of fewer lines do not have this rendition."},
    {"fps", SCHEMA_COUNT, AT(policy_rendition, fps), .range = "5..60",
     .doc = "Pictures a second, 25 without it; h264 only."},
    {"channels", SCHEMA_COUNT, AT(policy_rendition, channels), .range = "1..2",
     .doc = "1 is mono, 2 stereo, which it is without it; aac and opus only."},
};
const struct schema_table policy_rendition_table = {
    .title = "a rendition",
    .doc = "Segments of 3.2 s; the same bytes at every cluster whose rendition, source and "
           "libraries are the same.",
    TABLE(rendition_rows, policy_rendition),
    .check = check_rendition,
};
