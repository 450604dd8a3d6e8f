/*
 * A file system that fails on demand. Preloaded into a process (LD_PRELOAD), it counts that process's operations on the paths
 * below FAULT_ROOT and makes one of them go wrong:
 *
 *   FAULT_ROOT  absolute path; everything else is left alone
 *   FAULT_LOG   file that gets one line an operation, before it runs: "<n> <op> <path> [<second path, offset and length, or new length>]"
 *   FAULT_AT    number of the operation that fails, from 1; 0 = none, just count
 *   FAULT_ACT   an errno as a number: the operation does nothing and fails with it
 *               kill       the process dies before the operation
 *               killafter  the process dies right after it
 *               torn       half of a write reaches the file, then the process dies
 *               short      half of a write is done and reported as such
 *
 * Not seen: stat, readdir and memory maps, and operations that a program makes without the C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum act { PROCEED, FAIL, KILL_AFTER, TORN, SHORT };

static const char *root;
static size_t root_length;
static const char *act;
static long fault_at;
static int log_fd = -1;
static _Atomic long counter;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The next definition of a function: the C library's. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void read_settings(void) {
  root = getenv("FAULT_ROOT");
  root_length = root ? strlen(root) : 0;
  act = getenv("FAULT_ACT") ? getenv("FAULT_ACT") : "5";
  fault_at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
  const char *log = getenv("FAULT_LOG");
  if (log) log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(const char *path) {
  pthread_once(&once, read_settings);
  return root_length > 0 && path && strncmp(path, root, root_length) == 0;
}

static int is_watched_fd(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_watched(path);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts and logs one operation and says what is to become of it. */
static enum act next_act(const char *op, const char *path, const char *more) {
  long n = atomic_fetch_add(&counter, 1) + 1;
  if (log_fd >= 0) {
    char line[2 * PATH_MAX + 128];
    int length = snprintf(line, sizeof line, "%ld %s %s%s%s\n", n, op, path, more ? " " : "", more ? more : "");
    if (REAL(write)(log_fd, line, length) < 0) die();
  }
  if (n != fault_at) return PROCEED;
  if (strcmp(act, "kill") == 0) die();
  if (strcmp(act, "killafter") == 0) return KILL_AFTER;
  if (strcmp(act, "torn") == 0) return TORN;
  if (strcmp(act, "short") == 0) return SHORT;
  errno = atoi(act);
  return FAIL;
}

/* Runs a call that can only fail or be cut off: (operation name, path, second path or NULL, the call). */
#define GUARD(op, path, more, call)                          \
  do {                                                       \
    enum act todo = next_act(op, path, more);                \
    if (todo == FAIL) return -1;                             \
    __typeof__(call) result = call;                          \
    if (todo == KILL_AFTER || todo == TORN) die();           \
    return result;                                           \
  } while (0)

static ssize_t write_half(int fd, const struct iovec *parts, int count, off_t offset) {
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  size_t left = total / 2, done = 0;
  for (int i = 0; i < count && left > 0; i++) {
    size_t length = parts[i].iov_len < left ? parts[i].iov_len : left;
    ssize_t wrote = offset < 0 ? REAL(write)(fd, parts[i].iov_base, length)
                               : REAL(pwrite64)(fd, parts[i].iov_base, length, offset + done);
    if (wrote < 0) return wrote;
    done += wrote;
    left -= length;
  }
  return done;
}

/* Every kind of write ends here; offset -1 = at the file's position. */
static ssize_t guarded_write(int fd, const char *path, const struct iovec *parts, int count, off_t offset) {
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  char range[64];
  snprintf(range, sizeof range, "%lld %zu", (long long)offset, total);
  enum act todo = next_act("write", path, range);
  if (todo == FAIL) return -1;
  if (todo == TORN || todo == SHORT) {
    ssize_t wrote = write_half(fd, parts, count, offset);
    if (todo == TORN) die();
    return wrote;
  }
  ssize_t wrote = offset < 0 ? REAL(writev)(fd, parts, count) : REAL(pwritev64)(fd, parts, count, offset);
  if (todo == KILL_AFTER) die();
  return wrote;
}

ssize_t write(int fd, const void *data, size_t length) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(write)(fd, data, length);
  struct iovec part = {(void *)data, length};
  return guarded_write(fd, path, &part, 1, -1);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(pwrite64)(fd, data, length, offset);
  struct iovec part = {(void *)data, length};
  return guarded_write(fd, path, &part, 1, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(writev)(fd, parts, count);
  return guarded_write(fd, path, parts, count, -1);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(pwritev64)(fd, parts, count, offset);
  return guarded_write(fd, path, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

ssize_t read(int fd, void *data, size_t length) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(read)(fd, data, length);
  GUARD("read", path, NULL, REAL(read)(fd, data, length));
}

ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(pread64)(fd, data, length, offset);
  GUARD("read", path, NULL, REAL(pread64)(fd, data, length, offset));
}

ssize_t pread(int fd, void *data, size_t length, off_t offset) { return pread64(fd, data, length, offset); }

int fsync(int fd) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(fsync)(fd);
  GUARD("fsync", path, NULL, REAL(fsync)(fd));
}

int fdatasync(int fd) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(fdatasync)(fd);
  GUARD("fsync", path, NULL, REAL(fdatasync)(fd));
}

int ftruncate64(int fd, off64_t length) {
  char path[PATH_MAX];
  if (!is_watched_fd(fd, path)) return REAL(ftruncate64)(fd, length);
  char to[32];
  snprintf(to, sizeof to, "%lld", (long long)length);
  GUARD("truncate", path, to, REAL(ftruncate64)(fd, length));
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (!is_watched(path)) return REAL(open64)(path, flags, mode);
  GUARD(flags & O_CREAT ? "create" : "open", path, NULL, REAL(open64)(path, flags, mode));
}

int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  return open64(path, flags, mode);
}

int link(const char *from, const char *to) {
  if (!is_watched(from) && !is_watched(to)) return REAL(link)(from, to);
  GUARD("link", from, to, REAL(link)(from, to));
}

int rename(const char *from, const char *to) {
  if (!is_watched(from) && !is_watched(to)) return REAL(rename)(from, to);
  GUARD("rename", from, to, REAL(rename)(from, to));
}

int unlink(const char *path) {
  if (!is_watched(path)) return REAL(unlink)(path);
  GUARD("unlink", path, NULL, REAL(unlink)(path));
}

int mkdir(const char *path, mode_t mode) {
  if (!is_watched(path)) return REAL(mkdir)(path, mode);
  GUARD("mkdir", path, NULL, REAL(mkdir)(path, mode));
}

int rmdir(const char *path) {
  if (!is_watched(path)) return REAL(rmdir)(path);
  GUARD("rmdir", path, NULL, REAL(rmdir)(path));
}
