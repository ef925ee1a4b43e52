# Runs before srv.yaml starts its sites (--early): their policies name each other by SRV records
# only, which a real knotd answers.
. test/live/tests/lib.sh
need knotd knot
need setpriv util-linux
dns=$LIVE_DIR/dns
mkdir -p "$dns"

cat >"$dns/example.test.zone" <<'ZONE'
$ORIGIN example.test.
$TTL 5
@ SOA ns admin 1 3600 600 86400 5
@ NS ns
ns A 127.0.255.53
fra1 A 127.0.0.1
ams1 A 127.0.0.2
_peerd._udp.fra1 SRV 10 10 7600 fra1
_peerd._tcp.fra1 SRV 10 10 7601 fra1
_peerd._udp.ams1 SRV 20 10 9999 nowhere
_peerd._udp.ams1 SRV 10 10 7600 ams1
_peerd._tcp.ams1 SRV 10 10 7601 ams1
ZONE
cat >"$dns/knot.conf" <<CONF
server:
  rundir: "$dns"
  listen: 127.0.255.53@5300
database:
  storage: "$dns"
log:
  - target: stderr
    any: info
zone:
  - domain: example.test
    storage: "$dns"
    file: example.test.zone
CONF
setpriv --pdeathsig KILL knotd -c "$dns/knot.conf" >"$dns/log" 2>&1 &
knotd=$!
wait_for 15 grep -qE 'zone.*loaded' "$dns/log" || fail "knotd does not start: $(tail -n 3 "$dns/log")"

for cluster in fra1 ams1; do
    policy=$LIVE_DIR/$cluster/policy.yaml
    peer=$([ $cluster = fra1 ] && echo ams1 || echo fra1)
    sed -E -e "s/^    beats: .*/    beats: srv:_peerd._udp.$peer.example.test/" \
        -e "s/^    control: .*/    control: srv:_peerd._tcp.$peer.example.test/" "$policy" \
        >"$policy.new"
    echo 'dns_server: 127.0.255.53:5300' >>"$policy.new"
    give $cluster "$policy.new"
    mv "$policy.new" "$policy"
    grep -c srv: "$policy" | grep -qx 2 || fail "the policy of $cluster was not changed"
done
touch "$LIVE_DIR/go"

asks() {
    "$LIVE_BIN/peerctl" peers --policy "$LIVE_DIR/fra1/policy.yaml" | grep -E 'ams1 +alive'
}
wait_for 15 asks || fail "fra1 does not find ams1: $(tail -n 3 "$LIVE_DIR/fra1/peerd.log")"
said "fra1 and ams1 found each other by SRV records of a real name server"

# A name server that dies later disturbs nobody.
kill "$knotd"
wait "$knotd" 2>/dev/null
sleep 2
wait_for 10 asks || fail "without the name server fra1 does not hear ams1 any more"
said "and go on without it"
