# By itself: three sites as in streams.sh, each nginx so slow that a segment takes most of its time, and
# `peerclient --stream` before them. An unmodified ffmpeg plays the local URL in real time; each picture is
# timed against its instant by a clock that never stops, and must be what the film has. The serving origin
# is killed, frozen and cut off, and its site drained: never may a player with 2 s of buffer have nothing
# to play. A body that was begun at one site is gone on with at another, also where ETags differ.
. test/live/tests/lib.sh
need unshare util-linux
need nft nftables
[ -n "${SIDECAR_APART:-}" ] || exec unshare -n env SIDECAR_APART=1 bash "$0"
ip link set lo up || skip "no network namespace (not root)"
. test/live/tests/streams_sites.sh
SEGMENT_MS=2000 SEGMENTS=22 ORIGIN_RATE=150k
BUFFER_MS=2000 # of the player

film() {
    local name
    mkdir -p "$dir/film/low"
    ffmpeg -v error -f lavfi -i "testsrc2=size=640x360:rate=25" -f lavfi -i "sine=frequency=440" \
        -t $((SEGMENTS * SEGMENT_MS / 1000)) -c:v libx264 -preset ultrafast -b:v 800k -maxrate 800k \
        -bufsize 800k -g 50 -sc_threshold 0 -c:a aac -b:a 32k -f hls -hls_time 2 -hls_list_size 0 \
        -hls_segment_filename "$dir/film/low/%d.ts" "$dir/film/low/index.m3u8" ||
        fail "ffmpeg makes no film"
    printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1100000\nlow/index.m3u8\n' >"$dir/film/master.m3u8"
}

show() { tail -n 30 "$dir/sidecar.log" "$dir/sidecar.out" "$dir/ffmpeg.log"; }
begin_sites
stream=$(for name in $clusters; do echo "$(door "$name")/v1/hls/film/master.m3u8"; done | paste -sd,)
"$bin/peerclient" --stream "$stream" --http 127.0.252.9:8080 --verbose --json \
    >"$dir/sidecar.out" 2>"$dir/sidecar.log" &
sidecar=$!
pids+=" $sidecar"
here=http://127.0.252.9:8080
answers() { fetch -o "$dir/here" $here/master.m3u8; }
within 2000 "the sidecar has the playlist" answers
[ "$(grep -c '^film/low/index.m3u8' "$dir/here") $(grep -c 'STEERING\|PATHWAY' "$dir/here")" = "1 0" ] ||
    fail "it names sites: $(cat "$dir/here")"
path=$(sed -n '/^[^#]/p' "$dir/here")

# ---- one body ----

base=$here/${path%index.m3u8}
fetch -o "$dir/piece" "${base}0.ts" && cmp "$dir/piece" "$dir/film/low/0.ts" || fail "piece 0: $(show)"
fetch -r 1000-1999 -D "$dir/head" -o "$dir/piece" "${base}0.ts" &&
    cmp "$dir/piece" <(tail -c +1001 "$dir/film/low/0.ts" | head -c 1000) || fail "a range of it: $(show)"
grep -qi '^content-range: bytes 1000-1999/' "$dir/head" || fail "no Content-Range: $(cat "$dir/head")"
[ "$(curl -s -o /dev/null -w '%{http_code}' "${base}none.ts")" = 404 ] || fail "what nobody has"
serving() { sed -n 's/^moved to \([^ ]*\) .*/\1/p' "$dir/sidecar.log" | tail -n 1; }
first=$(sed -n 's/^ *[0-9.]* \([^ ]*\) is at .*/\1/p' "$dir/sidecar.log" | head -n 1)
at() { local name=$(serving); echo "${name:-$first}"; }
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
pictures -re -i $here/master.m3u8 2>"$dir/ffmpeg.log" | timed >"$dir/played" &
player=$!
pids+=" $player"
played() { [ "$(wc -l <"$dir/played")" -gt "$1" ]; }
worst() { tail -n +"$1" "$dir/played" | sort -n | tail -n 1 | cut -d' ' -f1; }
moved_from() { [ "$(at)" != "$1" ]; }
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
killed() { dies "nginx_$1"; }
frozen() { eval "kill -STOP \$nginx_$1"; }
cut_off() {
    nft -f - <<NFT
table ip cut {
    chain in { type filter hook input priority 0; ip daddr $(address "$1") drop; ip saddr $(address "$1") drop; }
}
NFT
}
drained() { "$bin/peerctl" drain --policy "$dir/$1.yaml" >/dev/null; }
well_again() { fetch "$(door "$2")/v1/steer/film?_HLS_pathway=$1" | all_of | grep -q "$1 .*$3\|$1\$"; }

within 6000 "ffmpeg plays" played 100
one=$(at)
during killed killed
start_nginx "$one"
two=$(at)
during frozen frozen
eval "kill -CONT \$nginx_$two"
sleep 3
three=$(at)
during "cut off" cut_off
nft delete table ip cut
sleep 6
four=$(at)
during drained drained
"$bin/peerctl" undrain --policy "$dir/$four.yaml" >/dev/null
wait "$player" || fail "ffmpeg: $(show)"
pictures -i "$dir/film/low/index.m3u8" 2>/dev/null | sed '/^#/d' | awk -F', *' '{ print $5, $6 }' >"$dir/film.sums"
cut -d' ' -f2- "$dir/played" | cmp - "$dir/film.sums" || fail "it is not the film: $(show)"
[ ! -s "$dir/ffmpeg.log" ] || fail "ffmpeg complains: $(cat "$dir/ffmpeg.log")"
said "$(wc -l <"$dir/played") pictures, each as in the film, none later than $(worst 1) ms"
kill -TERM "$sidecar"
wait "$sidecar" || fail "the sidecar: $(show)"
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$dir/sidecar.out"; }
[ "$(number broken)" = 0 ] && [ "$(number resumes)" -ge 1 ] && [ "$(number moves)" -ge 4 ] ||
    fail "the sidecar: $(cat "$dir/sidecar.out")"
said "$(cat "$dir/sidecar.out")"
