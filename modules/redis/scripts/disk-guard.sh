#!/bin/sh
# shellcheck disable=SC2154 # value and info come from query.sh
# Keeps the volume from filling up, because Redis exits when it cannot append to its file:
#   disk-guard.sh arguments   before Redis starts: deletes what an interrupted run left behind, prints redis-server's arguments
#   disk-guard.sh watch PID   in the background, until the process with that id, which becomes Redis, ends
# A rewrite of the append-only file needs about as much room as the data takes in memory. So Redis refuses writes
# (maxmemory 1: reads, deletions and replication continue) while there is less room than that, plus a reserve for writes
# until Redis refuses them; a rewrite then frees the space of what had been appended. guard.sh reads the state: with
# /run/redis/volume-short, a copy does not link to main, and with /run/redis/volume-full, main may append nothing at
# all.
set -u
# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh

data=/data
short=/run/redis/volume-short
full=/run/redis/volume-full
mib=1048576

# setting NAME: its value in main.conf, or in the last line of two
setting() { sed -n "s/^$1 //p" /etc/redis/main.conf | tail -n 1; }
limit=$(setting maxmemory)
case $limit in
  *gb) limit_bytes=$((${limit%gb} * 1024 * mib)) ;;
  *mb) limit_bytes=$((${limit%mb} * mib)) ;;
  *kb) limit_bytes=$((${limit%kb} * 1024)) ;;
  *) limit_bytes=$limit ;;
esac
growth=$(setting auto-aof-rewrite-percentage)
# in a Sentinel group, guard.sh decides about min-replicas-to-write
group=/etc/redis/sentinel.conf
reserve=$((limit_bytes / 4))
[ $reserve -ge $((32 * mib)) ] || reserve=$((32 * mib))

# bytes FILE...: sets $bytes to the disk usage of the files that exist; directories are counted recursively
bytes() {
  bytes=$(du -skc "$@" 2>/dev/null | tail -n 1 | cut -f 1)
  bytes=$((${bytes:-0} * 1024))
}
# sets $free to the bytes that Redis may still use
look() {
  # shellcheck disable=SC2046 # two words: blocks and their size
  set -- $(stat -f -c '%a %S' "$data")
  [ $# = 2 ] && free=$(($1 * $2))
}
as_mib() { echo "$(($1 / mib)) MiB"; }
say() { echo "volume: $*" >&2; }

# admin COMMAND: its reply. The probe's user may not change settings.
admin() {
  printf 'AUTH admin %s\n%s\n' "$(cat /run/secrets/redis/admin)" "$1" |
    timeout 5 redis-cli -h 127.0.0.1 -p 6379 2>&1 | sed 1d
}
# number FIELD: sets $value to the field of INFO, or to 0
number() {
  field "$1"
  case $value in '' | *[!0-9]*) value=0 ;; esac
}

if [ "$1" = arguments ]; then
  rm -f "$short" "$full" "$data"/temp-*.rdb "$data"/temp-rewriteaof-*.aof "$data"/appendonlydir/temp-*
  look || exit 0
  bytes "$data/appendonlydir"
  [ "$bytes" -le "$limit_bytes" ] || bytes=$limit_bytes
  [ "$free" -lt $((bytes + reserve)) ] || exit 0
  say "$(as_mib "$free") free, but a rewrite of the append-only file may need $(as_mib $((bytes + reserve))): starting without accepting writes"
  touch "$short"
  # Redis would start a rewrite at once, which fails and leaves one more file
  printf '%s' '--maxmemory 1 --auto-aof-rewrite-percentage 0'
  if [ "$free" -lt $((reserve / 8)) ]; then
    touch "$full"
    [ -f "$group" ] || printf '%s' ' --min-replicas-to-write 1000'
  fi
  exit 0
fi

# Files that nothing reads any more. Redis keeps the copy that a member received, although its append-only file contains
# it too.
reclaim() {
  [ -f "$data/dump.rdb" ] || return 0
  [ -s "$data/appendonlydir/appendonly.aof.manifest" ] || return 0
  number aof_enabled
  [ "$value" = 1 ] || return 0
  number master_sync_in_progress
  [ "$value" = 0 ] || return 0
  say 'deleting dump.rdb: the append-only file holds all data'
  rm -f "$data/dump.rdb"
}

