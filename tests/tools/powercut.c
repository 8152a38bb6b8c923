/*
 * Takes the power from an ext4 file system: what is not on the disk yet is gone.
 *
 *     powercut FOLDER      a folder on it; nothing can be written there any more until it is mounted again
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* EXT4_IOC_SHUTDOWN, and not to flush the journal first (Linux, fs/ext4/ext4.h). */
#define SHUTDOWN _IOR('X', 125, uint32_t)
enum { WITHOUT_FLUSH = 2 };

int main(int argc, char **argv) {
    uint32_t how = WITHOUT_FLUSH;
    int folder = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (folder < 0 || ioctl(folder, SHUTDOWN, &how)) {
        perror("powercut");
        return 1;
    }
    return 0;
}
