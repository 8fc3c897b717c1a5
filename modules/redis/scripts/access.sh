#!/bin/sh
# Writes an instance's users to /run/redis/NAME.acl, and its login on main next to it: access.sh NAME.
# Names and rules come from /etc/redis/NAME, passwords from files: one per user, or two during a rotation
# (USER.next, then USER.old). Run again, followed by ACL LOAD, it applies new passwords (npm run rotate).
set -eu
umask 077
secrets=/run/secrets/redis
out=/run/redis

# hash FILE: the password as ACL rules expect it
hash() { echo "#$(printf %s "$(cat "$1")" | sha256sum | cut -d ' ' -f 1)"; }

{
  echo 'user default off'
  while read -r user rules; do
    # a Secret older than the user has no password for it; npm run rotate creates one
    [ -s "$secrets/$user" ] || continue
    passwords=$(hash "$secrets/$user")
    for other in next old; do
      [ ! -s "$secrets/$user.$other" ] || passwords="$passwords $(hash "$secrets/$user.$other")"
    done
    echo "user $user on $passwords $rules"
  done <"/etc/redis/$1"
} >"$out/$1.acl.new"
mv "$out/$1.acl.new" "$out/$1.acl"
printf 'masteruser replication\nmasterauth %s\n' "$(cat "$secrets/replication")" >"$out/replication.conf"
