// event_test: eventfd(2), timerfd_create(2), signalfd(2).
#include "event_test.hpp"

namespace event_test {

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

} // namespace event_test
