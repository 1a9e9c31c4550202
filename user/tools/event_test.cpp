// epoll, eventfd, timerfd and signalfd as their manual pages have them: prints what each call gives, the same on Linux and here.
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void say(char const* what, long value) {
    std::printf("%s: %ld%s%s\n", what, value, value < 0 ? " " : "", value < 0 ? strerrorname_np(errno) : "");
}

int control(int set, int operation, int file, std::uint32_t events, std::uint64_t data) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return epoll_ctl(set, operation, file, &event);
}
int add(int set, int file, std::uint32_t events, std::uint64_t data) {
    return control(set, EPOLL_CTL_ADD, file, events, data);
}

/// Prints the events, ordered by their data.
void show(char const* what, int set, int timeout = 0, int most = 8) {
    epoll_event events[8];
    int const count = epoll_wait(set, events, most, timeout);
    if (count < 0) {
        say(what, count);
        return;
    }
    std::printf("%s:", what);
    for (std::uint64_t data = 0; data < 200; ++data) {
        for (int i = 0; i < count; ++i) {
            if (events[i].data.u64 == data) {
                std::printf(" %llu=%x", static_cast<unsigned long long>(data), events[i].events);
            }
        }
    }
    std::printf(count == 0 ? " none\n" : "\n");
}
short events_of(int file, short wanted = POLLIN | POLLOUT) {
    pollfd p{file, wanted, 0};
    poll(&p, 1, 0);
    return p.revents;
}
std::uint64_t take(int file) {
    std::uint64_t count = 0;
    return read(file, &count, sizeof count) == sizeof count ? count : 9999;
}
long give(int file, std::uint64_t count) { return write(file, &count, sizeof count); }

void errors() {
    std::puts("-- errors");
    say("create of size 0", epoll_create(0));
    say("create1 with a wrong flag", epoll_create1(1));
    int const set = epoll_create1(EPOLL_CLOEXEC);
    std::printf("close-on-exec %d\n", fcntl(set, F_GETFD));
    int pipes[2];
    say("pipe", pipe(pipes));
    int const regular = open("/tmp/regular", O_RDWR | O_CREAT, 0600);
    say("add of a regular file", add(set, regular, EPOLLIN, 0));
    say("add of a folder", add(set, open("/tmp", O_RDONLY), EPOLLIN, 0));
    say("add of nothing", add(set, 99, EPOLLIN, 0));
    say("add to what is no instance", add(pipes[0], pipes[1], EPOLLIN, 0));
    say("add to itself", add(set, set, EPOLLIN, 0));
    say("a wrong operation", control(set, 7, pipes[0], EPOLLIN, 0));
    say("no event", epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], nullptr));
    say("remove before add", control(set, EPOLL_CTL_DEL, pipes[0], 0, 0));
    say("modify before add", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN, 0));
    say("add", add(set, pipes[0], EPOLLIN, 1));
    say("add again", add(set, pipes[0], EPOLLIN, 1));
    say("remove without an event", epoll_ctl(set, EPOLL_CTL_DEL, pipes[0], nullptr));
    epoll_event events[2];
    say("wait for 0 events", epoll_wait(set, events, 0, 0));
    say("wait at a pipe", epoll_wait(pipes[0], events, 2, 0));
    say("wait at nothing", epoll_wait(99, events, 2, 0));
    say("wait without room", epoll_wait(set, reinterpret_cast<epoll_event*>(-64), 2, 0));
    say("read", read(set, events, sizeof events));
    say("write", write(set, events, sizeof events));
    say("exclusive and edge", add(set, pipes[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 1));
    say("exclusive with one-shot", add(set, pipes[1], EPOLLOUT | EPOLLONESHOT | EPOLLEXCLUSIVE, 1));
    say("modify to exclusive", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
    close(pipes[0]);
    close(pipes[1]);
    close(set);
}

void levels() {
    std::puts("-- level and edge");
    int const set = epoll_create1(0);
    int pipes[2];
    say("pipe", pipe2(pipes, O_NONBLOCK));
    say("add reader", add(set, pipes[0], EPOLLIN, 1));
    say("add writer", add(set, pipes[1], EPOLLOUT, 2));
    show("empty", set);
    say("write", write(pipes[1], "abc", 3));
    show("level", set);
    show("level again", set);
    show("room for one", set, 0, 1);
    say("modify to edge", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLET, 3));
    say("remove writer", control(set, EPOLL_CTL_DEL, pipes[1], 0, 0));
    show("edge", set);
    show("edge again", set);
    say("write", write(pipes[1], "d", 1));
    show("edge after more", set);
    show("edge again", set);
    say("modify the same", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLET, 3));
    show("edge after modify", set);
    say("modify to one-shot", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLONESHOT, 4));
    show("one-shot", set);
    say("write", write(pipes[1], "e", 1));
    show("one-shot is over", set);
    say("modify to one-shot", control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLONESHOT, 4));
    show("one-shot again", set);
    char bytes[16];
    say("read", read(pipes[0], bytes, sizeof bytes));
    say("modify to no events", control(set, EPOLL_CTL_MOD, pipes[0], 0, 5));
    say("write", write(pipes[1], "f", 1));
    show("no events", set);
    close(pipes[1]);
    show("the writer is gone", set);
    int const copy = dup(pipes[0]);
    close(pipes[0]);
    show("a copy is open", set);
    close(copy);
    show("closed", set);
    say("poll of an instance", events_of(set));
    close(set);

    int const full = epoll_create1(0);
    say("pipe", pipe2(pipes, O_NONBLOCK));
    static char block[4096];
    while (write(pipes[1], block, sizeof block) > 0) {}
    say("add a full pipe", add(full, pipes[1], EPOLLOUT | EPOLLET, 1));
    show("full", full);
    for (int i = 0; i < 16; ++i) { static_cast<void>(!read(pipes[0], block, sizeof block)); }
    show("drained", full);
    show("drained again", full);
    close(pipes[0]);
    show("the reader is gone", full);
    close(pipes[1]);
    close(full);
}

