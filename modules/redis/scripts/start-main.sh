#!/bin/sh
# Starts Redis main, unless that would lose data: an empty main makes every replica as empty as itself.
# On a volume without data it asks the replicas first, and starts where none of them holds a key.
set -eu

data=/data
replicas=redis-replicas-headless
# about a second each; replicas of a first deployment start at the same time
TRIES=60

# as the first process of its container it would not hear a stop otherwise
trap 'exit 143' TERM
start() {
  sh /etc/redis/access.sh users
  [ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
  exec redis-server /etc/redis/main.conf
}
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}

# what a pool's member holds is what main had only if it was main at the end
pool=$data/sentinel/sentinel.conf
of_pool() { sed -n "s/^sentinel $1 \"\{0,1\}\([0-9a-f.:]*\).*/\1/p" "$pool"; }
if [ -s "$pool" ] && [ "$(of_pool 'monitor main')" != "$(of_pool announce-ip)" ]; then
  refuse "Not started: another member of the pool was main when redis.durability was ha, and has what is missing here. \
Set redis.durability to ha again; delete main's pod until redis-main-0 is main; then choose another durability."
fi

# shellcheck source=modules/redis/scripts/take-snapshot.sh
. /etc/redis/take-snapshot.sh
for file in "$data"/appendonlydir/* "$data"/appendonly.aof "$data"/dump.rdb; do
  [ ! -s "$file" ] || start
done

# the day, so that a permission that was forgotten is none tomorrow
today=$(date -u +%F)
read -r allowed 2>/dev/null </run/start-empty/on || [ -n "${allowed-}" ] || allowed=
if [ "$allowed" = "$today" ]; then
  echo "starting empty, as ConfigMap redis-main-start-empty allows" >&2
  start
fi
how="Bring the volume back; or lose that data on purpose: \
kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$today && \
kubectl -n $NAMESPACE delete pod $POD"

# no names at all are no sign that there are no replicas: our own must be known
tries=0
until getent hosts redis-main >/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt $TRIES ] || refuse "Not started: the volume is empty, and whether a replica holds data cannot be asked: DNS does not know redis-main."
  sleep 1
done

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
# A refused connection says nothing: a network policy that does not know this new pod yet refuses as well. So each
# replica that there is must answer. Each address comes once for every kind of socket.
for address in $(getent ahosts "$replicas" | cut -d ' ' -f 1 | sort -u); do
  tries=0
  while keys "$address" && [ "$keys" = unknown ]; do
    tries=$((tries + 1))
    [ $tries -lt $TRIES ] || refuse "Not started: the volume is empty, and replica $address does not say whether it holds data ($answer). $how"
    sleep 1
  done
  [ "$keys" = 0 ] ||
    refuse "Not started: the volume is empty, but replica $address holds $keys keys, which an empty main would delete. $how"
done
start
