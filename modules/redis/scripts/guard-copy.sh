#!/bin/sh
# shellcheck disable=SC2034,SC2153,SC2154 # variables of guard.sh
# What guard.sh does while this member is a copy of main, or is to become one. Sourced, not run.

# whether a main of $1 $2 (generation and promise) has promised what a member of $3 $4 has: promises of earlier
# generations were made for data that a restore has replaced
honours() { [ "$1" -gt "$3" ] || [ "$2" -ge "$4" ]; }

# While file $single exists, a single main (redis.durability fast or safe) may have more data: either this data is a copy
# of it, and it goes on acknowledging writes alone until a member takes the place of its pod; or this volume is of a group
# that existed before it. So this member must not be promoted before it has linked to that member, which has all of them.
# On the volume, because it must outlive the pod.
login=/run/redis/login
mark_single() {
  [ ! -e "$single" ] || return 0
  mkdir -p "${single%/*}" && touch "$single" && sync "$single" "${single%/*}"
}
unmark_single() { rm -f "$single" && sync "${single%/*}"; }
# whether start-sentinel.sh has stored this group's addresses, and before that the mark
is_known() {
  [ -n "$group_known" ] || { [ "$(last_pool)" = "$pool" ] && group_known=yes; }
}

# allow USER: sets the login on main $host, for one link; writes are refused until this member is main and has reset it
allow() {
  if [ -e /run/redis/volume-short ]; then
    report 'waits for room on its volume'
    return
  fi
  echo "$1" >"$login"
  order "CONFIG SET masteruser $1 min-replicas-to-write 1000" || return 0
  settled='' granted=$host allowed=$now wrong=''
  report "links to main $host, which has at least as much data as this member"
}
take_back() { order 'CONFIG SET masteruser unverified' && granted=''; }

# loss_accepted ADDRESS: whether an operator accepted today that what only the member at this address has is lost. The
# consent to an empty main (start-member.sh), which contains no address, was given for another loss.
loss_accepted() {
  consent=''
  read -r consent 2>/dev/null </run/start-empty/on || [ -n "$consent" ] || return 1
  [ "$consent" = "$(date -u +%F),$1" ]
}
# the command for that, in $how
how_to_accept() {
  how="If its data is lost forever: kubectl -n $NAMESPACE delete configmap redis-main-start-empty --ignore-not-found && \
kubectl -n $NAMESPACE create configmap redis-main-start-empty --from-literal=on=$(date -u +%F),$1"
}

# An empty member may have had data, and may have made a promise: if so, one of the other two has all of it. So it
# follows the one of them with the greater record, or the main that both of their Sentinels report, in the epoch of its
# record.
may_join() {
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
      ! loss_accepted "$third" || return 0
      [ -n "$main_recorded" ] || return 1
      for member in "$host" "$third"; do
        named "$member" "$host"
        [ -n "$named" ] && [ "$named" -le "$main_epoch" ] || return 1
      done
      ;;
  esac
}

# whether this member alone has stored the promise to a restore, and no other member ever will: both have more data than
# this one, so neither follows it. So the restore cannot take place, and main may ignore the promise.
overruled() {
  sealed "$my_promised" && [ "$seen" = yes ] && ! sealed "$promised" && ! sealed "$main_promised" &&
    more "$main_rank" "$main_count" "$my_rank" "$my_count" && more "$rank" "$count" "$my_rank" "$my_count" &&
    on_disk "$host" && on_disk "$third"
}

# Main does not answer, and cannot be replaced, because this copy had been without main for too long before. If main's
# process has stopped, it does not start either while it finds a copy that could be promoted: start-member.sh.
stranded() {
  [ $((now - asked)) -ge "$AGAIN" ] || return 0
  info=$my_info
  field master_link_down_since_seconds
  [ "${value:-0}" -gt "$UNLINKED" ] || return 0
  asked=$now
  for member in $me $pool; do
    down_for "$member" "$host"
    [ "${down:-0}" -ge "$STUCK" ] || continue
    [ $((value - down)) -le "$UNLINKED" ] || restart_redis
    return
  done
}

linked() {
  report ''
  granted='' wrong=''
  # a mark that start-sentinel.sh has created since is removed as well
  [ "$settled" != linked ] || { [ -e "$single" ] && [ "$priority" != 0 ]; } || return 0
  priority=100
  if [ -e "$single" ]; then
    # only a member has this user, so main is one
    case $(cat "$login") in member-*) unmark_single || return 0 ;; *) priority=0 ;; esac
  fi
  # the next link needs the next comparison
  order "CONFIG SET masteruser unverified replica-priority $priority min-replicas-to-write 1000" || return 0
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
  [ "$main_seen" = no ] || met=yes
  if [ "$granted" = "$host" ]; then
    [ $((now - allowed)) -lt "$UNUSED" ] || take_back
  elif [ "$main_seen" = no ] || [ -z "$host_ordinal" ]; then
    said=
    # the advice to accept a loss comes only once main has had time to start
    if [ $((now - began)) -ge "$UNMET" ] && [ -e "$single" ] && ! loss_accepted "$host"; then
      how_to_accept "$host"
      said=", and may have been a single main with more data. $how"
    fi
    report "waits for main: $host does not answer as main$said"
  elif [ "$main_seen" = old ]; then
    # It knows neither records nor user member-ORDINAL. A member of the previous version has a Sentinel in its pod; a
    # single main has none.
    if [ -n "$(ask "$host" 26379 PING)" ] || mark_single; then allow replication; fi
  elif [ "$my_epoch" -ge 0 ] && honours "$main_generation" "$main_promised" "$my_generation" "$my_promised" &&
    ! more "$my_rank" "$my_count" "$main_rank" "$main_count"; then
    may_follow=yes
    allow "member-$host_ordinal"
  fi

  look_at_third
  if [ "$granted" != "$host" ] && [ "$main_seen" = yes ] && [ -z "$may_follow" ]; then
    if overruled; then
      allow "member-$host_ordinal"
    elif [ "$my_epoch" -ge 0 ]; then
      report "does not follow main $host, whose record is behind: $main_epoch $main_count $main_promised $main_generation, here $my_epoch $my_count $my_promised $my_generation"
    elif may_join; then
      allow "member-$host_ordinal"
    else
      said=
      if [ "$seen" = no ]; then
        how_to_accept "$third"
        said="; $third does not answer. $how"
      fi
      report "holds no data, and waits until the other members answer and agree that main $host has all of it$said"
    fi
  fi
  set_priority
  if lacks_writes; then main_is_wrong; else wrong=''; fi
  [ "$main_seen" != no ] || stranded
}

# Sentinels prefer the lowest priority above 0. By default they compare replication offsets, which begin at 0 at each
# start. A member that has just started does not know yet whether main is a single one.
set_priority() {
  if [ "$my_epoch" -lt 0 ] || [ -n "$behind" ]; then
    wanted=0
  elif [ -z "$met" ] && [ $((now - began)) -lt "$UNMET" ]; then
    wanted=0
  elif ! is_known || { [ -e "$single" ] && ! loss_accepted "$host"; }; then
    wanted=0
  elif [ -n "$ahead" ]; then
    wanted=50
  else
    wanted=100
  fi
  [ "$wanted" = "$priority" ] || order "CONFIG SET replica-priority $wanted"
}
