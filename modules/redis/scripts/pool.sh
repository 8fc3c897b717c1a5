#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# Functions of the scripts of a Sentinel group's members; sourced, not run.
# POD is this pod's name.

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
# The addresses of the group that this volume was last used in, and a copy in case the Sentinel's folder is lost; and the
# marks that start-sentinel.sh creates before them: the volume may lack data; members refuse the API of a single main.
known=/data/sentinel/pool
copy=/data/group
last_pool() { if [ -s "$known" ]; then cat "$known"; else cat "$copy" 2>/dev/null; fi; }
single=/data/sentinel/of-single-main
commits=/data/sentinel/commits
# One member's address per line, by ordinal. Kubernetes no longer mounts it while redis.durability changes from ha and
# this pod has not been replaced yet.
pool=$(cat /etc/redis/pool 2>/dev/null || last_pool)
ordinal=${POD##*-}
# shellcheck disable=SC2086 # one word per member
me=$(set -- $pool; shift "$ordinal"; echo "$1")
# Exists on the volume of a member, and is empty, until stop-member.sh knows that this member was the last main, or
# npm run up has removed the other members: then it contains the time, and "alone" in the second case. Without the
# time, a single main does not start on this volume: start-main.sh.
of_member=/data/sentinel/of-member

# whether neither the Redis nor the Sentinel of another member answers
is_alone() {
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    for port in 6379 26379; do
      [ -z "$(ask "$member" "$port" PING)" ] || return 1
    done
  done
}

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
