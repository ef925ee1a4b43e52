#include "transcoder/worker/session.h"

#include "peerd/base/bytes.h"
#include "peerd/net/clock.h"
#include "transcoder/rtp/rtp.h"
#include "transcoder/rtp/rtx.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint32_t session_phase(const struct ticket *ticket) {
    struct reader r = reader_over(ticket->digest.bytes, sizeof(ticket->digest.bytes));
    uint64_t h = read_u64(&r);
    for (const char *at = ticket->profile.text; *at != '\0'; at++)
        h = (h ^ (uint8_t)*at) * UINT64_C(0x100000001b3); /* FNV-1a, begun at the digest */
    return (uint32_t)((h >> 32 ^ h) % MEDIA_LAP_FRAMES);
}

struct session *session_new(uint32_t slot, const struct ticket *ticket, const char *token,
                            size_t token_len, const struct catalogue_profile *profile,
                            struct feed *feed) {
    struct session *s = calloc(1, sizeof(*s));
    assert(token_len <= sizeof(s->token));
    if (s == NULL) {
        feed_close(feed);
        return NULL;
    }
    s->slot = slot;
    s->ticket = *ticket;
    s->token_len = (uint16_t)token_len;
    memcpy(s->token, token, token_len);
    s->determinism = profile->determinism;
    media_profile_rtp(&profile->profile, &s->rtp);
    s->position = position_of_leg(&ticket->legs[0], s->rtp.samples_per_frame);
    s->feed = feed;
    s->again_seq = s->position.seq0;
    s->mergeable_from = s->waited_for = FRAME_NEVER;
    s->report_due = INSTANT_NEVER;
    s->told_at = instant_us(INT64_MIN);
    s->begins = INSTANT_NEVER;
    return s;
}

void session_free(struct session *s) {
    if (s == NULL)
        return;
    feed_close(s->feed);
    free(s);
}

bool session_ticket_fits(const struct session *s, const struct ticket *ticket) {
    const struct ticket *held = &s->ticket;
    const struct leg *a = &held->legs[0], *b = &ticket->legs[0];
    return session_id_equal(&held->session, &ticket->session) &&
           public_key_equal(&held->client, &ticket->client) &&
           name_equal(&held->source, &ticket->source) &&
           name_equal(&held->profile, &ticket->profile) &&
           memcmp(&held->digest, &ticket->digest, sizeof(held->digest)) == 0 &&
           held->class == ticket->class && held->anchor_frame == ticket->anchor_frame &&
           a->up == b->up && a->ssrc == b->ssrc && a->seq0 == b->seq0 && a->ts0 == b->ts0;
}

void session_ticket_renew(struct session *s, const struct ticket *ticket, const char *token,
                          size_t token_len) {
    assert(token_len <= sizeof(s->token));
    if (token_len == 0 || ticket->expires_s <= s->ticket.expires_s ||
        !session_ticket_fits(s, ticket))
        return;
    s->ticket = *ticket;
    s->token_len = (uint16_t)token_len;
    memcpy(s->token, token, token_len);
}

/* ---- backups -----------------------------------------------------------------------------------
 */

void session_tell(struct session *s, const struct message_named *list) {
    assert(list->count <= TICKET_BACKUPS_MAX);
    s->tells = *list;
    telling_ordered(&s->telling, named_mark(list));
}

enum telling_next session_reported(struct session *s, uint32_t mark) {
    enum telling_next next = telling_reported(&s->telling, mark);
    if (next != TELLING_TAKEN)
        return next;
    s->backup_count = s->tells.count;
    for (uint8_t i = 0; i < s->tells.count; i++)
        s->backups[i] = s->tells.list[i].name;
    return next;
}

/* ---- media intentions ------------------------------------------------------------------------ */

static uint64_t source_frame(const struct session *s, uint64_t frame) {
    return s->ticket.anchor_frame + frame;
}

/* Frames of this machine equal those of the ticket's issuer only if both media stacks do. */
static uint64_t merges_from(const struct session *s, uint64_t source_merges) {
    bool alike = memcmp(&s->determinism, &s->ticket.determinism, sizeof(s->determinism)) == 0;
    if (!alike || source_merges == FRAME_NEVER)
        return FRAME_NEVER;
    return source_merges > s->ticket.anchor_frame ? source_merges - s->ticket.anchor_frame : 0;
}

static void stop_if_failed(struct session *s) {
    if (feed_state(s->feed) == FEED_FAILED)
        s->stopped = feed_error(s->feed);
}

