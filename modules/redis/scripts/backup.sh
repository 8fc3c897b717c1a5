#!/bin/sh
# Backs up main to /backups and checks the file before naming it; keeps the newest KEEP: backup.sh HOST KEEP
set -eu
host=$1
keep=$2
part=/backups/.part
refuse() {
  rm -f "$part"
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}
# leftover of an interrupted backup
rm -f "$part"
REDISCLI_AUTH=$(cat /run/secrets/redis/backup)
export REDISCLI_AUTH
# network policies may not include this new pod yet, and main may be restarting
tries=0
until said=$(redis-cli -h "$host" --user backup PING 2>&1) || [ $tries -ge 60 ]; do
  case $said in *'Could not connect'*) ;; *) break ;; esac
  tries=$((tries + 1))
  sleep 1
done
said=$(redis-cli -h "$host" --user backup --rdb "$part" 2>&1) || refuse "Backup failed: $said"
seen=$(redis-check-rdb "$part" 2>&1) || refuse "Backup failed: the received snapshot is damaged: $seen"
name=$(date -u +%Y-%m-%dT%H-%M-%SZ).rdb
# .order has the names in the order in which the backups were made. The names alone follow the clock: if it was fast
# once, every later backup would count as the oldest and be deleted.
order=/backups/.order
touch "$order"
grep -vxF "$name" "$order" >"$order.new" || true
echo "$name" >>"$order.new"
mv "$order.new" "$order"
mv "$part" "/backups/$name"
sync
echo "$name: $(echo "$seen" | sed -n 's/.*\] *\([0-9]* keys read\).*/\1/p'), $(wc -c <"/backups/$name") bytes"
# backups that are not in .order are older than those that are; names in it without a file were deleted
{
  find /backups -maxdepth 1 -name '*.rdb' | sed 's|.*/||' | sort | grep -vxF -f "$order" || true
  cat "$order"
} | while read -r old; do [ ! -e "/backups/$old" ] || echo "$old"; done >"$order.new"
mv "$order.new" "$order"
head -n "-$keep" "$order" | while read -r old; do rm "/backups/$old"; done
