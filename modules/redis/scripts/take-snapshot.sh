#!/bin/sh
# shellcheck disable=SC2154 # data is set by the script that sources this file
# Replaces the data with the snapshot that npm run restore has just put into $data/restore; the old data is kept in
# restore/before. Sourced, before anything reads $data.
#
# next.rdb is deleted before its mark, so after an interruption the next start repeats everything. It is used only with
# its mark, next.committed: the restore's id and the state of the append-only file. If the file has changed since, this
# Redis has written, and the snapshot would replace that. On a single main, restore.sh writes the mark, and the snapshot
# is discarded without it. On a member, guard-restore.sh writes it once no member can get a write confirmed any more;
# without it, the snapshot stays where it is, and the guard decides again.
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
number() { case $1 in '' | *[!0-9]*) return 1 ;; esac }
# sets $unused to the reason why the snapshot may not be used, and $kept if that may change
check_use() {
  unused='' kept=''
  id=$(cat "$restore/next.id" 2>/dev/null || true)
  mark=$(cat "$restore/next.committed" 2>/dev/null || true)
  if ! number "$id" || ! number "$(cat "$restore/next.generation" 2>/dev/null)"; then
    unused='its restore is of another version, or was damaged'
  elif [ "$mark" = "$id $(aof_state)" ]; then
    :
  elif [ -f /etc/redis/sentinel.conf ]; then
    kept=yes
  elif [ "${mark%% *}" = "$id" ]; then
    unused='main has written since, so its restore was given up'
  else
    unused='its restore was interrupted'
  fi
}
kept=
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
  read -r number <"$restore/next.generation" || return 1
  {
    resp SELECT 1
    resp SET commit "0 0 0 $number"
  } >"$restore/new/appendonly.aof.1.incr.aof" &&
    echo "file appendonly.aof.1.incr.aof seq 1 type i" >>"$restore/new/appendonly.aof.manifest"
}
rm -rf "$restore/new"
if [ -s "$restore/next.rdb" ] && [ -z "$kept" ]; then
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
