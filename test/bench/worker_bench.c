/*
 * What a stream costs in the real worker, and what it weighs.
 *
 * Cost: in turns, the bare loop (bare.h) with FFmpeg throughout and with libopus called by itself,
 * as many of the latter in real time, our media stack alone, and then N sessions served by
 * transcoderd to clients on loopback that report every 500 ms.
 * Streams per CPU-second are seconds of media that clients received, by seconds of CPU of worker
 * and supervisor together. Each turn gives one ratio; the median of the turns is shown.
 *
 * Weight: growth of the worker's memory from a few to many sessions.
 *
 * Streams a CPU-second of transcoderd are frames that clients received, times 20 ms, by the CPU of
 * worker and supervisor together: pacing, sending, reports and bookkeeping included. The bare loop
 * does none of these, and one stream in one go keeps caches hot. So two more ratios stand beside
 * the aimed ones: to as many bare loops run in real time, with sleep between frames, and to these
 * plus the least that sending and verifying reports cost (floor.h). A G.711 frame costs less to
 * make than to send, so there only the last one tells something. `frames_whole` below 0.99 says
 * that the worker got too little CPU and that the figures beside it are to be distrusted. Memory is
 * growth a session of the anonymous part of a fresh worker's proportional set size.
 */
#include "peerd/net/clock.h"
#include "test/bench/bare.h"
#include "test/bench/crowd.h"
#include "test/bench/floor.h"
#include "test/bench/machine.h"
#include "test/bench/sheet.h"
#include "transcoder/media/stream.h"
#include "transcoder/rtp/rtp.h"
#include "transcoder/worker/feed.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_S     0.02
#define TURNS       3
#define PACED_S     1.2
#define SETTLE_S    0.7
#define WINDOW_S    2.0
#define HEARD_S     30.0 /* until which everybody must hear */
#define WHOLE_SHARE 0.99 /* of the frames due: below, the worker was overloaded */
#define INTERLEAVED 50   /* streams of the media stack alone, in batches as a worker makes them */
#define TURNS_MAX   8

struct scene {
    const char *key;
    const char *title;
    enum media_codec codec;
    uint32_t sessions;
    double aim; /* of the ratio; 0 for none */
    uint32_t bare_frames;
};

struct turn {
    double bare_us;       /* [µs] of CPU a frame: the bare loop */
    double direct_us;     /* the same, libopus called by itself */
    double paced_us;      /* the bare loop for as many streams in real time */
    double stream_us;     /* our media stack alone, in one go */
    double worker_us;     /* the worker, all in all */
    double supervisor_us; /* the supervisor */
    double whole;         /* share of the frames due that came */
};

/* ---- the media stack alone ------------------------------------------------------------------- */

static double stream_frame_us(const struct machine *m, const struct media_profile *p,
                              uint32_t frames) {
    const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT, .loop = true};
    struct media_stream *streams[INTERLEAVED];
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    size_t len;
    for (uint32_t i = 0; i < INTERLEAVED; i++) {
        if (media_stream_open(&streams[i], m->recording, &exact, p, NULL) != ERR_OK)
            sheet_die("the recording does not open");
        media_stream_set_phase(streams[i], i * MEDIA_LAP_FRAMES / INTERLEAVED);
        media_stream_start(streams[i], 500 + i * 50, MEDIA_PREROLL_FULL, NULL);
        media_stream_next(streams[i], payload, sizeof(payload), &len);
    }
    double begun_s = sheet_cpu_s();
    for (uint32_t n = 0; n < frames; n++)
        media_stream_next(streams[n / FEED_BATCH_FRAMES % INTERLEAVED], payload, sizeof(payload),
                          &len);
    double took_s = sheet_cpu_s() - begun_s;
    for (uint32_t i = 0; i < INTERLEAVED; i++)
        media_stream_close(streams[i]);
    return took_s * 1e6 / frames;
}

