#!/bin/sh
# Starts the Sentinel of a member. What it has learned (who is main, in which epoch) outlives it on the volume;
# all else is written anew at each start, the password too.
set -eu
umask 077
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh
sh /etc/redis/access.sh sentinel-users
[ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh sentinel &
own=$(cat /run/secrets/redis/sentinel)

conf=/data/sentinel/sentinel.conf
known=/data/sentinel/pool
mkdir -p "${conf%/*}"
# addresses are given anew with their Services: who was main is told by its place in the pool then
if [ -s "$conf" ] && [ "$(cat "$known" 2>/dev/null)" != "$pool" ]; then
  was=$(sed -n 's/^sentinel monitor main \([^ ]*\) .*/\1/p' "$conf" | tr -d '"')
  place=$(grep -nxF "$was" "$known" 2>/dev/null | cut -d : -f 1)
  now=$(sed -n "${place:-1}p" /etc/redis/pool)
  grep -E '^sentinel (myid|config-epoch|leader-epoch|current-epoch) ' "$conf" >"$conf.new" || true
  echo "sentinel monitor main $now 6379 2" >>"$conf.new"
  mv "$conf.new" "$conf"
fi
# a copy would be read-only, as the original is
cat /etc/redis/pool >"$known"
learned=$(grep -E '^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-sentinel) ' "$conf" 2>/dev/null || true)
# shellcheck disable=SC2086 # one word a member
[ -n "$learned" ] || learned="sentinel monitor main $(set -- $pool; echo "$1") 6379 2"
main=$(echo "$learned" | sed -n 's/^sentinel monitor main \([^ ]*\) .*/\1/p' | tr -d '"')
{
  cat /etc/redis/sentinel.conf
  echo "sentinel announce-ip $me"
  echo "aclfile /run/redis/sentinel-users.acl"
  echo "sentinel sentinel-user sentinel"
  echo "sentinel sentinel-pass $own"
  echo "$learned"
  # one that has lost its volume while main is down would know of nobody to promote, and be elected all the same
  for member in $pool; do
    [ "$member" = "$main" ] || echo "sentinel known-replica main $member 6379"
  done
  echo "sentinel auth-user main sentinel"
  echo "sentinel auth-pass main $own"
  sed -n 's/^#main /sentinel /p' /etc/redis/sentinel.conf
} >"$conf.new"
mv "$conf.new" "$conf"

# replicas for reads announce a name: to Sentinel they are none that it could promote, and it says so at each look
rm -f /tmp/log
mkfifo /tmp/log
grep --line-buffered -v "Failed to resolve hostname 'redis-replicas-" </tmp/log &
exec redis-server "$conf" --sentinel >/tmp/log 2>&1
