#!/bin/sh
# Starts a member of the Sentinel group: as a replica of the main that the Sentinels report; as main only if no other
# member can be promoted instead. guard.sh decides what it may replicate.
set -eu

data=/data
TRIES=60

# without a trap the container's first process ignores SIGTERM
trap 'exit 143' TERM
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh
# shellcheck source=modules/redis/scripts/history.sh
. /etc/redis/history.sh

# From now on, another member may become main, even if this one does not start; but not while npm run up has removed the
# others: then this one cannot start, and its pod is about to be replaced by a single main.
forget_end() {
  if [ -s "$of_member" ]; then printf '' >"$of_member" && sync "$of_member"; fi
}
may_have_end() { case $(cat "$of_member" 2>/dev/null) in *alone) is_alone ;; *) return 1 ;; esac }
may_have_end || forget_end

# shellcheck source=modules/redis/scripts/append-only.sh
. /etc/redis/append-only.sh
# shellcheck source=modules/redis/scripts/take-snapshot.sh
. /etc/redis/take-snapshot.sh
remove_leftovers
if ! repair_end; then
  # the other members have every acknowledged write, so this one starts as after the loss of its volume
  echo "$problem: set aside in $data/damaged, for a fresh copy of main" >&2
  rm -rf "$data/damaged/appendonlydir"
  mkdir -p "$data/damaged"
  mv "$aof" "$data/damaged/appendonlydir"
fi

start() {
  rm -f /run/redis/handing-over
  # a full disk must not keep a member from starting
  { mkdir -p "${of_member%/*}" && printf '' >"$of_member" && sync "$of_member" "${of_member%/*}"; } || true
  echo "$ordinal" >/run/redis/member
  sh /etc/redis/access.sh users
  [ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
  # only the guard enables links, promotion and writes, which are disabled at start
  echo 'guard.sh has not compared the data yet' >/run/redis/guard
  redis=$$
  while kill -0 "$redis" 2>/dev/null; do
    sh /etc/redis/guard.sh "$redis" || true
    sleep 1
  done &
  # shellcheck disable=SC2046 # one word per argument
  set -- "$@" $(sh /etc/redis/disk-guard.sh arguments)
  sh /etc/redis/disk-guard.sh watch "$redis" &
  exec redis-server /etc/redis/main.conf --replica-announce-ip "$me" --min-replicas-to-write 1000 --replica-priority 0 "$@"
}
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}
# Whether another member may be promoted: guard.sh sets its priority.
another_may() {
  limit='timeout 2'
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    look "$member"
    [ "$role" = slave ] || continue
    # no main can confirm writes; perhaps this member has to start first, to show that it has loaded the snapshot
    ! sealed "$promised" || continue
    field slave_priority
    [ "${value:-0}" = 0 ] || return 0
  done
  return 1
}

# Sets $holders to the members that hold data, and $silent to those that do not answer.
find_data() {
  holders='' silent=''
  limit='timeout 2'
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    look "$member"
    case $seen in
      yes) [ "$epoch" -lt 0 ] || holders="$holders $member" ;;
      no) silent="$silent $member" ;;
      old)
        keys "$member"
        case $keys in 0) ;; unknown) silent="$silent $member" ;; *) holders="$holders $member" ;; esac
        ;;
    esac
  done
}

why='no two Sentinels agree on the address of main'
tries=0
while [ $tries -lt $TRIES ]; do
  tries=$((tries + 1))
  may_have_end || forget_end
  agreed
  if [ -z "$main" ]; then
    sleep 1
    continue
  fi
  [ "$main" = "$me" ] || start --replicaof "$main 6379"
  if another_may; then
    # this former main must not start as main now, because the Sentinels could already be promoting the other member
    why='another member can be promoted, but the Sentinels have not promoted it'
    sleep 1
    continue
  fi
  # with its data, because no other member can be promoted
  if holds_data; then start; fi

  today=$(date -u +%F)
  read -r allowed 2>/dev/null </run/start-empty/on || [ -n "${allowed-}" ] || allowed=
  find_data
  if [ -n "$holders" ]; then
    # because this member does not start, the Sentinels promote one of them
    why="the volume is empty, and$holders holds the data, but the Sentinels have not promoted it"
    sleep 1
    continue
  fi
  if [ "$allowed" = "$today" ]; then
    echo "starting empty, as ConfigMap redis-main-start-empty allows" >&2
    start
  fi
  how="Restore the volume; or, to discard that data: \
kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$today && \
kubectl -n $NAMESPACE delete pod $POD"
  if [ -n "$silent" ]; then
    why="the volume is empty, and$silent did not report whether it holds data. $how"
    sleep 1
    continue
  fi
  # the other members are empty too, so only read replicas can still hold data
  for address in $(getent ahosts redis-replicas-headless | cut -d ' ' -f 1 | sort -u); do
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
  start
done
refuse "Not started: $why"
