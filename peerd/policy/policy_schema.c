#include "peerd/policy/policy_schema.h"

#include "peerd/policy/policy_check.h"
#include "peerd/policy/schema_rows.h"

#include <sodium/crypto_generichash.h>
#include <string.h>

/* The tables, from the inside out. Keys are named like the fields they fill, less the unit, which
 * stands in the value. */

static const char *const return_words[] = {"never", "when_better", "always", NULL};
static const char *const redirect_words[] = {"never", "when_full", "when_better", NULL};
static const struct schema_row name_item = {.key = "", .type = SCHEMA_NAME};
static const struct schema_row key_item = {.key = "", .type = SCHEMA_KEY};
static const struct schema_row file_item = {.key = "", TEXT, .form = "a file"};

/* ---- cluster ---- */

static const struct schema_row place_rows[] = {
    {"latitude", SCHEMA_NUMBER, AT(policy_cluster, latitude_deg), .required = true,
     .range = "-90..90", .doc = "Degrees north."},
    {"longitude", SCHEMA_NUMBER, AT(policy_cluster, longitude_deg), .required = true,
     .range = "-180..180", .doc = "Degrees east."},
};
const struct schema_table policy_place_table = {
    .title = "a place",
    TABLE(place_rows, policy_cluster),
    .check = policy_check_place,
};

static const struct schema_row cluster_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_cluster, name), .required = true,
     .doc = "What peers and clients call this cluster."},
    {"provider", SCHEMA_NAME, AT(policy_cluster, provider), .required = true,
     .doc = "Who runs it. A failure domain: two witnesses of one provider count once."},
    {"region", SCHEMA_NAME, AT(policy_cluster, region), .required = true,
     .doc = "Where it runs. A failure domain."},
    {"upstream", TEXT, AT(policy_cluster, upstream),
     .doc = "Who carries its packets, such as AS64500. A failure domain."},
    {"place", SCHEMA_MAPPING, AT(policy_cluster, name) /* fills the cluster itself */,
     .table = &policy_place_table, .doc = "Coordinates, for a first guess of distances."},
    {"key_file", TEXT, AT(policy_cluster, key_file), .required = true,
     .doc = "File with the secret key (`peerctl genkey`), readable by its owner alone."},
    {"next_key", SCHEMA_KEY, AT(policy_cluster, next_key),
     .doc = "The public key that will take its place, told to peers in advance. Once they know it "
            "`key_file` may become its file, without a restart and without a beat lost."},
    {"next_key_file", TEXT, AT(policy_cluster, next_key_file),
     .doc = "File with that public key; this or `next_key`."},
    {"former_keys", SCHEMA_LIST,
     LIST_AT(policy_cluster, former_keys, former_key_count, POLICY_FORMER_MAX), .item = &key_item,
     .single = true, .unique = "",
     .doc =
         "Public keys that were ours: tickets signed by them count until they have expired. Only "
         "needed across a restart; one that `discovery.revoked` names, too, counts no more, and "
         "peers are told so."},
};
static const struct schema_table cluster_table = {
    .title = "the cluster",
    TABLE(cluster_rows, policy_cluster),
    .check = policy_check_next_key,
};

/* ---- listeners ---- */

#define ENDPOINT_FORM "host and port such as 192.0.2.1:7600 or fra1.example.net:7600"
#define BEATS_FORM    ENDPOINT_FORM ", or srv:_peerd._udp.example.net"
#define CONTROL_FORM  ENDPOINT_FORM ", or srv:_peerd._tcp.example.net"

static const struct schema_row listen_rows[] = {
    {"bind", SCHEMA_ADDR, AT(policy_listen, bind), .required = true,
     .doc = "Address and port of this machine; 0.0.0.0 and [::] mean all of them."},
    {"advertise", TEXT, AT(policy_listen, advertise), .form = ENDPOINT_FORM,
     .check = policy_check_endpoint,
     .doc = "What others are told where that differs from `bind`: behind NAT, for anycast."},
};
static const struct schema_table listen_table = {
    .title = "a listener",
    TABLE(listen_rows, policy_listen),
    .check = policy_check_listen,
};

