#!/bin/sh
# Writes the exporter's password file, a JSON map from each instance's address to the password of
# the exporter's user: exporter-passwords.sh OUTPUT SCHEME ADDRESS...
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