/* ---- cost ------------------------------------------------------------------------------------ */

/* False if the machine is too busy with other things to serve so many. */
static bool serve(struct turn *t, const struct sheet *s, const struct machine *m,
                  const struct scene *scene) {
    struct crowd *c = crowd_new(m, scene->codec, scene->sessions);
    double window_s = s->quick ? 0.5 : WINDOW_S;
    crowd_ask_all(c, RESUME_COMMIT, 0);
    if (!crowd_await(c, 0, c->count, HEARD_S)) {
        crowd_free(c);
        return false;
    }
    crowd_listen(c, s->quick ? 0.3 : SETTLE_S);
    struct machine_usage before = machine_usage(m);
    uint64_t frames = crowd_frames(c);
    struct instant begun = net_now();
    crowd_listen(c, window_s);
    struct machine_usage after = machine_usage(m);
    frames = crowd_frames(c) - frames;
    double took_s = (double)instant_since(net_now(), begun).us * 1e-6;
    if (frames == 0 || c->acks == 0)
        sheet_die("no frames or no acknowledgements");
    t->worker_us = (after.worker_s - before.worker_s) * 1e6 / (double)frames;
    t->supervisor_us = (after.supervisor_s - before.supervisor_s) * 1e6 / (double)frames;
    t->whole = (double)frames / (scene->sessions * took_s / FRAME_S);
    crowd_ask_all(c, RESUME_RELEASE, 0);
    crowd_free(c);
    return true;
}

static double median_of(const struct turn *turns, unsigned count,
                        double (*value)(const struct turn *t)) {
    double values[TURNS_MAX];
    for (unsigned i = 0; i < count; i++)
        values[i] = value(&turns[i]);
    return sheet_median(values, count);
}

static double total_us(const struct turn *t) {
    return t->worker_us + t->supervisor_us;
}
static double bare_us(const struct turn *t) {
    return t->bare_us;
}
static double direct_us(const struct turn *t) {
    return t->direct_us;
}
static double paced_us(const struct turn *t) {
    return t->paced_us;
}
static double stream_us(const struct turn *t) {
    return t->stream_us;
}
static double worker_us(const struct turn *t) {
    return t->worker_us;
}
static double supervisor_us(const struct turn *t) {
    return t->supervisor_us;
}
static double whole(const struct turn *t) {
    return t->whole;
}
static double ratio_paced(const struct turn *t) {
    return t->paced_us / total_us(t);
}
static double ratio(const struct turn *t) {
    return t->bare_us / total_us(t);
}
static double ratio_direct(const struct turn *t) {
    return t->direct_us / total_us(t);
}

/* What the network and the reports cost at the very least, measured by themselves. */
struct least {
    double send_us;   /* a datagram of that size in sendmmsg by the 32 */
    double report_us; /* a report read and verified, and its answer sent, by the frame */
};

static struct least measure_least(const struct sheet *s, enum media_codec codec) {
    struct media_profile p = machine_profile(codec);
    double send_us = floor_send_us(s, RTP_HEADER_BYTES + media_profile_payload_bytes(&p));
    double report_us = floor_verify_us(s) + 2 * send_us;
    return (struct least){.send_us = send_us,
                          .report_us = report_us * FRAME_S * 1000 / CROWD_REPORT_MS};
}

static double ratio_with_least(const struct turn *turns, unsigned count, const struct least *l) {
    double values[TURNS_MAX];
    for (unsigned i = 0; i < count; i++)
        values[i] = (turns[i].paced_us + l->send_us + l->report_us) / total_us(&turns[i]);
    return sheet_median(values, count);
}

/* A ratio with the scene's aim, if it has one. */
static void put_ratio(struct sheet *s, const struct scene *scene, const char *key, const char *what,
                      double value) {
    if (scene->aim > 0)
        sheet_put_aimed(s, key, what, value, "", scene->aim);
    else
        sheet_put(s, key, what, value, "");
}

