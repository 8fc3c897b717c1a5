#!/bin/sh
# Before a member stops: main hands over first, with every write that it has taken.
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

# No write is taken from here on: whoever is promoted must have all that came before. They are refused, not paused: what
# is refused was certainly not done, so its caller may send it to the next main; of what was held nobody would know.
ask 127.0.0.1 6379 'CONFIG SET min-replicas-to-write 1000' >/dev/null
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
for _ in 1 2 3 4 5 6 7 8 9 10; do
  if caught_up; then
    # the Sentinels look twice a second: what they know of the offsets is newer than the last write then
    sleep 0.6
    # this pod's own stops together with it; one that stood still of late (tilt) would say OK and wait for half a
    # minute; one that is busy with another change refuses
    asked=''
    for _ in 1 2 3 4; do
      for member in $pool; do
        [ "$member" != "$me" ] || continue
        info=$(ask "$member" 26379 'INFO sentinel')
        field sentinel_tilt
        [ "$value" = 0 ] || continue
        if [ "$(ask "$member" 26379 'SENTINEL FAILOVER main')" = OK ]; then
          asked=yes
          break 2
        fi
      done
      sleep 0.5
    done
    [ -n "$asked" ] || break
    # it is told to follow only seconds later, and takes no writes until then: what the Sentinels say counts
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      sleep 0.2
      agreed
      [ -z "$main" ] || [ "$main" = "$me" ] || exit 0
    done
    break
  fi
  sleep 0.2
done
# nobody took over: it takes them until it is stopped
copies=$(sed -n 's/^min-replicas-to-write //p' /etc/redis/main.conf)
ask 127.0.0.1 6379 "CONFIG SET min-replicas-to-write ${copies:-1}" >/dev/null
