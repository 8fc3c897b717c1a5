#!/bin/sh
# Probes of a Redis pod: probe.sh live | main | replica MAX_STALE_SECONDS
# The password goes from its file through a pipe: never an argument, never in the environment.
set -eu

ask() {
  { printf 'AUTH '; cat /run/secrets/redis/password; printf '\n%s\n' "$1"; } | redis-cli -h 127.0.0.1 -p 6379 2>&1
}
field() { printf '%s\n' "$info" | sed -n "s/^$1:\([^\r]*\).*/\1/p"; }

case $1 in
  live)
    # loading a file or running a script is busy, not dead
    case $(ask PING) in *PONG* | *LOADING* | *BUSY*) exit 0 ;; esac
    echo 'no answer to PING'
    exit 1
    ;;
  main)
    info=$(ask 'INFO replication')
    [ "$(field role)" = master ] || { echo "role is '$(field role)', not master"; exit 1; }
    ;;
  replica)
    info=$(ask 'INFO replication')
    [ "$(field role)" = slave ] || { echo "role is '$(field role)', not slave"; exit 1; }
    [ "$(field master_sync_in_progress)" = 0 ] || { echo 'copying from main'; exit 1; }
    [ "$(field master_link_status)" = up ] && exit 0
    # down for a moment (main restarts): keep answering; -1 is a link that never was up
    down=$(field master_link_down_since_seconds)
    [ "${down:--1}" -ge 0 ] && [ "$down" -le "$2" ] && exit 0
    echo "link to main down for ${down:-?} s, at most $2 s"
    exit 1
    ;;
esac
