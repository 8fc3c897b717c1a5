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
# network policies may not know this new pod yet, and main may be restarting
tries=0
until said=$(redis-cli -h "$host" --user backup PING 2>&1) || [ $tries -ge 60 ]; do
  case $said in *'Could not connect'*) ;; *) break ;; esac
  tries=$((tries + 1))
  sleep 1
done
said=$(redis-cli -h "$host" --user backup --rdb "$part" 2>&1) || refuse "Backup failed: $said"
seen=$(redis-check-rdb "$part" 2>&1) || refuse "Backup failed: the received snapshot is damaged: $seen"
name=$(date -u +%Y-%m-%dT%H-%M-%SZ).rdb
mv "$part" "/backups/$name"
sync
echo "$name: $(echo "$seen" | sed -n 's/.*\] *\([0-9]* keys read\).*/\1/p'), $(wc -c <"/backups/$name") bytes"
# names sort by time
for old in $(cd /backups && find . -maxdepth 1 -name '*.rdb' | sort -r | tail -n "+$((keep + 1))"); do
  rm "/backups/$old"
done
