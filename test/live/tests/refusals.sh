# Runs before refusals.yaml starts its sites (--early).
. test/live/tests/lib.sh
for cluster in fra1 ams1; do
    policy=$LIVE_DIR/$cluster/policy.yaml
    sed -e 's|^sources:|sources:\n  - {name: ghost, location: /nowhere/ghost.wav}|' "$policy" \
        >"$policy.new"
    give $cluster "$policy.new"
    mv "$policy.new" "$policy"
done
touch "$LIVE_DIR/go"
ready() {
    status fra1 --json | grep -q '"complete":true'
}
wait_for 15 ready || fail "fra1 does not come up"
sleep 1

# listens STATUS TEXT WHAT OPTIONS...: peerclient must end with that status and say so.
listens() {
    timeout 30 "$LIVE_BIN/peerclient" --service radio --profile pcmu --bind 127.0.1.60 \
        --give-up 1500ms --duration 5s "${@:4}" >"$LIVE_DIR/out" 2>&1
    local status=$?
    [ $status -eq "$1" ] || fail "$3: status $status, expected $1: $(tail -n 2 "$LIVE_DIR/out")"
    grep -qiE -- "$2" "$LIVE_DIR/out" || fail "$3: it does not say why: $(tail -n 2 "$LIVE_DIR/out")"
    said "$3: $(tail -n 1 "$LIVE_DIR/out" | cut -c1-120)"
}
fra1=http://127.0.0.1:7680
ams1=http://127.0.0.2:7680

listens 3 'not in the catalogue' "a source that nobody knows" --cluster $fra1 --source nonesuch
listens 3 'source' "a source whose file is missing" --cluster $fra1 --source ghost
listens 3 'service' "a service that nobody offers" --cluster $fra1 --source tone --service tv
listens 3 'profile' "a profile that nobody offers" --cluster $fra1 --source tone --profile mp3
listens 3 'reach|refused|answer' "a cluster that is not there" --cluster http://127.0.0.9:7680 --source tone
listens 0 'closed|expected' "the first cluster is not there, the second is" \
    --cluster http://127.0.0.9:7680,$ams1 --source tone --duration 1s
listens 0 'source has ended' "a source that ends" --cluster $fra1 --source jingle
listens 2 'expected' "a wrong option" --cluster $fra1 --source tone --buffer 200
status fra1 | grep -qi ghost || fail "peerctl status does not tell of the missing file"
said "peerctl status: $(status fra1 | grep -i ghost | sed 's/^ *//')"
