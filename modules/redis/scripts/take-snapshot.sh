#!/bin/sh
# shellcheck disable=SC2154 # data: who reads it
# A snapshot that npm run restore has just left in $data/restore becomes the data; what was there stays in
# restore/before. Read with `.`, before anything looks at $data.
#
# Whatever interrupts it, the next start finds next.rdb and does it again: it is the last thing to go. One that was left
# some time ago is not taken: whoever left it has been told that it failed.

restore=$data/restore
# the same file under both names: only the last line was missing
if [ -s "$restore/next.rdb" ] && [ -n "$(find "$data/appendonlydir" -samefile "$restore/next.rdb" 2>/dev/null)" ]; then
  rm "$restore/next.rdb"
fi
if [ -s "$restore/next.rdb" ] && [ -z "$(find "$restore/next.rdb" -mmin -15)" ]; then
  echo "not taken, for it is too old: $restore/next.rdb" >&2
  mv "$restore/next.rdb" "$restore/not-taken.rdb"
fi
if [ -s "$restore/next.rdb" ]; then
  echo "starting from the snapshot in $restore/next.rdb" >&2
  rm -rf "$restore/new"
  mkdir "$restore/new"
  ln "$restore/next.rdb" "$restore/new/appendonly.aof.1.base.rdb"
  echo "file appendonly.aof.1.base.rdb seq 1 type b" >"$restore/new/appendonly.aof.manifest"
  sync
  if [ -d "$data/appendonlydir" ]; then
    rm -rf "$restore/before"
    mv "$data/appendonlydir" "$restore/before"
  fi
  mv "$restore/new" "$data/appendonlydir"
  sync
  rm "$restore/next.rdb"
fi
