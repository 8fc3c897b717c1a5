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
# seconds
UNLINKED=25
configured=$(sed -n 's/^min-replicas-to-write //p' /etc/redis/main.conf)
configured=${configured:-1}
# the state of this pod's Redis: settings as a main or a copy; the main it may log in to; its min-replicas-to-write
settled='' granted='' writes=''
# since when: no other member follows this main; the login is allowed; main lacks writes that this member has
alone='' allowed='' wrong=''
asked=0
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

# --- as main ---

# whether another member replicates from this main; read replicas do not count: they announce names
followed() {
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    rest=${info#*"ip=$member,port=6379,state=online,"}
    [ "$rest" != "$info" ] || continue
    rest=${rest#*lag=}
    rest=${rest%%[!0-9]*}
    [ "${rest:-9}" -gt 3 ] || return 0
  done
  return 1
}

# whether a member is waiting for this main to make the promise that the member has made, which needs no other member
awaited() {
  [ -n "$alone" ] && [ "$main" = "$me" ] || return 1
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    look "$member"
    [ "$seen" != yes ] || [ "$generation" -lt "$my_generation" ] || [ "$promised" -le "$my_promised" ] || return 0
  done
  return 1
}

# The Sentinels promoted another member, which lacks writes that this main has, so they choose again. They can choose
# this main while they wait for it to become a copy, if its priority allows it.
superseded() {
  limit='timeout 1'
  agreed
  if [ -z "$main" ] || [ "$main" = "$me" ]; then
    wrong=''
    return
  fi
  host=$main
  look_at_main
  look_at_third
  if lacks_writes; then
    [ "$priority" = 50 ] || order 'CONFIG SET replica-priority 50'
    main_is_wrong
  else
    wrong=''
  fi
}

as_main() {
  granted=''
  report ''
  # meanwhile stop-member.sh decides whether writes are accepted
  if [ -e /run/redis/handing-over ]; then
    writes=''
    return
  fi
  field slave_priority
  priority=$value
  wanted=$writes
  if followed; then
    alone='' wrong='' wanted=$configured
  else
    alone=${alone:-$now}
    if [ "$writes" != "$configured" ] || [ $((now - alone)) -ge $ALONE ]; then
      wanted=1000
    fi
  fi
  # nothing may be appended to a full volume: disk-guard.sh
  [ ! -e /run/redis/volume-full ] || wanted=1000
  if [ "$settled" != main ]; then
    # in one command: a main that accepts writes cannot log in anywhere when it is demoted
    order "CONFIG SET masteruser unverified replica-priority 0 min-replicas-to-write $wanted" || return 0
    settled=main writes=$wanted
  fi
  [ -z "$alone" ] || superseded
  [ "$wanted" != 1000 ] || [ -e /run/redis/volume-full ] || ! awaited || wanted=0
  if [ "$writes" != "$wanted" ]; then
    order "CONFIG SET min-replicas-to-write $wanted" && writes=$wanted
  fi
}

# --- as a copy ---

# whether a main of $1 $2 (generation and promise) has promised what a member of $3 $4 has: promises of earlier
# generations were made for data that a restore has replaced
honours() { [ "$1" -gt "$3" ] || [ "$2" -ge "$4" ]; }

# allow USER: sets the login on main $host, for one link; writes are refused until this member is main and has reset it
allow() {
  if [ -e /run/redis/volume-short ]; then
    report 'waits for room on its volume'
    return
  fi
  order "CONFIG SET masteruser $1 min-replicas-to-write 1000" || return 0
  settled='' granted=$host allowed=$now wrong=''
  report "links to main $host, which has at least as much data as this member"
}
take_back() { order 'CONFIG SET masteruser unverified' && granted=''; }

# whether an operator accepted the loss of the data, as for an empty main: start-member.sh
loss_accepted() {
  day=''
  read -r day 2>/dev/null </run/start-empty/on || [ -n "$day" ] || return 1
  [ "$day" = "$(date -u +%F)" ]
}

# An empty member may have had data, and may have made a promise: if so, one of the other two has all of it. So it
# follows the one of them with the greater record, or the main that both of their Sentinels report, in the epoch of its
# record.
may_join() {
  ! loss_accepted || return 0
  case $seen in
    yes)
      # query main again, because its record grows: the other member may already have had main's latest writes when it
      # was queried
      third_rank=$rank third_count=$count third_generation=$generation third_promised=$promised
      look "$host"
      [ "$seen$role" = yesmaster ] && ! more "$third_rank" "$third_count" "$rank" "$count" &&
        honours "$generation" "$promised" "$third_generation" "$third_promised"
      ;;
    old) [ "$main_epoch" -ge 0 ] ;;
    no)
      [ -n "$main_recorded" ] || return 1
      for member in "$host" "$third"; do
        named "$member" "$host"
        [ -n "$named" ] && [ "$named" -le "$main_epoch" ] || return 1
      done
      ;;
  esac
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

