// socket_test: SO_RCVTIMEO and SO_SNDTIMEO of socket(7), on AF_UNIX sockets and, with "network", on those of the Internet.
#include "socket_test.hpp"
#include <arpa/inet.h>
#include <ctime>
#include <netinet/in.h>
#include <sys/time.h>

namespace socket_test {

namespace {
void set_time(char const* what, int s, int option, long seconds, long microseconds) {
    timeval const time{seconds, microseconds};
    say(what, setsockopt(s, SOL_SOCKET, option, &time, sizeof time));
}
void show_time(char const* what, int s, int option) {
    timeval time{-1, -1};
    socklen_t length = sizeof time;
    long const done = getsockopt(s, SOL_SOCKET, option, &time, &length);
    std::printf("%s: %ld, %ld.%06ld in %u bytes\n", what, done, static_cast<long>(time.tv_sec),
                static_cast<long>(time.tv_usec), length);
}
long milliseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
/// Prints what the call gives, and whether it waited about `expected` milliseconds.
template <class Call>
void timed(char const* what, long expected, Call call) {
    long const begin = milliseconds();
    long const result = call();
    int const error = errno;
    long const took = milliseconds() - begin;
    errno = error;
    say(what, result);
    if (took < expected - 1 || took > expected + 500) { std::printf("  after %ld ms, not %ld\n", took, expected); }
}
void nothing(int) {}

void waits(int one, int other) {
    char bytes[64];
    show_time("at first", one, SO_RCVTIMEO);
    set_time("too many microseconds", one, SO_RCVTIMEO, 0, 1000000);
    set_time("receive", one, SO_RCVTIMEO, 0, 100000);
    show_time("receive", one, SO_RCVTIMEO);
    show_time("send", one, SO_SNDTIMEO);
    timed("read", 100, [&] { return read(one, bytes, sizeof bytes); });
    timed("recv", 100, [&] { return recv(one, bytes, sizeof bytes, 0); });
    timed("recv without waiting", 0, [&] { return recv(one, bytes, sizeof bytes, MSG_DONTWAIT); });
    msghdr header{};
    iovec vector{bytes, sizeof bytes};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    timed("recvmsg", 100, [&] { return recvmsg(one, &header, 0); });
    pollfd p{one, POLLIN, 0};
    timed("poll has its own time", 200, [&] { return poll(&p, 1, 200); });
    say("write", write(other, "data", 4));
    timed("read with data", 0, [&] { return read(one, bytes, sizeof bytes); });
    // A handler ends the wait, and SA_RESTART does not begin it again.
    set_time("receive for longer", one, SO_RCVTIMEO, 5, 0);
    struct sigaction action {};
    action.sa_handler = nothing;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    itimerval alarm_time{};
    alarm_time.it_value.tv_usec = 100000;
    setitimer(ITIMER_REAL, &alarm_time, nullptr);
    timed("interrupted read", 100, [&] { return read(one, bytes, sizeof bytes); });
    setitimer(ITIMER_REAL, &alarm_time, nullptr);
    timed("interrupted recv", 100, [&] { return recv(one, bytes, sizeof bytes, MSG_PEEK); });
    set_time("receive for ever", one, SO_RCVTIMEO, 0, 0);
    setitimer(ITIMER_REAL, &alarm_time, nullptr);
    if (fork() == 0) {
        usleep(300000);
        _exit(write(other, "late", 4) == 4 ? 0 : 1);
    }
    std::fflush(stdout);
    timed("restarted read", 300, [&] { return read(one, bytes, sizeof bytes); });
    wait(nullptr);
    std::fflush(stdout);
}
} // namespace

void times() {
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    for (int const type : {SOCK_STREAM, SOCK_DGRAM}) {
        std::printf("-- times of type %d\n", type);
        int ends[2];
        socketpair(AF_UNIX, type, 0, ends);
        waits(ends[0], ends[1]);
        close(ends[0]);
        close(ends[1]);
    }
    std::puts("-- times of a full stream");
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    static char much[1 << 20];
    set_time("send", ends[0], SO_SNDTIMEO, 0, 100000);
    timed("write of a part", 100, [&] { return write(ends[0], much, sizeof much) > 0; });
    timed("write of nothing", 100, [&] { return write(ends[0], much, sizeof much); });
    std::puts("-- times of names");
    Address const here{"times"};
    int const listener = open_socket(SOCK_STREAM), client = open_socket(SOCK_STREAM), late = open_socket(SOCK_STREAM);
    bind_to(listener, here);
    listen(listener, 0);
    set_time("receive", listener, SO_RCVTIMEO, 0, 100000);
    timed("accept", 100, [&] { return accept(listener, nullptr, nullptr); });
    timed("connect", 0, [&] { return connect_to(client, here); });
    set_time("send", late, SO_SNDTIMEO, 0, 100000);
    timed("connect to a full queue", 100, [&] { return connect_to(late, here); });
}

void network_times() {
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(7000);
    auto const* const address = reinterpret_cast<sockaddr const*>(&name);
    std::puts("-- times of TCP");
    int const listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    say("bind", bind(listener, address, sizeof name));
    listen(listener, 1);
    set_time("receive", listener, SO_RCVTIMEO, 0, 100000);
    timed("accept", 100, [&] { return accept(listener, nullptr, nullptr); });
    say("connect", connect(client, address, sizeof name));
    int const server = accept(listener, nullptr, nullptr);
    show_time("inherited", server, SO_RCVTIMEO);
    set_time("receive for ever", server, SO_RCVTIMEO, 0, 0);
    waits(server, client);
    static char much[8 << 20];
    set_time("send", client, SO_SNDTIMEO, 0, 100000);
    timed("write of a part", 100, [&] { return write(client, much, sizeof much) > 0; });
    timed("write of nothing", 100, [&] { return write(client, much, sizeof much); });
    std::puts("-- times of UDP");
    int const datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    bind(datagrams, address, sizeof name);
    connect(datagrams, address, sizeof name);
    waits(datagrams, datagrams);
}

} // namespace socket_test
