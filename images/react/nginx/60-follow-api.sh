#!/bin/sh
# Looks the API's name up every five seconds: a Service made anew has another address.
set -eu
while sleep 5; do
  # a name that is not known for a moment changes nothing
  /docker-entrypoint.d/40-render.sh 2>/dev/null || true
done &
