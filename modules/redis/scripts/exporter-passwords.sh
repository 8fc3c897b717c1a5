#!/bin/sh
# Writes the exporter's password file: a JSON map from the address of each instance that there
# may be to the password of its user. exporter-passwords.sh OUTPUT SCHEME ADDRESS...
set -eu
umask 077
out=$1
scheme=$2
shift 2
password=$(cat /run/secrets/redis/exporter)
separator='{'
for address in "$@"; do
  printf '%s"%s://exporter@%s": "%s"' "$separator" "$scheme" "$address" "$password"
  separator=', '
done >"$out"
echo '}' >>"$out"
