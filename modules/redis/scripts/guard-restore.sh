#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of guard.sh
# What guard.sh does about a snapshot that npm run restore has put on this member's volume. Sourced, not run.

data=/data
folder=$data/restore
untold=yes
# hundredths of a second: so that all members find the promise before one restarts, and no failover is needed
TOGETHER=200
begun=
# restore.sh begins a restore only if the running guard knows what to do
: >/run/redis/can-restore
# shellcheck source=modules/redis/scripts/append-only.sh
. /etc/redis/append-only.sh

# Two members that have stored the promise are a majority: no main can get a write confirmed without one of them, so what
# was acknowledged in this generation does not grow any more, and the snapshot may replace it. From then on, every member
# that has the snapshot may use it at any time, whether the command still runs or not.
finish_restore() {
  if ! sealed "$my_promised"; then
    forget_snapshot
    return
  fi
  if [ ! -s "$folder/next.rdb" ] || [ "$(cat "$folder/next.id" 2>/dev/null)" != "$my_promised" ]; then
    [ -z "$untold" ] || echo 'guard: a restore has begun, and waits for a member that has its snapshot' >&2
    untold=
    return
  fi
  # before the queries: if this Redis writes after it, such as a copy of restored data, take-snapshot.sh notices
  state=$(aof_state)
  limit='timeout 1'
  has_promised "$me" || return 0
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    # one of the next generation has already started from its snapshot
    has_promised "$member" || [ "$seen$generation" = "yes$((my_generation + 1))" ] || continue
    if ! { echo "$my_promised $state" >"$folder/next.committed" && sync; }; then return 0; fi
    begun=${begun:-$now}
    [ $((now - begun)) -ge "$TOGETHER" ] || return 0
    echo 'guard: restarting Redis, to load the snapshot of a restore' >&2
    kill "$redis"
    return
  done
}
has_promised() {
  look "$1"
  [ "$seen" = yes ] && [ "$promised" = "$my_promised" ] && on_disk "$1"
}
# whether a member has on its disk what it has just shown. With appendfsync always it has, but not while it still writes
# the file after a full copy of main.
on_disk() {
  case $(ask "$1" 6379 'INFO persistence') in
    *aof_enabled:1*aof_rewrite_in_progress:0*aof_rewrite_scheduled:0*) ;;
    *) return 1 ;;
  esac
}

# the restore was given up before it began
forget_snapshot() {
  [ -e "$folder/next.rdb" ] || return 0
  [ -z "$(find "$folder/next.rdb" -mmin +1)" ] || mv "$folder/next.rdb" "$folder/not-taken.rdb"
}
