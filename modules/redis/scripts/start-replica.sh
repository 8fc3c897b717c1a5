#!/bin/sh
# Starts a read replica: start-replica.sh SETTING...
# It follows main by the address of main's Service, which /etc/redis/main holds. Redis looks up a name in its only thread:
# while main and DNS are unavailable, it would answer no read for 6 of every 7 s.
set -eu

# sets $main; a rendered manifest has a placeholder there, and then Redis has to use the name in replica.conf
look() {
  main=
  read -r main 2>/dev/null </etc/redis/main || true
  case $main in *[!0-9a-f.:]*) main= ;; esac
}
admin() { printf 'AUTH admin %s\n%s\n' "$(cat /run/secrets/redis/admin)" "$1" | redis-cli -h 127.0.0.1 -p 6379 2>&1 || true; }
# A recreated Service has another address, which the kubelet writes to the file.
follow() {
  while sleep "${FOLLOW_SECONDS:-5}"; do
    known=$main
    look
    new=$main
    main=$known
    if [ -z "$new" ] || [ "$new" = "$known" ]; then continue; fi
    info=$(admin 'INFO replication')
    case $info in *master_host:*) ;; *) continue ;; esac
    host=${info#*master_host:}
    # a Sentinel may have given it another main
    if [ "${host%%[!0-9a-z.:-]*}" = "${known:-redis-main}" ]; then
      case $(admin "REPLICAOF $new 6379") in *OK*OK*) echo "main has another address: $new" >&2 ;; *) continue ;; esac
    fi
    main=$new
  done
}

sh /etc/redis/access.sh users
[ ! -f /etc/redis/watch-certificate.sh ] || sh /etc/redis/watch-certificate.sh redis &
look
follow &
[ -z "$main" ] || set -- --replicaof "$main 6379" "$@"
exec redis-server /etc/redis/replica.conf "$@"
