#!/bin/sh
# Renders nginx.conf.template to /tmp, because the root is read-only. 60-follow-api.sh calls it repeatedly:
# if the API's name resolves to a new address, a running nginx is reloaded.
set -eu
: "${API_URL:?set the address of the API, such as http://node:3000}"
API=${API_URL#http://}
API=${API%/}
case $API in
  */* | '' | :*) echo "API_URL is \"$API_URL\", expected http://host:port" >&2 && exit 1 ;;
esac
case $API in
  \[*) ;;
  # an IPv6 address needs brackets
  *:*:*) API="[${API%:*}]:${API##*:}" ;;
  *[!0-9.:]*)
    # the address is a host name, which nginx would resolve only once, at startup
    name=${API%:*}
    found=$(getent ahosts "$name" | cut -d ' ' -f 1 | head -n 1)
    [ -n "$found" ] || { echo "cannot resolve the API's name \"$name\" from API_URL" >&2 && exit 1; }
    case $found in *:*) found="[$found]" ;; esac
    API=$found${API#"$name"}
    ;;
esac
# Connections get half of the open files; pages and logs get the rest. Each connection gets 20 KiB of the
# container's memory; nginx uses 7 KiB of that as soon as one byte of a header has arrived.
# shellcheck disable=SC3045 # the shell of Alpine and Debian has it
FILES=$(ulimit -Hn)
case $FILES in *[!0-9]*) FILES=32768 ;; esac
[ "$FILES" -le 32768 ] || FILES=32768
CONNECTIONS=$((${MEMORY_LIMIT:-100663296} / 20480))
[ "$CONNECTIONS" -le $((FILES / 2)) ] || CONNECTIONS=$((FILES / 2))
REQUESTS=$((CONNECTIONS / 4))
[ "$REQUESTS" -le 1024 ] || REQUESTS=1024
PORT=${PORT:-8080}
# in a kernel without IPv6, nginx would fail to start
LISTEN_IPV6=
[ -z "$(cat /proc/net/if_inet6 2>/dev/null)" ] || LISTEN_IPV6="listen [::]:$PORT;"
export API PORT LISTEN_IPV6 FILES CONNECTIONS REQUESTS BODIES=$((REQUESTS * 3 / 4))
# shellcheck disable=SC2016 # envsubst fills these in, not the shell
envsubst '$API $PORT $LISTEN_IPV6 $FILES $CONNECTIONS $REQUESTS $BODIES' </etc/nginx/nginx.conf.template >/tmp/nginx.conf.new
cmp -s /tmp/nginx.conf.new /tmp/nginx.conf && exit 0
mv /tmp/nginx.conf.new /tmp/nginx.conf
[ -s /tmp/nginx.pid ] || exit 0
echo "the API is now at $API, reloading nginx"
# the old worker closes idle connections immediately, which loses any request in flight on them at that moment
: >/tmp/reloading
sleep 2
kill -HUP "$(cat /tmp/nginx.pid)"
# nginx stops the old worker only once the new one is running
sleep 1
rm /tmp/reloading
