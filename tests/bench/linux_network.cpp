#include "linux_network.hpp"
#include "linux_bench.hpp"
#include <net/if.h>
#include <sys/ioctl.h>

namespace network {

namespace {
constexpr std::uint16_t port = 5555;
std::string namespace_file(int process) { return "/proc/" + std::to_string(process) + "/ns/net"; }
sockaddr_in address_at(in_addr_t address) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = address;
    return result;
}
} // namespace

Namespace::Namespace() {
    int ready[2], hold[2];
    if (pipe(ready) != 0 || pipe(hold) != 0) return;
    std::fflush(stdout);
    holder_ = fork();
    if (holder_ == 0) {
        close(hold[1]);
        char byte = 'r';
        if (unshare(CLONE_NEWNET) != 0 || write(ready[1], &byte, 1) != 1) _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ready[1]);
    close(hold[0]);
    hold_ = hold[1];
    char byte;
    if (read(ready[0], &byte, 1) == 1) file_ = open(namespace_file(holder_).c_str(), O_RDONLY | O_CLOEXEC);
    close(ready[0]);
}

Namespace::~Namespace() {
    close(file_);
    close(hold_);
    reap(holder_);
}

Wire::Wire(Kind kind) {
    if (kind == Kind::loopback) return;
    address_ = inet_addr("10.77.0.1");
    own_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    server_ = new Namespace;
    client_ = new Namespace;
    good_ = own_ >= 0 && server_->file() >= 0 && client_->file() >= 0 && join(kind) &&
            setns(client_->file(), CLONE_NEWNET) == 0;
}

Wire::~Wire() {
    if (own_ >= 0) {
        static_cast<void>(setns(own_, CLONE_NEWNET));
        close(own_);
    }
    delete client_; // its holder, which came later, has what keeps the other's
    delete server_;
    if (address_ != htonl(INADDR_LOOPBACK))
        static_cast<void>(run({"/bin/sh", "-c", "ip link del bench0 2> /dev/null; true"}));
}

bool Wire::join(Kind kind) {
    // busybox's ip names the other end itself.
    static constexpr char veth[] =
        "ip link add a77 type veth; peer=$(ip -o link show a77 | sed 's/.*@\\([^:]*\\):.*/\\1/');"
        "ip link set $peer name b77; ip link set a77 netns $1; ip link set b77 netns $2;";
    static constexpr char bridge[] =
        "ip link add bench0 type bridge; ip link set bench0 up; "
        "for side in a77 b77; do ip link add p$side type veth; peer=$(ip -o link show p$side | sed "
        "'s/.*@\\([^:]*\\):.*/\\1/');"
        "ip link set $peer name $side; ip link set p$side master bench0; ip link set p$side up; done;"
        "ip link set a77 netns $1; ip link set b77 netns $2;";
    static constexpr char addresses[] = "nsenter -t $1 -n sh -c 'ip addr add 10.77.0.1/24 dev a77; ip link set a77 up';"
                                        "nsenter -t $2 -n sh -c 'ip addr add 10.77.0.2/24 dev b77; ip link set b77 up; "
                                        "ping -c 1 -W 5 10.77.0.1 > /dev/null'";
    std::string const script = std::string{kind == Kind::veth ? veth : bridge} + addresses;
    auto const server = std::to_string(server_->holder()), client = std::to_string(client_->holder());
    return run({"/bin/sh", "-c", script.c_str(), "sh", server.c_str(), client.c_str()});
}

bool Wire::enter_server() const { return server_ == nullptr || setns(server_->file(), CLONE_NEWNET) == 0; }

bool write_all(int socket, char const* bytes, std::size_t count) {
    while (count != 0) {
        ssize_t const done = write(socket, bytes, count);
        if (done <= 0) return false;
        bytes += done;
        count -= static_cast<std::size_t>(done);
    }
    return true;
}

Server::Server(Wire const& wire) : address_{address_at(wire.address())} {
    int ready[2];
    if (!wire.good() || pipe(ready) != 0) return;
    std::fflush(stdout);
    child_ = fork();
    if (child_ == 0) serve(wire, ready[1]);
    close(ready[1]);
    char byte;
    good_ = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
}

Server::~Server() {
    if (int const socket = connect('q'); socket >= 0) close(socket);
    if (child_ > 0) waitpid(child_, nullptr, 0);
}

int Server::connect(char wanted) const {
    if (!good_) return -1;
    int const result = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(result, reinterpret_cast<sockaddr const*>(&address_), sizeof address_) == 0 &&
        write(result, &wanted, 1) == 1)
        return result;
    close(result);
    return -1;
}

void Server::serve(Wire const& wire, int ready) {
    if (!wire.enter_server()) _exit(1);
    int const listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    auto const address = address_at(wire.address());
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 || listen(listener, 8) != 0)
        _exit(1);
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
            for (ssize_t got = 1; left != 0 && got > 0; left -= static_cast<std::size_t>(got > 0 ? got : 0))
                got = read(client, buffer, sizeof buffer);
            static_cast<void>(!write_all(client, "k", 1));
        }
        close(client);
    }
}

} // namespace network

