// event_test: waits that signals end, and the events of streams and of the network.
#include "event_test.hpp"
#include "loopback.hpp"

namespace event_test {

namespace {
void interrupted(int) {}
} // namespace

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

void network() {
    int const listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
              set = epoll_create1(0);
    sockaddr_in const address = test_program::loopback(4711);
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
        sockaddr_in const own = test_program::loopback(6000 + i);
        bind(many[i], reinterpret_cast<sockaddr const*>(&own), sizeof own);
        add(datagrams, many[i], EPOLLIN, static_cast<std::uint64_t>(100 + i));
    }
    show("a hundred", datagrams);
    sockaddr_in const one = test_program::loopback(6042);
    say("send", sendto(out, "x", 1, 0, reinterpret_cast<sockaddr const*>(&one), sizeof one));
    show("one of a hundred", datagrams);
    for (int each : many) { close(each); }
    show("all closed", datagrams);
    close(datagrams);
}

} // namespace event_test
