#!/bin/sh
# Steps of npm run restore in the pod whose volume it runs on (scripts/redis/restore-members.ts):
#   restore.sh arm ID GENERATION   makes the uploaded file the snapshot of this restore; nothing uses it yet
#   restore.sh seal ID             on the main of a Sentinel group: from here on, no write is confirmed in this generation
#   restore.sh hold ID             on a single main: its next start uses the snapshot, unless it has written before that
# docs/decisions/0015-commit-record.md explains why no acknowledged write is lost between two steps.
set -eu
data=/data
restore=$data/restore
# only the files of a Sentinel group's members include it
group=/etc/redis/sentinel.conf
# shellcheck source=modules/redis/scripts/append-only.sh
. /etc/redis/append-only.sh

fail() {
  echo "$*" >&2
  exit 1
}
admin() { REDISCLI_AUTH=$(cat /run/secrets/redis/admin) redis-cli -h 127.0.0.1 -p 6379 --user admin "$@" 2>&1; }
# sets $record to this Redis' commit record, empty if there is none
read_record() {
  record=$(admin -n 1 GET commit)
  case $record in '' | [0-9]*' '[0-9]*' '[0-9]*) ;; *) fail "Redis did not report its commit record: $record" ;; esac
}
# whether main has made the promise to the restore $1, and this member has stored it
has_begun() {
  read_record
  case "$record " in *" ${1:-none} "*) ;; *) return 1 ;; esac
}
armed() {
  if [ "$(cat "$restore/next.id" 2>/dev/null)" != "$1" ] || [ ! -s "$restore/next.rdb" ]; then
    fail 'the snapshot is not on the volume any more, or that of another restore is'
  fi
  # guard.sh and disk-guard.sh discard it when it is older than a minute
  touch -c "$restore/next.rdb"
}

# The restore takes part as a main would whose epoch is above all others: what it makes main promise is greater than what
# any main can offer, so every member that has stored the promise confirms nothing more before the restore.
SEAL="#!lua flags=allow-oom
redis.call('SELECT', 1)
local record = redis.call('GET', 'commit') or '0 0 0'
local epoch, count, promised, rest = string.match(record, '^(%d+) (%d+) (%d+)(.*)\$')
if not epoch then return 'the commit record cannot be read: ' .. record end
if tonumber(string.match(rest, '%d+') or 0) >= tonumber(ARGV[2]) then return 'another restore has taken place: ' .. record end
if tonumber(promised) >= tonumber(ARGV[1]) then return 'a later restore has begun: ' .. record end
redis.call('SET', 'commit', string.format('%s %.0f %s%s', epoch, count + 1, ARGV[1], rest))
return 'sealed'"

case $1 in
  arm)
    if [ -f "$group" ] && [ ! -e /run/redis/can-restore ]; then
      fail 'restore.sh: the guard of this member is of an earlier version'
    fi
    cd "$restore"
    if [ -f "$group" ] && [ -s next.rdb ] && has_begun "$(cat next.id)"; then
      fail 'an earlier restore has begun, and the members are about to complete it: try again in a minute'
    fi
    rm -f next.committed
    echo "$3" >next.generation
    echo "$2" >next.id
    mv incoming.rdb next.rdb
    touch next.rdb
    sync
    ;;
  seal)
    armed "$2"
    said=$(admin EVAL "$SEAL" 0 "$2" "$(cat "$restore/next.generation")") || fail "main did not reply: $said"
    [ "$said" = sealed ] || fail "main refused: $said"
    ;;
  hold)
    armed "$2"
    # so that nothing is written until the restart; it ends by itself if there is none
    said=$(admin CLIENT PAUSE 60000 WRITE) || true
    [ "$said" = OK ] || fail "main did not stop accepting writes: $said"
    tries=0
    until case $(admin INFO persistence) in *aof_buffer_length:0*) ;; *) false ;; esac do
      tries=$((tries + 1))
      [ $tries -lt 50 ] || fail 'main did not write its data to its append-only file within 5 s'
      sleep 0.1
    done
    # after this, every acknowledged write makes the file longer, and take-snapshot.sh does not use the snapshot
    state=$(aof_state)
    [ -n "$state" ] || fail 'there is no append-only file'
    read_record
    # shellcheck disable=SC2086 # four words, three before the first restore, or none
    set -- hold "$2" $record
    [ "${6:-0}" -lt "$(cat "$restore/next.generation")" ] || fail "main refused: another restore has taken place: $record"
    echo "$2 $state" >"$restore/next.committed"
    sync
    ;;
  *) fail "unknown step: $1" ;;
esac
