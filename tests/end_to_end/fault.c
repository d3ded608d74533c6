// Preloaded into a program under test: lets the n-th of its calls that change files fail.
//
//   FAULT_KIND   kill    the process is killed before the call
//                eio, enospc   the call fails with that error
//                short   a write takes a part of its bytes, and the next one finds the disk full
//                none    only counts
//   FAULT_CALL   n, from 1
//   FAULT_CALLS  how many calls in a row fail so; default 1
//   FAULT_BYTES  how many bytes a short write takes; below 0: all but so many; default 0: half
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
static long first, count = 1, taken = 0;
static long calls;

__attribute__((constructor)) static void start(void) {
  const char* const names[] = {"none", "kill", "eio", "enospc", "short"};
  const char* const wanted = getenv("FAULT_KIND");
  for (int i = 0; wanted && i < 5; ++i) {
    if (strcmp(wanted, names[i]) == 0) kind = (enum Kind)i;
  }
  if (getenv("FAULT_CALL")) first = atol(getenv("FAULT_CALL"));
  if (getenv("FAULT_CALLS")) count = atol(getenv("FAULT_CALLS"));
  if (getenv("FAULT_BYTES")) taken = atol(getenv("FAULT_BYTES"));
}

__attribute__((destructor)) static void finish(void) {
  const char* const path = getenv("FAULT_COUNT");
  FILE* const file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", calls);
  fclose(file);
}

// Whether this call is to fail; shorter: whether a write may take a part.
static int fails(int* shorter) {
  const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (kind == kNone || call < first || call >= first + count + (kind == kShort)) return 0;
  if (kind == kKill) raise(SIGKILL);
  if (kind == kShort && call < first + count && shorter) {
    *shorter = 1;
    return 0;
  }
  errno = kind == kEio ? EIO : ENOSPC;
  return 1;
}

// Of a write, what a short one takes.
static size_t part(size_t size) {
  const long part = taken > 0 ? taken : taken < 0 ? (long)size + taken : (long)size / 2;
  return part > 0 && part < (long)size ? (size_t)part : size;
}

#define REAL(name) static __typeof__(&name) real; if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  struct stat status;
  if (fd <= 2 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return real(fd, bytes, size);
  int shorter = 0;
  if (fails(&shorter)) return -1;
  return real(fd, bytes, shorter ? part(size) : size);
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
