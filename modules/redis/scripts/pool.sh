#!/bin/sh
# shellcheck disable=SC2034,SC2154 # for who reads it
# What the scripts of a pool's members share; read with `.`, not run.
# POOL holds a member's address a line, by ordinal; POD is this pod's name.

# shellcheck source=modules/redis/scripts/query.sh
. /etc/redis/query.sh
pool=$(cat /etc/redis/pool)
# shellcheck disable=SC2086 # one word a member
me=$(set -- $pool; shift "${POD##*-}"; echo "$1")

# The main that two Sentinels agree on, in $main; empty where no two do.
agreed() {
  main=''
  first=''
  second=''
  for member in $pool; do
    told=$(ask "$member" 26379 'SENTINEL GET-MASTER-ADDR-BY-NAME main' | head -n 1)
    case $told in
      '') ;;
      "$first" | "$second") main=$told ;;
      *) if [ -n "$first" ]; then second=$told; else first=$told; fi ;;
    esac
  done
}
