/*
 * Sites: which of several clusters a sidecar asks first, and how long it waits before the next.
 *
 * The choice is sticky: whoever gave the first byte is asked first from then on, until it fails,
 * until another was faster when asked too (a hedge), or until steering names another. A site that
 * failed is asked last for a while, whatever steering says: steering knows of it some seconds
 * later.
 *
 * How long to wait for a first byte follows from what is usual for that site, mean and deviation as
 * for a retransmission timer (RFC 6298), within bounds: a site that encodes on demand takes a
 * second without being ill.
 */
#ifndef TRANSCODER_HLS_SITES_H
#define TRANSCODER_HLS_SITES_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITES_MAX      16   /* as many pathways as steering lists */
#define SITES_ID_MAX   63   /* [characters] of a PATHWAY-ID, or of a host */
#define SITES_BASE_MAX 1024 /* [characters] of a URL that ends in a slash */
#define SITES_NONE     UINT32_MAX

#define SITES_PATIENCE_MS_MIN 300   /* [ms] and as long as nothing is known of a site */
#define SITES_PATIENCE_MS_MAX 1500  /* [ms] nobody who works takes longer: see front.h */
#define SITES_SHUN_MS         10000 /* [ms] after a failure: two times the TTL of steering */

/* Why another site serves. */
enum sites_cause {
    SITES_HEDGED,  /* it was asked, too, and was faster */
    SITES_FAILED,  /* the one before could not, or refused */
    SITES_RESUMED, /* the one before broke off, or stood still, in mid-body */
    SITES_STEERED  /* steering says so */
};

struct site {
    char id[SITES_ID_MAX + 1];
    char base[SITES_BASE_MAX + 1];
    int64_t mean_us, deviation_us; /* [µs] until the first byte */
    bool measured;
    struct instant shunned_until;
};

struct sites {
    struct site list[SITES_MAX];
    uint32_t count;
    uint32_t order[SITES_MAX]; /* best first: as they were added, or as steering says */
    uint32_t at;               /* asked first */
    enum sites_cause cause;    /* why it is at that one; of the newest move */
    uint32_t moves;
};

void sites_init(struct sites *s);

/* Adds one, or gives the one of that name another base. Its index; SITES_NONE if there are too many
 * or a text is too long. */
uint32_t sites_add(struct sites *s, const char *id, const char *base);
uint32_t sites_find(const struct sites *s, const char *id);

/* What steering says, best first: sites that are not named keep their order behind those. The first
 * one that is not shunned is asked first. */
void sites_steered(struct sites *s, const uint32_t *order, size_t count, struct instant now);

/* Whom to ask, of those whose bit is not in `asked`; SITES_NONE: nobody is left. */
uint32_t sites_choose(const struct sites *s, uint32_t asked, struct instant now);

struct duration sites_patience(const struct sites *s, uint32_t site);

/* It took so long, or at least so long if it was called off. */
void sites_measured(struct sites *s, uint32_t site, struct duration took);

/* It serves: whoever is asked next asks it first. */
void sites_won(struct sites *s, uint32_t site, enum sites_cause cause);
void sites_failed(struct sites *s, uint32_t site, struct instant now);

const char *sites_cause_name(enum sites_cause cause);

#endif
