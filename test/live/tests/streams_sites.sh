# Three sites, each with a peerd and a real nginx that serves the same film as HLS: sourced by
# streams.sh and streams_rebuffer.sh. Whoever sources it has the names $clusters, `door NAME` (of its
# peerd), start_nginx, start_peerd and dies, the processes $nginx_NAME and $peerd_NAME, and $dir.
need nginx nginx-light
need curl curl
need ffmpeg ffmpeg
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill -KILL $pid 2>/dev/null; done; wait 2>/dev/null; rm -rf "$dir"' EXIT
clusters='fra1 ams1 lon1'
address() { echo "127.0.252.$(($(echo "$clusters" | tr ' ' '\n' | grep -nx "$1" | cut -d: -f1)))"; }
door() { echo "http://$(address "$1"):7680"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
SEGMENT_MS=1000 BUFFER_MS=8000 SEGMENTS=70
ORIGIN_RATE= # bytes a second of each answer, as nginx writes it; empty: as fast as it can

# ---- the film, and who serves it ----

film() {
    mkdir -p "$dir/film/low" "$dir/film/high"
    for kind in low:200k high:600k; do
        ffmpeg -v error -f lavfi -i "testsrc=size=192x108:rate=25" -f lavfi -i "sine=frequency=440" \
            -t $((SEGMENTS * SEGMENT_MS / 1000)) -c:v libx264 -preset ultrafast -b:v "${kind#*:}" \
            -g 25 -sc_threshold 0 -c:a aac -b:a 32k -f hls -hls_time 1 -hls_list_size 0 \
            -hls_segment_filename "$dir/film/${kind%:*}/%d.ts" "$dir/film/${kind%:*}/index.m3u8" ||
            fail "ffmpeg makes no film"
    done
    cat >"$dir/film/master.m3u8" <<M3U8
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64000a,mp4a.40.2",RESOLUTION=192x108
high/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.64000a,mp4a.40.2",RESOLUTION=192x108
low/index.m3u8
M3U8
}

start_nginx() {
    mkdir -p "$dir/nginx-$1"
    cat >"$dir/nginx-$1/conf" <<CONF
daemon off;
master_process off;
pid $dir/nginx-$1/pid;
error_log $dir/nginx-$1/error.log;
events { worker_connections 256; }
http {
    access_log $dir/nginx-$1/access.log;
    client_body_temp_path $dir/nginx-$1/a; proxy_temp_path $dir/nginx-$1/b;
    fastcgi_temp_path $dir/nginx-$1/c; uwsgi_temp_path $dir/nginx-$1/d; scgi_temp_path $dir/nginx-$1/e;
    types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
    server {
        listen $(address "$1"):8080;
        root $dir;
        ${ORIGIN_RATE:+limit_rate $ORIGIN_RATE;}
        location / { add_header Access-Control-Allow-Origin *; mirror /passed-on; }
        location = /passed-on {
            internal;
            proxy_pass $(door "$1")/v1/cmcd/film\$is_args\$args;
            proxy_set_header X-Forwarded-For \$remote_addr;
        }
    }
}
CONF
    setpriv --pdeathsig KILL nginx -c "$dir/nginx-$1/conf" -e "$dir/nginx-$1/error.log" \
        >>"$dir/nginx-$1/out" 2>&1 &
    eval "nginx_$1=$!"
    pids+=" $!"
}

policy() {
    local other
    {
        cat <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
beats: {bind: "$(address "$1"):7600"}
peer_listen: {bind: "$(address "$1"):7601"}
client_listen: {bind: "$(address "$1"):7680", plain_http: true}
origins:
  - name: film
    url: http://$(address "$1"):8080/film/master.m3u8
    live: true
    check_every: 500ms
    answer_within: 500ms
    reporters: [127.0.0.1/32]
performance: {canary: 3}
peers:
YAML
        for other in $clusters; do
            [ "$other" = "$1" ] || echo "  - {name: $other, key_file: $other.pub," \
                "beats: '$(address "$other"):7600', control: '$(address "$other"):7601'}"
        done
    } >"$dir/$1.yaml"
}

start_peerd() {
    setpriv --pdeathsig KILL "$bin/peerd" --policy "$dir/$1.yaml" >>"$dir/$1.log" 2>&1 &
    eval "peerd_$1=$!"
    pids+=" $!"
}

# Without a word from bash about it.
dies() { eval "kill -KILL $1; wait $1" 2>/dev/null; }

fetch() { curl -sf --max-time 3 "$@"; }

# The pathways of an answer, best first.
all_of() { sed 's/.*"PATHWAY-PRIORITY":\[//; s/\].*//; s/[",]/ /g'; }

# within MS WHAT COMMAND...: says how long it took; three times that is allowed on a busy machine.
within() {
    local began=$(now_ms) ms=$1 what=$2 tries
    shift 2
    for ((tries = 0; tries * 50 < ms * 3; tries++)); do
        "$@" >/dev/null 2>&1 && { said "$what ($(($(now_ms) - began)) ms, wanted $ms)" && return; }
        sleep 0.05
    done
    fail "$what: $(show)"
}

begin_sites() {
    local name
    for name in $clusters; do
        "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
    done
    film
    for name in $clusters; do
        policy "$name"
        "$bin/peerctl" check "$dir/$name.yaml" >"$dir/check" || fail "policy of $name: $(cat "$dir/check")"
        start_nginx "$name"
        start_peerd "$name"
    done
    has_three() { [ "$(fetch "$(door "$1")/v1/steer/film" | all_of | wc -w)" = 3 ]; }
    for name in $clusters; do
        within 3000 "$name lists three pathways" has_three "$name"
    done
}
