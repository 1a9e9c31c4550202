// terminal_test: pseudo terminals (pty(7), pts(4)) between processes. Prints what it sees; the same on Linux.
//   terminal_test            everything below, in the devpts on /dev/pts
//   terminal_test hold       opens a master, says which terminal it is, writes `secret` to it from its slave side and sleeps
//   terminal_test open N     opens terminal N and says what it reads of it
#include "child.hpp"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace {

using test_program::in_child;

void say(char const* what, long value) { std::printf("%s: %ld\n", what, value); }
void outcome(char const* what, long result) {
    std::printf("%s: %s\n", what, result >= 0 ? "ok" : std::strerror(errno));
}
/// What one read gives, with control characters shown.
void show_read(char const* what, int from) {
    char buffer[128];
    ssize_t const count = read(from, buffer, sizeof buffer);
    if (count < 0) {
        outcome(what, count);
        return;
    }
    std::string text;
    for (ssize_t i = 0; i < count; ++i) {
        if (buffer[i] == '\n') {
            text += "\\n";
        } else if (buffer[i] == '\r') {
            text += "\\r";
        } else if (buffer[i] >= 0 && buffer[i] < 32) {
            text += '^';
            text += static_cast<char>(buffer[i] + 64);
        } else {
            text += buffer[i];
        }
    }
    std::printf("%s: '%s'\n", what, text.c_str());
}
void put(int to, char const* text) {
    if (write(to, text, std::strlen(text)) != static_cast<ssize_t>(std::strlen(text))) { std::perror("write"); }
}
int number_of(int master) {
    int number = -1;
    if (ioctl(master, TIOCGPTN, &number) != 0) { std::perror("TIOCGPTN"); }
    return number;
}
std::string path_of(int master) { return "/dev/pts/" + std::to_string(number_of(master)); }
int unlocked_master(char const* path = "/dev/ptmx") {
    int const master = open(path, O_RDWR | O_NOCTTY);
    int locked = 0;
    if (master >= 0) { ioctl(master, TIOCSPTLCK, &locked); }
    return master;
}
int events(int file) {
    pollfd one{file, POLLIN | POLLOUT, 0};
    poll(&one, 1, 0);
    return one.revents;
}

void opening() {
    int const master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    outcome("ptmx", master);
    int locked = -1;
    ioctl(master, TIOCGPTLCK, &locked);
    say("locked at first", locked);
    std::string const path = path_of(master);
    outcome("open while locked", open(path.c_str(), O_RDWR | O_NOCTTY));
    outcome("unlock", unlockpt(master));
    int const slave = open(path.c_str(), O_RDWR | O_NOCTTY);
    outcome("open", slave);
    say("names as it is", ttyname(slave) != nullptr && path == ttyname(slave));
    struct stat status {};
    fstat(slave, &status);
    std::printf("node: %o %u:%u uid %u gid %u\n", status.st_mode, major(status.st_rdev),
                minor(status.st_rdev) == static_cast<unsigned>(number_of(master)) ? 0 : 1, status.st_uid,
                status.st_gid);
    outcome("chmod", chmod(path.c_str(), 0600));
    stat(path.c_str(), &status);
    std::printf("mode: %o\n", status.st_mode & 07777);
    say("slave is a terminal", isatty(slave));
    int const peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    outcome("peer", peer);
    say("peer is it",
        peer >= 0 && fstat(peer, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == 136);
    int const second = unlocked_master();
    say("the next has the next number", number_of(second) - number_of(master));
    outcome("TIOCGPTN of a slave", ioctl(slave, TIOCGPTN, &locked));
    outcome("make a file there", mkdir("/dev/pts/folder", 0777));
    outcome("remove a terminal", unlink(path.c_str()));
    close(second);
    close(peer);
    close(slave);
    close(master);
    outcome("gone with its master", access(path.c_str(), F_OK));
}

void talking() {
    int const master = unlocked_master();
    int const slave = open(path_of(master).c_str(), O_RDWR | O_NOCTTY);
    put(slave, "hello\n");
    show_read("master reads", master);
    put(master, "typed\x7f"
                "d!\n");
    show_read("echo", master);
    show_read("line", slave);
    put(master, "\x04");
    show_read("end of file", slave);
    termios raw{};
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    put(master, "a\rb");
    show_read("raw", slave);
    put(slave, "x\ny");
    show_read("raw output", master);
    winsize size{};
    ioctl(master, TIOCGWINSZ, &size);
    std::printf("size at first: %u %u\n", size.ws_row, size.ws_col);
    size.ws_row = 33;
    size.ws_col = 99;
    ioctl(master, TIOCSWINSZ, &size);
    size = {};
    ioctl(slave, TIOCGWINSZ, &size);
    std::printf("size: %u %u\n", size.ws_row, size.ws_col);
    std::printf("events: master %x slave %x\n", events(master), events(slave));
    put(slave, "z");
    std::printf("events with output: %x\n", events(master));
    show_read("output", master);
    // A writer waits for the master to read.
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    long all = 0;
    char block[512];
    std::memset(block, 'w', sizeof block);
    for (ssize_t count; (count = write(slave, block, sizeof block)) > 0;) { all += count; }
    std::printf("full: %s, bounded %d\n", std::strerror(errno), all >= 2048 && all < 131072);
    fcntl(slave, F_SETFL, O_RDWR);
    pid_t const child = fork();
    if (child == 0) { _exit(write(slave, block, sizeof block) == sizeof block ? 0 : 1); }
    close(slave);
    long got = 0;
    char buffer[4096];
    ssize_t count = 0;
    while ((count = read(master, buffer, sizeof buffer)) > 0) { got += count; }
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("all of it came: %d, then %s\n", got == all + static_cast<long>(sizeof block) && status == 0,
                std::strerror(errno));
    std::printf("events when nobody has it open: %x\n", events(master) & ~POLLOUT);
    close(master);
}

void jobs() {
    int const master = unlocked_master();
    std::string const path = path_of(master);
    int ready[2];
    if (pipe(ready) != 0) { return; }
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        close(master);
        setsid();
        int const terminal = open(path.c_str(), O_RDWR); // becomes the session's
        if (open("/dev/tty", O_RDWR) < 0) { _exit(2); }
        if (tcgetpgrp(terminal) != getpid()) { _exit(3); }
        signal(SIGHUP, [](int) { _exit(7); });
        signal(SIGINT, [](int) { put(1, "interrupted\n"); });
        std::printf("session %d\n", tcgetsid(terminal) == getpid());
        std::fflush(stdout);
        put(ready[1], "x");
        char byte;
        if (read(terminal, &byte, 1) < 0 && errno == EINTR) { put(1, "read: interrupted\n"); }
        for (;;) { pause(); }
    }
    char byte;
    if (read(ready[0], &byte, 1) != 1) { return; }
    usleep(100000);
    put(master, "\x03");
    usleep(100000);
    show_read("echo of the key", master);
    close(master); // hangs up
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("hung up: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    in_child([&] {
        int const other = unlocked_master();
        int const slave = open(path_of(other).c_str(), O_RDWR | O_NOCTTY);
        close(other);
        show_read("read after it hung up", slave);
        outcome("write after it hung up", write(slave, "x", 1));
        termios settings{};
        outcome("ioctl after it hung up", tcgetattr(slave, &settings));
        std::printf("events after it hung up: %x\n", events(slave));
        return 0;
    });
}

