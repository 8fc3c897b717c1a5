#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the scripts that source this file
# How the scripts of Redis and Sentinel pods query an instance; sourced, not run.
# The password goes from its file through a pipe: never an argument, never in the environment.

# the file has no line end, which read reports as a failure
read -r password </run/secrets/redis/probe || [ -n "$password" ]
# the program that limits a query; a probe, which the kubelet limits, sets it to nothing and saves a process
limit='timeout 2'
newline='
'

# send ADDRESS PORT COMMAND: the whole output, with the answer to AUTH in its first line
# shellcheck disable=SC2086 # two words, or none
send() { printf 'AUTH probe %s\n%s\n' "$password" "$3" | $limit redis-cli -h "$1" -p "$2"; }

# ask ADDRESS PORT COMMAND: the answer to the command, or nothing
ask() {
  answer=$(send "$@" 2>/dev/null) || true
  case $answer in *"$newline"*) echo "${answer#*"$newline"}" ;; esac
}

# field NAME: its value in $info, in $value; empty if it is missing
field() {
  value=${info##*"$1":}
  [ "$value" != "$info" ] || value=
  value=${value%%[!a-z0-9-]*}
}

# keys ADDRESS: the number of its keys, in $keys; "unknown" if it does not say, with its output in $answer
keys() {
  answer=$(send "$1" 6379 DBSIZE 2>&1) || true
  keys=${answer##*"$newline"}
  case $keys in '' | *[!0-9]*) keys=unknown ;; esac
}
