#!/bin/sh
# Writes an instance's users to /run/redis/NAME.acl, and its login on main next to it: access.sh NAME.
# Names and rules come from /etc/redis/NAME, passwords from files: one per user, or two during a rotation
# (USER.next, then USER.old). If it is run again, followed by ACL LOAD, it applies new passwords (npm run rotate). A
# member of the Sentinel group, whose ordinal start-member.sh has written to /run/redis/member, has one more user for
# the other members, and no valid login on main: guard.sh sets it.
set -eu
umask 077
secrets=/run/secrets/redis
out=/run/redis

# hash FILE: the password as ACL rules expect it
hash() { echo "#$(printf %s "$(cat "$1")" | sha256sum | cut -d ' ' -f 1)"; }

member=
[ "$1" != users ] || [ ! -s "$out/member" ] || member=member-$(cat "$out/member")
# In a Sentinel group, the API writes as user api-commit, with a commit record, and with the rules and password of
# api-write. While redis.durability changes to ha, the API of the previous template still runs, and writes as api-write
# without a record, which only main would have. So members refuse that user, unless the group already existed in a
# version without api-commit: then start-sentinel.sh found its addresses on the volume, and left no mark.
commit=
if [ -e /etc/redis/sentinel.conf ]; then commit=api-commit; fi
old_api() {
  [ -n "$member" ] || return 0
  known=$(cat /data/sentinel/pool 2>/dev/null)
  # not mounted any more while redis.durability changes from ha
  [ "$known" = "$(cat /etc/redis/pool 2>/dev/null || echo "$known")" ] && [ ! -e /data/sentinel/commits ]
}
{
  echo 'user default off'
  while read -r user rules; do
    # a Secret older than the user has no password for it; npm run rotate creates one
    [ -s "$secrets/$user" ] || continue
    passwords=$(hash "$secrets/$user")
    for other in next old; do
      [ ! -s "$secrets/$user.$other" ] || passwords="$passwords $(hash "$secrets/$user.$other")"
    done
    if [ -n "$commit" ] && [ "$user" = api-write ]; then
      echo "user $commit on $passwords $rules"
      old_api || continue
    fi
    echo "user $user on $passwords $rules"
    [ -z "$member" ] || [ "$user" != replication ] || echo "user $member on $passwords $rules"
  done <"/etc/redis/$1"
} >"$out/$1.acl.new"
mv "$out/$1.acl.new" "$out/$1.acl"
# a Sentinel shares the folder with its member
[ "$1" = users ] || exit 0
login=replication
[ -z "$member" ] || login=unverified
printf 'masteruser %s\nmasterauth %s\n' "$login" "$(cat "$secrets/replication")" >"$out/replication.conf"
