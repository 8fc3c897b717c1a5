#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# Queries of a Redis or Sentinel instance, for the pods' scripts; sourced, not run.
# The password is read from its file and passed on through a pipe, never as an argument or in the environment.

# the file has no trailing newline, so read returns an error
read_password() { read -r password </run/secrets/redis/probe || [ -n "$password" ]; }
read_password
# timeout of a query; a probe is limited by the kubelet's timeout, so it empties this, which saves a process
limit='timeout 2'
newline='
'

# send ADDRESS PORT COMMAND: the whole output, with the reply to AUTH in its first line
# shellcheck disable=SC2086 # two words, or none
send() { printf 'AUTH probe %s\n%s\n' "$password" "$3" | $limit redis-cli -h "$1" -p "$2"; }

# ask ADDRESS PORT COMMAND: the command's reply, or nothing
ask() {
  answer=$(send "$@" 2>/dev/null) || true
  case $answer in *"$newline"*) printf '%s\n' "${answer#*"$newline"}" ;; esac
}

# field NAME: sets $value to the field's value in $info; empty if it is missing
field() {
  value=${info##*"$1":}
  [ "$value" != "$info" ] || value=
  value=${value%%[!a-z0-9-]*}
}

# keys ADDRESS: sets $keys to the number of keys, or "unknown" without a reply, and $answer to the output
keys() {
  answer=$(send "$1" 6379 DBSIZE 2>&1) || true
  keys=${answer##*"$newline"}
  case $keys in '' | *[!0-9]*) keys=unknown ;; esac
}
