/*
 * Runs a program and meddles with one of its state-changing system calls, counted over all threads of the process.
 *
 *     tracer kill K LOG PROGRAM ARGUMENT...    kills the program before its K-th such call (K = 0: never)
 *     tracer ERRNO K LOG PROGRAM ARGUMENT...   makes the K-th such call on a file fail with this number, e.g. 28
 *     tracer ERRNO K- LOG PROGRAM ...          the K-th and all after it
 *     tracer slow 0 LOG PROGRAM ...            holds every fdatasync of a part up until there is a file LOG.go, and nothing else
 *
 * LOG gets a line for each call until then: its name, and the path that it is about. Calls are seen in the kernel, so that
 * those are counted too that don't go through the C library. Writes to the log folder, to pipes and to events are not
 * counted: what they change is nobody's loss.
 *
 * What a call is about can be read by root alone once the program has asked not to be dumpable; so it is told that it is,
 * and nothing is done. Where it can't be read all the same, or nothing be traced, the program is ended: a sweep that sees
 * half of the calls would show nothing.
 *
 * SIGTERM is passed on to the program. Exit code: 99 where the program was killed so, 98 for a failure of the tracer, 97
 * where it is not permitted what it does, else the program's own, or 128 and the signal that ended it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "the registers are those of x86-64"
#endif

/* What a call's arguments say of its object. */
enum object { FD, PATH, AT, TWO_PATHS, TWO_AT, LINK_AT, SOCKET, NOTHING };

struct call {
    long number;
    const char *name;
    enum object object;
};

static const struct call calls[] = {
    {SYS_open, "open", PATH},
    {SYS_openat, "openat", AT},
    {SYS_creat, "creat", PATH},
    {SYS_write, "write", FD},
    {SYS_pwrite64, "pwrite", FD},
    {SYS_writev, "writev", FD},
    {SYS_pwritev, "pwritev", FD},
    {SYS_fsync, "fsync", FD},
    {SYS_fdatasync, "fdatasync", FD},
    {SYS_ftruncate, "ftruncate", FD},
    {SYS_truncate, "truncate", PATH},
    {SYS_fallocate, "fallocate", FD},
    {SYS_copy_file_range, "copy_file_range", FD},
    {SYS_rename, "rename", TWO_PATHS},
    {SYS_renameat, "renameat", TWO_AT},
    {SYS_renameat2, "renameat2", TWO_AT},
    {SYS_unlink, "unlink", PATH},
    {SYS_unlinkat, "unlinkat", AT},
    {SYS_mkdir, "mkdir", PATH},
    {SYS_mkdirat, "mkdirat", AT},
    {SYS_rmdir, "rmdir", PATH},
    {SYS_link, "link", TWO_PATHS},
    {SYS_linkat, "linkat", TWO_AT},
    {SYS_symlink, "symlink", TWO_PATHS},
    {SYS_symlinkat, "symlinkat", LINK_AT},
    {SYS_chmod, "chmod", PATH},
    {SYS_fchmod, "fchmod", FD},
    {SYS_fchmodat, "fchmodat", AT},
    {SYS_utimensat, "utimensat", AT},
    {SYS_setxattr, "setxattr", PATH},
    {SYS_fsetxattr, "fsetxattr", FD},
    {SYS_removexattr, "removexattr", PATH},
    {SYS_fremovexattr, "fremovexattr", FD},
    {SYS_connect, "connect", SOCKET},
    {SYS_sendto, "sendto", SOCKET},
    {SYS_sendmsg, "sendmsg", SOCKET},
    {SYS_prctl, "prctl", NOTHING},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* Threads that are held up, and the file that lets them go on. */
enum { MOST_HELD = 64 };
static pid_t held[MOST_HELD];
static int held_count;
static char go[PATH_MAX];

static void fail(const char *what) {
    fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
    exit(98);
}

/* The program, where it runs already, is killed by the kernel when this process ends. */
static void fail_or_say_denied(const char *what) {
    if (errno != EPERM && errno != EACCES)
        fail(what);
    fprintf(stderr, "tracer: not permitted here: %s\n", what);
    exit(97);
}

/* Reports the calls above to whoever traces this process, and lets all others pass. */
static void report_calls(void) {
    struct sock_filter code[CALLS + 3];
    unsigned at = 0;
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < CALLS; i++)
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, CALLS - i, 0);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    struct sock_fprog program = {at, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        fail_or_say_denied("seccomp");
}

static void text_at(pid_t thread, unsigned long address, char *text) {
    /* Page by page: a path may lie just before one that is not there. */
    size_t len = 0;
    while (len < PATH_MAX - 1) {
        size_t count = 4096 - (address + len) % 4096;
        if (count > PATH_MAX - 1 - len)
            count = PATH_MAX - 1 - len;
        struct iovec here = {text + len, count}, there = {(void *)(address + len), count};
        ssize_t got = process_vm_readv(thread, &here, 1, &there, 1, 0);
        if (got < 0 && errno == EPERM)
            fail_or_say_denied("reading the program's memory");
        if (got <= 0)
            break;
        if (memchr(text + len, 0, got))
            return;
        len += got;
    }
    text[len] = 0;
}

