#!/bin/sh
# Loads a renewed certificate without downtime: watch-certificate.sh redis | sentinel. Runs in the background in either
# container.
set -eu
dir=/run/secrets/redis-tls
files() { cat "$dir/tls.crt" "$dir/tls.key" "$dir/ca.crt" 2>/dev/null | cksum; }
known=$(files)
while sleep "${WATCH_SECONDS:-30}"; do
  now=$(files)
  [ "$now" != "$known" ] || continue
  if [ "$1" = sentinel ]; then
    # Sentinel reads certificates only at start, so restart it; the three one after the other
    sleep $((60 * ${POD##*-}))
    kill 1
    exit 0
  fi
  # one command, because certificate and key must match
  said=$(printf 'AUTH admin %s\nCONFIG SET tls-cert-file %s tls-key-file %s tls-ca-cert-file %s\n' \
    "$(cat /run/secrets/redis/admin)" "$dir/tls.crt" "$dir/tls.key" "$dir/ca.crt" | redis-cli -p 6379 2>&1 | grep . | tail -n 1)
  case $said in
    OK)
      known=$now
      echo 'renewed certificate loaded' >&2
      ;;
    # the files may be only partly updated: keep the old certificate and retry
    *) echo "renewed certificate not loaded: $said; retrying" >&2 ;;
  esac
done
