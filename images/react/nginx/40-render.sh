#!/bin/sh
# Fills nginx.conf.template in: the root is read-only, so the result goes to /tmp.
set -eu
: "${API_URL:?address of the API, such as http://node:3000}"
export API_URL PORT="${PORT:-8080}"
# The cluster's DNS, asked for one kind of address only: nginx sends the questions for both kinds at
# once from one socket, and Linux may drop one of two such packets (kubernetes#56903), which costs
# 5 s each time. An IPv6 address wants brackets.
RESOLVER=${RESOLVER:-$(awk '$1 == "nameserver" { print ($2 ~ /:/ ? "[" $2 "] ipv4=off" : $2 " ipv6=off"); exit }' /etc/resolv.conf)}
export RESOLVER
# shellcheck disable=SC2016 # envsubst fills these in, not the shell
envsubst '$API_URL $PORT $RESOLVER' </etc/nginx/nginx.conf.template >/tmp/nginx.conf
