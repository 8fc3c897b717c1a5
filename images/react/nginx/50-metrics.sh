#!/bin/sh
# Starts what turns nginx's log into /metrics: a pipe, and awk at its end.
set -eu
pipe=/tmp/metrics.fifo
rm -f "$pipe"
mkfifo "$pipe"
# mawk reads blocks unless it is told that lines come one by one
interactive=
awk -W version 2>&1 </dev/null | grep -q '^mawk' && interactive='-W interactive'
# both ends stay open here: nginx never waits for a reader, and a new awk finds what is in the pipe
exec 3<>"$pipe"
# shellcheck disable=SC2086 # an option with its argument, or nothing
while :; do
  awk $interactive -v out=/tmp/metrics.prom -f /etc/nginx/metrics.awk <&3 || echo 'metrics.awk ended, started again' >&2
  sleep 1
done &
while sleep 1; do echo tick >&3; done &