void session_media_start(struct session *s, uint64_t from, uint64_t live,
                         const uint8_t held[PACE_HELD_BYTES], struct instant now) {
    pace_start(&s->pace, duration_ms(FRAME_MS), from, live, held, now);
    if (s->hurried)
        pace_spare(&s->pace);
    s->mergeable_from = merges_from(s, feed_start(s->feed, source_frame(s, from)));
    s->begun_from = from;
    s->waited_for = FRAME_NEVER;
    s->report_due = now;
    s->begins = now;
    s->begins_after = s->packets;
    stop_if_failed(s);
}

bool session_has_begun(struct session *s, struct instant *asked) {
    if (instant_is_never(s->begins) || s->packets == s->begins_after)
        return false;
    *asked = s->begins;
    s->begins = INSTANT_NEVER;
    return true;
}

void session_hurry(struct session *s, uint32_t preroll) {
    s->hurried = preroll < MEDIA_PREROLL_FULL;
    feed_hurry(s->feed, preroll);
}

void session_media_repair(struct session *s, uint64_t from, uint64_t live,
                          const uint8_t held[PACE_HELD_BYTES], struct instant now) {
    if (s->pace.running)
        pace_repair(&s->pace, from, live, held, now);
    else
        session_media_start(s, from, live, held, now);
}

void session_media_stop(struct session *s) {
    pace_stop(&s->pace);
    s->waited_for = FRAME_NEVER;
    s->report_due = INSTANT_NEVER;
}

void session_feed_changed(struct session *s) {
    stop_if_failed(s);
}

bool session_is_warming(const struct session *s) {
    return s->pace.running && feed_local(s->feed) && feed_state(s->feed) == FEED_BUSY;
}

void session_warm(struct session *s) {
    feed_warm(s->feed);
    stop_if_failed(s);
}

bool session_is_wanting(const struct session *s) {
    return s->pace.running && s->stopped == ERR_OK && feed_wants(s->feed);
}