void nested() {
    std::puts("-- nested");
    int const outer = epoll_create1(0), inner = epoll_create1(0);
    int const counter = eventfd(0, 0);
    say("add inner to outer", add(outer, inner, EPOLLIN, 10));
    say("outer to inner", add(inner, outer, EPOLLIN, 11));
    say("exclusive", control(outer, EPOLL_CTL_MOD, inner, EPOLLIN | EPOLLEXCLUSIVE, 11));
    say("add to inner", add(inner, counter, EPOLLIN, 12));
    show("nothing yet", outer);
    std::printf("events of inner %x, outer %x\n", events_of(inner), events_of(outer));
    say("write", give(counter, 1));
    std::printf("events of inner %x, outer %x\n", events_of(inner), events_of(outer));
    show("outer", outer);
    show("inner", inner);
    fd_set readers;
    FD_ZERO(&readers);
    FD_SET(outer, &readers);
    timeval now{};
    say("select", select(outer + 1, &readers, nullptr, nullptr, &now));
    std::printf("read %llu\n", static_cast<unsigned long long>(take(counter)));
    show("outer", outer);
    int chain[8];
    for (int& each : chain) { each = epoll_create1(0); }
    int depth = 0;
    for (int i = 0; i < 7 && add(chain[i + 1], chain[i], EPOLLIN, 0) == 0; ++i) { ++depth; }
    std::printf("a chain of %s\n", depth >= 4 && depth < 7 ? "some instances" : "too many");
    for (int each : chain) { close(each); }
    close(inner);
    show("inner is closed", outer);
    close(outer);
    close(counter);
}

void counters() {
    std::puts("-- eventfd");
    say("a wrong flag", eventfd(0, 2));
    int const counter = eventfd(3, EFD_NONBLOCK);
    std::printf("events %x\n", events_of(counter));
    std::uint64_t value = 0;
    say("a short read", read(counter, &value, 4));
    say("a short write", write(counter, &value, 4));
    std::printf("read %llu\n", static_cast<unsigned long long>(take(counter)));
    say("read of nothing", read(counter, &value, 8));
    std::printf("events %x\n", events_of(counter));
    say("write 5", give(counter, 5));
    say("write 7", give(counter, 7));
    std::printf("read %llu\n", static_cast<unsigned long long>(take(counter)));
    say("the largest", give(counter, ~std::uint64_t{0}));
    say("one less", give(counter, ~std::uint64_t{0} - 1));
    std::printf("events %x\n", events_of(counter));
    say("one more", give(counter, 1));
    std::printf("read %llx\n", static_cast<unsigned long long>(take(counter)));
    int const semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    std::printf("semaphore %llu, ", static_cast<unsigned long long>(take(semaphore)));
    std::printf("%llu, ", static_cast<unsigned long long>(take(semaphore)));
    say("then", read(semaphore, &value, 8));
    close(semaphore);
    say("seek", lseek(counter, 0, SEEK_SET));
    int const waits = eventfd(0, 0);
    if (fork() == 0) {
        usleep(20000);
        give(waits, 42);
        _exit(0);
    }
    std::printf("a read that waits %llu\n", static_cast<unsigned long long>(take(waits)));
    wait(nullptr);
    give(waits, ~std::uint64_t{0} - 1);
    if (fork() == 0) {
        usleep(20000);
        take(waits);
        _exit(0);
    }
    say("a write that waits", give(waits, 9));
    wait(nullptr);
    std::printf("read %llu\n", static_cast<unsigned long long>(take(waits)));
    // Edges: each write is one, read or not.
    int const set = epoll_create1(0);
    add(set, counter, EPOLLIN | EPOLLET, 1);
    give(counter, 1);
    show("edge", set);
    show("edge again", set);
    give(counter, 1);
    show("edge after a write", set);
    close(counter);
    close(waits);
    // What a child closes stays in the set, and the set is shared.
    int pipes[2];
    say("pipe", pipe(pipes));
    add(set, pipes[0], EPOLLIN, 7);
    if (fork() == 0) {
        close(pipes[0]);
        static_cast<void>(!write(pipes[1], "x", 1));
        int const mine = eventfd(1, 0);
        add(set, mine, EPOLLIN, 8);
        show("child", set);
        std::fflush(stdout);
        _exit(0);
    }
    wait(nullptr);
    show("parent", set);
    close(pipes[0]);
    close(pipes[1]);
    close(set);
}

