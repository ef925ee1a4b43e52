# By itself: do the simulator and the real programs on the emulator say the same of a scenario?
# Three of them, once each; all ten, five times each or as often as it takes to tell, in check-all. A
# second try, since one machine
# that plays three sites may have been busy with something else.
. test/live/tests/lib.sh
runs=1 most=1 sim=30 files=(test/live/wan/two-at-once.yaml test/live/wan/cut-from-clients.yaml test/live/wan/far.yaml)
[ "$LIVE_MODE" != check-all ] || runs=5 most=12 sim=100 files=(test/live/wan/*.yaml)
for seed in 1 11; do
    out=$("$LIVE_PROGRAM" compare "${files[@]}" --live "$runs" --most "$most" --sim "$sim" --seed "$seed")
    status=$?
    echo "$out"
    [ "$status" -ne 77 ] || skip "$(head -n 1 <<<"$out")"
    [ "$status" -ne 0 ] || exit 0
done
fail "the two runners disagree"
