# By itself: policies with mistakes in them. peerd refuses each with file, line, column and a hint,
# and with status 1; peerctl check says the same.
. test/live/tests/lib.sh
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for key in fra1 fra1-n1 ams1 lon1; do
    "$bin/peerctl" genkey "$dir/$key.key" >"$dir/$key.pub"
done
cp conf/fra1.yaml "$dir/fra1.yaml"
"$bin/peerd" --policy "$dir/fra1.yaml" --check >/dev/null || fail "the sample policy is refused"

# refuses WHAT EXPECTED-TEXT SED-SCRIPT
refuses() {
    sed "$3" "$dir/fra1.yaml" >"$dir/bad.yaml"
    cmp -s "$dir/bad.yaml" "$dir/fra1.yaml" && fail "$1: the sample has nothing to spoil"
    "$bin/peerd" --policy "$dir/bad.yaml" --check >"$dir/out" 2>&1
    [ $? -eq 1 ] || fail "$1: --check did not end with status 1"
    grep -qF -- "$2" "$dir/out" || fail "$1: expected \"$2\", found: $(head -n 3 "$dir/out")"
    timeout 5 "$bin/peerd" --policy "$dir/bad.yaml" >/dev/null 2>&1
    [ $? -eq 1 ] || fail "$1: peerd started with it"
    "$bin/peerctl" check "$dir/bad.yaml" >"$dir/out" 2>&1
    [ $? -eq 1 ] || fail "$1: peerctl check did not end with status 1"
    grep -qE 'bad\.yaml:[0-9]+:[0-9]+' "$dir/out" || fail "$1: no line and column"
    said "$1: $(head -n 1 "$dir/out" | sed 's/.*bad\.yaml/bad.yaml/' | cut -c1-110)"
}

refuses "an unknown key" 'did you mean `beats`' 's/^beats:/beets:/'
refuses "a number without a unit" 'has no unit' 's/interval: 100ms/interval: 100/'
refuses "a wrong unit" 'expected a duration' 's/detect_within: 400ms/detect_within: 400kbit\/s/'
refuses "a duplicate cluster name" 'ams1' 's/name: lon1/name: ams1/'
refuses "a peer by our own name" 'fra1' 's/- name: lon1/- name: fra1/'
refuses "a key that is none" "key" "s|key_file: ams1.pub|key: k4.public.AAAA # ams1.pub|"
refuses "a peer with our own key" 'our own cluster' 's|key_file: ams1.pub|key_file: fra1.pub|'
refuses "a key file that is not there" 'nowhere.pub' 's|ams1.pub|nowhere.pub|'
refuses "a service of an unknown profile" 'speex' 's/profiles: \[opus, pcmu\]/profiles: [opus, speex]/'
refuses "an unknown codec" 'codec' 's/codec: pcmu/codec: mp3/'
refuses "two of the same key" 'plain_http' 's/^  plain_http: true/  plain_http: true\n  plain_http: false/'
chmod 644 "$dir/fra1.key"
"$bin/peerd" --policy "$dir/fra1.yaml" --check >"$dir/out" 2>&1 && fail "a key that all can read"
said "a key that everybody may read: $(head -n 1 "$dir/out" | sed 's/.*fra1\.yaml/fra1.yaml/' | cut -c1-110)"
"$bin/peerd" --policy "$dir/nowhere.yaml" --check >"$dir/out" 2>&1
[ $? -eq 1 ] || fail "a policy that is not there"
said "a policy that is not there: $(head -n 1 "$dir/out" | sed 's|.*/||' | cut -c1-110)"