void timers() {
    std::puts("-- timerfd");
    say("a wrong clock", timerfd_create(77, 0));
    say("a wrong flag", timerfd_create(CLOCK_MONOTONIC, 2));
    int const timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    itimerspec times{}, old{};
    std::uint64_t value = 0;
    say("get", timerfd_gettime(timer, &times));
    std::printf("%ld %ld\n", static_cast<long>(times.it_value.tv_sec), times.it_value.tv_nsec);
    say("read", read(timer, &value, 8));
    say("write", write(timer, &value, 8));
    times.it_value.tv_nsec = 1000000000;
    say("a wrong time", timerfd_settime(timer, 0, &times, nullptr));
    say("a wrong file", timerfd_settime(1, 0, &old, nullptr));
    say("a wrong flag", timerfd_settime(timer, 8, &old, nullptr));
    times.it_value = {100, 0};
    times.it_interval = {50, 0};
    say("set", timerfd_settime(timer, 0, &times, nullptr));
    times.it_value = {0, 20000000};
    times.it_interval = {};
    say("set again", timerfd_settime(timer, 0, &times, &old));
    std::printf("it was %s, interval %ld\n",
                old.it_value.tv_sec == 99 && old.it_value.tv_nsec > 0 ? "nearly 100" : "else",
                static_cast<long>(old.it_interval.tv_sec));
    int const set = epoll_create1(0);
    say("add", add(set, timer, EPOLLIN, 1));
    show("not yet", set);
    show("wait", set, 2000);
    std::printf("read %llu\n", static_cast<unsigned long long>(take(timer)));
    show("after", set, 30);
    say("get", timerfd_gettime(timer, &times));
    std::printf("%ld %ld\n", static_cast<long>(times.it_value.tv_sec), times.it_value.tv_nsec);
    times.it_value = {0, 5000000};
    times.it_interval = {0, 5000000};
    say("set with an interval", timerfd_settime(timer, 0, &times, nullptr));
    usleep(40000);
    std::uint64_t const count = take(timer);
    std::printf("%s\n", count >= 7 && count < 100 ? "several" : "wrong");
    fcntl(timer, F_SETFL, 0);
    std::printf("%s\n", take(timer) >= 1 ? "at least one more" : "wrong");
    std::printf("events %x\n", events_of(timer) & ~POLLIN);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    times.it_value = now;
    times.it_interval = {};
    say("a time that is now", timerfd_settime(timer, TFD_TIMER_ABSTIME, &times, nullptr));
    std::printf("read %llu\n", static_cast<unsigned long long>(take(timer)));
    times.it_value = {0, 1};
    say("long past", timerfd_settime(timer, TFD_TIMER_ABSTIME, &times, nullptr));
    std::printf("read %llu\n", static_cast<unsigned long long>(take(timer)));
    say("set", timerfd_settime(timer, 0, &times, nullptr));
    times = {};
    say("disarm", timerfd_settime(timer, 0, &times, nullptr));
    std::printf("events %x\n", events_of(timer));
    close(timer);
    for (int clock : {CLOCK_REALTIME, CLOCK_BOOTTIME}) {
        int const other = timerfd_create(clock, 0);
        clock_gettime(clock, &now);
        times.it_value = {now.tv_sec + (now.tv_nsec + 30000000) / 1000000000, (now.tv_nsec + 30000000) % 1000000000};
        say("a clock", timerfd_settime(other, TFD_TIMER_ABSTIME, &times, nullptr));
        std::printf("events %x\n", events_of(other));
        std::printf("read %llu\n", static_cast<unsigned long long>(take(other)));
        timespec then{};
        clock_gettime(clock, &then);
        long const passed = (then.tv_sec - now.tv_sec) * 1000 + (then.tv_nsec - now.tv_nsec) / 1000000;
        std::printf("%s\n", passed >= 30 && passed < 1000 ? "in time" : "out of time");
        close(other);
    }
    close(set);
}

