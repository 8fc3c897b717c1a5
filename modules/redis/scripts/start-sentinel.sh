#!/bin/sh
# Starts the Sentinel of a member. Its state (the main and the epoch) is kept on the volume; everything else, including
# the password, is rewritten at each start.
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
# recreated Services have new addresses: find the previous main by its position in the group
if [ -s "$conf" ] && [ "$(cat "$known" 2>/dev/null)" != "$pool" ]; then
  was=$(sed -n 's/^sentinel monitor main \([^ ]*\) .*/\1/p' "$conf" | tr -d '"')
  place=$(grep -nxF "$was" "$known" 2>/dev/null | cut -d : -f 1)
  now=$(sed -n "${place:-1}p" /etc/redis/pool)
  grep -E '^sentinel (myid|config-epoch|leader-epoch|current-epoch) ' "$conf" >"$conf.new" || true
  echo "sentinel monitor main $now 6379 2" >>"$conf.new"
  mv "$conf.new" "$conf"
fi
# not cp: the copy would be read-only, like the original
cat /etc/redis/pool >"$known"
learned=$(grep -E '^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-sentinel) ' "$conf" 2>/dev/null || true)
# shellcheck disable=SC2086 # one word per member
[ -n "$learned" ] || learned="sentinel monitor main $(set -- $pool; echo "$1") 6379 2"
main=$(echo "$learned" | sed -n 's/^sentinel monitor main \([^ ]*\) .*/\1/p' | tr -d '"')
{
  cat /etc/redis/sentinel.conf
  echo "sentinel announce-ip $me"
  echo "aclfile /run/redis/sentinel-users.acl"
  echo "sentinel sentinel-user sentinel"
  echo "sentinel sentinel-pass $own"
  echo "$learned"
  # a Sentinel that lost its volume while main is down would have no replica to promote, but could still be elected
  for member in $pool; do
    [ "$member" = "$main" ] || echo "sentinel known-replica main $member 6379"
  done
  echo "sentinel auth-user main sentinel"
  echo "sentinel auth-pass main $own"
  sed -n 's/^#main /sentinel /p' /etc/redis/sentinel.conf
} >"$conf.new"
mv "$conf.new" "$conf"

# read replicas announce a name, which Sentinel cannot resolve and logs at each check
rm -f /tmp/log
mkfifo /tmp/log
grep --line-buffered -v "Failed to resolve hostname 'redis-replicas-" </tmp/log &
exec redis-server "$conf" --sentinel >/tmp/log 2>&1