static void put_streams(struct sheet *s, const struct scene *scene, const struct turn *turns,
                        unsigned count) {
    double bare = median_of(turns, count, bare_us), direct = median_of(turns, count, direct_us);
    sheet_put(s, "streams_per_cpu_s", "transcoderd",
              FRAME_S * 1e6 / median_of(turns, count, total_us), "streams");
    sheet_put(s, "bare_streams_per_cpu_s", "bare decode-encode loop", FRAME_S * 1e6 / bare,
              "streams");
    put_ratio(s, scene, "ratio", "ratio to it", median_of(turns, count, ratio));
    if (scene->codec == MEDIA_CODEC_OPUS) {
        sheet_put(s, "direct_streams_per_cpu_s", "the same, calling libopus without FFmpeg",
                  FRAME_S * 1e6 / direct, "streams");
        put_ratio(s, scene, "ratio_direct", "ratio to it", median_of(turns, count, ratio_direct));
    }
}

static void put_scene(struct sheet *s, const struct scene *scene, const struct turn *turns,
                      unsigned count, const struct least *l) {
    double share = median_of(turns, count, whole);
    sheet_group(s, scene->key, scene->title);
    put_streams(s, scene, turns, count);
    sheet_put(s, "ratio_paced", "ratio to the latter in real time, as many streams",
              median_of(turns, count, ratio_paced), "");
    sheet_put(s, "ratio_paced_network", "ratio to these and bare sending and reports",
              ratio_with_least(turns, count, l), "");
    sheet_note(s, "CPU of a frame:");
    sheet_put(s, "bare_frame_us", "bare loop", median_of(turns, count, bare_us), "us");
    sheet_put(s, "direct_frame_us", "bare loop, calling libopus",
              median_of(turns, count, direct_us), "us");
    sheet_put(s, "paced_frame_us", "these in real time", median_of(turns, count, paced_us), "us");
    sheet_put(s, "stream_frame_us", "our media stack alone, 50 streams, in one go",
              median_of(turns, count, stream_us), "us");
    sheet_put(s, "worker_frame_us", "worker, all in all", median_of(turns, count, worker_us), "us");
    sheet_put(s, "supervisor_frame_us", "supervisor", median_of(turns, count, supervisor_us), "us");
    sheet_put(s, "send_floor_us", "sending, at least", l->send_us, "us");
    sheet_put(s, "report_floor_us", "reports, at least", l->report_us, "us");
    sheet_put(s, "frames_whole", "frames that came, of those due", share, "");
    if (share < WHOLE_SHARE)
        sheet_note(s, "the worker did not get CPU enough: distrust these figures");
}

static void run_scene(struct sheet *s, const struct machine *m, const struct scene *scene) {
    struct media_profile p = machine_profile(scene->codec);
    struct turn turns[TURNS_MAX];
    unsigned count = s->quick ? 1 : TURNS;
    uint32_t frames = s->quick ? scene->bare_frames / 10 : scene->bare_frames;
    for (unsigned i = 0; i < count; i++) {
        turns[i].bare_us = bare_frame_us(m->recording, &p, BARE_FFMPEG, frames);
        turns[i].direct_us = bare_frame_us(m->recording, &p, BARE_LIBOPUS, frames);
        turns[i].paced_us = bare_paced_us(m->recording, &p, BARE_LIBOPUS, scene->sessions,
                                          s->quick ? 0.2 : PACED_S);
        turns[i].stream_us = stream_frame_us(m, &p, frames);
        if (!serve(&turns[i], s, m, scene)) {
            sheet_group(s, scene->key, scene->title);
            sheet_note(s, "left out: this machine is too busy to serve so many");
            return;
        }
    }
    struct least l = measure_least(s, scene->codec);
    put_scene(s, scene, turns, count, &l);
}

/* ---- weight ---------------------------------------------------------------------------------- */

