# What the live tests share; sourced. A test says each thing that it has found out, and fails with
# the first that is wrong. Status 77 with a last line that says why is a skip.

fail() {
    echo "FAIL: $*"
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

need() {
    command -v "$1" >/dev/null || skip "$1 is not installed (package $2)"
}

said() {
    echo "  ok  $*"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local tries=$(($1 * 20))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# A file that a cluster is to read, as its other files.
give() {
    chown --reference="$LIVE_DIR/$1/policy.yaml" "$2" && chmod 600 "$2"
}

# Whatever has become of its policy file.
status() {
    "$LIVE_BIN/peerctl" status --connect "127.0.0.$(($(cat "$LIVE_DIR/$1/index") + 1)):7601" \
        --key "$LIVE_DIR/$1/cluster.key" "${@:2}"
}
