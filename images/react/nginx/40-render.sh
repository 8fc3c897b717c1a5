#!/bin/sh
# Fills nginx.conf.template in: the root is read-only, so the result goes to /tmp.
set -eu
: "${API_URL:?address of the API, such as http://10.96.0.10:3000}"
API=${API_URL#http://}
API=${API%/}
case $API in
  */* | '') echo "API_URL is \"$API_URL\", expected http://host:port" >&2 && exit 1 ;;
esac
# an IPv6 address wants brackets
case $API in
  \[*) ;;
  *:*:*) API="[${API%:*}]:${API##*:}" ;;
esac
export API PORT="${PORT:-8080}"
# shellcheck disable=SC2016 # envsubst fills these in, not the shell
envsubst '$API $PORT' </etc/nginx/nginx.conf.template >/tmp/nginx.conf
