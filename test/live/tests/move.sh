# Runs inside move.yaml.
. test/live/tests/lib.sh
ctl() { "$LIVE_BIN/peerctl" "$@" --policy "$LIVE_DIR/$at/policy.yaml"; }
served() { ctl sessions | awk '$2 == "committed" { print $1 }'; }
refused() { # WHAT REASON WORD...
    ctl move "${@:3}" >"$LIVE_DIR/refused" 2>&1 && fail "$1 is not refused"
    grep -q "$2" "$LIVE_DIR/refused" || fail "$1: $(cat "$LIVE_DIR/refused")"
}

at=fra1
all_are_here() { [ "$(served | wc -l)" = 3 ]; }
wait_for 15 all_are_here || fail "not all listeners are at fra1: $(ctl sessions)"
session=$(served | head -n 1)

refused 'to where it is' 'that is the cluster that serves it' "$session" fra1
refused 'to nowhere' 'neither its client nor our policy knows' "$session" mars1
refused 'what is not here' 'it is not served here' AAAAAAAAAAAAAAAAAAAAAA ams1
said 'a session is not moved to where it is, to nobody, or by who does not serve it'

# gone FROM TO: it goes, and the other one serves it.
gone() {
    at=$1
    ctl move "$session" "$2" --wait >"$LIVE_DIR/moved" || fail "$1 to $2: $(cat "$LIVE_DIR/moved")"
    grep -q "is not served by $1 any more: $2 serves it, under epoch" "$LIVE_DIR/moved" ||
        fail "$(cat "$LIVE_DIR/moved")"
    at=$2
    wait_for 5 is_served || fail "$2 does not serve it: $(ctl sessions)"
    [ "$(served | wc -l)" = "$3" ] || fail "others have moved, too: $(ctl sessions)"
    said "one session has moved from $1 to $2"
}
# Who took it over knows what that was like, from the client itself.
is_told() {
    ctl ledger --session "$session" --cause drain --json | grep -q "\"client\":{[^}]*$1"
}
is_served() { served | grep -qx -- "$session"; }
gone fra1 ams1 1
wait_for 5 is_told detect_ms || fail "its client has not told ams1: $(ctl ledger --json)"
is_told '"gap_ms":0,"lost":0,' || fail "frames were lost: $(ctl ledger)"
said "ams1 has it from its client that no frame was lost"
gone ams1 fra1 3