static const struct schema_row viewer_item = {.type = SCHEMA_PREFIX};
static const struct schema_row client_listen_rows[] = {
    {"bind", SCHEMA_ADDR, AT(policy_client_listen, listen.bind), .required = true,
     .doc = "Address and port of this machine, TCP."},
    {"advertise", TEXT, AT(policy_client_listen, listen.advertise), .form = ENDPOINT_FORM,
     .check = policy_check_endpoint, .doc = "What clients are told where it differs."},
    {"plain_http", SCHEMA_BOOL, AT(policy_client_listen, plain_http), .preset = "false",
     .doc = "True: no TLS, said in so many words. Otherwise both of the next two are needed."},
    {"tls_cert", TEXT, AT(policy_client_listen, tls_cert),
     .doc = "PEM file with the certificate and its chain; reloaded when it changes."},
    {"tls_key", TEXT, AT(policy_client_listen, tls_key),
     .doc = "PEM file with the certificate's key."},
    {"viewers", SCHEMA_LIST,
     LIST_AT(policy_client_listen, viewers, viewer_count, POLICY_VIEWERS_MAX), .item = &viewer_item,
     .single = true, .unique = "",
     .doc =
         "Whoever comes from these addresses sees the status page at / of this door, which shows "
         "what `peerctl` does and changes nothing. Nobody, unless some are given …"},
    {"viewers_token_file", TEXT, AT(policy_client_listen, viewers_token_file),
     .doc = "… or this is: a file with a token, which only its owner may read. Whoever has it sees "
            "the page from any address: browsers ask for it as the password of any user, programs "
            "show it as a bearer token. It opens no sessions. A reload reads it again."},
};
static const struct schema_table client_listen_table = {
    .title = "the clients' listener",
    TABLE(client_listen_rows, policy_client_listen),
    .check = policy_check_client_listen,
};

/* ---- nodes, peers, grants ---- */

static const struct schema_row node_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_node, name), .required = true, .doc = "Of a transcoderd."},
    {"key", SCHEMA_KEY, AT(policy_node, key), .doc = "Its public key; this or `key_file`."},
    {"key_file", TEXT, AT(policy_node, key_file), .doc = "File with its public key."},
};
static const struct schema_table node_table = {
    .title = "a node",
    TABLE(node_rows, policy_node),
    .check = policy_check_key_given,
};

static const struct schema_row peer_rows[] = {
    {"name", SCHEMA_NAME, AT(policy_peer, name), .required = true,
     .doc = "The name that the peer gives itself."},
    {"key", SCHEMA_KEY, AT(policy_peer, key), .doc = "Its public key; this or `key_file`."},
    {"key_file", TEXT, AT(policy_peer, key_file), .doc = "File with its public key."},
    {"next_key", SCHEMA_KEY, AT(policy_peer, next_key),
     .doc = "The only key that it may have next, whatever it announces; without this the one that "
            "it announces, signed by the one in force."},
    {"beats", TEXT, AT(policy_peer, beats), .required = true, .form = BEATS_FORM,
     .check = policy_check_peer_endpoint, .doc = "Where its beats go, UDP."},
    {"control", TEXT, AT(policy_peer, control), .required = true, .form = CONTROL_FORM,
     .check = policy_check_peer_endpoint, .doc = "Its peer_listen, TCP."},
    {"accept_moves", SCHEMA_BOOL, AT(policy_peer, accept_moves), .preset = "true",
     .doc = "Its sessions may be resumed here."},
    {"offer_moves", SCHEMA_BOOL, AT(policy_peer, offer_moves), .preset = "true",
     .doc = "Our sessions may be resumed there."},
    {"reserved_slots", SCHEMA_COUNT, AT(policy_peer, reserved_slots), .preset = "0",
     .range = "0..1000000", .doc = "Sessions for which room is set aside here for this peer."},
    {"cost", SCHEMA_COUNT, AT(policy_peer, cost), .preset = "0", .range = "0..1000000",
     .doc = "What a session there costs, in a unit of your own: of peers that are alike in what "
            "counts more, the cheapest is the backup."},
    {"detect_within", SCHEMA_DURATION, AT(policy_peer, wish.detect_within), .range = "20ms..60s",
     .doc = "This peer's death is noticed within this; without it as `detection` says …"},
    {"false_alarm_every", SCHEMA_DURATION, AT(policy_peer, wish.false_alarm_every),
     .range = "1s..365d",
     .doc = "… and it is suspected wrongly no more often than this; likewise."},
};
static const struct schema_table peer_table = {
    .title = "a peer",
    TABLE(peer_rows, policy_peer),
    .check = policy_check_key_given,
};