static void descriptor(pid_t thread, int fd, char *text) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, fd);
    ssize_t len = readlink(link, text, PATH_MAX - 1);
    if (len < 0 && (errno == EACCES || errno == EPERM))
        fail_or_say_denied("reading what the program has open");
    text[len < 0 ? 0 : len] = 0;
}

static void object_of(pid_t thread, const struct call *call, const struct user_regs_struct *regs, char *text) {
    switch (call->object) {
    case FD:
    case SOCKET: descriptor(thread, regs->rdi, text); break;
    case PATH:
    case TWO_PATHS: text_at(thread, regs->rdi, text); break;
    case AT:
    case TWO_AT: text_at(thread, regs->rsi, text); break;
    case LINK_AT: text_at(thread, regs->rdx, text); break;
    case NOTHING: text[0] = 0; break;
    }
}

static int changes_state(const struct call *call, const struct user_regs_struct *regs, const char *object) {
    int flags = call->number == SYS_openat ? regs->rdx : call->number == SYS_open ? regs->rsi : O_CREAT;
    if (!(flags & (O_CREAT | O_TRUNC)) && (call->number == SYS_open || call->number == SYS_openat))
        return 0;
    if (call->object == FD && object[0] != '/' && strncmp(object, "socket:", 7))
        return 0;
    return !strstr(object, "/logs/") && strncmp(object, "/dev/", 5);
}

static pid_t program;

static void pass_on(int signal) {
    kill(program, signal);
}

static void release_held(void) {
    if (access(go, F_OK))
        return;
    while (held_count)
        ptrace(PTRACE_CONT, held[--held_count], 0, 0);
}

/* The next thread that has something to tell; those held up go on meanwhile when they may. */
static pid_t next(int *status) {
    for (;;) {
        pid_t thread = waitpid(-1, status, __WALL | (held_count ? WNOHANG : 0));
        if (thread < 0 && errno == EINTR)
            continue; /* a signal that was passed on */
        if (thread < 0)
            fail("waitpid");
        if (thread)
            return thread;
        usleep(1000);
        release_held();
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: tracer kill|slow|ERRNO K LOG PROGRAM ARGUMENT...\n");
        return 98;
    }
    const char *mode = argv[1];
    char *rest;
    long wanted = strtol(argv[2], &rest, 10), count = 0;
    int goes_on = *rest == '-', kills = !strcmp(mode, "kill"), slows = !strcmp(mode, "slow");
    FILE *log = fopen(argv[3], "we");
    if (!log)
        fail(argv[3]);
    snprintf(go, sizeof go, "%s.go", argv[3]);
    program = fork();
    if (program < 0)
        fail("fork");
    if (!program) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            fail_or_say_denied("ptrace");
        raise(SIGSTOP);
        report_calls();
        execv(argv[4], argv + 4);
        fail(argv[4]);
    }
    int status;
    if (waitpid(program, &status, 0) != program)
        fail("waitpid");
    if (WIFEXITED(status))
        return WEXITSTATUS(status); /* it has said why */
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, program, 0, options) || ptrace(PTRACE_CONT, program, 0, 0))
        fail_or_say_denied("ptrace");
    struct sigaction passing_on = {.sa_handler = pass_on};
    sigaction(SIGTERM, &passing_on, 0);
    int was_killed = 0;
    for (;;) {
        pid_t thread = next(&status);
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread != program)
                continue;
            fclose(log);
            return was_killed ? 99 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP) {
            struct user_regs_struct regs;
            if (ptrace(PTRACE_GETREGS, thread, 0, &regs))
                continue; /* it was killed meanwhile */
            const struct call *call = calls;
            while (call < calls + CALLS - 1 && call->number != (long)regs.orig_rax)
                call++;
            if (call->object == NOTHING) {
                if (regs.rdi == PR_SET_DUMPABLE) {
                    regs.orig_rax = -1; /* no call */
                    regs.rax = 0;
                    ptrace(PTRACE_SETREGS, thread, 0, &regs);
                }
                ptrace(PTRACE_CONT, thread, 0, 0);
                continue;
            }
            char object[PATH_MAX];
            object_of(thread, call, &regs, object);
            int is_file = call->object != SOCKET && strncmp(object, "socket:", 7);
            if (slows && call->number == SYS_fdatasync && strstr(object, ".part") && held_count < MOST_HELD) {
                fprintf(log, "%s %s\n", call->name, object);
                fflush(log);
                held[held_count++] = thread;
                continue;
            }
            if (changes_state(call, &regs, object) && (kills || is_file)) {
                count++;
                fprintf(log, "%s %s\n", call->name, object);
                fflush(log);
                int is_it = !slows && (count == wanted || (goes_on && count > wanted));
                if (is_it && kills) {
                    was_killed = 1;
                    kill(program, SIGKILL);
                    continue;
                }
                if (is_it) {
                    regs.orig_rax = -1; /* no call */
                    regs.rax = -strtol(mode, 0, 10);
                    ptrace(PTRACE_SETREGS, thread, 0, &regs);
                }
            }
            signal = 0;
        } else if (event || signal == SIGSTOP || signal == SIGTRAP) {
            signal = 0; /* a thread began, or the program was loaded */
        }
        ptrace(PTRACE_CONT, thread, 0, signal);
    }
}