# A restore restarts Redis within seconds of its last step. If Redis still runs two minutes later, the restore was given
# up. In a Sentinel group, guard-restore.sh decides.
snapshot=$data/restore/next.rdb
forget_restore() {
  [ -e "$snapshot" ] && [ ! -f "$group" ] || return 0
  [ -z "$(find "$snapshot" -mmin +1)" ] || mv "$snapshot" "$data/restore/not-taken.rdb"
}

# Rewrites the append-only file if that frees space and there is room for it.
rewrite() {
  # not INFO's aof_base_size, which includes what was appended during the last rewrite
  bytes "$data"/appendonlydir/*.incr.aof
  appended=$bytes
  [ "$appended" -gt $mib ] || return 0
  [ "$free" -gt $((used + reserve / 8)) ] || return 0
  for busy in aof_rewrite_in_progress aof_rewrite_scheduled rdb_bgsave_in_progress master_sync_in_progress; do
    number $busy
    [ "$value" = 0 ] || return 0
  done
  # a failed rewrite leaves a file behind, so do not repeat it ten times a second
  now=$(date +%s)
  [ $((now - ${tried:-0})) -ge 10 ] || return 0
  tried=$now
  say "rewriting the append-only file, to free $(as_mib "$appended")"
  admin BGREWRITEAOF >/dev/null
}

refuse() {
  [ "$(admin 'CONFIG SET maxmemory 1 auto-aof-rewrite-percentage 0')" = OK ] || return 0
  touch "$short"
  bytes "$data/restore"
  say "$(as_mib "$free") free, $(as_mib $need) needed: writes are refused until a rewrite of the append-only file has freed space, \
or until files are deleted (in $data/restore: $(as_mib "$bytes"))"
}
accept() {
  rm -f "$short"
  [ "$(admin "CONFIG SET maxmemory $limit auto-aof-rewrite-percentage ${growth:-100}")" = OK ] || return 0
  say "$(as_mib "$free") free: writes are accepted again"
}
# A copy cannot refuse what it receives, so it disconnects from main until it has room.
leave() {
  [ "$role" = slave ] || return 0
  field master_link_status
  [ "$value" = up ] || return 0
  say "$(as_mib "$free") free: leaving main until there is more"
  admin 'CONFIG SET masteruser unverified' >/dev/null
  admin 'CLIENT KILL TYPE master' >/dev/null
}
stop_appending() {
  [ ! -f "$full" ] || return 0
  [ -f "$group" ] || [ "$(admin 'CONFIG SET min-replicas-to-write 1000')" = OK ] || return 0
  touch "$full"
}
resume_appending() {
  [ -f "$group" ] || [ "$(admin 'CONFIG SET min-replicas-to-write 0')" = OK ] || return 0
  rm -f "$full"
}

pause=0.2
look || free=0
while sleep $pause && kill -0 "$2" 2>/dev/null; do
  forget_restore
  before=$free
  look || continue
  # by the time Redis refuses, it may have written as much again, twice
  ahead=$((2 * (before - free)))
  [ $ahead -ge 0 ] || ahead=0
  # far from the limit, one check costs no more than this
  if [ ! -f "$short" ] && [ "$free" -ge $((limit_bytes + reserve + ahead)) ]; then
    pause=1
    [ "$free" -ge $((limit_bytes + 3 * reserve + ahead)) ] || pause=0.2
    continue
  fi
  pause=0.2
  info=$(admin 'INFO memory persistence replication')
  # no reply, or its data is not complete yet
  case $info in *"${newline}loading:0"*) ;; *) continue ;; esac
  number used_memory
  used=$value
  [ "$used" -le "$limit_bytes" ] || used=$limit_bytes
  field role
  role=$value
  # what a running rewrite has already written needs no further room
  bytes "$data"/temp-rewriteaof-*
  rest=$((used - bytes))
  [ $rest -ge 0 ] || rest=0
  need=$((rest + reserve + ahead))
  number maxmemory
  if [ "$value" = 1 ]; then
    [ -f "$short" ] || touch "$short"
    # slightly more than before, so that the state does not change ten times a second
    if [ "$free" -ge $((need + reserve / 4)) ]; then accept; fi
  elif [ "$free" -lt $need ]; then
    refuse
  else
    rm -f "$short"
  fi
  if [ -f "$full" ] && [ "$free" -ge $((reserve / 4)) ]; then resume_appending; fi
  [ -f "$short" ] || continue
  reclaim
  rewrite
  if [ "$free" -lt $((reserve / 2)) ]; then leave; fi
  if [ "$free" -lt $((reserve / 8)) ]; then stop_appending; fi
done
