# Sites that a test starts by itself, outside of any scenario, each at an address of its own: sourced
# after lib.sh. Whoever sources it has set $net, the first three numbers of their addresses, and
# $clusters, their names; and has $bin, $dir, which goes in the end with all that was started, and:
need curl curl
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap '{ for pid in $pids; do kill -KILL $pid; done; wait $pids; } 2>/dev/null; rm -rf "$dir"' EXIT
address() { echo "$net.$(echo "$clusters" | tr ' ' '\n' | grep -nx "$1" | cut -d: -f1)"; }
door() { echo "http://$(address "$1"):7680"; }
fetch() { curl -sf --max-time 3 "$@"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

make_keys() {
    local name
    for name in "$@"; do
        "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
    done
}

# doors_of NAME, clients_of NAME, row_of PEER [MORE]: lines of a policy.
doors_of() {
    printf 'beats: {bind: "%s:7600"}\npeer_listen: {bind: "%s:7601"}\n' "$(address "$1")" "$(address "$1")"
}
clients_of() { echo "client_listen: {bind: \"$(address "$1"):7680\", plain_http: true}"; }
row_of() {
    echo "  - {name: $1, key_file: $1.pub, beats: \"$(address "$1"):7600\"," \
        "control: \"$(address "$1"):7601\"${2:+, $2}}"
}

# begin LOG COMMAND...: in the background; it ends with the test at the latest. Its process is $!.
begin() {
    setpriv --pdeathsig KILL "${@:2}" >>"$dir/$1.log" 2>&1 &
    pids+=" $!"
}

# Its policy, NAME.yaml, has to be there. The process is $peerd_NAME.
start_peerd() {
    "$bin/peerctl" check "$dir/$1.yaml" >"$dir/check" 2>&1 || fail "policy of $1: $(cat "$dir/check")"
    begin "$1" "$bin/peerd" --policy "$dir/$1.yaml"
    eval "peerd_$1=$!"
}

# dies VARIABLE...: the processes in them, such as peerd_fra1; and bash says nothing about it.
dies() {
    local name
    for name in "$@"; do
        { kill -KILL "${!name}" && wait "${!name}"; } 2>/dev/null || true
    done
}

# The peers that live for a cluster, in order.
alive() {
    "$bin/peerctl" peers --policy "$dir/$1.yaml" 2>/dev/null |
        awk '$2 == "alive" { print $1 }' | sort | xargs
}

# within MS WHAT COMMAND...: says how long it took; three times that is allowed on a busy machine. What
# `show` tells is told when it fails.
within() {
    local began=$(now_ms) ms=$1 what=$2 tries
    shift 2
    for ((tries = 0; tries * 50 < ms * 3; tries++)); do
        "$@" >/dev/null 2>&1 && { said "$what ($(($(now_ms) - began)) ms, wanted $ms)" && return; }
        sleep 0.05
    done
    fail "$what: $(show)"
}
