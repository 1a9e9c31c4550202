// Kills the network stack of this namespace while programs use it in every way, and says what became of them.
//   stack_crash kill     by its supervisor (SIOCDEVPRIVATE, netns)
//   stack_crash wild     by a wild write (SO_MARK of 0xdead: the netstack-failing build)
#include "loopback.hpp"
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr unsigned long kill_request = 0x89f0;

int listener(int port) {
    int const result = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    auto const address = test_program::loopback(port);
    setsockopt(result, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(result, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 || listen(result, 8) != 0) {
        std::perror("stack_crash: listen");
        std::exit(2);
    }
    return result;
}
int connection(int port) {
    int const result = socket(AF_INET, SOCK_STREAM, 0);
    auto const address = test_program::loopback(port);
    if (connect(result, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) { return result; }
    close(result);
    return -1;
}
bool broken(int error) { return error == ECONNRESET || error == EIO || error == EPIPE; }
/// Echoes a byte of the next connection. The program sees nothing of the stack's death: no error, no second try.
bool serves(int socket) {
    int const client = accept(socket, nullptr, nullptr);
    char byte;
    return client >= 0 && read(client, &byte, 1) == 1 && write(client, &byte, 1) == 1;
}
bool readable(int socket) {
    pollfd entry{socket, POLLIN, 0};
    return poll(&entry, 1, -1) == 1 && (entry.revents & (POLLIN | POLLERR | POLLHUP)) == POLLIN;
}
template <class Body>
pid_t child(Body body) {
    pid_t const result = fork();
    if (result == 0) {
        alarm(20); // a wait that nobody ends
        _exit(body() ? 0 : 1);
    }
    return result;
}
void report(char const* what, pid_t child) {
    int status = -1;
    bool const good = waitpid(child, &status, 0) == child && status == 0;
    std::printf("%s: %s\n", what, good ? "yes" : "NO");
}
std::uint64_t microseconds() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}
bool echoes(int socket) {
    char byte = 'x';
    return socket >= 0 && write(socket, "y", 1) == 1 && read(socket, &byte, 1) == 1 && byte == 'y';
}

} // namespace

int main(int argc, char** argv) {
    std::string_view const how = argc == 2 ? argv[1] : "";
    if (how != "kill" && how != "wild") {
        std::fprintf(stderr, "usage: stack_crash kill|wild\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    int const first = listener(7001), second = listener(7002), third = listener(7003);
    int const ends[] = {connection(7003), accept(third, nullptr, nullptr)};
    int const flow[] = {connection(7003), accept(third, nullptr, nullptr)};
    int const datagram = socket(AF_INET, SOCK_DGRAM, 0);
    auto const here = test_program::loopback(7004);
    if (bind(datagram, reinterpret_cast<sockaddr const*>(&here), sizeof here) != 0) { return 2; }
    std::fflush(stdout);
    pid_t const accepting = child([&] { return serves(first); });
    pid_t const polling = child([&] { return readable(second) && serves(second); });
    pid_t const reading = child([&] {
        char byte;
        return read(ends[0], &byte, 1) == -1 && broken(errno);
    });
    pid_t const waiting = child([&] {
        pollfd entry{ends[1], POLLIN, 0};
        char byte;
        return poll(&entry, 1, -1) == 1 && (entry.revents & POLLERR) != 0 && read(ends[1], &byte, 1) == -1 &&
               broken(errno);
    });
    pid_t const receiving = child([&] {
        char byte;
        return recv(datagram, &byte, 1, 0) == -1 && broken(errno);
    });
    static char block[65536];
    pid_t const sending = child([&] {
        while (write(flow[0], block, sizeof block) > 0) {}
        return broken(errno);
    });
    pid_t const draining = child([&] {
        ssize_t got;
        while ((got = read(flow[1], block, sizeof block)) > 0) {}
        return got == -1 && broken(errno);
    });
    usleep(300000);

    int const trigger = socket(AF_INET, SOCK_DGRAM, 0), mark = 0xdead;
    auto const begin = microseconds();
    if (how == "kill") {
        if (ioctl(trigger, kill_request, nullptr) != 0) { std::perror("stack_crash: kill"); }
    } else if (setsockopt(trigger, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) {
        std::printf("the stack did not die\n");
    }
    int const again = connection(7001);
    auto const taken = microseconds() - begin;
    std::printf("a connection through the fresh stack: %s\n", again < 0        ? "NO"
                                                              : taken < 100000 ? "within 100 ms"
                                                                               : "TOO LATE");
    std::fprintf(stderr, "stack_crash: %s, %u microseconds\n", argv[1], static_cast<unsigned>(taken));
    std::printf("echo of who was in accept: %s\n", echoes(again) ? "yes" : "NO");
    std::printf("echo of who was in poll: %s\n", echoes(connection(7002)) ? "yes" : "NO");
    report("accept went on", accepting);
    report("poll of a listener went on", polling);
    report("read failed", reading);
    report("poll of a connection told", waiting);
    report("recv failed", receiving);
    report("write failed", sending);
    report("read of a busy connection failed", draining);
    close(first);
    std::printf("its port is free once it is closed: %s\n",
                connection(7001) < 0 && errno == ECONNREFUSED ? "yes" : "NO");
    return 0;
}
