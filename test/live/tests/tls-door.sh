# Runs before tls-door.yaml starts its sites (--early). The certificate is of the ordinary kind,
# ECDSA P-256, made by openssl.
. test/live/tests/lib.sh
need openssl openssl
site=$LIVE_DIR/fra1

# certificate NAME: $LIVE_DIR/NAME.pem and NAME.key
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=$1" -addext "subjectAltName=IP:127.0.0.1" \
        -keyout "$LIVE_DIR/$1.key" -out "$LIVE_DIR/$1.pem" 2>"$LIVE_DIR/openssl.log" ||
        fail "openssl: $(tail -n 1 "$LIVE_DIR/openssl.log")"
}

# install NAME: as an operator's renewal does it, key first, then the certificate.
install_certificate() {
    for kind in key pem; do
        cp "$LIVE_DIR/$1.$kind" "$site/door.$kind.new"
        give fra1 "$site/door.$kind.new"
        mv "$site/door.$kind.new" "$site/door.$kind"
    done
}

# listen CA: a session over HTTPS that trusts this CA; status 0 if it plays.
listen() {
    timeout 20 "$LIVE_BIN/peerclient" --cluster https://127.0.0.1:7680 --ca "$LIVE_DIR/$1.pem" \
        --service radio --source tone --profile pcmu --bind 127.0.1.60 --duration 300ms \
        --give-up 1s >"$LIVE_DIR/listen.out" 2>&1
}

certificate first
certificate second
install_certificate first
sed -e 's/^  plain_http: true/  tls_cert: door.pem\n  tls_key: door.key/' "$site/policy.yaml" \
    >"$site/policy.new"
give fra1 "$site/policy.new"
mv "$site/policy.new" "$site/policy.yaml"
touch "$LIVE_DIR/go"

ready() {
    status fra1 --json | grep -q '"complete":true'
}
wait_for 15 ready || fail "fra1 does not come up: $(tail -n 2 "$site/peerd.log")"
wait_for 15 listen first || fail "no session over HTTPS: $(tail -n 1 "$LIVE_DIR/listen.out")"
said "a session was opened over HTTPS with the operator's certificate"
listen second && fail "a certificate was accepted that the client does not trust"
said "a client that trusts another authority does not talk to it"

install_certificate second
wait_for 20 listen second || fail "the renewed certificate is not shown: $(tail -n 1 "$site/peerd.log")"
listen first && fail "the old certificate is still shown"
said "the renewed certificate is shown, without a restart"

echo nonsense >"$site/door.pem"
sleep 1
listen second || fail "a broken certificate file took the door along"
said "a broken certificate file changes nothing"
