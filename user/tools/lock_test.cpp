// lock_test: record locks, locks of open file descriptions and flock(2) between processes. Prints what it sees; the same on Linux.
//   lock_test               everything below, on files in /tmp
//   lock_test hold FILE     locks all of FILE for writing and sleeps
//   lock_test ask FILE      says who holds FILE
#include "child.hpp"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using test_program::in_child;
using test_program::start;

constexpr char name[] = "/tmp/lock-test";

char const* text(int result) { return result == 0 ? "ok" : std::strerror(errno); }
int change(int file, int command, short type, off64_t start, off64_t length) {
    struct flock64 lock {};
    lock.l_type = type;
    lock.l_start = start;
    lock.l_len = length;
    return fcntl(file, command, &lock);
}
void outcome(char const* what, int result) { std::printf("%s: %s\n", what, text(result)); }
/// Who is in the way of a lock; the process by its place in the family, since numbers differ.
void ask(char const* what, int file, short type, off64_t start, off64_t length, pid_t known = 0,
         int command = F_GETLK64) {
    struct flock64 lock {};
    lock.l_type = type;
    lock.l_start = start;
    lock.l_len = length;
    if (fcntl(file, command, &lock) != 0) {
        outcome(what, -1);
        return;
    }
    if (lock.l_type == F_UNLCK) {
        std::printf("%s: nobody\n", what);
        return;
    }
    char const* const who = lock.l_pid == known && known != 0 ? "the other"
                            : lock.l_pid == getppid()         ? "the parent"
                            : lock.l_pid == -1                ? "a description"
                            : lock.l_pid == 0                 ? "somebody outside"
                                                              : "an unknown process";
    std::printf("%s: %s holds %lld+%lld for %s, whence %d\n", what, who, static_cast<long long>(lock.l_start),
                static_cast<long long>(lock.l_len), lock.l_type == F_WRLCK ? "writing" : "reading", lock.l_whence);
}

void ranges(int file) {
    outcome("lock 10+10", change(file, F_SETLK64, F_WRLCK, 10, 10));
    in_child([&] {
        ask("asked", file, F_RDLCK, 0, 0);
        outcome("the child's", change(file, F_SETLK64, F_RDLCK, 19, 1));
        outcome("beside it", change(file, F_SETLK64, F_WRLCK, 20, 5));
    });
    outcome("after the child's end", change(file, F_SETLK64, F_WRLCK, 20, 5));
    in_child([&] { ask("together", file, F_WRLCK, 0, 100); });
    outcome("unlock in between", change(file, F_SETLK64, F_UNLCK, 12, 4));
    outcome("weaker at the end", change(file, F_SETLK64, F_RDLCK, 22, 0));
    in_child([&] {
        ask("first", file, F_RDLCK, 0, 0);
        ask("second", file, F_RDLCK, 12, 0);
        ask("third", file, F_RDLCK, 22, 0);
        ask("third for writing", file, F_WRLCK, 22, 0);
        ask("free", file, F_WRLCK, 12, 4);
        outcome("a range before its start", change(file, F_SETLK64, F_WRLCK, 16, -4));
        outcome("before the file", change(file, F_SETLK64, F_WRLCK, 4, -5));
    });
    struct flock64 lock {};
    lock.l_type = F_UNLCK;
    outcome("who holds nothing", fcntl(file, F_GETLK64, &lock));
    lock.l_type = 7;
    outcome("no type", fcntl(file, F_SETLK64, &lock));
    int const reader = open(name, O_RDONLY);
    outcome("write lock on what is open for reading", change(reader, F_SETLK64, F_WRLCK, 0, 0));
    close(reader); // any descriptor of the file: all its locks go
    in_child([&] { ask("after a close", file, F_WRLCK, 0, 0); });
}

void ends(int file) {
    change(file, F_SETLK64, F_WRLCK, 0, 0);
    int const copy = dup(file);
    in_child([&] { ask("before", file, F_WRLCK, 0, 0); });
    dup2(0, copy); // closes it
    in_child([&] { ask("after dup2 over a copy", file, F_WRLCK, 0, 0); });
    close(copy);
    change(file, F_SETLK64, F_WRLCK, 0, 0);
    in_child([&] {
        close(file); // the child's affair
    });
    in_child([&] { ask("after a child's close", file, F_WRLCK, 0, 0); });
    unshare(CLONE_NEWNS);
    in_child([&] { ask("after unshare", file, F_WRLCK, 0, 0); });
    change(file, F_SETLK64, F_UNLCK, 0, 0);
    int done[2];
    if (pipe(done) != 0) { return; }
    pid_t const holder = start([&] {
        change(file, F_SETLK64, F_WRLCK, 0, 0);
        if (write(done[1], "x", 1) == 1) { pause(); }
    });
    char byte;
    if (read(done[0], &byte, 1) != 1) { return; }
    ask("a child holds it", file, F_RDLCK, 0, 0, holder);
    kill(holder, SIGKILL);
    outcome("wait until it is killed", change(file, F_SETLKW64, F_WRLCK, 0, 0)); // no reaping in between
    waitpid(holder, nullptr, 0);
    pid_t const waiter = start([&] {
        signal(SIGALRM, [](int) {});
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGALRM, &action, nullptr);
        alarm(1);
        outcome("a signal ends the wait", change(file, F_SETLKW64, F_WRLCK, 0, 0));
    });
    waitpid(waiter, nullptr, 0);
    change(file, F_SETLK64, F_UNLCK, 0, 0);
}

