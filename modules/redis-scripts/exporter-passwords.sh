#!/bin/sh
# Writes the exporter's password file: a JSON map from the address of each instance that there
# may be to the password of its user. exporter-passwords.sh OUTPUT ADDRESS...
set -eu
umask 077
out=$1
shift
password=$(cat /run/secrets/redis/exporter)
separator='{'
for address in "$@"; do
  printf '%s"redis://exporter@%s": "%s"' "$separator" "$address" "$password"
  separator=', '
done >"$out"
echo '}' >>"$out"
