# Runs inside preroll.yaml.
. test/live/tests/lib.sh
ctl() { "$LIVE_BIN/peerctl" "$@" --policy "$LIVE_DIR/$at/policy.yaml"; }
served() { ctl sessions | awk '$2 == "committed" { print $1 }'; }
# began CAUSE KIND: of those that came to ams1 for that, with so much pre-roll.
began() {
    ctl ledger --cause "$1" --json | grep -o "\"preroll\":{\"kind\":\"$2\",\"merges_after_frames\":[0-9]*"
}

at=fra1
all_are_here() { [ "$(served | wc -l)" = 24 ]; }
wait_for 15 all_are_here || fail "not all listeners are at fra1: $(ctl sessions)"
session=$(served | head -n 1)
ctl move "$session" ams1 --wait >"$LIVE_DIR/moved" || fail "$(cat "$LIVE_DIR/moved")"
at=ams1
came_alone() { began drain full >"$LIVE_DIR/alone"; }
wait_for 3 came_alone || fail "who came alone has no whole pre-roll: $(ctl ledger --json)"
grep -q ':0$' "$LIVE_DIR/alone" || fail "its bytes are not everybody's at once: $(cat "$LIVE_DIR/alone")"
said 'who came alone began with a whole pre-roll: its bytes are everybody'\''s from the first'

herd_is_here() { [ "$(served | wc -l)" = 24 ]; }
wait_for 8 herd_is_here || fail "not all have come to ams1: $(ctl sessions)"
half_came_quickly() { [ "$(began crashed '\(quick\|least\)' | wc -l)" -ge 12 ]; }
wait_for 2 half_came_quickly || fail "of the herd $(began crashed '\(quick\|least\)' | wc -l) began quickly: $(ctl ledger --json)"
began crashed '\(quick\|least\)' | grep -q ':0$' && fail "who began quickly is everybody's at once: $(began crashed '\(quick\|least\)')"
most=$(began crashed '\(quick\|least\)' | sed 's/.*://' | sort -n | tail -n 1)
[ "$most" -le 260 ] || fail "some are never everybody's again: $(began crashed '\(quick\|least\)')"
said "of the herd $(began crashed '\(quick\|least\)' | wc -l) of 23 ($(began crashed least | wc -l) with the least) began with a few frames, and are everybody's after $most at the latest"
