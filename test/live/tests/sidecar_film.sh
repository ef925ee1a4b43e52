# By itself: two sites whose transcoderd makes a film on demand, each so slow that a segment takes half of
# its time, and `peerclient --stream` before them. A site dies in the middle of a body: the rest of it comes
# from the other one, by its tag, and it is the same bytes. An unmodified ffmpeg plays the local URL in real
# time while the serving site is killed in mid-body; each picture is timed against its instant by a
# clock that never stops, and must be what one site alone gives: with 2 s of buffer it never stands still.
. test/live/tests/lib.sh
need unshare util-linux
need tc iproute2
need nft nftables
[ -n "${SIDECAR_APART:-}" ] || exec unshare -n env SIDECAR_APART=1 bash "$0"
ip link set lo mtu 1500 up 2>/dev/null || skip "no network namespace (not root)"
net=127.0.253 stream=film
. test/live/tests/film_sites.sh
SECONDS_OF_FILM=32
LAST=$((SECONDS_OF_FILM / 16 * 5 - 1)) # segment: 3.2 s each
BUFFER_MS=2000                         # of the player

ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -t $SECONDS_OF_FILM -c:v libx264 -preset ultrafast -g 80 -pix_fmt yuv420p -c:a aac -b:a 128k "$dir/film.mp4" ||
    fail "ffmpeg makes no film"
for name in $clusters; do make_keys "$name" "$name-n1"; done
for name in $clusters; do
    policy "$name" "location: film.mp4" '  - {name: 360p, codec: h264, bitrate: 800kbit/s, height: 360}
  - {name: aac, codec: aac, bitrate: 96kbit/s}'
    start_peerd "$name"
    start_node "$name"
done
is_there() { fetch "$(door "$1")/v1/hls/film/master.m3u8" | grep -q "PATHWAY-ID=\"$2\""; }
for name in $clusters; do
    for other in $clusters; do wait_for 10 is_there "$name" "$other" || fail "$name does not list $other: $(node_log)"; done
done
for kind in 360p aac; do eval "print_$kind=$(fetch "$(media fra1)/$kind/index.m3u8" | print_of)"; done

# All is at hand at both, again after a restart: what is tried here is bodies that break.
warm() {
    local kind n
    for kind in 360p aac; do
        for n in init.mp4 $(seq -f %g.m4s 0 $LAST); do
            piece "$1" $kind "$n" "$dir/$1.$kind.$n" || fail "no $kind $n at $1: $(node_log)"
        done
    done
}
for name in $clusters; do warm "$name"; done
for file in "$dir"/fra1.360p.* "$dir"/fra1.aac.*; do
    cmp -s "$file" "${file/fra1/ams1}" || fail "${file##*/} differs"
done
pictures_of() { ffmpeg -nostdin -v warning "$@" -map 0:v:0 -c copy -flush_packets 1 -f framecrc -; }
pictures_of -i "$(media ams1)/master.m3u8" 2>/dev/null | sed '/^#/d' | awk -F', *' '{ print $5, $6 }' >"$dir/film.sums"
[ "$(wc -l <"$dir/film.sums")" = $((SECONDS_OF_FILM * 25)) ] || fail "one site alone gives $(wc -l <"$dir/film.sums") pictures"
slow() {
    tc qdisc add dev lo root handle 1: htb default 1 && tc class add dev lo parent 1: classid 1:1 htb rate 10gbit quantum 60000 &&
        tc class add dev lo parent 1: classid 1:2 htb rate 1600kbit burst 8k quantum 3000 &&
        tc filter add dev lo parent 1: protocol ip u32 match ip sport 8080 0xffff flowid 1:2
}
slow || skip "tc cannot slow the doors down"

show() { tail -n 30 "$dir/sidecar.log" "$dir/sidecar.out" "$dir/ffmpeg.log"; }
"$bin/peerclient" --stream "$(door fra1)/v1/hls/film/master.m3u8,$(door ams1)/v1/hls/film/master.m3u8" \
    --http 127.0.253.9:8090 --verbose --json >"$dir/sidecar.out" 2>"$dir/sidecar.log" &
