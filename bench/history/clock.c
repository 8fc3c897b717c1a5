/*
 * Gives one process its own wall clock. Load it with LD_PRELOAD, and set CLOCK_FILE to a file that holds the offset in
 * microseconds (8 bytes); the offset may change at any time. Monotonic clocks are not affected. (With libfaketime, Redis
 * fails to start, because each sets up memory before the other is ready.)
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long *offset;

__attribute__((constructor)) static void open_offset(void) {
  const char *file = getenv("CLOCK_FILE");
  int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) offset = at;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts) {
  int result = syscall(SYS_clock_gettime, id, ts);
  if (result != 0 || !offset || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return result;
  long long us = ts->tv_sec * 1000000LL + ts->tv_nsec / 1000 + *offset;
  ts->tv_sec = us / 1000000;
  ts->tv_nsec = us % 1000000 * 1000 + ts->tv_nsec % 1000;
  return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
  struct timespec ts;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return -1;
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec ts;
  if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return -1;
  if (at) *at = ts.tv_sec;
  return ts.tv_sec;
}
