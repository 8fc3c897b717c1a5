#!/bin/sh
# Takes a renewed certificate without a break: watch-certificate.sh redis | sentinel. In the background of either.
set -eu
dir=/run/secrets/redis-tls
files() { cat "$dir/tls.crt" "$dir/tls.key" "$dir/ca.crt" 2>/dev/null | cksum; }
known=$(files)
while sleep "${WATCH_SECONDS:-30}"; do
  now=$(files)
  [ "$now" != "$known" ] || continue
  if [ "$1" = sentinel ]; then
    # it reads them at its start only, so it is started anew; the three of them not at once
    sleep $((60 * ${POD##*-}))
    kill 1
    exit 0
  fi
  # one command: certificate and key belong together
  said=$(printf 'AUTH admin %s\nCONFIG SET tls-cert-file %s tls-key-file %s tls-ca-cert-file %s\n' \
    "$(cat /run/secrets/redis/admin)" "$dir/tls.crt" "$dir/tls.key" "$dir/ca.crt" | redis-cli -p 6379 2>&1 | grep . | tail -n 1)
  case $said in
    OK)
      known=$now
      echo 'renewed certificate taken' >&2
      ;;
    # half of it may be there only; it goes on with the old one, and tries again
    *) echo "renewed certificate not taken: $said" >&2 ;;
  esac
done
