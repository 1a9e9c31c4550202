// What linux_bench measures of a network: a server in one place, its client in another, and what joins the two.
#pragma once
#include <arpa/inet.h>
#include <cstddef>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace network {

/// A network namespace that lives as long as this; -1 in `file`: it could not be made.
class Namespace {
public:
    Namespace();
    ~Namespace();
    Namespace(Namespace const&) = delete;
    Namespace& operator=(Namespace const&) = delete;
    [[nodiscard]] int file() const { return file_; }
    [[nodiscard]] int holder() const { return holder_; }

private:
    int holder_ = -1, hold_ = -1, file_ = -1;
};

/// Two namespaces joined by a veth pair, or by two of them and a bridge in the caller's namespace: the caller is in the one at
/// 10.77.0.2 as long as this lives, the other is 10.77.0.1. By nothing: both are the caller's own, at 127.0.0.1.
class Wire {
public:
    enum class Kind { loopback, veth, bridge };
    explicit Wire(Kind kind);
    ~Wire();
    Wire(Wire const&) = delete;
    Wire& operator=(Wire const&) = delete;
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] in_addr_t address() const { return address_; }
    /// In the process that is to be the server: goes to its place.
    [[nodiscard]] bool enter_server() const;

private:
    bool join(Kind kind);
    Namespace* server_ = nullptr;
    Namespace* client_ = nullptr;
    int own_ = -1;
    in_addr_t address_ = htonl(INADDR_LOOPBACK);
    bool good_ = true;
};

/// Writes everything; false if that failed.
bool write_all(int socket, char const* bytes, std::size_t count);

/// A server in a process of its own. Each connection begins with a letter: e, every byte comes back; t, everything is read and
/// then one byte sent; q, the server ends.
class Server {
public:
    explicit Server(Wire const& wire);
    ~Server();
    Server(Server const&) = delete;
    Server& operator=(Server const&) = delete;
    [[nodiscard]] bool good() const { return good_; }
    /// A connection that wants that; -1: it failed.
    [[nodiscard]] int connect(char wanted) const;

private:
    [[noreturn]] static void serve(Wire const& wire, int ready);
    sockaddr_in address_{};
    pid_t child_ = -1;
    bool good_ = false;
};

} // namespace network
