/*
 * The location database: country, region and network (ASN) of a location.
 *
 * The operator names a file in MaxMind's format, of whatever provider; none comes with us, and
 * nothing depends on one. Fields are looked for under the names that such databases use
 * (`country.iso_code`, `subdivisions.0.iso_code`, `autonomous_system_number`,
 * `autonomous_system_organization`); what a database does not say stays empty. One that speaks of
 * places and one that speaks of networks can be asked one after the other: each fills in what it
 * knows.
 */
#ifndef TOPO_GEO_GEO_H
#define TOPO_GEO_GEO_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"

#define GEO_CODE_LEN_MAX    7  /* [bytes] ISO 3166-1 has 2, ISO 3166-2 after the hyphen up to 3 */
#define GEO_NETWORK_LEN_MAX 63 /* [bytes] longer names of networks are cut */
#define GEO_DETAIL_LEN_MAX  255

struct geo; /* an open database */

struct geo_label {
    char country[GEO_CODE_LEN_MAX + 1]; /* "DE"; empty: unknown */
    char region[GEO_CODE_LEN_MAX + 1];  /* "HE" */
    char network[GEO_NETWORK_LEN_MAX + 1];
    uint32_t asn; /* 0: unknown */
};

/* Maps the file. On failure (ERR_NOT_FOUND, ERR_BAD_MAGIC for what is no such database, ERR_IO,
 * ERR_NO_MEMORY) `detail` says what is wrong with it, for the operator. */
enum err geo_open(struct geo **out, const char *path, char detail[GEO_DETAIL_LEN_MAX + 1]);
void geo_close(struct geo *g);

/* Fills in what is still empty of `label`. False if the database does not know the address. */
bool geo_find(const struct geo *g, const struct addr *addr, struct geo_label *label);

/* "DE-HE AS64500 Example", or "-" if nothing is known. Returns `out`. */
#define GEO_TEXT_LEN_MAX (2 * GEO_CODE_LEN_MAX + GEO_NETWORK_LEN_MAX + 24)
const char *geo_to_text(const struct geo_label *label, char out[GEO_TEXT_LEN_MAX + 1]);

#endif
