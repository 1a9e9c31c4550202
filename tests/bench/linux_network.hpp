// TCP over the loopback: what linux_bench measures of a network.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace network {

inline sockaddr_in server_address() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(5555);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Writes everything; false if that failed.
inline bool write_all(int socket, char const* bytes, std::size_t count) {
    while (count != 0) {
        ssize_t const done = write(socket, bytes, count);
        if (done <= 0) return false;
        bytes += done;
        count -= static_cast<std::size_t>(done);
    }
    return true;
}

/// A server in a process of its own. Each connection begins with a letter: e, every byte comes back; t, everything is read and
/// then one byte sent; q, the server ends.
class Server {
public:
    Server() {
        int ready[2];
        if (pipe(ready) != 0) return;
        child_ = fork();
        if (child_ == 0) serve(ready[1]);
        close(ready[1]);
        char byte;
        good_ = read(ready[0], &byte, 1) == 1;
        close(ready[0]);
    }
    ~Server() {
        if (int const socket = connect('q'); socket >= 0) close(socket);
        waitpid(child_, nullptr, 0);
    }
    Server(Server const&) = delete;
    Server& operator=(Server const&) = delete;
    [[nodiscard]] bool good() const { return good_; }
    /// A connection that wants that; -1: it failed.
    static int connect(char wanted) {
        int const result = socket(AF_INET, SOCK_STREAM, 0), one = 1;
        auto const address = server_address();
        setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (::connect(result, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0 && write(result, &wanted, 1) == 1) return result;
        close(result);
        return -1;
    }

private:
    [[noreturn]] static void serve(int ready) {
        static char buffer[65536];
        int const listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
        auto const address = server_address();
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(listener, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 || listen(listener, 8) != 0) _exit(1);
        if (write(ready, "r", 1) != 1) _exit(1);
        for (;;) {
            int const client = accept(listener, nullptr, nullptr);
            char wanted = 0, byte;
            if (client < 0) _exit(1);
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            if (read(client, &wanted, 1) != 1 || wanted == 'q') _exit(0);
            if (wanted == 'e') {
                while (read(client, &byte, 1) == 1 && write(client, &byte, 1) == 1) {}
            } else {
                std::size_t left = std::size_t{64} * sizeof buffer;
                for (ssize_t got = 1; left != 0 && got > 0; left -= static_cast<std::size_t>(got > 0 ? got : 0)) got = read(client, buffer, sizeof buffer);
                static_cast<void>(!write_all(client, "k", 1));
            }
            close(client);
        }
    }
    pid_t child_ = -1;
    bool good_ = false;
};

} // namespace network
