// What the parts of event_test share: event_test.cpp says what it is.
#pragma once
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

namespace event_test {

inline void say(char const* what, long value) {
    std::printf("%s: %ld%s%s\n", what, value, value < 0 ? " " : "", value < 0 ? strerrorname_np(errno) : "");
}

inline int control(int set, int operation, int file, std::uint32_t events, std::uint64_t data) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return epoll_ctl(set, operation, file, &event);
}
inline int add(int set, int file, std::uint32_t events, std::uint64_t data) {
    return control(set, EPOLL_CTL_ADD, file, events, data);
}

/// Prints the events, ordered by their data.
inline void show(char const* what, int set, int timeout = 0, int most = 8) {
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
inline short events_of(int file, short wanted = POLLIN | POLLOUT) {
    pollfd p{file, wanted, 0};
    poll(&p, 1, 0);
    return p.revents;
}
inline std::uint64_t take(int file) {
    std::uint64_t count = 0;
    return read(file, &count, sizeof count) == sizeof count ? count : 9999;
}
inline long give(int file, std::uint64_t count) { return write(file, &count, sizeof count); }

// Each prints what a subject gives.
void counters();
void timers();
void signals();
void interruptions();
/// The same for every kind of stream.
void streams(char const* what, int const (&ends)[2]);
void network();
void processes();
void queues();

} // namespace event_test
