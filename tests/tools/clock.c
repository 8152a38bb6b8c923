/* Loaded before a program's libraries: its time of day is ahead by the seconds (an int64) in the file $CLOCK_AHEAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile const int64_t *ahead;
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock != CLOCK_REALTIME || result)
        return result;
    if (!ahead) {
        int file = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);
        const void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if (mapped == MAP_FAILED)
            abort();
        ahead = mapped;
    }
    now->tv_sec += *ahead;
    return 0;
}
