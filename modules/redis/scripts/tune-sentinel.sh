#!/bin/sh
# Sentinel promotes the replica with the highest offset at its last query, every 10 s by default: it could choose one
# that lacks writes acknowledged since. With two queries a second, its offsets are at most half a second old.
set -eu
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  [ "$(ask 127.0.0.1 26379 'SENTINEL DEBUG INFO-PERIOD 500')" != OK ] || exit 0
  sleep 1
done
exit 1
