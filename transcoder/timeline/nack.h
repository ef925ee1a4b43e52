/*
 * Nack: which lost frames of the serving path a client asks for once more, and when.
 *
 * A frame that is missing while a later one has come was lost or overtaken. It is given a moment to
 * turn up (twice the jitter, or until a second sender should have brought it), then asked for (RFC
 * 4585, Generic NACK), and again a round trip and some jitter later, while the answer can still be
 * in time for its playout instant. Where a path loses everything there is no later frame, and
 * nothing here happens: that is what hedges are for.
 *
 * To wait for the later frame takes a frame time, or two if that is lost as well, and with 80 ms of
 * round trip and a buffer of 200 ms that is the second round. So on a path that has lost a frame
 * lately, or where time is short, a frame is asked for when it is later than jitter explains
 * (witness_lost.c knows when that is). That may be wrong, and costs one frame sent twice then.
 *
 * Each copy of a question is answered with one more copy of the frame, so ten in all are lost with
 * their answers, where either way loses 15 %, in (1 - 0.85 x 0.85)^10 of cases: with the loss of
 * the frame itself that is 4 frames in ten million. Where there is time for one round only, these
 * ten are all, evenly, since losses come in bursts, also for the first frame that a path loses: it
 * does not say yet how many it will. Where an earlier round was in vain, which is seldom, the last
 * one that can be in time has what is left of sixteen: two frames in ten billion. A question is
 * asked once while the path loses little and twice while it loses more, so that the last round is
 * seldom needed. With 15 % either way two rounds make a fifth of the stream sent again, where there
 * is one only it is as much as the stream; at 1 % a hundredth, and a tenth. Rejected: copies by the
 * loss measured alone, for a path that begins to lose is measured too late; and each frame carrying
 * those before it (RFC 2198), which takes as many bytes for each loss that it mends as there are
 * frames between two, whatever the path loses.
 *
 * A later round counts only if there is room for as many copies as one alone would have, and an
 * answer may be as late as frames are (twice the jitter): 3 copies in the 9 ms before the last one
 * is too late were what 40 ms of round trip and 30 ms of jitter either way left of a buffer of
 * 250 ms, and one frame in a thousand was lost.
 *
 * Where packets are lost in bursts, a wire that carries little but questions is in one for long: of
 * bursts of eight packets a tenth swallows seventeen questions in a row. So from the third round on
 * whoever asks had better ask another server, too (witness_lost.c).
 *
 * Copies are no remedy for a path that is full: they take the place of other frames. So there are
 * none where more than two fifths are lost, nor while more than an eighth of the holes stay holes;
 * and the server sends no more than it may (resend.h).
 *
 * Holes are kept as runs of frames in a row; what of a run has come meanwhile is seen in the
 * playout buffer when it is asked for. All memory of a run is gone once the answer to its last
 * question is due, so that a witness which has heard everything is what it was before.
 */
#ifndef TRANSCODER_TIMELINE_NACK_H
#define TRANSCODER_TIMELINE_NACK_H

#include "transcoder/timeline/playout.h"

#define NACK_RUNS_MAX   12 /* holes at a time; a further one takes the oldest's place */
#define NACK_FRAMES_MAX 64 /* frames of a run that are asked for: the last ones */
#define NACK_ASKS_ONCE                                                                             \
    10 /* copies of the question for it, where one round is all there is time for */
#define NACK_ASKS_MAX   16 /* of all questions for it */
#define NACK_ASKS_PLAIN 3  /* where copies are of no use */
#define NACK_HARD_ROUND 3  /* two were in vain: from this one on another server is asked, too */

struct nack_run {
    uint64_t from;        /* first frame */
    struct instant again; /* when it is asked for next, or forgotten */
    struct duration gap;  /* between copies of a question */
    uint8_t count;        /* frames */
    uint8_t asked;        /* times, copies included */
    uint8_t copies;       /* of this question, still to be sent */
    uint8_t rounds;       /* begun: all but this one were in vain */
};

struct nack {
    struct nack_run runs[NACK_RUNS_MAX]; /* oldest first; zero beyond `count` */
    uint64_t lost;                       /* bit i: of the last 64 frames the i-th newest was lost */
    uint64_t early; /* one past the last frame asked for before a later one has come; else 0 */
    uint32_t vain;  /* likewise of the last 32 holes: not mended; 0 once nothing is lost */
    uint8_t count;
};

/* What is known of the path. */
struct nack_path {
    struct duration rtt;     /* smoothed */
    struct duration rtt_min; /* smallest, what comes sooner cannot be; zero if unknown */
    struct duration jitter;  /* RFC 3550 */
    struct instant other;    /* until then another way may still bring it; past or now: none does */
    struct duration spread;  /* in which a backfill is sent: so much later its frames may come */
};

struct nack_question {
    uint64_t from;
    uint64_t missing; /* bit i: from + i; never 0 */
    bool hard;        /* it was asked so often in vain that another had better be asked, too */
};

/* This frame of the serving path has come, before it so many in a row have not. */
void nack_heard(struct nack *n, uint64_t frame, uint64_t missed);

/* Frames from … to − 1 have not come, and frame `to` has. */
void nack_missed(struct nack *n, uint64_t from, uint64_t to, const struct nack_path *path,
                 struct instant now);

/* Frames from … to − 1 ought to be here, and no later one has come either. They are not missed once
 * more when it has. */
void nack_late(struct nack *n, uint64_t from, uint64_t to, struct instant now);

/* The next question that is due. Call until false. */
bool nack_take(struct nack *n, const struct playout *playout, const struct nack_path *path,
               struct instant now, struct nack_question *out);

/* When there is something to ask or to forget; "never" if nothing is missing. */
struct instant nack_deadline(const struct nack *n);

/* What was lost is no longer asked for. */
void nack_forget(struct nack *n);

/* Another server serves: nothing is known of what its path loses. */
void nack_restart(struct nack *n);

/* True if nothing is missing, and nothing was lost lately. */
bool nack_is_quiet(const struct nack *n);

void nack_check_invariants(const struct nack *n);

#endif
