#!/bin/sh
# Starts the pipeline behind /metrics: nginx logs to a pipe, and awk turns the lines into metrics.
set -eu
pipe=/tmp/metrics.fifo
rm -f "$pipe"
mkfifo "$pipe"
# by default, mawk buffers whole blocks; -W interactive makes it read line by line
interactive=
awk -W version 2>&1 </dev/null | grep -q '^mawk' && interactive='-W interactive'
# this shell keeps both ends open: nginx never blocks on a missing reader, and a restarted awk reads the rest of the
# pipe
exec 3<>"$pipe"
# shellcheck disable=SC2086 # an option with its argument, or nothing
while :; do
  awk $interactive -v out=/tmp/metrics.prom -f /etc/nginx/metrics.awk <&3 || echo 'metrics.awk exited, restarting it' >&2
  sleep 1
done &
while sleep 1; do echo tick >&3; done &
