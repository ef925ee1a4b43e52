/* What it takes to fetch a recording from a server that has it, in the simulator. */
#include "peerd/sim/report.h"
#include "peerd/sim/sim.h"

#include "test/unit/sim_fixture.h"

#include <stdio.h>

#define RTT_MS  100 /* to the origin */
#define GRID_MS 25  /* frames go out every 20 ms */

/* [ms] from the first frame that was missed to the backup's first one. */
static int64_t first_frame_ms(const char *profile, const char *protection, const char *origin) {
    struct sim_fixture f;
    char text[640];
    snprintf(
        text, sizeof(text),
        "name: a\nduration: 8s\nclusters: [{name: fra1}, {name: ams1}]\n"
        "sources: [{name: tone, tone: 30s, loop: true%s}]\n"
        "clients: [{name: near, profile: %s, open_at: fra1, buffer: 1s, protection: %s, start: "
        "0s}]\n"
        "timeline: [{at: 5s, kill: fra1, blackhole: true}]\n",
        origin, profile, protection);
    sim_fixture_open(&f, text, 1);
    sim_run(f.sim);
    const struct report *r = sim_report(f.sim);
    cr_assert_eq(r->move_count, 1);
    int64_t ms = r->moves[0].first_frame_ms;
    cr_expect_eq(r->moves[0].gap_ms, 0);
    sim_fixture_close(&f);
    return ms;
}

static void expect_longer(const char *profile, const char *protection, int64_t by_ms) {
    int64_t at_hand = first_frame_ms(profile, protection, "");
    int64_t far = first_frame_ms(profile, protection, ", origin: 100ms");
    cr_expect(far - at_hand >= by_ms - GRID_MS && far - at_hand <= by_ms + GRID_MS,
              "%s, %s: %d ms in place of %d", profile, protection, (int)far, (int)at_hand);
}

/* Nothing is lodged: a connection and the head, then another and what is to be played. */
Test(sim_origin, a_cold_backup_asks_twice) {
    expect_longer("pcmu", "cold", 4 * RTT_MS);
    expect_longer("opus", "cold", 4 * RTT_MS);
}

/* Who stands by has the head. */
Test(sim_origin, a_warm_one_asks_once) {
    expect_longer("pcmu", "warm", 2 * RTT_MS);
    expect_longer("opus", "warm", 2 * RTT_MS);
}
