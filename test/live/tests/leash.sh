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

ends KILL 137 site
ends TERM 1 site
[ "$(id -u)" -ne 0 ] || ends KILL 137 wide
