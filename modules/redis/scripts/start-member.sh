#!/bin/sh
# Starts a member of the Sentinel group: as a replica of the main that the Sentinels report; as main only if that
# loses nothing.
set -eu

data=/data
TRIES=60

# without a trap the container's first process ignores SIGTERM
trap 'exit 143' TERM
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh

# shellcheck source=modules/redis/scripts/take-snapshot.sh
. /etc/redis/take-snapshot.sh

start() {
  sh /etc/redis/access.sh users
  [ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
  exec redis-server /etc/redis/main.conf --replica-announce-ip "$me" "$@"
}
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}
holds_data() {
  for file in "$data"/appendonlydir/* "$data"/appendonly.aof "$data"/dump.rdb; do
    [ ! -s "$file" ] || return 0
  done
  return 1
}

# Whether another member may be promoted, because it was linked with main since its start (probe.sh sets its priority).
another_may() {
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    info=$(ask "$member" 6379 'INFO replication')
    field role
    [ "$value" = slave ] || continue
    field slave_priority
    [ "${value:-0}" = 0 ] || return 0
  done
  return 1
}

why='no two Sentinels agree on the address of main'
tries=0
while [ $tries -lt $TRIES ]; do
  tries=$((tries + 1))
  agreed
  if [ -z "$main" ]; then
    sleep 1
    continue
  fi
  # a replica may be promoted only after it was linked with main: before, it may lack main's data
  [ "$main" = "$me" ] || start --replicaof "$main 6379" --replica-priority 0
  if another_may; then
    # this former main must not return as main now, because the Sentinels could already be promoting the other
    why='another member can be promoted, but the Sentinels have not promoted it'
    sleep 1
    continue
  fi
  # no other can be promoted: this member's data is all there is
  if holds_data; then start --replica-priority 0; fi

  today=$(date -u +%F)
  read -r allowed 2>/dev/null </run/start-empty/on || [ -n "${allowed-}" ] || allowed=
  if [ "$allowed" = "$today" ]; then
    echo "starting empty, as ConfigMap redis-main-start-empty allows" >&2
    start --replica-priority 0
  fi
  how="Restore the volume; or, to discard that data: \
kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$today && \
kubectl -n $NAMESPACE delete pod $POD"
  replicas=$(getent ahosts redis-replicas-headless | cut -d ' ' -f 1 | sort -u)
  for address in $pool $replicas; do
    [ "$address" != "$me" ] || continue
    keys "$address"
    case $keys in
      0) ;;
      unknown)
        why="the volume is empty, and $address did not report whether it holds data. $how"
        sleep 1
        continue 2
        ;;
      *) refuse "Not started: the volume is empty, but $address holds $keys keys, which an empty main would delete. $how" ;;
    esac
  done
  start --replica-priority 0
done
refuse "Not started: $why"
