/*
 * What a TXT record of _peerd._udp.DOMAIN says of a cluster: "name=fra1 key=k4.public.…", and
 * "at=fra1.example.net" if its SRV records are at another domain than the record itself, which is
 * how one domain names several clusters; "next=k4.public.…" is a key that the cluster may have by
 * the time that somebody reads it, told as a claim of its own. Attributes stand apart by spaces or
 * semicolons, in any order; those of other names are ignored, for whoever comes later. One that
 * stands twice spoils the record.
 *
 * Where the cluster listens is in SRV records (RFC 2782): _peerd._udp for beats, _peerd._tcp for
 * its control door.
 */
#ifndef TOPO_FIND_RECORD_H
#define TOPO_FIND_RECORD_H

#include "topo/find.h"

#define RECORD_SERVICE        "_peerd._udp."
#define RECORD_DOMAIN_LEN_MAX 230 /* [characters] so that what is made of it fits into a name */

#define RECORD_CLAIMS_MAX 2 /* its key, its next one */

/* How many claims it makes; 0 if the text is no such record. `domain` is where it was found. */
size_t record_parse(struct find_claim out[RECORD_CLAIMS_MAX], const char *text, const char *domain);

#endif
