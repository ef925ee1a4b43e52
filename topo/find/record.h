/*
 * What a TXT record of _peerd._udp.DOMAIN says of a cluster: "name=fra1 key=k4.public.…", and
 * "at=fra1.example.net" if its SRV records are at another domain than the record itself, which is
 * how one domain names several clusters. Attributes stand apart by spaces or semicolons, in any
 * order; those of other names are ignored, for whoever comes later. One that stands twice spoils
 * the record.
 *
 * Where the cluster listens is in SRV records (RFC 2782): _peerd._udp for beats, _peerd._tcp for
 * its control door.
 */
#ifndef TOPO_FIND_RECORD_H
#define TOPO_FIND_RECORD_H

#include "topo/find.h"

#define RECORD_SERVICE        "_peerd._udp."
#define RECORD_DOMAIN_LEN_MAX 230 /* [characters] so that what is made of it fits into a name */

/* False if the text is no such record. `domain` is where it was found. */
bool record_parse(struct find_claim *out, const char *text, const char *domain);

#endif
