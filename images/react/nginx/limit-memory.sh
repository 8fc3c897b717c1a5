#!/bin/sh
# limit-memory.sh COMMAND...: limits the memory of each process in the container, so that no caller can get the
# container killed: callers influence how much memory a request takes (60 bytes for a header line of 3 bytes). At the
# limit, nginx rejects requests for which it has no memory, until slow clients have timed out. A process gets half of
# the container's memory, because for a minute after a reload nginx has two workers, and the scripts and the kernel's
# buffers need some.
# shellcheck disable=SC3045 # the shell of Alpine and Debian has it
[ -z "${MEMORY_LIMIT:-}" ] || ulimit -d $((MEMORY_LIMIT / 2048)) || echo "the memory of nginx is not limited" >&2
exec "$@"
