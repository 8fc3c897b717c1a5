#!/bin/sh
# Applies the current users and passwords from the files, without a restart: reload-access.sh redis | sentinel
set -eu
password() { cat "/run/secrets/redis/$1"; }
# run PORT COMMAND...: as admin; fails if the reply is not OK. Passwords go through the pipe, never as arguments.
run() {
  port=$1
  shift
  said=$(printf 'AUTH admin %s\n%s\n' "$(password admin)" "$*" | redis-cli -h 127.0.0.1 -p "$port" 2>&1 | grep . | tail -n 1)
  [ "$said" = OK ] || { echo "$1 $2: $said" >&2; exit 1; }
}
case $1 in
  redis)
    sh /etc/redis/access.sh users
    run 6379 ACL LOAD
    run 6379 CONFIG SET masterauth "$(password replication)"
    ;;
  sentinel)
    sh /etc/redis/access.sh sentinel-users
    run 26379 ACL LOAD
    run 26379 SENTINEL CONFIG SET sentinel-pass "$(password sentinel)"
    run 26379 SENTINEL SET main auth-pass "$(password sentinel)"
    ;;
esac
