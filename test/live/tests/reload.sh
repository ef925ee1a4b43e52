# Runs inside reload.yaml.
. test/live/tests/lib.sh
policy=$LIVE_DIR/fra1/policy.yaml
good=$LIVE_DIR/good.yaml
peerd=$(cat "$LIVE_DIR/fra1/peerd.pid")
cp -p "$policy" "$good"

listen() {
    timeout 20 "$LIVE_BIN/peerclient" --cluster http://127.0.0.1:7680 --service "${1:-radio}" \
        --source tone --profile pcmu --bind 127.0.1.60 --duration 300ms --give-up 1s "${@:2}"
}

# put: the file is rewritten as an editor does it, by another one in its place.
put() {
    cat >"$policy.new"
    give fra1 "$policy.new"
    mv "$policy.new" "$policy"
    kill -HUP "$peerd"
}

refused() {
    status fra1 --json | grep -q '"newer_refused":true'
}

accepted() {
    status fra1 --json | grep -q '"newer_refused":false'
}

{ cat "$good"; echo "detectoin: {interval: 100ms}"; } | put
wait_for 15 refused || fail "a policy with an unknown key is not reported"
status fra1 >"$LIVE_DIR/status"
[ $? -eq 1 ] || fail "peerctl status does not end with 1"
grep -q 'did you mean `detection`' "$LIVE_DIR/status" || fail "no hint: $(cat "$LIVE_DIR/status")"
grep -qE 'policy\.yaml:[0-9]+:[0-9]+' "$LIVE_DIR/status" || fail "no line and column"
listen >/dev/null || fail "a session cannot be opened under the policy that is in force"
said "an unknown key: refused with line and column, seen in peerctl status; the old policy rules"

sed 's/interval: 100ms/interval: 100/' "$good" | put
sleep 0.3
status fra1 | grep -q 'has no unit' ||
    fail "a number without a unit is not reported"
said "a number without a unit: refused, with what to write instead"

sed 's/^  - name: radio/  - name: wireless/' "$good" | put
wait_for 15 accepted || fail "a good policy is not taken"
listen wireless >/dev/null || fail "the new service is not there"
listen radio >/dev/null 2>&1 && fail "the old service is still there"
said "a good policy: in force, the new service is there and the old one is not"

put <"$good"
sleep 0.3
kill -0 "$peerd" || fail "peerd has ended"
listen >/dev/null || fail "after all that no session can be opened"
said "and back again, the same process all the time"