static const struct schema_row grant_rows[] = {
    {"token", SCHEMA_CUSTOM, AT(policy_grant, token_digest), .size = 32, .read = policy_read_token,
     .form = POLICY_TOKEN_FORM, .doc = "Whoever shows this bearer token may open sessions."},
    {"token_file", TEXT, AT(policy_grant, token_file), .doc = "File with such a token."},
    {"prefix", SCHEMA_PREFIX, AT(policy_grant, prefix),
     .doc = "Whoever comes from these addresses may open sessions."},
};
static const struct schema_table grant_table = {
    .title = "a grant",
    TABLE(grant_rows, policy_grant),
    .check = policy_check_grant,
};

/* ---- detection and limits ---- */

static const struct schema_row detection_rows[] = {
    {"detect_within", SCHEMA_DURATION, AT(policy_detection, detect_within), .preset = "400ms",
     .range = "20ms..60s", .doc = "A dead peer is noticed within this."},
    {"false_alarm_every", SCHEMA_DURATION, AT(policy_detection, false_alarm_every), .preset = "1h",
     .range = "1s..365d", .doc = "And a live one is suspected wrongly no more often than this."},
    {"interval", SCHEMA_DURATION, AT(policy_detection, interval), .preset = "100ms",
     .range = "5ms..10s",
     .doc = "Beats are sent this often until paths are measured; at most half of "
            "`detect_within`."},
    {"interval_min", SCHEMA_DURATION, AT(policy_detection, interval_min), .range = "20ms..1s",
     .doc = "Then each peer is asked for beats as rarely as the path needs for what is wished, and "
            "has ours as it asks: at least so far apart. Without it a fifth of `interval`."},
    {"interval_max", SCHEMA_DURATION, AT(policy_detection, interval_max), .range = "20ms..1s",
     .doc =
         "And at most so far. Without it `interval`: only more beats are asked for, never less."},
    {"interval_suspect", SCHEMA_DURATION, AT(policy_detection, interval_suspect),
     .range = "5ms..10s",
     .doc =
         "While some peer is suspected they are sent, and asked of all peers, this often; from a "
         "fifth of `interval` up to it. Without it as ever."},
    {"flap_half_life", SCHEMA_DURATION, AT(policy_detection, flap_half_life), .preset = "1min",
     .range = "1s..1d",
     .doc = "Each time that a peer which was given up is back it gets 1000 points, which lose half "
            "their number in this."},
    {"flap_suppress", SCHEMA_COUNT, AT(policy_detection, flap_suppress), .preset = "2000",
     .range = "0..1000000",
     .doc = "With so many points it is damped: a backup only for want of another; 0: nobody is."},
    {"flap_reuse", SCHEMA_COUNT, AT(policy_detection, flap_reuse), .preset = "750",
     .range = "1..1000000", .doc = "Until it has no more than these; less than `flap_suppress`."},
};
const struct schema_table policy_detection_table = {
    .title = "the detection",
    TABLE(detection_rows, policy_detection),
    .check = policy_check_detection,
};

