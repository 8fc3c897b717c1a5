#!/bin/sh
# Runs before a member stops. If it is main, it triggers a failover that preserves every write that it has accepted.
set -eu
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh

role() {
  info=$(ask 127.0.0.1 6379 'INFO replication')
  field role
  role=$value
}
role
[ "$role" = master ] || exit 0

# from here on, guard.sh does not change min-replicas-to-write
mark=/run/redis/handing-over
: >"$mark"
# Refuse writes, because the promoted member must have all earlier ones. Refused, not paused: a refused write was
# certainly not executed, so its caller may retry it on the next main; the outcome of a paused write is unknown.
refuse_writes() {
  for _ in 1 2 3; do
    [ "$(ask 127.0.0.1 6379 'CONFIG SET min-replicas-to-write 1000')" != OK ] || return 0
  done
  return 1
}
# without a planned failover, the others replace this main after its stop
if ! refuse_writes; then
  echo 'no failover: this Redis did not confirm that it refuses writes' >&2
  exit 0
fi
caught_up() {
  info=$(ask 127.0.0.1 6379 'INFO replication')
  field master_repl_offset
  offset=$value
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    case $info in *"ip=$member,port=6379,state=online,offset=$offset,"*) return 0 ;; esac
  done
  return 1
}
asked='' tried=''
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if caught_up; then
    # Sentinels query twice a second: after this pause, their offsets are newer than the last write
    sleep 0.6
    # again, because a guard that had not seen the mark yet may have allowed them
    refuse_writes || break
    # not this pod's own Sentinel, which stops too; a Sentinel in TILT mode would reply OK and wait for half a minute;
    # one in another failover refuses
    for _ in 1 2 3 4; do
      for member in $pool; do
        [ "$member" != "$me" ] || continue
        info=$(ask "$member" 26379 'INFO sentinel')
        field sentinel_tilt
        [ "$value" = 0 ] || continue
        # the reply may be lost
        tried=yes
        if [ "$(ask "$member" 26379 'SENTINEL FAILOVER main')" = OK ]; then
          asked=yes
          break 2
        fi
      done
      sleep 0.5
    done
    [ -n "$asked" ] || break
    # this Redis is demoted only seconds later and accepts no writes until then, so rely on the Sentinels
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      sleep 0.2
      agreed
      [ -z "$main" ] || [ "$main" = "$me" ] || exit 0
    done
    break
  fi
  sleep 0.2
done
# No member took over, and no failover was requested. If none is left that could do so, this one was the last main, and
# goes on refusing writes: the group ends, as when redis.durability changes, and a single main may start on this volume.
if [ -z "$tried" ] && is_alone && refuse_writes; then
  date +%s >"$of_member" && sync "$of_member"
  exit 0
fi
# no member took over: accept writes until the stop; a member of the previous version has no guard
rm -f "$mark"
if [ ! -e /run/redis/guard ]; then
  copies=$(sed -n 's/^min-replicas-to-write //p' /etc/redis/main.conf)
  ask 127.0.0.1 6379 "CONFIG SET min-replicas-to-write ${copies:-1}" >/dev/null
fi
