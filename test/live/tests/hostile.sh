# Runs inside hostile.yaml.
exec "$LIVE_PROGRAM" hostile "$LIVE_DIR" fra1 ams1
