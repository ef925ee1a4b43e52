/*
 * A player: who watches a stream that clusters make (a group of `clients` with a `stream`).
 *
 * What hls.js and its like do, as far as clusters are concerned: it asks a cluster where the stream
 * is, fetches segment after segment from the first pathway until it holds `buffer` of media, asks
 * the steward that it was named where to go every few seconds, and goes there with the next request
 * or at once if one is under way. A 404 sends it to its next pathway, and so does silence of
 * PLAYER_WAIT. Media begins with its first segment; when it has nothing left it stands still until
 * the next one. Each begins somewhere else in the recording, so that no two want the same segment:
 * the worst case for those who make them.
 *
 * In a report the time that it stood still counts as frames lost, the longest as its gap, and each
 * 404 as a hedge: it asked another for what it missed. It is served by whoever gave it its latest
 * segment.
 */
#ifndef PEERD_SIM_PLAYER_H
#define PEERD_SIM_PLAYER_H

#include "peerd/sim/world.h"

#define PLAYER_WAIT  duration_s(8) /* [s] for a segment; hls.js: 10 s to the first byte */
#define PLAYER_PAUSE duration_s(1) /* [s] when all pathways have refused */

/* True if that client is a player, and no listener. */
bool sim_is_player(const struct sim *sim, const struct sim_client *client);

/* Room for all of them, if there is any. */
void sim_players_init(struct sim *sim);
void sim_players_free(struct sim *sim);

bool sim_player_plays(const struct sim *sim, const struct sim_client *client);
void sim_player_starts(struct sim *sim, const struct sim_client *client);
void sim_player_leaves(struct sim *sim, const struct sim_client *client);

/* SIM_PLAYER, SIM_STEER, SIM_STEERED and SIM_SEGMENT_ANSWERED. */
void sim_player_due(struct sim *sim, const struct sim_event *e);
void sim_player_asks(struct sim *sim, const struct sim_event *e);
void sim_player_steered(struct sim *sim, const struct sim_event *e);
void sim_player_answered(struct sim *sim, const struct sim_event *e);

/* As sim_client_report, of a player. */
void sim_player_report(struct sim *sim, const struct sim_client *client, struct report_client *out);

#endif