/* Growth a session [KiB] from `few` to `many` sessions of one kind, in a fresh worker. */
static double weigh(struct machine *m, enum media_codec codec, enum resume_purpose purpose,
                    uint32_t few, uint32_t many, double listen_s) {
    machine_start(m);
    struct crowd *c = crowd_new(m, codec, many);
    crowd_ask(c, 0, few, purpose, 0);
    crowd_listen(c, listen_s);
    double before_kib = machine_worker_kib(m);
    struct crowd_asked rest = crowd_ask(c, few, many - few, purpose, 0);
    if (rest.refused > 0)
        sheet_die("%u of %u sessions refused", rest.refused, many - few);
    if (purpose == RESUME_COMMIT && !crowd_await(c, 0, many, HEARD_S))
        sheet_die("not all clients hear something");
    crowd_listen(c, listen_s);
    double after_kib = machine_worker_kib(m);
    crowd_free(c);
    machine_stop(m);
    return (after_kib - before_kib) / (many - few);
}

static void weigh_all(struct sheet *s, struct machine *m) {
    static const struct {
        const char *key, *what;
        enum media_codec codec;
        enum resume_purpose purpose;
        uint32_t few, many;
    } rows[] = {
        {"opus_served_kib", "opus, served", MEDIA_CODEC_OPUS, RESUME_COMMIT, 20, 100},
        {"opus_standby_kib", "opus, standby", MEDIA_CODEC_OPUS, RESUME_STANDBY, 100, 1000},
        {"pcmu_served_kib", "pcmu, served", MEDIA_CODEC_PCMU, RESUME_COMMIT, 100, 1000},
        {"pcmu_standby_kib", "pcmu, standby", MEDIA_CODEC_PCMU, RESUME_STANDBY, 100, 1000},
    };
    uint32_t part = s->quick ? 10 : 1;
    sheet_group(s, "memory_per_session", "memory a session (growth of the worker's anonymous PSS)");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t few = rows[i].few / part, many = rows[i].many / part;
        char what[64];
        double kib = weigh(m, rows[i].codec, rows[i].purpose, few, many, s->quick ? 0.1 : 1);
        snprintf(what, sizeof(what), "%s (from %u to %u)", rows[i].what, few, many);
        sheet_put(s, rows[i].key, what, kib, "KiB");
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const struct scene scenes[] = {
    {"opus_100", "100 sessions of opus (low delay CBR, complexity 5)", MEDIA_CODEC_OPUS, 100, 0.9,
     6000},
    {"opus_50", "50 sessions of opus", MEDIA_CODEC_OPUS, 50, 0.9, 6000},
    {"pcmu_500", "500 sessions of pcmu", MEDIA_CODEC_PCMU, 500, 0, 300000},
};

static const struct scene scenes_quick[] = {
    {"opus_20", "20 sessions of opus", MEDIA_CODEC_OPUS, 20, 0, 6000},
    {"pcmu_50", "50 sessions of pcmu", MEDIA_CODEC_PCMU, 50, 0, 300000},
};

int main(int argc, char **argv) {
    struct sheet s;
    struct machine m;
    sheet_open(&s, "worker_bench", "What a stream costs and weighs in the real worker.", argc,
               argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    media_init();
    machine_init(&m);
    sheet_note(&s, "recording: %s, 8 kHz WAV, one minute, looped",
               m.music ? "music (macroform, cold day, CC BY-SA 3.0)" : "made tones and noise");
    const struct scene *list = s.quick ? scenes_quick : scenes;
    size_t count = s.quick ? sizeof(scenes_quick) / sizeof(scenes_quick[0])
                           : sizeof(scenes) / sizeof(scenes[0]);
    for (size_t i = 0; i < count; i++) {
        machine_start(&m);
        run_scene(&s, &m, &list[i]);
        machine_stop(&m);
    }
    weigh_all(&s, &m);
    machine_destroy(&m);
    return sheet_close(&s);
}
