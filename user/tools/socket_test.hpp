// What the parts of socket_test share: socket_test.cpp says what it is.
#pragma once
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace socket_test {

inline void say(char const* what, long value) {
    std::printf("%s: %ld%s%s\n", what, value, value < 0 ? " " : "", value < 0 ? strerrorname_np(errno) : "");
}

struct Address {
    sockaddr_un name{};
    socklen_t length = 0;
    explicit Address(char const* path, bool abstract = false) {
        name.sun_family = AF_UNIX;
        std::strcpy(name.sun_path + (abstract ? 1 : 0), path);
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path) + 1);
    }
    sockaddr const* get() const { return reinterpret_cast<sockaddr const*>(&name); }
};

inline int open_socket(int type) { return socket(AF_UNIX, type, 0); }
inline long bind_to(int s, Address const& a) { return bind(s, a.get(), a.length); }
inline long connect_to(int s, Address const& a) { return connect(s, a.get(), a.length); }

inline void print_name(char const* what, int s, bool peer) {
    sockaddr_un name{};
    socklen_t length = sizeof name;
    int const done = peer ? getpeername(s, reinterpret_cast<sockaddr*>(&name), &length)
                          : getsockname(s, reinterpret_cast<sockaddr*>(&name), &length);
    if (done < 0) {
        say(what, -1);
        return;
    }
    std::printf("%s: length %u, %s%s\n", what, length, length > 2 && name.sun_path[0] == 0 ? "@" : "",
                length <= 2 ? "" : name.sun_path + (name.sun_path[0] == 0 ? 1 : 0));
}

inline short events_of(int s, short wanted = POLLIN | POLLOUT | POLLRDHUP) {
    pollfd p{s, wanted, 0};
    poll(&p, 1, 0);
    return p.revents;
}

// Each prints what a subject gives.
void descriptors();
void credentials();
void times();
void network_times();

} // namespace socket_test
