#!/bin/sh
# shellcheck disable=SC2154 # variables of the sourced scripts
# Runs next to a member's Redis: guard.sh PID_OF_REDIS. It allows this Redis to replicate only from a main that has at
# least as much data, and to accept writes as main only together with another member
# (docs/decisions/0015-commit-record.md).
#
# The others log in to a member as user member-ORDINAL, which exists only on that member. So after any change of main, by
# Sentinel or manually, this Redis cannot log in, and keeps its data, until this script has compared the records.
set -u
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh
# shellcheck source=modules/redis/scripts/history.sh
. /etc/redis/history.sh

redis=$1
TICK=0.3
# hundredths of a second: main without another member stops accepting writes after ALONE; a login that was not used
# within UNUSED is revoked; a failover is requested after WRONG, and again after AGAIN
ALONE=300
UNUSED=300
WRONG=200
AGAIN=600
# how long a member that has not seen main yet may not be promoted
UNMET=1000
# how often main compares the Sentinels' epoch with its record's; how long it waits for them to have a greater one
CHECK=500
OUTDATED=1000
# seconds: Sentinels promote no copy whose link was down for longer than UNLINKED before they found main down; by STUCK
# after that they have promoted another one, if they promote any
UNLINKED=25
STUCK=10
configured=$(sed -n 's/^min-replicas-to-write //p' /etc/redis/main.conf)
configured=${configured:-1}
# the state of this pod's Redis: settings as a main or a copy; the main it may log in to; its min-replicas-to-write
settled='' granted='' writes=''
# since when: no other member follows this main; the login is allowed; main lacks writes that this member has
alone='' allowed='' wrong=''
asked=0 checked=0 outdated=''
# whether this member has seen a main; whether its volume is known to be of this group
met='' began='' group_known=''
reported=none

# now: sets $now to the system's uptime, which changes of the clock do not affect
now() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
}

# order COMMAND: fails if this pod's Redis did not reply OK
order() {
  limit=
  [ "$(ask 127.0.0.1 6379 "$1")" = OK ]
}
# report TEXT: the reason that the readiness probe prints; logged when it changes
report() {
  [ "$reported" != "$1" ] || return 0
  reported=$1
  echo "$1" >/run/redis/guard
  [ -z "$1" ] || echo "guard: $1" >&2
}

# compare: sets $ahead or $behind if this member has more or fewer writes than the one that was queried
compare() {
  case $seen in no) return 0 ;; esac
  if [ "$seen" = yes ] && more "$my_rank" "$my_count" "$rank" "$count"; then
    ahead=yes
  elif [ "$seen" = yes ] && more "$rank" "$count" "$my_rank" "$my_count"; then
    behind=yes
  elif [ -z "$my_recorded" ]; then
    # nothing to compare: a main, or a copy that is linked to it, has at least as much data
    field master_link_status
    [ "$role" != master ] && [ "$value" != up ] || behind=yes
  fi
}

look_at_main() {
  ahead='' behind='' third='' host_ordinal='' n=0
  for member in $pool; do
    if [ "$member" = "$host" ]; then host_ordinal=$n; elif [ "$member" != "$me" ]; then third=$member; fi
    n=$((n + 1))
  done
  limit='timeout 1'
  look "$host"
  compare
  main_epoch=$epoch main_rank=$rank main_count=$count main_promised=$promised
  main_generation=$generation main_recorded=$recorded
  case $seen$role in yesmaster | oldmaster) main_seen=$seen ;; *) main_seen=no ;; esac
}
look_at_third() {
  limit='timeout 1'
  look "$third"
  compare
}
# whether main lacks writes that this member has, and no other member has more
lacks_writes() {
  [ "$main_seen" = yes ] && [ -z "$behind" ] && more "$my_rank" "$my_count" "$main_rank" "$main_count"
}

# Main lacks writes that this member has, and no other member has more: after a while, this member requests a failover.
# If another member has as much, the first one requests it, because two requests at once can give two mains the same
# epoch.
main_is_wrong() {
  wrong=${wrong:-$now}
  [ $((now - wrong)) -ge $WRONG ] && [ $((now - asked)) -ge $AGAIN ] || return 0
  for member in $pool; do
    [ "$member" != "$me" ] || break
    [ "$member" != "$third" ] || [ "$seen" != yes ] || [ "$rank $count" != "$my_rank $my_count" ] || return 0
  done
  asked=$now
  unfit='' promoting=''
  for member in $me $pool; do
    said=$(ask "$member" 26379 'SENTINEL FAILOVER main')
    case $said in
      OK)
        echo "guard: requested a failover, because main $host lacks writes of this member" >&2
        return 0
        ;;
      NOGOODSLAVE*) unfit=yes ;;
      # perhaps of this member
      INPROG*) promoting=yes ;;
    esac
  done
  info=$my_info
  field master_link_down_since_seconds
  if [ -n "$unfit" ] && [ -z "$promoting" ] && [ "$settled" != main ] && [ "${value:-0}" -gt $UNLINKED ]; then
    restart_redis
  fi
}

# Sentinels promote no copy whose link has been down for ten times down-after-milliseconds. Only a restart resets that
# time: not the link, which this script does not allow, nor REPLICAOF.
restart_redis() {
  echo "guard: restarting Redis, because Sentinels do not promote a copy that has been without main for $value s" >&2
  kill "$redis"
}

# shellcheck source=modules/redis/scripts/guard-main.sh
. /etc/redis/guard-main.sh
# shellcheck source=modules/redis/scripts/guard-copy.sh
. /etc/redis/guard-copy.sh
# shellcheck source=modules/redis/scripts/guard-restore.sh
. /etc/redis/guard-restore.sh

while kill -0 "$redis" 2>/dev/null; do
  # rotation changes it
  read_password
  now
  limit=''
  look 127.0.0.1
  if [ "$seen" = yes ]; then
    my_epoch=$epoch my_rank=$rank my_count=$count my_promised=$promised
    my_generation=$generation my_recorded=$recorded my_info=$info
    began=${began:-$now}
    case $role in
      master) as_main ;;
      slave) as_copy ;;
    esac
    finish_restore
  fi
  sleep $TICK
done
