/*
 * A stream: payload n of a (source, profile), from wherever one starts.
 *
 * This is the idea of the whole design in one place: a payload follows from source, profile and
 * position, not from what this server did before. But a codec remembers. G.711 and L16 do not; GSM
 * never forgets; Opus in low-delay CBR mode forgets within 50 frames in most recordings, yet in
 * noise or over digital silence 4 to 14 of 100 cold starts still differed after 100 frames, and
 * some after 250. A pre-roll alone therefore keeps its promise only most of the time.
 *
 * So encoders run in *laps*, as decoders of sources do (track.h): every MEDIA_LAP_FRAMES a fresh
 * encoder takes over that has been fed the last MEDIA_LAP_JOIN_FRAMES of the lap before. Then a
 * payload is by construction a function of position, whatever the codec remembers. Over 150 joints
 * in real music, speech and noise at 24 and 32 kbit/s the frame after a joint had the SNR of an
 * uninterrupted encoding to within 0.1 dB on average, 2.9 dB at worst; a frame from a cold encoder
 * loses 15 dB on average. Laps cost 5 % of encoding.
 *
 * A start goes back to the beginning of its lap: 135 frames on average, 260 at most; on average it
 * takes 8 ms of CPU. Its payloads equal anybody's from its first frame on. A start with a shorter
 * pre-roll is heard sooner and joins in at the next lap. Either says so: `mergeable_from`. Frame
 * numbers are positions in the source; a session adds its anchor. GSM output merges, too; seekable
 * sources never do.
 *
 * Counted (FFmpeg 5.1.9, libopus 1.3.1), starts that still differed after 100 frames of pre-roll
 * alone: Opus 0 of 600 in music and speech, but 11 of 300 where digital silence alternates with
 * hiss and 42 of 300 in noise at 24 kbit/s (24 of them after 250, too); GSM decoders 3 of 1000; AAC
 * with ffmpeg's default noise substitution 46 of 200 after four packets.
 *
 * Cost (test/bench/media_bench.c; one of 2 virtual cores, busy with other work): Opus 364-400
 * streams a core, 1.19-1.26 of a loop of FFmpeg alone and 0.91-0.94 of one that calls libopus as we
 * do (opus.h); PCMU from GSM 5,500, 0.88. 168 KiB a running Opus stream, 103 a standby, of which
 * libswresample's context is 86. A full start from GSM 8 ms.
 *
 *      open --> IDLE --start--> PRE-ROLL --warm or next--> RUNNING --next--> ...
 *                 ^                ^                          |
 *                 |                +---------start------------+
 *                 +--------- any failure from anywhere
 *
 * Threads and blocking are the source's (source.h): one thread at a time, a remote one in a pool.
 */
#ifndef TRANSCODER_MEDIA_STREAM_H
#define TRANSCODER_MEDIA_STREAM_H

#include "transcoder/media/profile.h"
#include "transcoder/media/source.h"

#define MEDIA_PREROLL_FULL  UINT32_MAX /* back to the beginning of the lap */
#define MEDIA_PREROLL_QUICK LAP_QUICK_FRAMES
#define MEDIA_PREROLL_LEAST LAP_LEAST_FRAMES

struct media_stream;

/* Opens the source for the profile; no encoder yet, so a warm standby costs little. Errors as
 * media_source_open and media_profile_check. */
enum err media_stream_open(struct media_stream **out, const char *location,
                           const struct media_source_options *options,
                           const struct media_profile *profile, struct media_why *why);

/* Accepts NULL. */
void media_stream_close(struct media_stream *s);

const struct media_source_facts *media_stream_facts(const struct media_stream *s);

/* Shifts where laps begin, 0 <= phase < MEDIA_LAP_FRAMES; before the first start. Encoding costs
 * double in the last frames of a lap; sessions that run side by side at one position would all pay
 * at the same instant. All servers of a session must agree on it, and payloads of two sessions are
 * the same bytes only if theirs is the same: take it from what their tickets have in common (the
 * worker's session_phase() does), or leave it 0. */
void media_stream_set_phase(struct media_stream *s, uint32_t phase_frames);

/* The next payload will be frame `frame`. Up to `preroll_frames` (MEDIA_PREROLL_FULL, or less to
 * be quicker) are encoded before it: not here but by the warm or next that follow. `mergeable_from`
 * (may be NULL) becomes the first frame whose payload is the same bytes wherever it is made:
 *   frame itself        after a full pre-roll, and always for PCMU, PCMA and L16
 *   the next lap's      after a shorter one
 *   MEDIA_NEVER_MERGES  for a profile or a source class that cannot
 * Starting where the stream already stands, with as good a promise, changes nothing and costs
 * nothing. ERR_SOURCE_ENDED: the frame lies past the end. Other errors as media_source_seek and
 * media_encoder_open; the stream is idle then and may be started again. */
enum err media_stream_start(struct media_stream *s, uint64_t frame, uint32_t preroll_frames,
                            uint64_t *mergeable_from);

/* Runs at most `frames_max` frames of the pending pre-roll, so that a loop with many sessions need
 * not stand still for the 6 ms that 100 frames take. *left (may be NULL) is what remains; next does
 * the rest if there is any. Errors as next. */
enum err media_stream_warm(struct media_stream *s, uint32_t frames_max, uint32_t *left);

/* The next frame's payload; its index is media_stream_position() before the call. `capacity` of
 * MEDIA_PAYLOAD_BYTES_MAX always suffices; ERR_OVERSIZED, and nothing lost, if it does not.
 * ERR_SOURCE_ENDED: the clean end, tell the client so. ERR_SOURCE_FAILED, ERR_TIMEOUT,
 * ERR_NO_MEMORY: the stream is idle, start it again at the same frame or give up and say why.
 * ERR_BAD_FIELD: it was never started, or is idle after a failure. */
enum err media_stream_next(struct media_stream *s, uint8_t *payload, size_t capacity, size_t *len);

/* Index of the frame that next will give. */
uint64_t media_stream_position(const struct media_stream *s);

/* What the last start promised. */
uint64_t media_stream_mergeable_from(const struct media_stream *s);

/* What a start would promise, without one: for a stream that another thread is about to start. */
uint64_t media_stream_promise(const struct media_profile *profile, enum source_class class,
                              uint32_t phase_frames, uint64_t frame, uint32_t preroll_frames);

/* Why the last call failed, for a log line; empty if the error says it all. */
const char *media_stream_why(const struct media_stream *s);

/* As media_source_abort: any thread may cut a remote stream's running call short. */
void media_stream_abort(struct media_stream *s);

#endif
