#!/bin/sh
# shellcheck disable=SC2154 # data is set by the script that sources this file
# The append-only file (AOF) before Redis reads it: what counts as data, what an interrupted rewrite left, and a damaged
# end. Sourced by start-main.sh and start-member.sh, not run.

aof=$data/appendonlydir
manifest=$aof/appendonly.aof.manifest

# Whether the volume holds data: an AOF that is not empty. A dump.rdb is none, because Redis ignores it next to an AOF.
holds_data() {
  [ ! -s "$data/appendonly.aof" ] || return 0
  [ -s "$manifest" ] || return 1
  for file in $(sed -n 's/^file \([^ ]*\) .*/\1/p' "$manifest"); do
    [ ! -s "$aof/$file" ] || return 0
  done
  return 1
}

# A full disk keeps these: Redis removes them only if it ends properly.
remove_leftovers() {
  rm -f "$data"/temp-*.rdb "$data"/temp-rewriteaof-*.aof "$aof"/temp-rewriteaof-*.aof "$aof"/temp-*.manifest
  # each rewrite that fails leaves one more file, empty if nothing was written to it
  [ -s "$manifest" ] || return 0
  last=$(sed -n '$s/^file \([^ ]*\) .*/\1/p' "$manifest")
  empty=
  for file in $(sed -n 's/^file \([^ ]*\) .* type i.*/\1/p' "$manifest"); do
    if [ "$file" = "$last" ] || [ ! -e "$aof/$file" ] || [ -s "$aof/$file" ]; then continue; fi
    empty="$empty $file"
  done
  [ -n "$empty" ] || return 0
  cp "$manifest" "$manifest.new" || return 0
  for file in $empty; do
    # grep fails on a full disk too, and then nothing changes
    grep -vF "file $file " "$manifest.new" >"$manifest.less" && mv "$manifest.less" "$manifest.new" || return 0
  done
  sync "$manifest.new" 2>/dev/null || sync
  mv "$manifest.new" "$manifest"
  for file in $empty; do rm -f "$aof/$file"; done
}

# Some file systems leave other bytes than the last ones written after a power loss, such as zeros, and Redis refuses such
# an end; it only accepts one that is cut off. Removes the end if it is short, and keeps it in damaged/. Fails, with the
# reason in $problem, if it is long: what was not synced yet is short, so that would be acknowledged writes.
REPAIRABLE=1048576
# whether the part after byte $good has anything but zeros
has_text() { [ "$(tail -c "+$((good + 1))" "$file" | tr -d '\000' | head -c 1 | wc -c)" -gt 0 ]; }
repair_end() {
  problem=
  [ -s "$manifest" ] || return 0
  last=$(sed -n '$s/^file \([^ ]*\) .*/\1/p' "$manifest")
  file=$aof/$last
  case $last in *.incr.aof) [ -s "$file" ] || return 0 ;; *) return 0 ;; esac
  # a check reads the whole file: only if it does not end like a command, or if nothing was written since the last start,
  # which may have failed
  mark=$data/started
  unused=
  [ ! -e "$mark" ] || [ "$file" -nt "$mark" ] || unused=yes
  touch "$mark" 2>/dev/null || true
  [ "$(tail -c 2 "$file" | od -An -tx1 | tr -d ' \n')" != 0d0a ] || [ -n "$unused" ] || return 0

  found=$(redis-check-aof "$file" 2>&1 || true)
  case $found in *'format error'*) ;; *) return 0 ;; esac
  size=$(wc -c <"$file")
  good=${found##*ok_up_to=}
  good=${good%%[!0-9]*}
  [ -n "$good" ] && [ "$good" -lt "$size" ] || return 0
  if has_text; then
    if [ $((size - good)) -gt "$REPAIRABLE" ]; then
      problem="the append-only file $file is damaged after byte $good of $size"
      return 1
    fi
    kept=$data/damaged/$last.after-$good
    if ! { mkdir -p "$data/damaged" && tail -c "+$((good + 1))" "$file" >"$kept" && sync; }; then
      rm -f "$kept"
      problem="the append-only file $file is damaged after byte $good of $size, and the volume has no room to keep that part"
      return 1
    fi
  fi
  echo y | redis-check-aof --fix "$file" >/dev/null 2>&1 || true
  echo "repaired $file: removed its damaged end, $((size - good)) bytes; kept in $data/damaged, unless they were zeros" >&2
}
