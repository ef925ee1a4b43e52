# By itself: three sites as in streams.sh, each nginx so slow that a segment takes most of its time, and
# `peerclient --stream` before them. An unmodified ffmpeg plays the local URL in real time; each picture is
# timed against its instant by a clock that never stops, and must be what the film has. The serving origin
# is killed, frozen and cut off, and its site drained: never may a player with 2 s of buffer have nothing
# to play. A body that was begun at one site is gone on with at another, also where ETags differ.
. test/live/tests/lib.sh
need unshare util-linux
need nft nftables
[ -n "${SIDECAR_APART:-}" ] || exec unshare -n env SIDECAR_APART=1 bash "$0"
. test/live/tests/sidecar_ways.sh
BUFFER_MS=2000 # of the player

begin_sidecar
[ "$(grep -c '^film/low/index.m3u8' "$dir/here") $(grep -c 'STEERING\|PATHWAY' "$dir/here")" = "1 0" ] ||
    fail "it names sites: $(cat "$dir/here")"

# ---- one body ----

base=$here/${path%index.m3u8}
fetch -o "$dir/piece" "${base}0.ts" && cmp "$dir/piece" "$dir/film/low/0.ts" || fail "piece 0: $(show)"
fetch -r 1000-1999 -D "$dir/head" -o "$dir/piece" "${base}0.ts" &&
    cmp "$dir/piece" <(tail -c +1001 "$dir/film/low/0.ts" | head -c 1000) || fail "a range of it: $(show)"
grep -qi '^content-range: bytes 1000-1999/' "$dir/head" || fail "no Content-Range: $(cat "$dir/head")"
[ "$(curl -s -o /dev/null -w '%{http_code}' "${base}none.ts")" = 404 ] || fail "what nobody has"
said "segments and ranges of them come through, the first from $(at)"

# ---- a player ----

# The lateness of each picture against its instant [ms], its size and its sum.
timed() {
    local n=0 began now stream dts pts duration size sum
    while IFS=', ' read -r stream dts pts duration size sum; do
        [ "${stream#\#}" = "$stream" ] || continue
        now=${EPOCHREALTIME/[.,]/}
        [ $n -gt 0 ] || began=$now
        echo "$(((now - began) / 1000 - n * 40)) $size ${sum%%,*}"
        n=$((n + 1))
    done
}
pictures() { ffmpeg -nostdin -v warning "$@" -map 0:v:0 -c copy -flush_packets 1 -f framecrc -; }
pictures -re -i $here/master.m3u8 2>"$log" | timed >"$dir/played" &
player=$!
pids+=" $player"
played() { [ "$(wc -l <"$dir/played")" -gt "$1" ]; }
worst() { tail -n +"$1" "$dir/played" | sort -n | tail -n 1 | cut -d' ' -f1; }
# during WHAT COMMAND...: what happens to the site that serves, and how late a picture was then.
during() {
    local what=$1 before from=$(at)
    shift
    before=$(wc -l <"$dir/played")
    "$@" "$from" || fail "$what $from"
    within 4000 "$what $from: another serves" moved_from "$from"
    sleep 4
    [ "$(worst "$before")" -lt $BUFFER_MS ] || fail "$what $from: a picture was $(worst "$before") ms late: $(show)"
    said "$what $from, $(at) serves: no picture later than $(worst "$before") ms"
}
within 6000 "ffmpeg plays" played 100
happen_all
wait "$player" || fail "ffmpeg: $(show)"
pictures -i "$dir/film/low/index.m3u8" 2>/dev/null | sed '/^#/d' | awk -F', *' '{ print $5, $6 }' >"$dir/film.sums"
cut -d' ' -f2- "$dir/played" | cmp - "$dir/film.sums" || fail "it is not the film: $(show)"
[ ! -s "$log" ] || fail "ffmpeg complains: $(cat "$log")"
said "$(wc -l <"$dir/played") pictures, each as in the film, none later than $(worst 1) ms"
end_sidecar
[ "$(number resumes)" -ge 1 ] || fail "no body was gone on with elsewhere"
