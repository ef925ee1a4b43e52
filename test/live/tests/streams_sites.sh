# Three sites, each with a peerd and a real nginx that serves the same film as HLS: sourced after lib.sh by
# streams.sh, streams_rebuffer.sh and sidecar.sh. Besides what sites.sh has there are start_nginx and the
# processes $nginx_NAME.
net=127.0.252 clusters='fra1 ams1 lon1'
. test/live/tests/sites.sh
need nginx nginx-light
need ffmpeg ffmpeg
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
    begin "nginx-$1" nginx -c "$dir/nginx-$1/conf" -e "$dir/nginx-$1/error.log"
    eval "nginx_$1=$!"
}

policy() {
    local other
    {
        cat <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
$(doors_of "$1")
$(clients_of "$1")
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
            [ "$other" = "$1" ] || row_of "$other"
        done
    } >"$dir/$1.yaml"
}

# The pathways of an answer, best first.
all_of() { sed 's/.*"PATHWAY-PRIORITY":\[//; s/\].*//; s/[",]/ /g'; }

begin_sites() {
    local name
    make_keys $clusters
    film
    for name in $clusters; do
        policy "$name"
        start_nginx "$name"
        start_peerd "$name"
    done
    has_three() { [ "$(fetch "$(door "$1")/v1/steer/film" | all_of | wc -w)" = 3 ]; }
    for name in $clusters; do
        within 3000 "$name lists three pathways" has_three "$name"
    done
}
