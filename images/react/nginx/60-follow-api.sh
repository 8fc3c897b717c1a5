#!/bin/sh
# Resolves the API's name every 5 s, because a recreated Service has a new address.
set -eu
while sleep 5; do
  # keeps the current address if the name does not resolve
  /docker-entrypoint.d/40-render.sh 2>/dev/null || true
done &
