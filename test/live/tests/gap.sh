# Runs inside gap.yaml. An unmodified ffmpeg records a session, whose backup is cold and whose buffer
# is small, across the death of the site that serves it; nobody may hedge, so that media is missing.
# What is missing in the recording, what peerclient reports and what the ledger of the cluster that
# took over has must agree within a frame of 20 ms, and be something.
. test/live/tests/lib.sh
need ffmpeg ffmpeg
out=$LIVE_DIR/gap
mkdir -p "$out"
"$LIVE_BIN/peerclient" --cluster http://127.0.0.1:7680 --service radio --source music \
    --profile pcmu --protection cold --buffer 60ms --bind 127.0.1.60 --rtp-out 127.0.1.60:6200 \
    --sdp "$out/it.sdp" --duration 5s --json >"$out/it.json" 2>"$out/it.log" &
listener=$!
wait_for 15 test -s "$out/it.sdp" || fail "peerclient wrote no SDP file"
ffmpeg -nostdin -hide_banner -loglevel verbose -y -protocol_whitelist file,udp,rtp -i "$out/it.sdp" \
    -map 0:a -c copy -copyts -f framecrc "$out/it.packets" 2>"$out/it.ffmpeg" &
player=$!

told() { # by the ledger, and by peerclient: the number after "gap_ms" of the move
    grep -o '"cause":"crashed".*' "$1" | grep -oE '"gap_ms":[0-9]+' | head -n 1 | tr -dc '0-9'
}
has_told() {
    "$LIVE_BIN/peerctl" ledger --cause crashed --json --policy "$LIVE_DIR/ams1/policy.yaml" \
        >"$out/ledger" && [ -n "$(told "$out/ledger")" ]
}
wait_for 5 has_told || fail "the ledger of ams1 does not tell: $(cat "$out/ledger")"
wait "$listener"
[ $? -le 1 ] || fail "peerclient: $(tail -n 2 "$out/it.log")" # 1: frames were lost
sleep 0.3
kill -INT "$player"
wait "$player"

# stream, dts, pts, duration, …; a packet of PCMU is 160 ticks of 8 kHz. All holes together [ms].
heard=$(awk -F', *' '!/^#/ { if (n++ && $3 - last > 160) hole += $3 - last - 160; last = $3 }
    END { print hole / 8 }' "$out/it.packets")
client=$(told "$out/it.json") ledger=$(told "$out/ledger")
said "the death has swallowed $heard ms of ffmpeg's recording, peerclient says $client, ams1's ledger $ledger"
[ "${client:-0}" -gt 0 ] || fail "nothing is missing: this shows nothing"
awk "BEGIN { exit !($heard - $client <= 20 && $client - $heard <= 20) }" || fail "ffmpeg and peerclient disagree"
awk "BEGIN { exit !($ledger - $client <= 20 && $client - $ledger <= 20) }" || fail "ledger and peerclient disagree"
