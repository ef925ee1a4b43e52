#include "transcoder/worker/catalogue.h"

#include "transcoder/media/determinism.h"

#include <stdlib.h>
#include <string.h>

void catalogue_init(struct catalogue *c) {
    memset(c, 0, sizeof(*c));
}

void catalogue_free(struct catalogue *c) {
    free(c->sources);
    catalogue_init(c);
}

void catalogue_move(struct catalogue *c, struct catalogue *from) {
    catalogue_free(c);
    *c = *from;
    catalogue_init(from);
}

struct catalogue_source *catalogue_source_find(const struct catalogue *c, const struct name *name) {
    for (size_t i = 0; i < c->source_count; i++)
        if (name_equal(&c->sources[i].spec.name, name))
            return &c->sources[i];
    return NULL;
}

const struct catalogue_profile *catalogue_profile_find(const struct catalogue *c,
                                                       const struct name *name) {
    for (size_t i = 0; i < c->profile_count; i++)
        if (name_equal(&c->profiles[i].profile.name, name))
            return &c->profiles[i];
    return NULL;
}

/* Room for one more, doubled as needed: a catalogue is built once and read for long. */
static bool grow(struct catalogue *c) {
    size_t n = c->source_count;
    if (n == NODE_SOURCES_MAX)
        return false;
    if (n != 0 && (n & (n - 1)) != 0)
        return true;
    struct catalogue_source *more =
        realloc(c->sources, (n == 0 ? 1 : 2 * n) * sizeof(c->sources[0]));
    if (more == NULL)
        return false;
    c->sources = more;
    return true;
}

bool catalogue_put_source(struct catalogue *c, const struct catalogue_source *source) {
    struct catalogue_source *old = catalogue_source_find(c, &source->spec.name);
    if (old != NULL) {
        *old = *source;
        return true;
    }
    if (!grow(c))
        return false;
    c->sources[c->source_count++] = *source;
    return true;
}

bool catalogue_put_profile(struct catalogue *c, const struct catalogue_profile *profile) {
    for (size_t i = 0; i < c->profile_count; i++)
        if (name_equal(&c->profiles[i].profile.name, &profile->profile.name)) {
            c->profiles[i] = *profile;
            return true;
        }
    if (c->profile_count == NODE_PROFILES_MAX)
        return false;
    c->profiles[c->profile_count++] = *profile;
    return true;
}

static bool profile_from_spec(struct catalogue_profile *out, const struct node_profile_spec *spec,
                              struct media_why *why) {
    enum media_codec codec;
    if (!media_codec_by_name(&codec, spec->codec.text)) {
        media_whyf(why, "profile %s: codec %s is not known here", spec->name.text,
                   spec->codec.text);
        return false;
    }
    memset(out, 0, sizeof(*out));
    media_profile_init(&out->profile, codec);
    struct media_profile *p = &out->profile;
    p->name = spec->name;
    p->rate_hz = spec->rate_hz;
    p->channels = (uint8_t)spec->channels;
    if (codec == MEDIA_CODEC_OPUS && spec->bitrate_bps != 0)
        p->bitrate_bps = spec->bitrate_bps;
    p->complexity = (uint8_t)spec->complexity;
    p->preroll_frames = (uint16_t)spec->preroll_frames;
    struct media_why reason = {.text = ""};
    if (media_profile_check(p, &reason) != ERR_OK) {
        media_whyf(why, "profile %s: %s", spec->name.text, reason.text);
        return false;
    }
    media_determinism_id(p, &out->determinism);
    return true;
}

static bool rendition_from_spec(struct rendition *out, const struct node_rendition_spec *spec,
                                struct media_why *why) {
    *out = (struct rendition){.name = spec->name,
                              .bitrate_bps = spec->bitrate_bps,
                              .height = spec->height,
                              .fps = spec->fps,
                              .channels = spec->channels};
    bool known = rendition_codec_by_name(&out->codec, spec->codec.text);
    const char *fault = known ? rendition_fault(out) : "one of the codecs h264, aac and opus";
    if (fault != NULL)
        media_whyf(why, "rendition %s: expected %s", spec->name.text, fault);
    return fault == NULL;
}

static struct catalogue_source source_from_spec(const struct node_source_spec *spec,
                                                const struct catalogue *old) {
    const struct catalogue_source *before =
        old == NULL ? NULL : catalogue_source_find(old, &spec->name);
    struct catalogue_source s;
    if (before != NULL && strcmp(before->spec.location, spec->location) == 0 &&
        before->spec.class == spec->class) {
        s = *before;
    } else {
        memset(&s, 0, sizeof(s));
        s.error = ERR_NOT_YET;
    }
    s.spec = *spec;
    return s;
}

bool catalogue_from_spec(struct catalogue *c, const struct node_catalogue *spec,
                         const struct catalogue *old, struct media_why *why) {
    struct catalogue fresh;
    catalogue_init(&fresh);
    for (size_t i = 0; i < spec->source_count; i++) {
        struct catalogue_source s = source_from_spec(&spec->sources[i], old);
        if (!catalogue_put_source(&fresh, &s)) {
            catalogue_free(&fresh);
            return false;
        }
    }
    for (size_t i = 0; i < spec->profile_count; i++) {
        struct catalogue_profile p;
        if (profile_from_spec(&p, &spec->profiles[i], why))
            catalogue_put_profile(&fresh, &p);
    }
    for (size_t i = 0; i < spec->rendition_count && i < NODE_PROFILES_MAX; i++)
        if (rendition_from_spec(&fresh.renditions[fresh.rendition_count], &spec->renditions[i],
                                why))
            fresh.rendition_count++;
    catalogue_move(c, &fresh);
    return true;
}

enum err catalogue_admit(const struct catalogue *c, const struct ticket *ticket,
                         const struct catalogue_source **source,
                         const struct catalogue_profile **profile) {
    const struct catalogue_source *s = catalogue_source_find(c, &ticket->source);
    const struct catalogue_profile *p = catalogue_profile_find(c, &ticket->profile);
    if (s == NULL)
        return ERR_UNKNOWN_SOURCE;
    if (p == NULL)
        return ERR_UNKNOWN_PROFILE;
    if (s->error != ERR_OK)
        return s->error;
    if (s->spec.class != ticket->class ||
        memcmp(&s->digest, &ticket->digest, sizeof(s->digest)) != 0)
        return ERR_SOURCE_DIFFERS;
    *source = s;
    *profile = p;
    return ERR_OK;
}