namespace {

using network::Server;
using network::Wire;

template <Wire::Kind kind>
void tcp_round_trip(const char* name) {
    Wire const wire{kind};
    Server const server{wire};
    int const socket = server.connect('e');
    if (socket < 0) return fail(name, "connect");
    char byte = 'x';
    auto const round_trip = [&] { return write(socket, &byte, 1) == 1 && read(socket, &byte, 1) == 1; };
    for (int warm = 0; warm < 10; ++warm) round_trip();
    measure(name, 100, round_trip);
    close(socket);
}

template <Wire::Kind kind>
void tcp_throughput(const char* name) {
    constexpr int pieces = 64;
    Wire const wire{kind};
    Server const server{wire};
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        int const socket = server.connect('t');
        if (socket < 0) return fail(name, "connect");
        std::uint64_t const begin = now();
        for (int i = 0; i < pieces; ++i) {
            if (!network::write_all(socket, buffer, sizeof buffer)) return fail(name, "write");
        }
        char byte;
        if (read(socket, &byte, 1) != 1) return fail(name, "read");
        sample = now() - begin;
        close(socket);
    }
    report(name, samples, pieces);
}

template <Wire::Kind kind>
void tcp_connect_close(const char* name) {
    Wire const wire{kind};
    Server const server{wire};
    measure(name, 10, [&] {
        int const socket = server.connect('e');
        return socket >= 0 && close(socket) == 0;
    });
}

/// Until the namespace's stack has answered: on Linux it is there with the namespace, on Cella it is a process that begins now.
void unshare_with_stack(const char* name) {
    measure_in_child(name, [] { return unshare(CLONE_NEWNET) == 0 && socket(AF_INET, SOCK_DGRAM, 0) >= 0; });
}

bool loopback_up() {
    int const socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    bool const done = socket >= 0 && ioctl(socket, SIOCSIFFLAGS, &request) == 0;
    close(socket);
    return done;
}

std::uint64_t free_bytes() {
    char text[512]{};
    int const file = open("/proc/meminfo", O_RDONLY);
    bool const done = read(file, text, sizeof text - 1) > 0;
    close(file);
    char const* const line = done ? std::strstr(text, "MemFree:") : nullptr;
    return line != nullptr ? std::strtoull(line + 8, nullptr, 10) * 1024 : 0;
}

/// Bytes, not instructions: what an idle namespace takes that has had its loopback set up by a socket.
void idle_memory(const char* name) {
    constexpr int namespaces = 64;
    int files[namespaces];
    std::uint64_t before = 0;
    for (int i = -4; i < namespaces; ++i) { // the first ones also pay for what all share
        if (i == 0) before = free_bytes();
        if (unshare(CLONE_NEWNET) != 0 || !loopback_up()) return fail(name, "unshare");
        int const file = open("/proc/self/ns/net", O_RDONLY);
        if (file < 0) return fail(name, "open");
        if (i >= 0) files[i] = file;
    }
    usleep(100000);
    std::uint64_t const after = free_bytes();
    if (before == 0 || after == 0 || after >= before) return fail(name, "meminfo");
    std::printf("%s %llu\n", name, static_cast<unsigned long long>((before - after) / namespaces));
    std::fflush(stdout);
    for (int const file : files) close(file);
}

/// In a process of its own: the namespaces, and the one that it is in, go with it.
void idle_memory_apart(const char* name) {
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        idle_memory(name);
        _exit(0);
    }
    if (!reap(child)) fail(name, "child");
}

constexpr Benchmark benchmarks[] = {
    {"tcp-lo-pingpong-rt", tcp_round_trip<Wire::Kind::loopback>},
    {"tcp-lo-tput-per-64KiB", tcp_throughput<Wire::Kind::loopback>},
    {"tcp-lo-connect+close", tcp_connect_close<Wire::Kind::loopback>},
    {"tcp-veth-pingpong-rt", tcp_round_trip<Wire::Kind::veth>},
    {"tcp-veth-tput-per-64KiB", tcp_throughput<Wire::Kind::veth>},
    {"tcp-veth-connect+close", tcp_connect_close<Wire::Kind::veth>},
    {"tcp-bridge-pingpong-rt", tcp_round_trip<Wire::Kind::bridge>},
    {"tcp-bridge-tput-per-64KiB", tcp_throughput<Wire::Kind::bridge>},
    {"tcp-bridge-connect+close", tcp_connect_close<Wire::Kind::bridge>},
    {"unshare-net+stack", unshare_with_stack},
    {"netns-idle-bytes", idle_memory_apart},
};

} // namespace

std::span<Benchmark const> network_benchmarks() { return benchmarks; }
