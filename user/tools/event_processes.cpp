// event_test: processes (pidfd_open(2)) and message queues (mq_overview(7)) in sets.
#include "event_test.hpp"
#include <mqueue.h>

namespace event_test {

namespace {
int open_process(pid_t process) { return static_cast<int>(syscall(SYS_pidfd_open, process, 0)); }
/// A child that lives until the returned end of a pipe is closed.
struct Child {
    pid_t process;
    int release;
};
Child start() {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) { std::abort(); }
    pid_t const process = fork();
    if (process == 0) {
        close(pipes[1]);
        char byte;
        _exit(read(pipes[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(pipes[0]);
    return {process, pipes[1]};
}
} // namespace

void processes() {
    std::puts("-- processes");
    int const set = epoll_create1(0), outer = epoll_create1(0);
    Child const first = start(), second = start();
    int const one = open_process(first.process), other = open_process(second.process);
    say("add", add(set, one, EPOLLIN, 1));
    say("add again", add(set, one, EPOLLIN, 1));
    say("add an edge", add(set, other, EPOLLIN | EPOLLET, 2));
    add(outer, set, EPOLLIN, 3);
    show("both live", set);
    show("both live, nested", outer);
    close(second.release);
    show("wait for the second", set, 3000);
    show("an edge is told once", set);
    close(first.release);
    show("wait for the first, nested", outer, 3000);
    show("level", set);
    show("level again", set);
    std::printf("events of the set %x\n", events_of(set));
    waitpid(first.process, nullptr, 0);
    waitpid(second.process, nullptr, 0);
    show("after both are waited for", set);
    say("modify", control(set, EPOLL_CTL_MOD, other, EPOLLIN, 4));
    show("level", set);
    close(one);
    show("closed", set);
    say("remove", control(set, EPOLL_CTL_DEL, other, 0, 0));
    show("empty", set);
    int const name = open("/proc/self/ns/pid", O_RDONLY);
    say("add of a namespace", add(set, name, EPOLLIN, 5));
    close(name);
    close(other);
    close(set);
    close(outer);
}

void queues() {
    std::puts("-- queues");
    mq_attr attributes{};
    attributes.mq_maxmsg = 2;
    attributes.mq_msgsize = 16;
    mqd_t const queue = mq_open("/event_test", O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attributes);
    mqd_t const reader = mq_open("/event_test", O_RDONLY);
    mq_unlink("/event_test");
    int const set = epoll_create1(0);
    say("add", add(set, queue, EPOLLIN | EPOLLOUT, 1));
    say("add an edge", add(set, reader, EPOLLIN | EPOLLET, 2));
    say("add again", add(set, reader, EPOLLIN, 2));
    show("empty", set);
    say("send", mq_send(queue, "a", 1, 0));
    show("one", set);
    show("no edge", set);
    say("send", mq_send(queue, "b", 1, 0));
    show("full", set);
    say("send", mq_send(queue, "c", 1, 0));
    char text[16];
    say("receive", mq_receive(queue, text, sizeof text, nullptr));
    show("room", set);
    say("receive", mq_receive(queue, text, sizeof text, nullptr));
    show("empty", set);
    say("modify", control(set, EPOLL_CTL_MOD, queue, EPOLLIN, 3));
    if (fork() == 0) {
        usleep(30000);
        mq_send(queue, "later", 5, 0);
        _exit(0);
    }
    show("wait", set, 3000);
    wait(nullptr);
    mq_close(reader);
    show("one closed", set);
    mq_close(queue);
    show("both closed", set);
    close(set);
}

} // namespace event_test