void signals() {
    std::puts("-- signalfd");
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    sigdelset(&mask, SIGUSR2);
    say("a wrong flag", signalfd(-1, &mask, 1));
    say("no signal descriptor", signalfd(1, &mask, 0));
    int const file = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    signalfd_siginfo info[3]{};
    say("a short read", read(file, info, 100));
    say("read of nothing", read(file, info, sizeof info));
    kill(getpid(), SIGUSR2);
    std::printf("events %x\n", events_of(file));
    kill(getpid(), SIGUSR1);
    std::printf("events %x\n", events_of(file));
    int const set = epoll_create1(0);
    say("add", add(set, file, EPOLLIN, 1));
    show("pending", set);
    say("read", read(file, info, sizeof info));
    std::printf("signal %u code %d from %s\n", info[0].ssi_signo, info[0].ssi_code,
                static_cast<pid_t>(info[0].ssi_pid) == getpid() ? "itself" : "else");
    show("taken", set);
    sigaddset(&mask, SIGUSR2);
    say("another mask", signalfd(file, &mask, 0));
    show("the other signal", set);
    say("read", read(file, info, sizeof info));
    std::printf("signal %u\n", info[0].ssi_signo);
    if (pid_t const child = fork(); child == 0) {
        usleep(20000);
        _exit(7);
    } else {
        show("wait for a child", set, 2000);
        say("read", read(file, info, sizeof info));
        std::printf("signal %u status %d from %s\n", info[0].ssi_signo, info[0].ssi_status,
                    static_cast<pid_t>(info[0].ssi_pid) == child ? "the child" : "else");
        wait(nullptr);
    }
    fcntl(file, F_SETFL, 0);
    if (fork() == 0) {
        usleep(20000);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    say("a read that waits", read(file, info, sizeof info[0]));
    std::printf("signal %u\n", info[0].ssi_signo);
    wait(nullptr);
    say("the child's end", read(file, info, sizeof info[0]));
    if (fork() == 0) {
        usleep(20000);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    pollfd waits{file, POLLIN, 0};
    say("poll", poll(&waits, 1, 2000));
    wait(nullptr);
    say("read", read(file, info, sizeof info));
    close(file);
    sigprocmask(SIG_UNBLOCK, &mask, nullptr);
    close(set);
}

void interrupted(int) {}

void interruptions() {
    std::puts("-- signals");
    struct sigaction action {};
    action.sa_handler = interrupted;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
    sigaction(SIGUSR2, &action, nullptr);
    int const set = epoll_create1(0), counter = eventfd(0, 0);
    add(set, counter, EPOLLIN, 1);
    if (fork() == 0) {
        usleep(50000);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    show("interrupted", set, 3000);
    wait(nullptr);
    sigset_t mask, none;
    sigemptyset(&mask);
    sigemptyset(&none);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    kill(getpid(), SIGUSR1);
    epoll_event event;
    say("pwait with the signal blocked", epoll_pwait(set, &event, 1, 10, &mask));
    say("pwait without", epoll_pwait(set, &event, 1, 1000, &none));
    say("a wrong size of the mask", syscall(SYS_epoll_pwait, set, &event, 1, 0, &mask, 4));
    std::int64_t time[2] = {0, 20000000};
    say("pwait2", syscall(SYS_epoll_pwait2, set, &event, 1, time, nullptr, 8));
    time[1] = -1;
    say("a wrong time", syscall(SYS_epoll_pwait2, set, &event, 1, time, nullptr, 8));
    sigprocmask(SIG_UNBLOCK, &mask, nullptr);
    close(set);
    close(counter);
}

/// The same for every kind of stream.
void streams(char const* what, int const (&ends)[2]) {
    std::printf("-- %s\n", what);
    int const set = epoll_create1(0), outer = epoll_create1(0);
    say("add", add(set, ends[0], EPOLLIN | EPOLLRDHUP, 1));
    say("add again", add(set, ends[0], EPOLLIN, 1));
    say("add an edge", add(set, ends[1], EPOLLIN | EPOLLET, 2));
    add(outer, set, EPOLLIN, 3);
    show("nothing", set);
    show("nothing, nested", outer);
    say("write", write(ends[1], "abc", 3));
    show("level", set, 1000);
    show("level again", set);
    show("nested", outer);
    std::printf("events of the set %x\n", events_of(set));
    char bytes[16];
    say("read", read(ends[0], bytes, sizeof bytes));
    show("drained", set);
    std::printf("events of the set %x\n", events_of(set));
    say("write the other way", write(ends[0], "abc", 3));
    show("edge", set, 1000);
    show("edge again", set);
    say("write more", write(ends[0], "abc", 3));
    show("edge after more", set, 1000);
    show("edge again", set);
    if (fork() == 0) {
        usleep(30000);
        static_cast<void>(!write(ends[1], "x", 1));
        _exit(0);
    }
    show("wait", outer, 3000);
    show("there", set);
    wait(nullptr);
    pollfd waits{set, POLLIN, 0};
    say("read", read(ends[0], bytes, sizeof bytes));
    if (fork() == 0) {
        usleep(30000);
        static_cast<void>(!write(ends[1], "x", 1));
        _exit(0);
    }
    say("poll of the set", poll(&waits, 1, 3000));
    wait(nullptr);
    say("read", read(ends[0], bytes, sizeof bytes));
    say("one-shot", control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 4));
    static_cast<void>(!write(ends[1], "x", 1));
    show("one-shot", set, 1000);
    static_cast<void>(!write(ends[1], "x", 1));
    show("one-shot is over", set);
    say("modify", control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLRDHUP, 5));
    say("read", recv(ends[0], bytes, 2, MSG_WAITALL));
    control(set, EPOLL_CTL_DEL, ends[1], 0, 0); // whether its own shutdown is an edge is nobody's business
    say("shutdown", shutdown(ends[1], SHUT_WR));
    show("half closed", set, 1000);
    say("remove", control(set, EPOLL_CTL_DEL, ends[0], 0, 0));
    say("remove again", control(set, EPOLL_CTL_DEL, ends[0], 0, 0));
    say("modify", control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN, 5));
    show("removed", set);
    say("add", add(set, ends[0], EPOLLIN, 6));
    close(ends[0]);
    close(ends[1]);
    show("closed", set);
    close(set);
    close(outer);
}

sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void network() {
    int const listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
              set = epoll_create1(0);
    sockaddr_in const address = local(4711);
    std::puts("-- TCP");
    say("bind", bind(listener, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    say("listen", listen(listener, 4));
    say("add", add(set, listener, EPOLLIN, 1));
    show("nobody", set);
    say("connect", connect(client, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    say("add", add(set, client, EPOLLIN | EPOLLOUT | EPOLLET, 2));
    show("connected", set, 1000);
    int const server = accept(listener, nullptr, nullptr);
    show("accepted", set);
    close(set);
    close(listener);
    streams("TCP, both ends", {client, server});

    std::puts("-- UDP and more");
    int const datagrams = epoll_create1(0), in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    say("bind", bind(in, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    int pipes[2];
    say("pipe", pipe(pipes));
    add(datagrams, in, EPOLLIN, 1);
    add(datagrams, pipes[0], EPOLLIN, 2);
    say("send", sendto(out, "x", 1, 0, reinterpret_cast<sockaddr const*>(&address), sizeof address));
    static_cast<void>(!write(pipes[1], "x", 1));
    show("both", datagrams, 1000);
    epoll_event event;
    say("room for one", epoll_wait(datagrams, &event, 1, 0));
    close(in);
    show("one is closed", datagrams);
    int many[100];
    for (int& each : many) { each = socket(AF_INET, SOCK_DGRAM, 0); }
    for (int i = 0; i < 100; ++i) {
        sockaddr_in const own = local(6000 + i);
        bind(many[i], reinterpret_cast<sockaddr const*>(&own), sizeof own);
        add(datagrams, many[i], EPOLLIN, static_cast<std::uint64_t>(100 + i));
    }
    show("a hundred", datagrams);
    sockaddr_in const one = local(6042);
    say("send", sendto(out, "x", 1, 0, reinterpret_cast<sockaddr const*>(&one), sizeof one));
    show("one of a hundred", datagrams);
    for (int each : many) { close(each); }
    show("all closed", datagrams);
    close(datagrams);
}

} // namespace

int main(int count, char** arguments) {
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    alarm(60);
    errors();
    levels();
    nested();
    counters();
    timers();
    signals();
    interruptions();
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    streams("AF_UNIX", {ends[0], ends[1]});
    if (count > 1 && std::strcmp(arguments[1], "network") == 0) { network(); }
    std::puts("-- end");
}
