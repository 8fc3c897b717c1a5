#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# The append-only file (AOF) before Redis reads it: what counts as data, what an interrupted rewrite left behind, and a
# damaged end. Sourced by start-main.sh and start-member.sh, not run.

aof=$data/appendonlydir
manifest=$aof/appendonly.aof.manifest

# Whether the volume holds data: an AOF that is not empty. A dump.rdb does not count, because Redis ignores it next to an AOF.
holds_data() {
  [ ! -s "$data/appendonly.aof" ] || return 0
  [ -s "$manifest" ] || return 1
  while read -r _ file _; do
    [ ! -s "$aof/$file" ] || return 0
  done <"$manifest"
  return 1
}

# Removes what interrupted rewrites left behind, which would fill a full disk further with each start: temporary files,
# and the append-only file without content that each failed rewrite leaves.
remove_leftovers() {
  # room for the new manifest on a full disk
  reserve=$data/reserve
  rm -f "$reserve" "$data"/temp-*.rdb "$data"/temp-rewriteaof-* "$aof"/temp-*
  remove_empty_files
  for bytes in 65536 16384; do
    head -c "$bytes" /dev/zero >"$reserve" 2>/dev/null && return 0
    rm -f "$reserve"
  done
}
remove_empty_files() {
  [ -s "$manifest" ] || return 0
  last=$(newest)
  new=$manifest.new
  : >"$new" || return 0
  dropped=
  while read -r line; do
    file=${line#file }
    file=${file%% *}
    case $line in
      *' type i'*) if [ "$file" != "$last" ] && [ -e "$aof/$file" ] && [ ! -s "$aof/$file" ]; then dropped="$dropped $file"; continue; fi ;;
    esac
    echo "$line" >>"$new" || dropped=
  done <"$manifest"
  # complete, or not used at all
  if [ -n "$dropped" ] && [ "$(wc -l <"$new")" -eq $(($(wc -l <"$manifest") - $(echo "$dropped" | wc -w))) ]; then
    sync
    mv "$new" "$manifest"
    for file in $dropped; do rm -f "$aof/$file"; done
  fi
  rm -f "$new"
}
# the last file of the manifest, which Redis appends to
newest() { sed -n '$s/^file \([^ ]*\) .*/\1/p' "$manifest"; }
# that file and its length; nothing if there is none
aof_state() {
  [ -s "$manifest" ] || return 0
  last=$(newest)
  [ ! -f "$aof/$last" ] || echo "$last $(wc -c <"$aof/$last" | tr -d ' ')"
}

# After a power failure, some file systems leave bytes other than the last ones written, such as zeros, and Redis
# refuses such an end; it accepts only a truncated one. Removes the end if it is short, and keeps it in damaged/. Fails,
# with the reason in $problem, if it is long: unsynced data is short, so a long end would contain acknowledged writes.
REPAIRABLE=1048576
# whether the part after byte $good contains anything but zeros
has_text() { [ "$(tail -c "+$((good + 1))" "$file" | tr -d '\000' | head -c 1 | wc -c)" -gt 0 ]; }
repair_end() {
  problem=
  [ -s "$manifest" ] || return 0
  # the mark is older than anything written since the last start
  mark=$data/started
  last=$(newest)
  unused=
  [ ! -e "$mark" ] || [ -n "$(find "$aof/$last" -newer "$mark" 2>/dev/null)" ] || unused=yes
  touch "$mark" 2>/dev/null || true
  repair "$last" "$unused" || return 1
  # a rewrite begins a new file before the one before is on disk, unless each write waits for the disk
  before=$(grep ' type i' "$manifest" | tail -n 2 | head -n 1 | sed 's/^file \([^ ]*\) .*/\1/')
  [ "$before" = "$last" ] || repair "$before" ''
}

# repair FILE UNUSED. A check reads the whole file, so it is made only if the file does not end like a command, or is unused:
# nothing was written since the last start, which may have failed.
repair() {
  file=$aof/$1
  case $1 in *.incr.aof) [ -s "$file" ] || return 0 ;; *) return 0 ;; esac
  [ "$(tail -c 2 "$file" | od -An -tx1 | tr -d ' \n')" != 0d0a ] || [ -n "$2" ] || return 0

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
    kept=$data/damaged/$1.after-$good
    if ! { mkdir -p "$data/damaged" && tail -c "+$((good + 1))" "$file" >"$kept" && sync; }; then
      rm -f "$kept"
      problem="the append-only file $file is damaged after byte $good of $size, and the volume has no room to keep that part"
      return 1
    fi
  fi
  echo y | redis-check-aof --fix "$file" >/dev/null 2>&1 || true
  echo "repaired $file: removed its damaged end, $((size - good)) bytes; kept in $data/damaged, unless they were zeros" >&2
}