static const struct schema_row limit_rows[] = {
    {"sessions_max", SCHEMA_COUNT, AT(policy_limits, sessions_max), .preset = "10000",
     .range = "1..2000000", .doc = "Sessions that peerd's table has room for."},
    {"opens_per_s", SCHEMA_COUNT, AT(policy_limits, opens_per_s), .preset = "200",
     .range = "1..1000000", .doc = "Session opens accepted a second; then 503 with Retry-After."},
    {"session_lease", SCHEMA_DURATION, AT(policy_limits, session_lease), .preset = "5s",
     .range = "1s..10min", .doc = "A session ends when its client has not reported for this."},
    {"credit_lease", SCHEMA_DURATION, AT(policy_limits, credit_lease), .preset = "5min",
     .range = "1s..1d", .doc = "Workers accept resumes for this long after peerd was heard last."},
    {"ticket_life", SCHEMA_DURATION, AT(policy_limits, ticket_life), .preset = "1d",
     .range = "1min..30d", .doc = "A ticket expires after this, whatever happens."},
    {"clock_skew", SCHEMA_DURATION, AT(policy_limits, clock_skew), .preset = "30s",
     .range = "0s..10min", .doc = "Difference of clocks forgiven, on ticket expiry only."},
    {"node_lease", SCHEMA_DURATION, AT(policy_limits, node_lease), .preset = "2s",
     .range = "100ms..5min", .doc = "A node that has not registered for this is gone."},
    {"node_poll", SCHEMA_DURATION, AT(policy_limits, node_poll), .preset = "100ms",
     .range = "10ms..10s", .doc = "Nodes register this often; at most half of `node_lease`."},
    {"drain_deadline", SCHEMA_DURATION, AT(policy_limits, drain_deadline), .preset = "30s",
     .range = "1s..1d", .doc = "When `peerctl drain` names none."},
    {"drain_per_s", SCHEMA_COUNT, AT(policy_limits, drain_per_s), .preset = "100",
     .range = "1..100000", .doc = "Moves that a drain starts a second."},
    {"return", SCHEMA_ENUM, AT(policy_limits, homing), .preset = "never", .words = return_words,
     .doc = "Sessions of peers that came here when their cluster was dead, cut off or drained go "
            "back to it: never; if it is nearer to their clients; always. Not while it is damped."},
    {"return_after", SCHEMA_DURATION, AT(policy_limits, return_after), .preset = "30s",
     .range = "1s..1d", .doc = "It has been back, and they have been here, for so long."},
    {"return_per_s", SCHEMA_COUNT, AT(policy_limits, return_per_s), .preset = "10",
     .range = "1..100000", .doc = "So many of them a second are asked to go."},
    {"moves_per_minute", SCHEMA_COUNT, AT(policy_limits, moves_per_minute), .preset = "6000",
     .range = "0..6000000",
     .doc = "Sessions that are asked to go because they gain by it: off a bad path, or home. A "
            "drain, what an operator wishes and clients that save themselves are not counted. 0: "
            "none is asked."},
    {"redirect", SCHEMA_ENUM, AT(policy_limits, redirect), .preset = "never",
     .words = redirect_words,
     .doc = "New sessions begin at a peer: never, but while we drain; also if there is no room "
            "here, or no node that makes it; also if a peer is clearly better for the client's "
            "location. The ticket is ours, and a peer is chosen as a backup is."},
    {"hedge_max", SCHEMA_DURATION_MS, AT(policy_limits, hedge_ms_max), .preset = "500ms",
     .range = "20ms..2s", .doc = "The longest hedge that workers here serve."},
    {"hedges_per_minute", SCHEMA_COUNT, AT(policy_limits, hedges_per_minute), .preset = "30",
     .range = "0..1000", .doc = "Hedges served a minute and session."},
    {"probes_per_s", SCHEMA_COUNT, AT(policy_limits, probes_per_s), .preset = "500",
     .range = "0..100000",
     .doc = "Probes that each worker answers a second, of clients that others serve; beyond they "
            "are dropped. An answer is as long as its question. 0: none is answered."},
    {"hot_standbys", SCHEMA_COUNT, AT(policy_limits, hot_standbys), .preset = "0",
     .range = "0..100000",
     .doc =
         "Standbys that each worker sends for at a time, for clients whom others serve, of those "
         "that credit and agreements let it hold; the others stand by silently."},
};
const struct schema_table policy_limits_table = {
    .title = "the limits",
    TABLE(limit_rows, policy_limits),
    .check = policy_check_limits,
};

/* ---- performance ---- */

