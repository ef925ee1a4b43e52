/* The tables of what is served: profiles, sources, services, and streams of others. */
#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/schema_rows.h"

static const char *const class_words[] = {"exact", "seekable", "live", "push", NULL};
static const struct schema_row name_item = {.key = "", .type = SCHEMA_NAME};

static const struct schema_row profile_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_profile, name), .required = true, .doc = "What clients ask."},
    {"codec", SCHEMA_NAME, AT(policy_profile, codec), .required = true,
     .form = "one of opus, pcmu, pcma, gsm, l16", .check = policy_check_codec,
     .doc = "Of the output."},
    {"rate", SCHEMA_FREQUENCY, AT(policy_profile, rate_hz), .range = "8kHz..48kHz",
     .doc = "Sampling rate. Without it 48kHz for opus, 16kHz for l16, 8kHz for the others."},
    {"channels", SCHEMA_COUNT, AT(policy_profile, channels), .preset = "1", .range = "1..2",
     .doc = "1 is mono, 2 stereo."},
    {"bitrate", SCHEMA_BITRATE, AT(policy_profile, bitrate_bps), .range = "6kbit/s..510kbit/s",
     .doc = "opus only, constant; 64kbit/s without it."},
    {"complexity", SCHEMA_COUNT, AT(policy_profile, complexity), .preset = "5", .range = "0..10",
     .doc = "opus only; more costs more and sounds better."},
    {"preroll_frames", SCHEMA_COUNT, AT(policy_profile, preroll_frames), .preset = "100",
     .range = "0..500",
     .doc = "Frames of 20 ms encoded and dropped before a switch, so that decoder, resampler and "
            "encoder have converged; with 100 opus comes out byte-identical."},
};
const struct schema_table policy_profile_table = {
    .title = "a profile",
    TABLE(profile_rows, policy_profile),
    .check = policy_check_profile,
};

static const struct schema_row source_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_source, name), .required = true,
     .doc = "In the catalogue. Tickets carry this name, never a path."},
    {"location", TEXT, AT(policy_source, location), .check = policy_check_location,
     .form = "a file or an http:// or https:// URL",
     .doc = "Where nodes read it. A relative file is looked for beside the policy. Not for push."},
    {"class", SCHEMA_ENUM, AT(policy_source, class), .preset = "exact", .words = class_words,
     .doc = "exact: seekable to the sample and reproducible; seekable: bytes may differ; live: "
            "shared, with history; push: a client sends."},
    {"loop", SCHEMA_BOOL, AT(policy_source, loop), .preset = "false",
     .doc = "Begins again at its end: an endless reproducible source."},
    {"channel_since", SCHEMA_CUSTOM, AT(policy_source, channel_since_s), .size = sizeof(int64_t),
     .read = policy_read_date, .form = "a date as 2026-01-31T12:00:00Z",
     .doc = "Streams of it are a live channel, which began then with the recording's beginning and "
            "repeats it; the same at every cluster. Class exact only. Segments of all `renditions` "
            "are made all the time, whether somebody looks on or not. A machine whose clock may be "
            "wrong by more than 500ms does not offer it."},
};
const struct schema_table policy_source_table = {
    .title = "a source",
    TABLE(source_rows, policy_source),
    .check = policy_check_source,
};

static const struct schema_row service_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_service, name), .required = true, .doc = "What clients ask."},
    {"capacity", SCHEMA_COUNT, AT(policy_service, capacity), .required = true,
     .range = "1..1000000", .doc = "Sessions that this cluster's workers carry at once."},
    {"profiles", SCHEMA_LIST, LIST_AT(policy_service, profiles, profile_count, POLICY_PROFILES_MAX),
     .required = true, .item = &name_item, .single = true, .unique = "",
     .doc = "Names of profiles that may be asked for."},
    {"sources", SCHEMA_LIST, LIST_AT(policy_service, sources, source_count, POLICY_SOURCES_MAX),
     .item = &name_item, .single = true, .unique = "",
     .doc = "Names of sources that may be asked for; without it the whole catalogue."},
    {"priority", SCHEMA_COUNT, AT(policy_service, priority), .preset = "0", .range = "0..7",
     .doc =
         "Class of its sessions, 0 the most urgent: `agreements` say which classes are taken, and "
         "where slots are few a standby of a less urgent class gives way, or a hedge."},
    {"hot", SCHEMA_BOOL, AT(policy_service, hot), .preset = "false",
     .doc =
         "True: a client may ask for `hot` protection, at twice the cost: its backup sends all the "
         "time, too, as far as the backup's `limits.hot_standbys` allows."},
};
const struct schema_table policy_service_table = {
    .title = "a service",
    TABLE(service_rows, policy_service),
};

/* ---- streams of others ---- */

static const struct schema_row reporter_item = {.key = "", .type = SCHEMA_PREFIX};

static const struct schema_row origin_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_origin, name), .required = true,
     .doc = "What players ask for, the same at every cluster that has it; none of `services`."},
    {"url", TEXT, AT(policy_origin, url), .required = true, .check = policy_check_origin_url,
     .form = "an http:// or https:// URL of a file, without ? and #",
     .doc = "Its multivariant playlist, as players reach it. All URIs in it are relative, and what "
            "they name lies beside or below it, at every cluster alike."},
    {"mpd", TEXT, AT(policy_origin, mpd), .check = policy_check_origin_mpd,
     .form = "the name of a file beside the playlist",
     .doc = "The same stream's MPD, such as `manifest.mpd`: DASH players begin at "
            "/v1/dash/NAME/manifest.mpd. It is looked at as the playlist is."},
    {"source", SCHEMA_NAME, AT(policy_origin, source),
     .doc =
         "Of `sources`, if this cluster's own machines make it (transcoderd --hls): then players "
         "are sent here only while there is CPU time to spare for them."},
    {"live", SCHEMA_BOOL, AT(policy_origin, live), .preset = "false",
     .doc = "Players ask every 2 s where to go, else every 5 s."},
    {"check_every", SCHEMA_DURATION, AT(policy_origin, every), .preset = "1s",
     .range = "200ms..1min", .doc = "The playlist is fetched this often, to see whether it lives."},
    {"answer_within", SCHEMA_DURATION, AT(policy_origin, within), .preset = "1s",
     .range = "50ms..10s",
     .doc = "And must be there within this, whole and a playlist; a look begins when the one "
            "before is over."},
    {"failures", SCHEMA_COUNT, AT(policy_origin, failures), .preset = "2", .range = "1..100",
     .doc = "After so many in a row without it players are sent to peers …"},
    {"successes", SCHEMA_COUNT, AT(policy_origin, successes), .preset = "3", .range = "1..100",
     .doc = "… and after so many in a row with it no longer."},
    {"reporters", SCHEMA_LIST,
     LIST_AT(policy_origin, reporters, reporter_count, POLICY_REPORTERS_MAX),
     .item = &reporter_item, .single = true, .unique = "",
     .doc = "Addresses of the servers of its media, which may pass requests of players on to "
            "/v1/cmcd/NAME (nginx: mirror): from them X-Forwarded-For is believed."},
};
const struct schema_table policy_origin_table = {
    .title = "an origin",
    .doc = "Nothing is transcoded and no media passes: players are told where to fetch it.",
    TABLE(origin_rows, policy_origin),
};
