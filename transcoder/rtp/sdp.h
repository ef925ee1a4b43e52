/*
 * SDP: the text that tells an unmodified player what arrives at its port (RFC 8866, RFC 3551).
 */
#ifndef TRANSCODER_RTP_SDP_H
#define TRANSCODER_RTP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_LEN_MAX 1024 /* [characters] of all that is written here */

struct sdp_session {
    const char *name;     /* of the session; NULL or empty becomes "-" */
    const char *address;  /* numeric, where the player listens; a colon makes it IP6 */
    uint16_t port;        /* where the player listens */
    uint64_t id;          /* of the o= line: any number, best the same as long as the session is */
    const char *encoding; /* RTP name: opus, PCMU, PCMA, GSM, L16 */
    uint8_t payload_type; /* 0…127 */
    uint32_t clock_hz;    /* [Hz] RTP clock */
    uint8_t channels;     /* as in rtpmap; opus always says 2 */
    const char *fmtp;     /* parameters, without the payload type; NULL or empty: none */
    uint32_t ptime_ms;    /* [ms] */
};

/* Returns the length, 0 if it does not fit or a text holds a line break. Lines end in CR LF. */
size_t sdp_write(char *out, size_t out_size, const struct sdp_session *s);

#endif
