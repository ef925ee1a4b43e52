# By itself: whatever becomes of a runner, nothing that it started outlives it. Its processes are
# known by the pids that it wrote down, and looked for by these alone.
. test/live/tests/lib.sh
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT

# pids_of DIR RUNNER: also of what the runner keeps to itself, such as the emulator, which holds the
# namespaces and interfaces of a wide space: they have no names, and end with their last holder.
pids_of() {
    local pid
    for pid in "$2" $(cat "$1"/*/*.pid); do
        [ "$pid" = "$2" ] || echo "$pid"
        cat "/proc/$pid/task/$pid/children"
    done 2>/dev/null
}

is_gone() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" || [ ! -e "/proc/$1" ]
}

# ends SIGNAL STATUS-PATTERN SCENARIO
ends() {
    local runner pids pid status
    "$LIVE_PROGRAM" run "test/live/$3.yaml" --keep "$dir/$1-$3" >"$dir/$1-$3.out" 2>&1 &
    runner=$!
    wait_for 15 grep -q 'know each other' "$dir/$1-$3.out" || fail "the clusters do not come up"
    pids=$(pids_of "$dir/$1-$3" "$runner" | sort -u)
    [ "$(wc -w <<<"$pids")" -ge 12 ] || fail "only these run: $pids"
    kill -"$1" "$runner"
    wait "$runner" 2>/dev/null
    status=$?
    grep -qE "^($2)$" <<<"$status" || fail "after SIG$1 it ended with status $status"
    # Each was killed, and dies when it gets a processor.
    for pid in $pids; do
        wait_for 10 is_gone "$pid" ||
            fail "after SIG$1 of the runner $pid still lives: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
    said "$3: SIG$1 of the runner: status $status, none of its $(wc -w <<<"$pids") processes is left"
}

# A killed runner cannot remove its folder, with the keys in it: the next one does.
leaves_no_keys() {
    local tmp=$dir/tmp runner first
    mkdir -m 755 "$tmp"
    TMPDIR=$tmp "$LIVE_PROGRAM" run test/live/site.yaml >"$dir/first.out" 2>&1 &
    runner=$!
    wait_for 15 grep -q 'know each other' "$dir/first.out" || fail "the clusters do not come up"
    first=$(echo "$tmp"/peerd-live.*)
    mkdir "$tmp/peerd-live.kept" # to be looked at: no runner claims it
    kill -KILL "$runner"
    wait "$runner" 2>/dev/null
    [ -d "$first" ] || fail "the folder of the killed runner should still be there"
    TMPDIR=$tmp "$LIVE_PROGRAM" run test/live/site.yaml --json >"$dir/next.out" 2>"$dir/next.err" &
    runner=$!
    wait_for 15 grep -q 'know each other' "$dir/next.out" || fail "the clusters do not come up"
    [ ! -e "$first" ] || fail "$first, of a killed runner, is still there"
    [ -d "$tmp/peerd-live.kept" ] || fail "a folder that was kept is gone"
    kill -HUP "$runner"
    wait "$runner"
    [ $? -eq 1 ] || fail "an interrupted run should end with status 1"
    grep -q '"broken_by":"interrupted"' "$dir/next.out" || fail "the report does not say why"
    said "the keys of a killed run go with the next; an interrupted one says that it was"
}

# Without its emulator a wide run says nothing about peerd.
needs_its_emulator() {
    local runner child
    "$LIVE_PROGRAM" run test/live/wide.yaml --keep "$dir/emulator" >"$dir/emulator.out" 2>&1 &
    runner=$!
    wait_for 15 grep -q 'know each other' "$dir/emulator.out" || fail "the clusters do not come up"
    for child in $(cat "/proc/$runner/task/$runner/children"); do
        [ ! "/proc/$child/exe" -ef "/proc/$runner/exe" ] || kill -KILL "$child"
    done
    wait "$runner"
    [ $? -eq 3 ] || fail "a run without its emulator should end with status 3"
    grep -q 'the emulator of the network has ended' "$dir/emulator.out" || fail "it does not say why"
    said "a run whose emulator dies is no run"
}

ends KILL 137 site
ends TERM 1 site
! command -v knotd >/dev/null || ends KILL 137 dns
leaves_no_keys
if [ "$(id -u)" -eq 0 ]; then
    ends KILL 137 wide
    needs_its_emulator
fi
