#!/bin/sh
# Renews the connections of this pod's Sentinel if it never sleeps: watch-sentinel.sh PID_OF_SENTINEL.
#
# Sentinel does not read an error that the kernel reports for a connection, such as one to a pod that was replaced, and is
# notified of it again immediately. So it uses all the CPU it can get until this connection ends (redis/redis#9956).
set -eu
sentinel=$1
# seconds between two measurements; a Sentinel sleeps ten times a second, and needs less than 3 hundredths of a second for that
EVERY=5
FEWEST=10
BUSY=25

# sets $used to the CPU time so far, in hundredths of a second, and $sleeps to the number of times that it slept
look() {
  read -r stat <"/proc/$sentinel/stat" || return 1
  # shellcheck disable=SC2086 # one word per field, of which the third is the first here
  set -- ${stat##*) }
  used=$((${12} + ${13}))
  while read -r name value; do
    [ "$name" != voluntary_ctxt_switches: ] || sleeps=$value
  done <"/proc/$sentinel/status"
}

spins=0
look
while kill -0 "$sentinel" 2>/dev/null; do
  used_before=$used
  sleeps_before=$sleeps
  sleep $EVERY
  look 2>/dev/null || exit 0
  if [ $((used - used_before)) -ge $BUSY ] && [ $((sleeps - sleeps_before)) -lt $FEWEST ]; then
    spins=$((spins + 1))
  else
    spins=0
  fi
  # twice, because it is busy for a moment after its start and during a failover
  [ $spins -ge 2 ] || continue
  spins=0
  echo 'watch-sentinel: renewing the connections, because Sentinel does not sleep (redis/redis#9956)' >&2
  # new passwords end all connections to Redis and to other Sentinels, even if they are the same as before
  sh /etc/redis/reload-access.sh sentinel || true
done
