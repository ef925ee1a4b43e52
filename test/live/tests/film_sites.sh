# Two sites, each with a peerd and a transcoderd that makes streams of one recording: sourced after lib.sh
# by film.sh, channel.sh, incoming.sh, segments.sh and sidecar_film.sh, which have set $net and $stream, the name of the stream. Besides what sites.sh
# has there are:
clusters='fra1 ams1'
. test/live/tests/sites.sh
need ffmpeg ffmpeg
media() { echo "http://$(address "$1"):8080/$stream"; }
node_log() { cat "$dir"/*-n1.log; }

# policy NAME SOURCE RENDITIONS: the rest of the source's row, which is of $class, exact if that is empty; the
# rows of the renditions.
policy() {
    local other=ams1
    [ "$1" = fra1 ] || other=fra1
    cat >"$dir/$1.yaml" <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
$(doors_of "$1")
$(clients_of "$1")
nodes: [{name: n1, key_file: $1-n1.pub}]
peers:
$(row_of $other)
sources: [{name: $stream, class: ${class:-exact}, $2}]
renditions:
$3
origins:
  - {name: $stream, url: "$(media "$1")/master.m3u8", live: true, source: $stream, check_every: 500ms, answer_within: 500ms}
YAML
}

# start_node NAME [WORD...]: its transcoderd, which is $node_NAME; with what $machine adds to its environment.
machine=()
start_node() {
    begin "$1-n1" env "${machine[@]}" "$bin/transcoderd" --peerd "$(address "$1"):7601" --peerd-key "$(cat "$dir/$1.pub")" \
        --key "$dir/$1-n1.key" --name n1 --media "$(address "$1"):7700" --workers 1 \
        --hls "$(address "$1"):8080" "${@:2}"
    eval "node_$1=$!"
}

# Of a playlist: the folder in which its segments lie.
print_of() { sed -n 's/.*URI="\([0-9a-f]*\).*/\1/p'; }

# piece SITE RENDITION FILE OUT: asks again for ten seconds while it hears 404, which means not in time.
# Fails where nobody answers. Each $print_RENDITION has been set.
piece() {
    local tries
    for tries in $(seq 40); do
        fetch -o "$4" "$(media "$1")/$2/$(eval echo "\$print_$2")/$3" && return 0
        [ $? = 22 ] || return 1
        sleep 0.25
    done
    return 1
}

# pictures WORD...: how many ffmpeg finds; what it complains of is in $dir/errors.
pictures() {
    ffmpeg -v error -nostdin -nostats -progress - "$@" -f null - 2>"$dir/errors" | sed -n 's/^frame=//p' | tail -n 1
}
