/* Fails the n-th write or sync of a file below a directory, with EIO; for nth-call.test.ts. FAIL_BELOW: the directory. FAIL_NTH: n. FAIL_CALL: write or sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#undef fwrite_unlocked
#undef fflush_unlocked

static atomic_int seen;

static int fails(int fd, const char *call) {
  const char *below = getenv("FAIL_BELOW"), *nth = getenv("FAIL_NTH"), *wanted = getenv("FAIL_CALL");
  char link[64], path[4096];
  if (!below || !nth || !wanted || strcmp(call, wanted) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, below, strlen(below)) != 0) return 0;
  if (atomic_fetch_add(&seen, 1) + 1 != atoi(nth)) return 0;
  errno = EIO;
  return 1;
}

/* LevelDB writes through stdio. */
size_t fwrite_unlocked(const void *bytes, size_t size, size_t count, FILE *file) {
  static size_t (*next)(const void *, size_t, size_t, FILE *);
  if (!next) next = dlsym(RTLD_NEXT, "fwrite_unlocked");
  return fails(fileno(file), "write") ? 0 : next(bytes, size, count, file);
}

int fflush_unlocked(FILE *file) {
  static int (*next)(FILE *);
  if (!next) next = dlsym(RTLD_NEXT, "fflush_unlocked");
  return file && fails(fileno(file), "write") ? EOF : next(file);
}

int fdatasync(int fd) {
  static int (*next)(int);
  if (!next) next = dlsym(RTLD_NEXT, "fdatasync");
  return fails(fd, "sync") ? -1 : next(fd);
}

int fsync(int fd) {
  static int (*next)(int);
  if (!next) next = dlsym(RTLD_NEXT, "fsync");
  return fails(fd, "sync") ? -1 : next(fd);
}
