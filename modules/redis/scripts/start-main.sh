#!/bin/sh
# Starts Redis main, unless that would lose data: replicas of an empty main delete their data. On a volume without data,
# it first queries the replicas, and starts main only if none of them holds a key.
set -eu

data=/data
replicas=redis-replicas-headless
# about a second each; replicas of a first deployment start at the same time
TRIES=60

# without a trap the container's first process ignores SIGTERM
trap 'exit 143' TERM
# For a volume that a member of a Sentinel group used: a single main does not count its writes in the commit record. If
# it becomes a member again, the other members' volumes, which lack these writes, must have a smaller count.
SKIP="#!lua flags=allow-oom
redis.call('SELECT', 1)
local record = redis.call('GET', 'commit')
if not record then return 0 end
local epoch, count, rest = string.match(record, '^(%d+) (%d+)( .*)\$')
count = (math.floor(count / 1000000) + 1) * 1000000
redis.call('SET', 'commit', string.format('%s %.0f%s', epoch, count, rest))
return 1"
# count_apart PID: until it succeeds or that process, which becomes Redis, ends: a long file takes long to load
count_apart() {
  failed=
  while sleep 0.5 && kill -0 "$1" 2>/dev/null; do
    said=$(REDISCLI_AUTH=$(cat /run/secrets/redis/admin) redis-cli -h 127.0.0.1 -p 6379 --user admin EVAL "$SKIP" 0 2>&1)
    case $said in
      0 | 1) return ;;
      *'Could not connect'* | LOADING* | "$failed") ;;
      *)
        failed=$said
        echo "the commit record does not count the writes of this main: $said" >&2
        ;;
    esac
  done
}
start() {
  sh /etc/redis/access.sh users
  [ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
  [ ! -e "$pool" ] || count_apart $$ &
  # shellcheck disable=SC2046 # one word per argument
  set -- $(sh /etc/redis/disk-guard.sh arguments)
  sh /etc/redis/disk-guard.sh watch $$ &
  exec redis-server /etc/redis/main.conf "$@"
}
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}

# the permission has a date, so that a forgotten one expires tomorrow, and names what is given up
today=$(date -u +%F)
read -r allowed 2>/dev/null </run/start-empty/on || [ -n "${allowed-}" ] || allowed=
allow() {
  echo "kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$1 && kubectl -n $NAMESPACE delete pod $POD"
}

# A group member's data is complete only if that member was the last main. Its Sentinel may have ended before the next
# main was promoted, so stop-member.sh must have found that there was none. That is valid for a while only, because the
# other members could start again without this one; and once, because a single main has the latest data from then on.
VALID=900
pool=$data/sentinel/sentinel.conf
of_member=$data/sentinel/of-member
of_pool() { sed -n "s/^sentinel $1 \"\{0,1\}\([0-9a-f.:]*\).*/\1/p" "$pool"; }
was_last() {
  ended=
  read -r ended _ <"$of_member" || true
  case $ended in '' | *[!0-9]*) return 1 ;; esac
  age=$(($(date +%s) - ended))
  [ "${age#-}" -lt "$VALID" ]
}
newer=
if [ -s "$pool" ] && [ "$(of_pool 'monitor main')" != "$(of_pool announce-ip)" ]; then
  newer='another member of the Sentinel group was main when redis.durability was ha'
elif [ -e "$of_member" ] && ! was_last; then
  newer='another member of the Sentinel group may have become main after this one stopped, when redis.durability was ha'
fi
if [ -n "$newer" ]; then
  [ "$allowed" = "$today,other-members" ] ||
    refuse "Not started: $newer, so this volume may lack writes. \
Set redis.durability to ha again; delete main's pod until redis-main-0 is main; then choose another durability. \
Or, to discard what only the other members have: \
kubectl -n $NAMESPACE delete pvc data-redis-main-1 data-redis-main-2 --ignore-not-found && $(allow "$today,other-members")"
  echo "starting without the other members' data, as ConfigMap redis-main-start-empty allows" >&2
  if [ -s "$pool" ]; then
    (umask 077 && sed "s/^sentinel monitor main [^ ]*/sentinel monitor main $(of_pool announce-ip)/" "$pool" >"$pool.new")
    sync "$pool.new"
    mv "$pool.new" "$pool"
  fi
fi
if [ -e "$of_member" ]; then rm "$of_member" && sync "${of_member%/*}"; fi

# shellcheck source=modules/redis/scripts/append-only.sh
. /etc/redis/append-only.sh
# shellcheck source=modules/redis/scripts/take-snapshot.sh
. /etc/redis/take-snapshot.sh
remove_leftovers
repair_end || refuse "Not started: $problem. Restore a backup; or give up that part: see docs/runbooks/RedisMainDown.md"
if holds_data; then start; fi

if [ "$allowed" = "$today" ]; then
  echo "starting empty, as ConfigMap redis-main-start-empty allows" >&2
  start
fi
how="Restore the volume; or, to discard that data: $(allow "$today")"

# missing names do not prove that there are no replicas: DNS must at least resolve main's own name
tries=0
until getent hosts redis-main >/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt $TRIES ] || refuse "Not started: the volume is empty, and the replicas cannot be queried for data, because DNS does not resolve redis-main. Check the cluster's DNS."
  sleep 1
done

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
limit='timeout 3'
# A refused connection proves nothing, because a network policy that does not include this new pod yet also refuses it.
# So every existing replica must reply. getent lists each address once per socket type.
for address in $(getent ahosts "$replicas" | cut -d ' ' -f 1 | sort -u); do
  tries=0
  while keys "$address" && [ "$keys" = unknown ]; do
    tries=$((tries + 1))
    [ $tries -lt $TRIES ] || refuse "Not started: the volume is empty, and replica $address did not report whether it holds data ($answer). $how"
    sleep 1
  done
  [ "$keys" = 0 ] ||
    refuse "Not started: the volume is empty, but replica $address holds $keys keys, which an empty main would delete. $how"
done
start
