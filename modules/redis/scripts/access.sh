#!/bin/sh
# Writes the users that an instance knows to /run/redis/NAME.acl, and how it logs in to main beside it: access.sh NAME.
# Names and rules come from /etc/redis/NAME, passwords from their files: of each user one, or two while they change
# (USER.next, then USER.old). Run again, followed by ACL LOAD, it takes new ones (npm run rotate).
set -eu
umask 077
secrets=/run/secrets/redis
out=/run/redis

# hash FILE: a password as the rules of Redis name it
hash() { echo "#$(printf %s "$(cat "$1")" | sha256sum | cut -d ' ' -f 1)"; }

{
  echo 'user default off'
  while read -r user rules; do
    # a Secret that is older than the user has no password for it: npm run rotate makes one
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