linked() {
  report ''
  granted='' wrong=''
  [ "$settled" != linked ] || return 0
  # the next link needs the next comparison
  order 'CONFIG SET masteruser unverified replica-priority 100 min-replicas-to-write 1000' || return 0
  settled=linked writes=1000
}

as_copy() {
  alone=''
  field master_link_status
  if [ "$value" = up ]; then
    linked
    return
  fi
  [ "$settled" != linked ] || settled=unlinked
  field master_sync_in_progress
  [ "$value" != 1 ] || allowed=$now
  field slave_priority
  priority=$value
  host=${info#*master_host:}
  host=${host%%[!0-9a-f.:]*}

  look_at_main
  may_follow=''
  if [ "$granted" = "$host" ]; then
    [ $((now - allowed)) -lt $UNUSED ] || take_back
  elif [ "$main_seen" = no ] || [ -z "$host_ordinal" ]; then
    report "waits for main: $host does not answer as main"
  elif [ "$main_seen" = old ]; then
    # it knows neither records nor user member-ORDINAL
    allow replication
  elif [ "$my_epoch" -ge 0 ] && honours "$main_generation" "$main_promised" "$my_generation" "$my_promised" &&
    ! more "$my_rank" "$my_count" "$main_rank" "$main_count"; then
    may_follow=yes
    allow "member-$host_ordinal"
  fi

  look_at_third
  if [ "$granted" != "$host" ] && [ "$main_seen" = yes ] && [ -z "$may_follow" ]; then
    if [ "$my_epoch" -ge 0 ]; then
      report "does not follow main $host, whose record is behind: $main_epoch $main_count $main_promised $main_generation, here $my_epoch $my_count $my_promised $my_generation"
    elif may_join; then
      allow "member-$host_ordinal"
    else
      report "holds no data, and waits until the other members answer and agree that main $host has all of it"
    fi
  fi
  set_priority
  if lacks_writes; then main_is_wrong; else wrong=''; fi
}

# Sentinels prefer the lowest priority above 0. By default they compare replication offsets, which begin at 0 at each
# start.
set_priority() {
  if [ "$my_epoch" -lt 0 ] || [ -n "$behind" ]; then
    wanted=0
  elif [ -n "$ahead" ]; then
    wanted=50
  else
    wanted=100
  fi
  [ "$wanted" = "$priority" ] || order "CONFIG SET replica-priority $wanted"
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
  unfit=''
  for member in $me $pool; do
    said=$(ask "$member" 26379 'SENTINEL FAILOVER main')
    case $said in
      OK)
        echo "guard: requested a failover, because main $host lacks writes of this member" >&2
        return 0
        ;;
      NOGOODSLAVE*) unfit=yes ;;
    esac
  done
  # Sentinels promote no copy whose link has been down for ten times down-after-milliseconds. Only a restart resets that
  # time: not the link, which this script does not allow, nor REPLICAOF.
  info=$my_info
  field master_link_down_since_seconds
  if [ -n "$unfit" ] && [ "$settled" != main ] && [ "${value:-0}" -gt $UNLINKED ]; then
    echo "guard: restarts Redis, because Sentinels promote no copy that has been without main for $value s" >&2
    kill "$redis"
  fi
}

while kill -0 "$redis" 2>/dev/null; do
  # rotation changes it
  read_password
  now
  limit=''
  look 127.0.0.1
  if [ "$seen" = yes ]; then
    my_epoch=$epoch my_rank=$rank my_count=$count my_promised=$promised
    my_generation=$generation my_recorded=$recorded my_info=$info
    case $role in
      master) as_main ;;
      slave) as_copy ;;
    esac
  fi
  sleep $TICK
done