static const struct schema_row performance_rows[] = {
    {"locations_max", SCHEMA_COUNT, AT(policy_performance, locations_max), .preset = "10000",
     .range = "0..100000",
     .doc = "Of so many locations (IPv4 /24, IPv6 /48) it is followed how clients fare; neighbours "
            "are merged beyond. 0: of none. A change takes effect at the next start."},
    {"tell", SCHEMA_BOOL, AT(policy_performance, tell), .preset = "true",
     .doc = "Peers are told, in beats, how our clients fare."},
    {"tell_ipv4_bits", SCHEMA_COUNT, AT(policy_performance, tell_ipv4_bits), .preset = "24",
     .range = "8..24", .doc = "No prefix longer than this leaves the cluster …"},
    {"tell_ipv6_bits", SCHEMA_COUNT, AT(policy_performance, tell_ipv6_bits), .preset = "48",
     .range = "16..48", .doc = "… nor of IPv6 than this …"},
    {"tell_clients_min", SCHEMA_COUNT, AT(policy_performance, tell_clients_min), .preset = "5",
     .range = "1..128",
     .doc = "… nor one from which fewer clients have reported in the last 10 to 20 s: an IPv4 "
            "address is one, an IPv6 /64 is one, however many sessions it has."},
    {"tell_bytes_per_s", SCHEMA_COUNT, AT(policy_performance, tell_bytes_per_s), .preset = "600",
     .range = "100..10000",
     .doc = "Of beats to each peer, beside what they are without: what has changed and the busiest "
            "locations first, the others in turn. At most 240 bytes a beat."},
    {"degraded_drop", SCHEMA_COUNT, AT(policy_performance, degraded_drop), .preset = "10",
     .range = "3..60",
     .doc = "Clients of a location fare worse if their rating (R of ITU-T G.107) has lost so much "
            "…"},
    {"degraded_clients_min", SCHEMA_COUNT, AT(policy_performance, degraded_clients_min),
     .preset = "8", .range = "1..60",
     .doc = "… with so many of them, and with a third of all. So many sessions, too, must lose "
            "frames and hear one peer better than us, in all networks together, before some of "
            "them move for that (canary): with 1 a single client is helped, after some 6 s."},
    {"degraded_hold", SCHEMA_DURATION, AT(policy_performance, degraded_hold), .preset = "10s",
     .range = "1s..1h", .doc = "It is over when they have fared as usual for so long."},
    {"canary", SCHEMA_COUNT, AT(policy_performance, canary), .preset = "3", .range = "0..16",
     .doc = "If our path is to blame so many of the sessions that suffer from it move to a peer "
            "first, whose clients there fare better, or whom ours hear better; the others follow "
            "if that stays so. With 0 nobody moves for it."},
    {"coordinates", SCHEMA_BOOL, AT(policy_performance, coordinates), .preset = "true",
     .doc = "Where we are in the network is learnt from beats and told to peers in them: it ranks "
            "backups that no client of a location has measured."},
    {"probing", SCHEMA_BOOL, AT(policy_performance, probing), .preset = "true",
     .doc =
         "Clients are named eight clusters at a time beside their backups; they find out how far "
         "away all of these are, with at most one packet of 32 bytes a second, and tell us. It "
         "ranks the backups of those who come later."},
};
const struct schema_table policy_performance_table = {
    .title = "the performance",
    TABLE(performance_rows, policy_performance),
};

/* ---- residence ---- */

#define WHEREABOUTS_FORM "a prefix of at most 24 bits, of IPv6 48, such as 192.0.2.0/24"

static const struct schema_row residence_rows[] = {
    {"prefix", SCHEMA_PREFIX, AT(policy_residence, prefix), .required = true,
     .form = WHEREABOUTS_FORM, .check = policy_check_whereabouts,
     .doc = "Clients with these addresses; of several prefixes the longest decides."},
    {"regions", SCHEMA_LIST, LIST_AT(policy_residence, regions, region_count, POLICY_REGIONS_MAX),
     .required = true, .item = &name_item, .single = true, .unique = "",
     .doc = "Only clusters of these regions are named to them as backups."},
};
static const struct schema_table residence_table = {
    .title = "a residence",
    TABLE(residence_rows, policy_residence),
};

/* ---- discovery ---- */

static const struct schema_row domain_item = {
    .key = "",
    TEXT,
    .form = "a domain such as fra1.example.net",
    .check = policy_check_domain,
};