sidecar=$!
pids+=" $sidecar"
here=http://127.0.253.9:8090
answers() { fetch -o "$dir/here" $here/master.m3u8; }
within 2000 "the sidecar has the playlist" answers
base=$(sed -n '/360p/p' "$dir/here" | grep -v '^#' | head -n 1)
base=$here/${base%index.m3u8}
first=$(sed -n 's/^ *[0-9.]* \([^ ]*\) is at .*/\1/p' "$dir/sidecar.log" | head -n 1)
serving() { sed -n 's/^moved to \([^ ]*\) .*/\1/p' "$dir/sidecar.log" | tail -n 1; }
at() { local name=$(serving); echo "${name:-$first}"; }
under_way() { tc -s class show dev lo classid 1:2 | grep -q 'backlog [1-9]'; }
restart() {
    nft delete table ip cut
    start_peerd "$1"
    start_node "$1"
    tc qdisc del dev lo root
    wait_for 10 is_there "$1" "$1" || fail "$1 does not come back: $(node_log)"
    warm "$1"
    slow
}
died=0
# dies_amid FROM: the site that serves, with everything, while a body is under way. Its address is cut off
# first: or else the kernel would send what it has been given already.
dies_amid() {
    wait_for 5 under_way || fail "no body is under way: $(show)"
    nft -f - <<NFT
table ip cut {
    chain in { type filter hook input priority 0; ip daddr $(address "$1") drop; ip saddr $(address "$1") drop; }
}
NFT
    dies "node_$1" "peerd_$1"
    died=$((died + 1))
}

# ---- one body ----

one=$(at)
fetch_it() { curl -sf --max-time 10 -o "$dir/body" "${base}$print_360p/4.m4s"; }
fetch_it &
body=$!
sleep 0.4
dies_amid "$one"
wait "$body" || fail "the body breaks off: $(show)"
cmp "$dir/body" "$dir/ams1.360p.4.m4s" || fail "it is another one: $(show)"
[ "$(at)" != "$one" ] || fail "$one is dead: $(show)"
said "$one dies in the middle of a segment: $(stat -c %s "$dir/body") bytes come whole, the rest from $(at)"
restart "$one"

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
pictures_of -re -i $here/master.m3u8 2>"$dir/ffmpeg.log" | timed >"$dir/played" &
player=$!
pids+=" $player"
played() { [ "$(wc -l <"$dir/played")" -gt "$1" ]; }
worst() { tail -n +"$1" "$dir/played" | sort -n | tail -n 1 | cut -d' ' -f1; }
moved_from() { [ "$(at)" != "$1" ]; }
within 20000 "ffmpeg plays" played 150
from=$(at) before=$(wc -l <"$dir/played")
dies_amid "$from"
within 4000 "$from dies in mid-body: another serves" moved_from "$from"
sleep 4
[ "$(worst "$before")" -lt $BUFFER_MS ] || fail "$from died: a picture was $(worst "$before") ms late: $(show)"
said "no picture later than $(worst "$before") ms"
wait "$player" || fail "ffmpeg: $(show)"
cut -d' ' -f2- "$dir/played" | cmp - "$dir/film.sums" || fail "it is not the film: $(show)"
[ ! -s "$dir/ffmpeg.log" ] || fail "ffmpeg complains: $(cat "$dir/ffmpeg.log")"
said "$(wc -l <"$dir/played") pictures, each as in the film, none later than $(worst 1) ms"
kill -TERM "$sidecar"
wait "$sidecar" || fail "the sidecar: $(show)"
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$dir/sidecar.out"; }
[ "$(number broken)" = 0 ] && [ "$(number resumes)" -ge $died ] ||
    fail "$died sites died amid bodies: $(cat "$dir/sidecar.out")"
said "$(cat "$dir/sidecar.out")"
