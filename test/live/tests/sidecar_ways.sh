# Three slow sites as in streams_sites.sh, a sidecar before them, and what happens to the one that serves:
# sourced by sidecar.sh and sidecar_native.sh, in a network namespace of their own. begin_sidecar starts all;
# then there are $here, the sidecar's door, and $path, its playlist of segments. $log is the player's.
ip link set lo up || skip "no network namespace (not root)"
. test/live/tests/streams_sites.sh
SEGMENT_MS=2000 SEGMENTS=22 ORIGIN_RATE=150k
here=http://127.0.252.9:8080
log=$dir/player.log

film() {
    mkdir -p "$dir/film/low"
    ffmpeg -v error -f lavfi -i "testsrc2=size=640x360:rate=25" -f lavfi -i "sine=frequency=440" \
        -t $((SEGMENTS * SEGMENT_MS / 1000)) -c:v libx264 -preset ultrafast -b:v 800k -maxrate 800k \
        -bufsize 800k -g 50 -sc_threshold 0 -c:a aac -b:a 32k -f hls -hls_time 2 -hls_list_size 0 \
        -hls_segment_filename "$dir/film/low/%d.ts" "$dir/film/low/index.m3u8" ||
        fail "ffmpeg makes no film"
    printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1100000\nlow/index.m3u8\n' >"$dir/film/master.m3u8"
}

show() { tail -n 30 "$dir/sidecar.log" "$dir/sidecar.out" "$log"; }
answers() { fetch -o "$dir/here" $here/master.m3u8; }
begin_sidecar() {
    local stream
    begin_sites
    stream=$(for name in $clusters; do echo "$(door "$name")/v1/hls/film/master.m3u8"; done | paste -sd,)
    "$bin/peerclient" --stream "$stream" --http ${here#http://} --verbose --json \
        >"$dir/sidecar.out" 2>"$dir/sidecar.log" &
    sidecar=$!
    pids+=" $sidecar"
    within 2000 "the sidecar has the playlist" answers
    path=$(sed -n '/^[^#]/p' "$dir/here")
    first=$(sed -n 's/^ *[0-9.]* \([^ ]*\) is at .*/\1/p' "$dir/sidecar.log" | head -n 1)
}
serving() { sed -n 's/^moved to \([^ ]*\) .*/\1/p' "$dir/sidecar.log" | tail -n 1; }
at() { local name=$(serving); echo "${name:-$first}"; }
moved_from() { [ "$(at)" != "$1" ]; }

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

# One after the other; during WHAT COMMAND... is the caller's.
happen_all() {
    local one two four
    one=$(at)
    during killed killed
    start_nginx "$one"
    two=$(at)
    during frozen frozen
    eval "kill -CONT \$nginx_$two"
    sleep 3
    during "cut off" cut_off
    nft delete table ip cut
    sleep 6
    four=$(at)
    during drained drained
    "$bin/peerctl" undrain --policy "$dir/$four.yaml" >/dev/null
}

number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$dir/sidecar.out"; }
# No body broke off for the player, and each of the four was left.
end_sidecar() {
    kill -TERM "$sidecar"
    wait "$sidecar" || fail "the sidecar: $(show)"
    [ "$(number broken)" = 0 ] && [ "$(number moves)" -ge 4 ] || fail "the sidecar: $(cat "$dir/sidecar.out")"
    said "$(cat "$dir/sidecar.out")"
}
