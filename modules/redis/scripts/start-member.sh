#!/bin/sh
# Starts a member of the main pool: as the replica of whom the Sentinels call main; as main only where that
# loses nothing.
set -eu

data=/data
TRIES=60

# as the first process of its container it would not hear a stop otherwise
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

# Whether another member may be promoted: it has been linked with main since its start (probe.sh sets its priority).
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

why='no two Sentinels agree on who is main'
tries=0
while [ $tries -lt $TRIES ]; do
  tries=$((tries + 1))
  agreed
  if [ -z "$main" ]; then
    sleep 1
    continue
  fi
  # a copy may be promoted once it has been linked with main, not before: it may lack what main has
  [ "$main" = "$me" ] || start --replicaof "$main 6379" --replica-priority 0
  if another_may; then
    # it was main and went away: had it come back as main now, the Sentinels could already be promoting the other
    why='another member can be promoted, and the Sentinels have not done so'
    sleep 1
    continue
  fi
  # none can be: main's data is all there is
  if holds_data; then start --replica-priority 0; fi

  today=$(date -u +%F)
  read -r allowed 2>/dev/null </run/start-empty/on || [ -n "${allowed-}" ] || allowed=
  if [ "$allowed" = "$today" ]; then
    echo "starting empty, as ConfigMap redis-main-start-empty allows" >&2
    start --replica-priority 0
  fi
  how="Bring the volume back; or lose that data on purpose: \
kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$today && \
kubectl -n $NAMESPACE delete pod $POD"
  replicas=$(getent ahosts redis-replicas-headless | cut -d ' ' -f 1 | sort -u)
  for address in $pool $replicas; do
    [ "$address" != "$me" ] || continue
    keys "$address"
    case $keys in
      0) ;;
      unknown)
        why="its volume is empty, and $address does not say whether it holds data. $how"
        sleep 1
        continue 2
        ;;
      *) refuse "Not started: the volume is empty, but $address holds $keys keys, which an empty main would delete. $how" ;;
    esac
  done
  start --replica-priority 0
done
refuse "Not started: $why"
