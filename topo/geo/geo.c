#include "topo/geo/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct geo {
    MMDB_s db;
};

/* Looked at before it is opened: a pipe would hold us up until somebody writes to it. The library's
 * own words for a missing file are those for any that it cannot open. */
static enum err look_at(const char *path, char *detail) {
    struct stat about;
    if (stat(path, &about) != 0) {
        snprintf(detail, GEO_DETAIL_LEN_MAX + 1, "%s", strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    }
    if (!S_ISREG(about.st_mode)) {
        snprintf(detail, GEO_DETAIL_LEN_MAX + 1, "not a file");
        return ERR_IO;
    }
    return ERR_OK;
}

static enum err why_not(int status, char *detail) {
    snprintf(detail, GEO_DETAIL_LEN_MAX + 1, "%s",
             status == MMDB_FILE_OPEN_ERROR && errno != 0 ? strerror(errno)
                                                          : MMDB_strerror(status));
    return status == MMDB_OUT_OF_MEMORY_ERROR                          ? ERR_NO_MEMORY
           : status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR ? ERR_IO
                                                                       : ERR_BAD_MAGIC;
}

enum err geo_open(struct geo **out, const char *path, char detail[GEO_DETAIL_LEN_MAX + 1]) {
    detail[0] = '\0';
    *out = NULL;
    enum err err = look_at(path, detail);
    if (err != ERR_OK)
        return err;
    struct geo *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        snprintf(detail, GEO_DETAIL_LEN_MAX + 1, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    errno = 0;
    int status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
    if (status == MMDB_SUCCESS) {
        *out = g;
        return ERR_OK;
    }
    free(g);
    return why_not(status, detail);
}

void geo_close(struct geo *g) {
    if (g == NULL)
        return;
    MMDB_close(&g->db);
    free(g);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static bool look_up(const struct geo *g, const struct addr *addr, MMDB_entry_s *entry) {
    int error = MMDB_SUCCESS;
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    if (addr->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)&storage;
        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, addr->ip, sizeof(in->sin_addr));
    } else if (addr->family == 6 && g->db.metadata.ip_version == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
        in6->sin6_family = AF_INET6;
        memcpy(&in6->sin6_addr, addr->ip, sizeof(in6->sin6_addr));
    } else {
        return false;
    }
    MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr((MMDB_s *)&g->db, (struct sockaddr *)&storage, &error);
    *entry = found.entry;
    return error == MMDB_SUCCESS && found.found_entry;
}

/* A database is somebody else's file: what is no printable ASCII or UTF-8 text is left out. */
static void take_text(char *out, size_t size, const MMDB_entry_data_s *data) {
    size_t len = 0;
    if (out[0] != '\0' || !data->has_data || data->type != MMDB_DATA_TYPE_UTF8_STRING)
        return;
    for (; len < data->data_size && len + 1 < size; len++) {
        unsigned char c = (unsigned char)data->utf8_string[len];
        if (c < 0x20 || c == 0x7f)
            break;
        out[len] = (char)c;
    }
    if (len < data->data_size) /* cut: not within a character */
        while (len > 0 && ((unsigned char)data->utf8_string[len] & 0xc0) == 0x80)
            len--;
    out[len] = '\0';
}

static void take_number(uint32_t *out, const MMDB_entry_data_s *data) {
    if (*out != 0 || !data->has_data)
        return;
    if (data->type == MMDB_DATA_TYPE_UINT32)
        *out = data->uint32;
    else if (data->type == MMDB_DATA_TYPE_UINT16)
        *out = data->uint16;
}

bool geo_find(const struct geo *g, const struct addr *addr, struct geo_label *label) {
    MMDB_entry_s entry;
    MMDB_entry_data_s data;
    if (!look_up(g, addr, &entry))
        return false;
    if (MMDB_get_value(&entry, &data, "country", "iso_code", NULL) == MMDB_SUCCESS)
        take_text(label->country, sizeof(label->country), &data);
    if (MMDB_get_value(&entry, &data, "subdivisions", "0", "iso_code", NULL) == MMDB_SUCCESS)
        take_text(label->region, sizeof(label->region), &data);
    if (MMDB_get_value(&entry, &data, "autonomous_system_organization", NULL) == MMDB_SUCCESS)
        take_text(label->network, sizeof(label->network), &data);
    if (MMDB_get_value(&entry, &data, "autonomous_system_number", NULL) == MMDB_SUCCESS)
        take_number(&label->asn, &data);
    return true;
}

const char *geo_to_text(const struct geo_label *label, char out[GEO_TEXT_LEN_MAX + 1]) {
    char asn[16] = "";
    if (label->asn != 0)
        snprintf(asn, sizeof(asn), "AS%u", (unsigned)label->asn);
    snprintf(out, GEO_TEXT_LEN_MAX + 1, "%s%s%s%s%s%s%s", label->country,
             label->country[0] != '\0' && label->region[0] != '\0' ? "-" : "", label->region,
             label->country[0] != '\0' && asn[0] != '\0' ? " " : "", asn,
             label->network[0] != '\0' && (asn[0] != '\0' || label->country[0] != '\0') ? " " : "",
             label->network);
    if (out[0] == '\0')
        snprintf(out, GEO_TEXT_LEN_MAX + 1, "-");
    return out;
}
