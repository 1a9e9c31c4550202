// epoll, eventfd, timerfd and signalfd as their manual pages have them: prints what each call gives, the same on Linux and here.
#include "event_test.hpp"

using namespace event_test;

namespace {

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
    processes();
    queues();
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    streams("AF_UNIX", {ends[0], ends[1]});
    if (count > 1 && std::strcmp(arguments[1], "network") == 0) { network(); }
    std::puts("-- end");
}
