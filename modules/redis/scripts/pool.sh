#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# Functions of the scripts of a Sentinel group's members; sourced, not run.
# /etc/redis/pool has one member's address per line, by ordinal; POD is this pod's name.

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
pool=$(cat /etc/redis/pool)
ordinal=${POD##*-}
# shellcheck disable=SC2086 # one word per member
me=$(set -- $pool; shift "$ordinal"; echo "$1")
# the addresses of the group that this volume was last used in, and the marks that start-sentinel.sh creates before them:
# the volume may lack data; members refuse the API of a single main
known=/data/sentinel/pool
single=/data/sentinel/of-single-main
commits=/data/sentinel/commits
# Exists on the volume of a member, and is empty, until stop-member.sh knows that this member was the last main: then it
# contains the time. Without it, a single main does not start on this volume: start-main.sh.
of_member=/data/sentinel/of-member

# Sets $main to the main that two Sentinels agree on; empty if no two agree.
agreed() {
  main=''
  first=''
  second=''
  for member in $pool; do
    named_main=$(ask "$member" 26379 'SENTINEL GET-MASTER-ADDR-BY-NAME main')
    named_main=${named_main%%"$newline"*}
    case $named_main in
      '') ;;
      "$first" | "$second")
        main=$named_main
        return
        ;;
      *) if [ -n "$first" ]; then second=$named_main; else first=$named_main; fi ;;
    esac
  done
}
