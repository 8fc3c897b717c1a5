#!/bin/sh
# limit-memory.sh COMMAND...: limits the memory of each process of the container, so that no caller can have the
# container killed: the caller decides how much memory a request takes (for a header line of 3 bytes, 60). At the limit,
# nginx refuses requests that it has no memory for, until slow clients have timed out. A process gets half of the
# container's memory, because for a minute after a reload nginx has two workers, and the scripts and the kernel's
# buffers need some.
# shellcheck disable=SC3045 # the shell of Alpine and Debian has it
[ -z "${MEMORY_LIMIT:-}" ] || ulimit -d $((MEMORY_LIMIT / 2048)) || echo "the memory of nginx is not limited" >&2
exec "$@"
