#!/bin/sh
# Fills nginx.conf.template in: the root is read-only, so the result goes to /tmp.
set -eu
: "${API_URL:?address of the API, such as http://node:3000}"
export API_URL PORT="${PORT:-8080}"
# the cluster's DNS; an IPv6 address wants brackets
RESOLVER=${RESOLVER:-$(awk '$1 == "nameserver" { print ($2 ~ /:/ ? "[" $2 "]" : $2); exit }' /etc/resolv.conf)}
export RESOLVER
# shellcheck disable=SC2016 # envsubst fills these in, not the shell
envsubst '$API_URL $PORT $RESOLVER' </etc/nginx/nginx.conf.template >/tmp/nginx.conf