static const struct schema_row rule_rows[] = {
    {"provider", SCHEMA_NAME, AT(policy_rule, provider), .doc = "What it says who runs it."},
    {"region", SCHEMA_NAME, AT(policy_rule, region), .doc = "What it says where it is."},
    {"name", .type = SCHEMA_TEXT, AT(policy_rule, pattern), .size = NAME_LEN_MAX + 1,
     .form = "a name in which * stands for any characters and ? for one",
     .check = policy_check_pattern, .doc = "Its name, or a pattern of names."},
    {"key", SCHEMA_KEY, AT(policy_rule, key),
     .doc = "Its public key: then neither DNS nor a peer can make it another."},
    {"accept_moves", SCHEMA_BOOL, AT(policy_rule, accept_moves), .preset = "true",
     .doc = "Its sessions may be resumed here."},
    {"offer_moves", SCHEMA_BOOL, AT(policy_rule, offer_moves), .preset = "true",
     .doc = "Our sessions may be resumed there."},
    {"reserved_slots", SCHEMA_COUNT, AT(policy_rule, reserved_slots), .preset = "0",
     .range = "0..1000000",
     .doc = "Sessions for which room is set aside here for each of them, while there is any."},
    {"detect_within", SCHEMA_DURATION, AT(policy_rule, wish.detect_within), .range = "20ms..60s",
     .doc = "The death of each is noticed within this; without it as `detection` says …"},
    {"false_alarm_every", SCHEMA_DURATION, AT(policy_rule, wish.false_alarm_every),
     .range = "1s..365d",
     .doc = "… and each is suspected wrongly no more often than this; likewise."},
};
static const struct schema_table rule_table = {
    .title = "whom to accept",
    .doc = "Everything that is given must fit; the first rule that does says on what terms.",
    TABLE(rule_rows, policy_rule),
    .check = policy_check_rule,
};

static const struct schema_row discovery_rows[] = {
    {"dns", SCHEMA_LIST, LIST_AT(policy_discovery, dns, dns_count, POLICY_DOMAINS_MAX),
     .item = &domain_item, .single = true, .unique = "",
     .doc = "Domains whose TXT records at _peerd._udp name clusters and their keys."},
    {"introduction", SCHEMA_BOOL, AT(policy_discovery, introduction), .preset = "false",
     .doc = "Peers are asked whom they know, and told whom we know."},
    {"accept", SCHEMA_LIST, LIST_AT(policy_discovery, accept, accept_count, POLICY_RULES_MAX),
     .table = &rule_table, .required = true, .doc = "Who becomes a peer when found."},
    {"revoked", SCHEMA_LIST, LIST_AT(policy_discovery, revoked, revoked_count, POLICY_REVOKED_MAX),
     .item = &key_item, .single = true, .unique = "",
     .doc = "Keys that are not believed any more, from now on."},
    {"peers_max", SCHEMA_COUNT, AT(policy_discovery, peers_max), .preset = "20", .range = "1..64",
     .doc = "So many peers are taken of those who are found: who is near and falls with nobody."},
    {"refresh_min", SCHEMA_DURATION, AT(policy_discovery, refresh_min), .preset = "5s",
     .range = "1s..1h", .doc = "A domain is asked again when its TTL is over, not before this …"},
    {"refresh_max", SCHEMA_DURATION, AT(policy_discovery, refresh_max), .preset = "5min",
     .range = "1s..1d", .doc = "… and not later than this."},
    {"keep", SCHEMA_DURATION, AT(policy_discovery, keep), .preset = "1d", .range = "1s..30d",
     .doc =
         "Whom answers no longer name stays a peer for so long. Without an answer nothing ends."},
};
const struct schema_table policy_discovery_table = {
    .title = "discovery",
    TABLE(discovery_rows, policy_discovery),
    .check = policy_check_discovery,
};

/* ---- agreements ---- */

static const struct schema_row class_item = {.key = "", .type = SCHEMA_COUNT, .range = "0..7"};
static const struct schema_row prefix_item = {
    .key = "", .type = SCHEMA_PREFIX, .form = WHEREABOUTS_FORM, .check = policy_check_whereabouts};

#define PREFIXES(field)                                                                            \
    SCHEMA_LIST, LIST_AT(policy_agreement, field.list, field.count, POLICY_TERMS_MAX),             \
        .item = &prefix_item, .single = true