void session_make(struct session *s) {
    feed_make(s->feed);
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct rtp_packet packet_of(const struct session *s, uint64_t frame, const uint8_t *payload,
                                   size_t len) {
    return (struct rtp_packet){.marker = !s->sent_any,
                               .payload_type = s->rtp.payload_type,
                               .seq = position_seq(&s->position, frame),
                               .timestamp = position_timestamp(&s->position, frame),
                               .ssrc = s->position.ssrc,
                               .payload = payload,
                               .payload_len = len};
}

static void send_frame(struct session *s, uint64_t frame, const uint8_t *payload, size_t len,
                       struct net_udp *udp) {
    uint8_t datagram[RTP_HEADER_BYTES + MEDIA_PAYLOAD_BYTES_MAX];
    const struct rtp_packet packet = packet_of(s, frame, payload, len);
    size_t n = rtp_encode(datagram, sizeof(datagram), &packet);
    net_udp_send(udp, &s->client, datagram, n);
    s->packets++;
    s->octets += (uint32_t)len;
    if (!s->sent_any || frame > s->last_sent)
        s->last_sent = frame;
    s->sent_any = true;
}

/* Sends one frame, or notes that it has to be waited for. False if nothing more can be done now. */
static bool try_frame(struct session *s, uint64_t frame, struct net_udp *udp,
                      struct session_counters *counters) {
    const uint8_t *payload;
    size_t len;
    enum err e = feed_take(s->feed, source_frame(s, frame), &payload, &len);
    s->waited_for = FRAME_NEVER;
    if (e == ERR_OK) {
        send_frame(s, frame, payload, len, udp);
        counters->frames++;
        return true;
    }
    if (e == ERR_NOT_YET) {
        s->waited_for = frame;
        counters->waited++;
    } else if (e == ERR_SOURCE_ENDED) {
        pace_end_at(&s->pace, frame);
        return true; /* there may be some to fill in before the end */
    } else {
        s->stopped = e;
    }
    return false;
}

static void send_again(struct session *s, uint64_t frame, struct net_udp *udp,
                       struct session_counters *counters) {
    uint8_t datagram[RTP_HEADER_BYTES + RTX_OSN_BYTES + MEDIA_PAYLOAD_BYTES_MAX];
    const uint8_t *payload;
    size_t len;
    if (feed_take(s->feed, source_frame(s, frame), &payload, &len) != ERR_OK)
        return;
    const struct rtp_packet packet = packet_of(s, frame, payload, len);
    size_t n = rtx_encode(datagram, sizeof(datagram), &packet, s->again_seq++);
    net_udp_send(udp, &s->client, datagram, n);
    counters->resent++;
}

void session_nack_received(struct session *s, const struct rtcp_report *report, struct net_udp *udp,
                           struct instant now, struct session_counters *counters) {
    uint16_t next = position_seq(&s->position, s->pace.next);
    for (uint8_t i = 0; i < report->nack_count && s->stopped == ERR_OK; i++) {
        uint32_t wanted = (uint32_t)report->nacks[i].after << 1 | 1;
        for (unsigned bit = 0; wanted >> bit != 0; bit++) {
            /* Of the numbers before the next one, which is all that was sent. */
            uint16_t back = (uint16_t)(next - (uint16_t)(report->nacks[i].seq + bit));
            if ((wanted >> bit & 1) == 0 || back > s->pace.next)
                continue;
            uint64_t frame = s->pace.next - back;
            /* Asked whether it is kept first: what is not would make the feed go back for it. */
            if (feed_holds(s->feed, source_frame(s, frame)) &&
                resend_may(&s->resend, &s->pace, frame, now))
                send_again(s, frame, udp, counters);
        }
    }
}

/* The RTP timestamp of an instant: where the pace is then, in ticks. Two of them tell a receiver at
 * what rate media comes (RFC 3550 section 6.4.1): the listener's, not that of our clock. */
static uint32_t timestamp_at(const struct session *s, struct instant now) {
    int64_t ticks = pace_media_us(&s->pace, now) * (int64_t)s->rtp.clock_rate_hz / 1000000;
    return position_timestamp(&s->position, s->pace.live) + (uint32_t)ticks;
}

static void send_report(struct session *s, struct net_udp *udp, struct rng *rng,
                        struct instant now) {
    uint8_t datagram[RTCP_LEN_MAX];
    const struct rtcp_clock clock = rtcp_clock_from_wall(now, net_wall());
    struct rtcp_report report = {.ssrc = s->position.ssrc,
                                 .is_sender = true,
                                 .ntp = rtcp_ntp_at(&clock, now),
                                 .rtp = timestamp_at(s, now),
                                 .packets = s->packets,
                                 .octets = s->octets};
    /* One name wherever the session is served: RFC 3550 section 6.5.1 binds it to the source. */
    session_id_to_text(&s->ticket.session, report.cname);
    size_t len = rtcp_encode(datagram, sizeof(datagram), &report);
    net_udp_send(udp, &s->client, datagram, len);
    uint32_t bandwidth_bps = (uint32_t)((s->octets / (s->packets + 1) + 40) * 8 * 50);
    s->report_due =
        instant_add(now, rtcp_interval(bandwidth_bps, (uint32_t)len + 28, duration_s(SESSION_SR_S),
                                       !s->reported, rng_unit(rng)));
    s->reported = true;
}

void session_send(struct session *s, struct net_udp *udp, struct rng *rng, struct instant now,
                  struct session_counters *counters) {
    struct instant together = instant_add(now, duration_us(SESSION_TOGETHER_US));
    uint64_t frame;
    if (s->stopped != ERR_OK || session_is_warming(s))
        return;
    if (s->waited_for != FRAME_NEVER && !try_frame(s, s->waited_for, udp, counters))
        return;
    for (int i = 0; i < SESSION_BURST_MAX && pace_take(&s->pace, together, &frame); i++)
        if (!try_frame(s, frame, udp, counters))
            return;
    if (s->packets > 0 && instant_reached(now, s->report_due))
        send_report(s, udp, rng, now);
}

struct instant session_deadline(const struct session *s) {
    if (s->stopped != ERR_OK || session_is_warming(s))
        return INSTANT_NEVER;
    /* A thread tells when it has what is waited for; a pre-roll in this loop is simply over. */
    if (s->waited_for != FRAME_NEVER)
        return feed_local(s->feed) ? instant_us(0) : INSTANT_NEVER;
    return pace_deadline(&s->pace);
}

enum err session_over(const struct session *s) {
    if (s->stopped != ERR_OK)
        return s->stopped;
    bool all_sent = s->pace.running && s->waited_for == FRAME_NEVER && pace_finished(&s->pace);
    return all_sent ? ERR_SOURCE_ENDED : ERR_OK;
}

uint64_t session_end(const struct session *s) {
    if (s->stopped == ERR_OK)
        return s->pace.end;
    return s->sent_any ? s->last_sent + 1 : FRAME_NEVER;
}

void session_rtcp_received(struct session *s, const struct rtcp_report *report, struct wall wall) {
    const struct rtcp_clock clock = rtcp_clock_from_wall(instant_us(0), wall);
    for (uint8_t i = 0; i < report->block_count; i++) {
        struct duration rtt;
        if (report->blocks[i].ssrc == s->position.ssrc &&
            rtcp_round_trip(&report->blocks[i], clock.ntp, &rtt))
            s->rtcp_rtt_us = (uint32_t)rtt.us;
    }
    if (report->playout.depth_ms > 0)
        s->playout = report->playout;
}
