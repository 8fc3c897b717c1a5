#!/bin/sh
# shellcheck disable=SC2154 # data is set by the script that sources this file
# Replaces the data with the snapshot that npm run restore has just put into $data/restore; the old data is kept in
# restore/before. Sourced, before anything reads $data.
#
# next.rdb is deleted before its mark, so after an interruption the next start repeats everything. It is used only if
# the restore has marked it (next.committed has the id of next.id), which it does once every member has its snapshot,
# and only soon after that: a restore that takes longer has already reported a failure. In a Sentinel group,
# start-member.sh also defines given_up: whether another member runs with older data.
#
# The snapshot's commit record is of the deployment and the time that it was made in. It is replaced by one of the next
# generation, from next.generation: less than what the Sentinels of this deployment will have established, and more than any
# member that did not take the snapshot (docs/decisions/0015-commit-record.md).

restore=$data/restore
# interrupted between its two moves: restore the old data first, because the snapshot may no longer be used
if [ ! -d "$data/appendonlydir" ] && [ -d "$restore/new" ] && [ -s "$restore/before/appendonly.aof.manifest" ]; then
  mv "$restore/before" "$data/appendonlydir"
  sync
fi
# the same file under both names: only the last step was interrupted
if [ -s "$restore/next.rdb" ] && [ -n "$(find "$data/appendonlydir" -samefile "$restore/next.rdb" 2>/dev/null)" ]; then
  rm "$restore/next.rdb"
fi
# sets $unused to the reason why the snapshot may not be used
check_use() {
  unused=
  id=$(cat "$restore/next.id" 2>/dev/null || true)
  if [ -z "$id" ] || [ "$(cat "$restore/next.committed" 2>/dev/null)" != "$id" ]; then
    unused='its restore did not reach every member'
  elif [ -z "$(find "$restore/next.committed" -mmin -15)" ]; then
    unused='it is older than 15 minutes'
  elif command -v given_up >/dev/null && given_up "$(cat "$restore/next.generation")"; then
    unused='another member still runs with older data'
  fi
}
if [ -s "$restore/next.rdb" ]; then
  check_use
  if [ -n "$unused" ]; then
    echo "snapshot not used, because $unused: $restore/next.rdb" >&2
    mv "$restore/next.rdb" "$restore/not-taken.rdb"
  fi
fi
marks="$restore/next.generation $restore/next.committed $restore/next.id"
# shellcheck disable=SC2086 # three words
[ -s "$restore/next.rdb" ] || rm -f $marks
# resp WORD...: a command as in an append-only file
resp() {
  printf '*%d\r\n' $#
  for word in "$@"; do printf '$%d\r\n%s\r\n' ${#word} "$word"; done
}
commit_record() {
  read -r number 2>/dev/null <"$restore/next.generation" || return 0
  {
    resp SELECT 1
    resp SET commit "0 0 0 $number"
  } >"$restore/new/appendonly.aof.1.incr.aof" &&
    echo "file appendonly.aof.1.incr.aof seq 1 type i" >>"$restore/new/appendonly.aof.manifest"
}
rm -rf "$restore/new"
if [ -s "$restore/next.rdb" ]; then
  if mkdir "$restore/new" && ln "$restore/next.rdb" "$restore/new/appendonly.aof.1.base.rdb" &&
    echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$restore/new/appendonly.aof.manifest" && commit_record; then
    echo "starting from the snapshot in $restore/next.rdb" >&2
    sync
    if [ -d "$data/appendonlydir" ]; then
      rm -rf "$restore/before"
      mv "$data/appendonlydir" "$restore/before"
    fi
    mv "$restore/new" "$data/appendonlydir"
    sync
    rm "$restore/next.rdb"
    # shellcheck disable=SC2086 # three words
    rm -f $marks
    sync
  else
    echo "snapshot not used, because the volume is full: $restore/next.rdb" >&2
    rm -rf "$restore/new"
    mv "$restore/next.rdb" "$restore/not-taken.rdb"
  fi
fi