static const struct schema_row agreement_rows[] = {
    {"name", .type = SCHEMA_TEXT, AT(policy_agreement, pattern), .size = NAME_LEN_MAX + 1,
     .required = true, .form = "a name in which * stands for any characters and ? for one",
     .check = policy_check_pattern,
     .doc = "Of a peer, or a pattern of names; the first row that fits counts."},
    {"asks", SCHEMA_COUNT, AT(policy_agreement, asks), .preset = "1000000", .range = "0..1000000",
     .doc = "Sessions of ours to be held there, at most; 0: none is moved there."},
    {"asks_min", SCHEMA_COUNT, AT(policy_agreement, asks_min), .preset = "0", .range = "0..1000000",
     .doc = "With fewer there is no agreement; at most `asks`."},
    {"hot_standbys", SCHEMA_COUNT, AT(policy_agreement, hot_standbys), .preset = "100000",
     .range = "0..100000",
     .doc = "Standbys of theirs that each worker sends for at a time, of those that "
            "`limits.hot_standbys` lets it send for; the others stand by silently. It is not told "
            "to the peer."},
    {"cost", SCHEMA_COUNT, AT(policy_agreement, cost), .preset = "0", .range = "0..1000000",
     .doc = "What a session of theirs costs here, in whatever unit the two agree upon."},
    {"cost_max", SCHEMA_COUNT, AT(policy_agreement, cost_max), .preset = "1000000",
     .range = "0..1000000", .doc = "What a session of ours may cost there."},
    {"lease", SCHEMA_DURATION, AT(policy_agreement, lease), .preset = "10min", .range = "3s..1h",
     .doc = "Without a word of the other the agreement ends after this, or earlier if it says so."},
    {"services", SCHEMA_LIST,
     LIST_AT(policy_agreement, services, service_count, POLICY_SERVICES_MAX), .item = &name_item,
     .single = true, .unique = "", .doc = "That it is about; without it all of this policy."},
    {"classes", SCHEMA_LIST, LIST_AT(policy_agreement, classes, class_count, POLICY_CLASSES_MAX),
     .item = &class_item, .single = true, .unique = "",
     .doc = "Of priority, that it is about (`priority` of a service); without it all."},
    {"regions", SCHEMA_LIST, LIST_AT(policy_agreement, regions, region_count, POLICY_TERMS_MAX),
     .item = &name_item, .single = true, .unique = "",
     .doc = "Where sessions of ours may be served; without it anywhere."},
    {"regions_never", SCHEMA_LIST,
     LIST_AT(policy_agreement, regions_never, region_never_count, POLICY_TERMS_MAX),
     .item = &name_item, .single = true, .unique = "", .doc = "And where not."},
    {"clients", PREFIXES(clients),
     .doc = "Clients of ours who may be moved there; without it all."},
    {"clients_never", PREFIXES(clients_never),
     .doc = "And who may not; of several prefixes the longest counts."},
    {"serves", PREFIXES(serves), .doc = "Clients of theirs who may come here; without it all."},
    {"serves_never", PREFIXES(serves_never), .doc = "And who may not, likewise."},
};
const struct schema_table policy_agreement_table = {
    .title = "an agreement",
    .doc = "Both sides' policies must agree; what is held here is the peer's `reserved_slots`.",
    TABLE(agreement_rows, policy_agreement),
    .check = policy_check_agreement,
};

/* ---- the whole file ---- */

