/*
 * Resend: which frames a server sends once more when a client asks (RFC 4585, RFC 4588).
 *
 * Only what it has sent, lately, and is not about to send anyway; and no more than the stream once
 * more beside a burst, so that neither a path which loses most of what it gets nor a liar with the
 * client's address makes the server send much more than it would. Where there is time for one
 * round, what mends 15 % of loss is half as much again as the stream: the burst is twenty seconds
 * of that, in which who fares so badly is elsewhere (nack.h).
 */
#ifndef TRANSCODER_TIMELINE_RESEND_H
#define TRANSCODER_TIMELINE_RESEND_H

#include "transcoder/timeline/pace.h"

#define RESEND_FRAMES_BACK 32  /* 640 ms: what is older nobody waits for */
#define RESEND_FRAMES_EACH 1   /* frame times that one resent frame takes of the allowance … */
#define RESEND_BURST       512 /* … of which so many may come at once */

struct resend {
    struct instant paid_until; /* when the allowance is whole again; in the past: it is */
};

/* Whether `frame` is to go out once more, which is then counted. */
bool resend_may(struct resend *r, const struct pace *pace, uint64_t frame, struct instant now);

#endif
