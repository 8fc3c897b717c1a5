#!/bin/sh
# Fills nginx.conf.template in: the root is read-only, so the result goes to /tmp. Called again and again by
# 60-follow-api.sh: an nginx that runs is told where the API's name has come to mean another address.
set -eu
: "${API_URL:?address of the API, such as http://node:3000}"
API=${API_URL#http://}
API=${API%/}
case $API in
  */* | '' | :*) echo "API_URL is \"$API_URL\", expected http://host:port" >&2 && exit 1 ;;
esac
case $API in
  \[*) ;;
  # an IPv6 address wants brackets
  *:*:*) API="[${API%:*}]:${API##*:}" ;;
  *[!0-9.:]*)
    # a name: nginx would look it up once and for all
    name=${API%:*}
    found=$(getent ahosts "$name" | cut -d ' ' -f 1 | head -n 1)
    [ -n "$found" ] || { echo "the API's name \"$name\" is not known" >&2 && exit 1; }
    case $found in *:*) found="[$found]" ;; esac
    API=$found${API#"$name"}
    ;;
esac
export API PORT="${PORT:-8080}"
# shellcheck disable=SC2016 # envsubst fills these in, not the shell
envsubst '$API $PORT' </etc/nginx/nginx.conf.template >/tmp/nginx.conf.new
cmp -s /tmp/nginx.conf.new /tmp/nginx.conf && exit 0
mv /tmp/nginx.conf.new /tmp/nginx.conf
[ ! -s /tmp/nginx.pid ] || { echo "the API is at $API now" && kill -HUP "$(cat /tmp/nginx.pid)"; }