void circle(int file) {
    int ready[2];
    if (pipe(ready) != 0) { return; }
    change(file, F_SETLK64, F_WRLCK, 0, 1);
    pid_t const other = start([&] {
        change(file, F_SETLK64, F_WRLCK, 1, 1);
        if (write(ready[1], "x", 1) != 1) { return; }
        outcome("the other, in the end", change(file, F_SETLKW64, F_WRLCK, 0, 1));
    });
    char byte;
    if (read(ready[0], &byte, 1) != 1) { return; }
    usleep(200000);
    outcome("each waits for the other", change(file, F_SETLKW64, F_WRLCK, 1, 1));
    change(file, F_SETLK64, F_UNLCK, 0, 0);
    waitpid(other, nullptr, 0);
}

void descriptions(int file) {
    int const second = open(name, O_RDWR);
    outcome("description", change(file, F_OFD_SETLK, F_WRLCK, 0, 10));
    outcome("another of the same process", change(second, F_OFD_SETLK, F_WRLCK, 5, 1));
    ask("asked", second, F_RDLCK, 0, 0, 0, F_OFD_GETLK);
    outcome("the process itself", change(second, F_SETLK64, F_RDLCK, 0, 1));
    ask("asked by the process", second, F_RDLCK, 0, 0);
    in_child([&] { outcome("inherited", change(file, F_OFD_SETLK, F_WRLCK, 0, 20)); });
    close(open(name, O_RDWR));
    outcome("still there", change(second, F_OFD_SETLK, F_WRLCK, 19, 1));
    outcome("flock is another matter", flock(second, LOCK_EX | LOCK_NB));
    outcome("flock by the first", flock(file, LOCK_SH | LOCK_NB));
    outcome("converted", flock(second, LOCK_SH | LOCK_NB));
    outcome("now shared", flock(file, LOCK_SH | LOCK_NB));
    struct flock64 lock {};
    lock.l_type = F_WRLCK;
    lock.l_pid = 1;
    outcome("with a process", fcntl(file, F_OFD_SETLK, &lock));
    close(second);
    outcome("exclusive when the other has gone", flock(file, LOCK_EX | LOCK_NB));
}

/// The holder as those see it who are in other PID namespaces.
void seen(int file) {
    change(file, F_SETLK64, F_WRLCK, 0, 0);
    in_child([&] {
        unshare(CLONE_NEWPID);
        in_child([&] { ask("from a namespace inside", file, F_WRLCK, 0, 0); });
    });
    change(file, F_SETLK64, F_UNLCK, 0, 0);
    int ready[2], told[2];
    if (pipe(ready) != 0 || pipe(told) != 0) { return; }
    pid_t const outer = start([&] {
        unshare(CLONE_NEWPID);
        pid_t const inner = start([&] {
            std::printf("it is process %d there\n", getpid());
            std::fflush(stdout);
            change(file, F_SETLK64, F_WRLCK, 0, 0);
            if (write(ready[1], "x", 1) == 1) { pause(); }
        });
        if (write(told[1], &inner, sizeof inner) == sizeof inner) { waitpid(inner, nullptr, 0); }
    });
    pid_t inner = 0;
    char byte;
    if (read(told[0], &inner, sizeof inner) != sizeof inner || read(ready[0], &byte, 1) != 1) { return; }
    ask("from outside", file, F_WRLCK, 0, 0, inner);
    kill(inner, SIGKILL);
    waitpid(outer, nullptr, 0);
}

} // namespace

int main(int count, char** arguments) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    bool const given = count > 2;
    int const file = open(given ? arguments[2] : name, O_RDWR | O_CREAT, 0666);
    if (given && std::strcmp(arguments[1], "hold") == 0) {
        outcome("hold", change(file, F_SETLK64, F_WRLCK, 0, 0));
        std::fflush(stdout);
        for (;;) { pause(); }
    }
    if (given) {
        struct flock64 lock {};
        lock.l_type = F_WRLCK;
        fcntl(file, F_GETLK64, &lock);
        std::printf("held: %d, by %d\n", lock.l_type != F_UNLCK, lock.l_pid);
        return 0;
    }
    ranges(file);
    ends(file);
    circle(file);
    seen(file);
    descriptions(file);
    unlink(name);
    return 0;
}
