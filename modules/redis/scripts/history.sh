#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# How much data a member has, by its commit record: the key "commit" of database 1, "EPOCH COUNT PROMISED GENERATION", which only
# the API and restores write (docs/decisions/0015-commit-record.md). Sourced after pool.sh, not run.

# look ADDRESS: queries a Redis. Sets $seen to "yes", "no" (no complete reply) or "old" (of a version without records);
# with yes and old also $info and $role; with yes also $epoch, $count, $promised, $generation, $recorded, and $rank: the
# epoch for comparisons, in which any epoch of a later generation is greater.
# Data without a record counts as 0 0 0 0; neither data nor a record counts as epoch -1, which is less than any data.
look() {
  seen=no epoch=-1 count=0 promised=0 generation=0 rank=-1 recorded=''
  info=$(printf 'AUTH probe %s\nINFO replication\nDBSIZE\nSELECT 1\nGET commit\nPING\n' "$password" |
    $limit redis-cli -h "$1" -p 6379 2>&1) || true
  # a query that is cut off before the reply to GET looks like the reply of a member without a record
  case $info in
    *"${newline}PONG") info=${info%"${newline}PONG"} ;;
    *) info='' role=''; return ;;
  esac
  field role
  role=$value
  case $info in
    OK*NOPERM*) [ -z "$role" ] || seen=old; return ;;
    # the replies to AUTH and SELECT
    OK*"$newline"OK*) ;;
    *) return ;;
  esac
  stored=${info%"$newline"OK*}
  stored=${stored##*"$newline"}
  # shellcheck disable=SC2086 # four words, three before the first restore, or none
  set -- ${info##*"$newline"OK}
  case $stored in '' | *[!0-9]*) return ;; esac
  if [ $# -ge 3 ]; then
    case $1$2$3${4:-0} in *[!0-9]*) return ;; esac
    epoch=$1 count=$2 promised=$3 generation=${4:-0} recorded=yes
  elif [ $# -gt 0 ]; then
    return
  elif [ "$stored" != 0 ]; then
    epoch=0
  fi
  [ "$epoch" -lt 0 ] || rank=$((generation * 1000000000000 + epoch))
  seen=yes
}

# sealed PROMISED: whether this is the id of a restore, which is greater than any epoch and serves as its promise:
# restore.sh. A member that has stored it confirms nothing for any main.
sealed() { [ "$1" -ge 1000000000000000 ]; }

# Whether $1 $2 (rank and count) is more than $3 $4.
more() { [ "$1" -gt "$3" ] || { [ "$1" -eq "$3" ] && [ "$2" -gt "$4" ]; }; }

# The epoch in which ADDRESS's Sentinel reports $2 as main, in $named, as in records: config-epoch and the member's
# ordinal as its last digit. Empty if it reports another main or does not answer.
named() {
  said=$newline$(ask "$1" 26379 'SENTINEL MASTER main')$newline
  named=
  case $said in
    *"${newline}ip$newline$2$newline"*)
      named=${said##*"${newline}config-epoch$newline"}
      named=${named%%"$newline"*}
      ;;
  esac
  case $named in '' | *[!0-9]*) named= && return ;; esac
  n=0
  for at in $pool; do
    [ "$at" != "$2" ] || named=$named$n
    n=$((n + 1))
  done
}

# The seconds since ADDRESS's Sentinel has found main $2 down, in $down; empty if main is not down for two Sentinels, or if
# it reports another main or does not answer.
down_for() {
  said=$newline$(ask "$1" 26379 'SENTINEL MASTER main')$newline
  down=
  case $said in
    *"${newline}ip$newline$2$newline"*"${newline}flags$newline"*o_down*"${newline}s-down-time$newline"*)
      down=${said##*"${newline}s-down-time$newline"}
      down=${down%%"$newline"*}
      ;;
  esac
  case $down in '' | *[!0-9]*) down= ;; *) down=$((down / 1000)) ;; esac
}
