#!/bin/sh
# Starts a replica: start-replica.sh SETTING...
set -eu
sh /etc/redis/access.sh users
[ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
exec redis-server /etc/redis/replica.conf "$@"
