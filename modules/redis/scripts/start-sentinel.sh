#!/bin/sh
# Starts the Sentinel of a member. Its state (the main and the epoch) is kept on the volume; everything else, including
# the password, is rewritten at each start.
set -eu
umask 077
# shellcheck source=modules/redis/scripts/pool.sh
. /etc/redis/pool.sh
sh /etc/redis/access.sh sentinel-users
[ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh sentinel &
sh /etc/redis/watch-sentinel.sh $$ &
own=$(cat /run/secrets/redis/sentinel)

conf=/data/sentinel/sentinel.conf
mkdir -p "${conf%/*}" && sync /data
# Redis syncs this file and its folder when it rewrites it. A power failure must not find one that is shorter than what
# was renamed: without its epoch, the group would look older than its own data.
put() {
  sync "$1.new"
  mv "$1.new" "$1"
  sync "${1%/*}"
}
moved=
before=$(last_pool) || true
if [ -s "$conf" ] && [ "$before" != "$pool" ]; then moved=yes; fi
learned=$(grep -E '^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-sentinel) ' "$conf" 2>/dev/null || true)
# shellcheck disable=SC2086 # one word per member
case $learned in *'sentinel monitor main '*) ;; *) learned="sentinel monitor main $(set -- $pool; echo "$1") 6379 2" ;; esac
main=$(echo "$learned" | sed -n 's/^sentinel monitor main \([^ ]*\) .*/\1/p' | tr -d '"')
# recreated Services have new addresses: find the previous main by its position in the group. Unless it has one of them:
# then the last start ended between the two renames.
if [ -n "$moved" ]; then
  place=$(echo "$before" | grep -nxF "$main" || echo "$pool" | grep -nxF "$main" || true)
  place=${place%%:*}
  main=$(echo "$pool" | sed -n "${place:-1}p")
  learned=$(echo "$learned" | grep -E '^sentinel (myid|config-epoch|leader-epoch|current-epoch) ' || true)
  learned="sentinel monitor main $main 6379 2
$learned"
fi
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
put "$conf"
# The addresses are new to this volume if the group was created again, as by each change of redis.durability to ha. The
# marks come before the addresses, without which the guard does not let this member be promoted.
if [ "$before" != "$pool" ]; then
  # perhaps there was a single main until then, on the volume of member 0, with more data than this one: guard-copy.sh
  [ "$ordinal" = 0 ] || [ ! -d /data/appendonlydir ] || touch "$single"
  # the API of this version writes with a commit record only: access.sh
  touch "$commits"
  sync "${single%/*}"
fi
for file in "$known" "$copy"; do
  echo "$pool" >"$file.new"
  put "$file"
done

# read replicas announce a name, which Sentinel cannot resolve and logs at each check
rm -f /tmp/log
mkfifo /tmp/log
grep --line-buffered -v "Failed to resolve hostname 'redis-replicas-" </tmp/log &
exec redis-server "$conf" --sentinel >/tmp/log 2>&1
