# By itself: is the wide-area emulator exact enough to test on? Once more if something else on this
# machine was in the way: a delay is never short by accident, but it may be long.
. test/live/tests/lib.sh
for try in 1 2 3; do
    out=$("$LIVE_PROGRAM" wan --seconds 2)
    status=$?
    echo "$out"
    [ "$status" -ne 77 ] || skip "$(head -n 1 <<<"$out")"
    [ "$status" -ne 0 ] || exit 0
    echo "  try $try: not held"
done
fail "the emulator does not hold what it was asked"
