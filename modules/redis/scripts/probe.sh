#!/bin/sh
# Probes of a Redis pod: probe.sh live | main | member | replica MAX_STALE_SECONDS
# Uses shell built-ins where possible, because a probe's processes count as load of the container.
set -eu

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
limit=
own() { send 127.0.0.1 6379 "$1" 2>&1; }

case $1 in
  live)
    # busy with a file or a script, out of memory, or refusing writes because the disk is full, but not dead
    case $(own PING) in *PONG* | *LOADING* | *BUSY* | *MISCONF* | *OOM* | *MASTERDOWN*) exit 0 ;; esac
    echo 'no answer to PING'
    exit 1
    ;;
  main)
    info=$(own 'INFO replication')
    field role
    [ "$value" = master ] || { echo "role is '$value', not master"; exit 1; }
    ;;
  member)
    info=$(own 'INFO replication')
    field role
    role=$value
    field slave_priority
    priority=$value
    field master_link_status
    reason=
    if [ -e /run/redis/guard ]; then
      read -r reason </run/redis/guard || true
    else
      # during an upgrade: a pod of the previous version, which has no guard.sh to set its priority
      wanted=$priority
      if [ "$role" = master ]; then wanted=0; elif [ "$value" = up ]; then wanted=100; fi
      [ "$wanted" = "$priority" ] || own "CONFIG SET replica-priority $wanted" >/dev/null
    fi
    [ "$role" = master ] || [ "$value" = up ] || { echo "role is '$role', link to main is '$value'${reason:+: $reason}"; exit 1; }
    ;;
  replica)
    info=$(own 'INFO replication')
    field role
    [ "$value" = slave ] || { echo "role is '$value', not slave"; exit 1; }
    field master_sync_in_progress
    [ "$value" = 0 ] || { echo 'copying from main'; exit 1; }
    field master_link_status
    [ "$value" != up ] || exit 0
    # briefly down (main restarts): keep answering; -1 means that the link was never up
    field master_link_down_since_seconds
    [ "${value:--1}" -ge 0 ] && [ "$value" -le "$2" ] && exit 0
    echo "link to main down for ${value:-?} s, limit is $2 s"
    exit 1
    ;;
esac
