# A native player behind the sidecar: sourced by sidecar_mpv.sh and sidecar_vlc.sh, which say what is needed
# and how it plays. `play URL` plays it in real time, into no window and no loudspeaker, and prints
# the position [ms] whenever that goes on. Standing still for longer than STALL_MS is a stall.
need unshare util-linux
need nft nftables
[ -n "${SIDECAR_APART:-}" ] || exec unshare -n env SIDECAR_APART=1 bash "$0"
. test/live/tests/sidecar_ways.sh
SEGMENTS=28 STALL_MS=300

# The instant and the position, both in ms, where it is another one.
timed() {
    local position last=
    while read -r position; do
        [ "$position" != "$last" ] || continue
        last=$position
        echo "$((${EPOCHREALTIME/[.,]/} / 1000)) $position"
    done
}
played_ms() { tail -n 1 "$dir/played" | cut -d' ' -f2; }
played() { [ "$(played_ms)" -gt "$1" ] 2>/dev/null; }
# stood LINE: the longest time that it stood still since that line of what was played.
stood() { tail -n +"$1" "$dir/played" | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print most + 0 }'; }
during() {
    local what=$1 before from=$(at)
    shift
    before=$(wc -l <"$dir/played")
    "$@" "$from" || fail "$what $from"
    within 6000 "$what $from: another serves" moved_from "$from"
    sleep 5
    [ "$(stood "$before")" -le $STALL_MS ] || fail "$what $from: it stood still for $(stood "$before") ms: $(show)"
    said "$what $from, $(at) serves: it goes on at least every $(stood "$before") ms"
}

begin_sidecar
play $here/master.m3u8 2>"$log" </dev/null | timed >"$dir/played" &
player=$!
pids+=" $player"
within 10000 "it plays" played 4000
before=$(wc -l <"$dir/played")
happen_all
over() { ! kill -0 $player 2>/dev/null; }
within 40000 "the film ends" over
[ "$(stood "$before")" -le $STALL_MS ] || fail "it stood still for $(stood "$before") ms: $(show)"
[ "$(played_ms)" -ge $((SEGMENTS * SEGMENT_MS - 500)) ] || fail "it ends at $(played_ms) ms: $(show)"
said "$(played_ms) ms, none of $(wc -l <"$dir/played") steps longer than $(stood "$before") ms"
end_sidecar
