/* Preloaded into a process: makes its writes to one file fail from the FAIL_FROM-th on, FAIL_COUNT of them, with EIO.
 * The file is told by FAIL_FILE, a part of its path. Counts pwrite64, fsync, fdatasync and ftruncate together. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int fails(int fd)
{
    char link[64], path[4096];
    const char *file = getenv("FAIL_FILE"), *from = getenv("FAIL_FROM"), *count = getenv("FAIL_COUNT");
    if (!file || !from || !count)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (!strstr(path, file))
        return 0;
    long call = atomic_fetch_add(&calls, 1) + 1, first = atol(from);
    if (call < first || call >= first + atol(count))
        return 0;
    errno = EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return fails(fd) ? -1 : NEXT(pwrite64)(fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return fails(fd) ? -1 : NEXT(pwrite)(fd, data, size, offset);
}

int fsync(int fd) { return fails(fd) ? -1 : NEXT(fsync)(fd); }

int fdatasync(int fd) { return fails(fd) ? -1 : NEXT(fdatasync)(fd); }

int ftruncate64(int fd, off64_t size) { return fails(fd) ? -1 : NEXT(ftruncate64)(fd, size); }
