// Preloaded into a program under test: lets the n-th of its calls that change files fail.
//
//   FAULT_KIND   kill    the process is killed before the call
//                eio, enospc   the call fails with that error
//                short   a write takes half of its bytes, and the next one finds the disk full
//                none    only counts
//   FAULT_CALL   n, from 1
//   FAULT_CALLS  how many calls in a row fail so; default 1
//   FAULT_COUNT  a file that is given the number of calls when the program ends
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum Kind { kNone, kKill, kEio, kEnospc, kShort };

static enum Kind kind = kNone;
static long first, count = 1;
static long calls;

__attribute__((constructor)) static void start(void) {
  const char* const names[] = {"none", "kill", "eio", "enospc", "short"};
  const char* const wanted = getenv("FAULT_KIND");
  for (int i = 0; wanted && i < 5; ++i) {
    if (strcmp(wanted, names[i]) == 0) kind = (enum Kind)i;
  }
  if (getenv("FAULT_CALL")) first = atol(getenv("FAULT_CALL"));
  if (getenv("FAULT_CALLS")) count = atol(getenv("FAULT_CALLS"));
}

__attribute__((destructor)) static void finish(void) {
  const char* const path = getenv("FAULT_COUNT");
  FILE* const file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", calls);
  fclose(file);
}

// Whether this call is to fail; half: whether a write may take a part.
static int fails(int* half) {
  const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (kind == kNone || call < first || call >= first + count + (kind == kShort)) return 0;
  if (kind == kKill) raise(SIGKILL);
  if (kind == kShort && call < first + count && half) {
    *half = 1;
    return 0;
  }
  errno = kind == kEio ? EIO : ENOSPC;
  return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  struct stat status;
  if (fd <= 2 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return real(fd, bytes, size);
  int half = 0;
  if (fails(&half)) return -1;
  return real(fd, bytes, half && size > 1 ? size / 2 : size);
}

int fsync(int fd) {
  REAL(fsync);
  return fails(NULL) ? -1 : real(fd);
}

int linkat(int from, const char* path, int to, const char* name, int flags) {
  REAL(linkat);
  return fails(NULL) ? -1 : real(from, path, to, name, flags);
}

int rename(const char* from, const char* to) {
  REAL(rename);
  return fails(NULL) ? -1 : real(from, to);
}

int ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  return fails(NULL) ? -1 : real(fd, size);
}

int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  return fails(NULL) ? -1 : real(path, mode);
}

int unlinkat(int fd, const char* path, int flags) {
  REAL(unlinkat);
  return fails(NULL) ? -1 : real(fd, path, flags);
}

int remove(const char* path) {
  REAL(remove);
  return fails(NULL) ? -1 : real(path);
}