static const struct schema_row policy_rows[] = {
    {"cluster", SCHEMA_MAPPING, AT(policy, cluster), .required = true, .table = &cluster_table,
     .doc = "Who we are."},
    {"beats", SCHEMA_MAPPING, AT(policy, beats), .required = true, .table = &listen_table,
     .doc = "Where beats arrive, UDP."},
    {"peer_listen", SCHEMA_MAPPING, AT(policy, peer_listen), .required = true,
     .table = &listen_table,
     .doc = "Where peers, nodes and operators talk to us: HTTPS, keys pinned both ways."},
    {"client_listen", SCHEMA_MAPPING, AT(policy, client_listen), .table = &client_listen_table,
     .doc = "Where clients open sessions: HTTPS with an ordinary certificate."},
    {"nodes", SCHEMA_LIST, LIST_AT(policy, nodes, node_count, POLICY_NODES_MAX),
     .table = &node_table, .unique = "name", .doc = "Machines whose transcoderd may register."},
    {"peers", SCHEMA_LIST, LIST_AT(policy, peers, peer_count, POLICY_PEERS_MAX),
     .table = &peer_table, .unique = "name", .doc = "Clusters with which there is a peering."},
    {"services", SCHEMA_LIST, LIST_AT(policy, services, service_count, POLICY_SERVICES_MAX),
     .table = &policy_service_table, .unique = "name", .doc = "What clients may ask for."},
    {"profiles", SCHEMA_LIST, LIST_AT(policy, profiles, profile_count, POLICY_PROFILES_MAX),
     .table = &policy_profile_table, .unique = "name", .doc = "Codecs and parameters of outputs."},
    {"sources", SCHEMA_LIST, LIST_AT(policy, sources, source_count, POLICY_SOURCES_MAX),
     .table = &policy_source_table, .unique = "name", .doc = "The catalogue."},
    {"renditions", SCHEMA_LIST, LIST_AT(policy, renditions, rendition_count, POLICY_RENDITIONS_MAX),
     .table = &policy_rendition_table, .unique = "name",
     .doc = "Outputs of family hls: pictures and sound of streams, made on demand of the sources "
            "of class exact by a transcoderd with `--hls`."},
    {"origins", SCHEMA_LIST, LIST_AT(policy, origins, origin_count, POLICY_ORIGINS_MAX),
     .table = &policy_origin_table, .unique = "name",
     .doc = "HLS streams that another program serves here, such as nginx or a packager: whoever "
            "asks has them, and players are steered among the clusters that do."},
    {"grants", SCHEMA_LIST, LIST_AT(policy, grants, grant_count, POLICY_GRANTS_MAX),
     .table = &grant_table, .doc = "Who may open sessions."},
    {"detection", SCHEMA_MAPPING, AT(policy, detection), .table = &policy_detection_table,
     .doc = "How fast and how surely a dead peer is noticed."},
    {"limits", SCHEMA_MAPPING, AT(policy, limits), .table = &policy_limits_table,
     .doc = "Sizes, rates and leases."},
    {"performance", SCHEMA_MAPPING, AT(policy, performance), .table = &policy_performance_table,
     .doc = "How clients fare, location by location: what is followed, and what peers are told."},
    {"discovery", SCHEMA_MAPPING, AT(policy, discovery), .table = &policy_discovery_table,
     .doc = "Peers beside those that `peers` names: where they are looked for, and who is taken."},
    {"residence", SCHEMA_LIST, LIST_AT(policy, residence, residence_count, POLICY_RESIDENCE_MAX),
     .table = &residence_table, .unique = "prefix",
     .doc =
         "Where clients must stay, as laws on data demand: whom no prefix names may go anywhere."},
    {"agreements", SCHEMA_LIST, LIST_AT(policy, agreements, agreement_count, POLICY_AGREEMENT_MAX),
     .table = &policy_agreement_table, .unique = "name",
     .doc = "What has to be agreed with a peer before sessions move there or come from there; with "
            "one that no row fits `accept_moves` and `offer_moves` suffice."},
    {"dns_server", SCHEMA_HOST, AT(policy, dns_server), .check = policy_check_dns_server,
     .doc = "Resolver for host names and SRV records; without it the system's. Port 53 unless "
            "given."},
    {"location_databases", SCHEMA_LIST,
     LIST_AT(policy, location_databases, location_database_count, POLICY_DATABASES_MAX),
     .item = &file_item, .single = true,
     .doc = "Files in MaxMind's format, by which locations are labelled with country, region and "
            "network where operators read of them."},
};
const struct schema_table policy_table = {
    .title = "a policy",
    TABLE(policy_rows, policy),
    .check = policy_check_whole,
};

void policy_read(struct policy *out, struct tree_node *root, struct faults *faults) {
    schema_read(&policy_table, root, out, faults, NULL);
}

bool policy_token_valid(const char *token, size_t len) {
    bool good = len >= 8 && len <= 255;
    for (size_t i = 0; good && i < len; i++)
        good = token[i] > ' ' && token[i] < 0x7f;
    return good;
}

void policy_token_digest(uint8_t out[32], const char *token, size_t len) {
    crypto_generichash(out, 32, (const unsigned char *)token, len, NULL, 0);
}
