#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # variables of guard.sh
# What guard.sh does while this member is main. Sourced, not run.

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
    [ "$seen" != yes ] || [ "$generation" -lt "$my_generation" ] || [ "$promised" -le "$my_promised" ] || sealed "$promised" || return 0
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

# The Sentinels' epoch is less than that of the data, because they lost it: a power failure or an operator can empty
# their files. The API would take every main for an old one. So the next failover gets an epoch above all records of
# this generation: a Sentinel takes over a greater epoch from a request for its vote (this one is for no Sentinel). One
# whose file is newer informs the others within seconds, so wait for that first.
raise_epoch() {
  [ $((now - checked)) -ge "$CHECK" ] || return 0
  checked=$now
  # a promise to a restore is not an epoch
  ! sealed "$my_promised" || return 0
  needed=$my_epoch low=0
  [ "$my_promised" -le "$needed" ] || needed=$my_promised
  limit='timeout 1'
  for member in $pool; do
    [ "$member" != "$me" ] || continue
    look "$member"
    [ "$seen$generation" = "yes$my_generation" ] && [ "$promised" -gt "$needed" ] && ! sealed "$promised" && needed=$promised
  done
  for member in $pool; do
    named "$member" "$me"
    [ -z "$named" ] || [ "$named" -ge "$needed" ] || low=$((low + 1))
  done
  if [ $low -lt 2 ]; then
    outdated=
    return
  fi
  outdated=${outdated:-$now}
  [ $((now - outdated)) -ge "$OUTDATED" ] && [ $((now - asked)) -ge "$AGAIN" ] || return 0
  asked=$now
  for member in $me $pool; do
    ask "$member" 26379 "SENTINEL IS-MASTER-DOWN-BY-ADDR $me 6379 $((needed / 10)) 0000000000000000000000000000000000000000" >/dev/null
    [ "$(ask "$member" 26379 'SENTINEL FAILOVER main')" = OK ] || continue
    echo "guard: requested a failover, because the Sentinels have lost their epoch: the data is of $needed" >&2
    return
  done
}

as_main() {
  granted='' met=yes
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
    if [ "$writes" != "$configured" ] || [ $((now - alone)) -ge "$ALONE" ]; then
      wanted=1000
    fi
  fi
  # nothing may be appended to a full volume: disk-guard.sh
  [ ! -e /run/redis/volume-full ] || wanted=1000
  if [ "$settled" != main ]; then
    # in one command: a main that accepts writes cannot log in anywhere when it is demoted
    order "CONFIG SET masteruser unverified replica-priority 0 min-replicas-to-write $wanted" || return 0
    # perhaps with an operator's consent
    [ ! -e "$single" ] || unmark_single
    settled=main writes=$wanted
  fi
  [ -z "$alone" ] || superseded
  [ "$wanted" != 1000 ] || [ -e /run/redis/volume-full ] || ! awaited || wanted=0
  if [ "$writes" != "$wanted" ]; then
    order "CONFIG SET min-replicas-to-write $wanted" && writes=$wanted
  fi
  raise_epoch
}
