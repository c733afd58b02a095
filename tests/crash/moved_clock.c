/* Preloaded into a process: moves its wall clock by the seconds that the file MOVED_CLOCK holds; no other clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long moved(void)
{
    static __thread int within; /* reading the file asks for no time, but who knows */
    static __thread long off;
    const char *name = getenv("MOVED_CLOCK");
    if (!name || within)
        return off;
    within = 1;
    FILE *file = fopen(name, "r");
    if (file) {
        if (fscanf(file, "%ld", &off) != 1)
            off = 0;
        fclose(file);
    }
    within = 0;
    return off;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(clock, time);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += moved();
    return result;
}
