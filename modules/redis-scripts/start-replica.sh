#!/bin/sh
# Starts a replica: start-replica.sh SETTING...
set -eu
sh /etc/redis/access.sh users
exec redis-server /etc/redis/replica.conf "$@"