void waiting() {
    int const master = unlocked_master();
    int const slave = open(path_of(master).c_str(), O_RDWR | O_NOCTTY);
    int const set = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = 5;
    epoll_ctl(set, EPOLL_CTL_ADD, master, &event);
    say("nothing yet", epoll_wait(set, &event, 1, 0));
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        usleep(50000);
        put(slave, "now");
        _exit(0);
    }
    say("epoll", epoll_wait(set, &event, 1, 5000) == 1 ? static_cast<long>(event.data.u32) : -1);
    show_read("what came", master);
    waitpid(child, nullptr, 0);
    pid_t const typist = fork();
    if (typist == 0) {
        usleep(50000);
        put(master, "line\n");
        _exit(0);
    }
    pollfd one{slave, POLLIN, 0};
    say("poll", poll(&one, 1, 5000));
    show_read("what was typed", slave);
    waitpid(typist, nullptr, 0);
    close(set);
    close(slave);
    close(master);
}

void instances() {
    in_child([] {
        if (mkdir("/tmp/pts", 0755) != 0 && errno != EEXIST) { return 1; }
        outcome("another instance",
                mount("devpts", "/tmp/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0611,max=2"));
        int const here = unlocked_master();
        int const there = unlocked_master("/tmp/pts/ptmx");
        say("begins with 0", number_of(there));
        int const own = open("/tmp/pts/0", O_RDWR | O_NOCTTY), other = open(path_of(here).c_str(), O_RDWR | O_NOCTTY);
        put(own, "own");
        put(other, "other");
        show_read("here", here);
        show_read("there", there);
        struct stat status {};
        stat("/tmp/pts/0", &status);
        std::printf("mode: %o\n", status.st_mode & 07777);
        int const second = unlocked_master("/tmp/pts/ptmx");
        say("second", number_of(second));
        outcome("one too many", open("/tmp/pts/ptmx", O_RDWR | O_NOCTTY));
        close(own);
        close(second);
        outcome("its number again", unlocked_master("/tmp/pts/ptmx"));
        outcome("bad option", mount("devpts", "/tmp/pts", "devpts", 0, "nonsense=1"));
        outcome("remount", mount("devpts", "/tmp/pts", "devpts", MS_REMOUNT, "ptmxmode=0600"));
        stat("/tmp/pts/ptmx", &status);
        std::printf("ptmx: %o %u:%u\n", status.st_mode, major(status.st_rdev), minor(status.st_rdev));
        umount2("/tmp/pts", MNT_DETACH);
        put(there, "x");
        rmdir("/tmp/pts");
        return 0;
    });
}

int hold() {
    int const master = unlocked_master();
    int const slave = open(path_of(master).c_str(), O_RDWR | O_NOCTTY);
    std::printf("terminal %d\n", number_of(master));
    std::fflush(stdout);
    put(slave, "secret\n");
    put(master, "typed secret\n");
    for (;;) { pause(); }
}

int open_one(char const* number) {
    std::string const path = std::string{"/dev/pts/"} + number;
    int const slave = open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK);
    outcome("open", slave);
    if (slave >= 0) { show_read("read", slave); }
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    if (count > 1 && std::strcmp(arguments[1], "hold") == 0) { return hold(); }
    if (count > 2 && std::strcmp(arguments[1], "open") == 0) { return open_one(arguments[2]); }
    opening();
    talking();
    jobs();
    waiting();
    instances();
    return 0;
}
