// What one container can do to the network of others: a plain static Linux program.
//   network_storm garbage COUNT    random frames and packets by packet and raw sockets, on every device
//   network_storm sockets          opens sockets until it gets no more, prints why, keeps them until its input ends
//   network_storm ports            connects over the loopback until no port is left, prints why, keeps all until its input ends
//   network_storm broadcast [N]    broadcasts as fast as it can, N times or until it is killed
//   network_storm ping ADDRESS N   median round trip of N echo requests, in microseconds; status 1: one was lost
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

std::uint32_t state = 2463534242U;
std::uint32_t random_word() {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

sockaddr_in internet(in_addr_t address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = address;
    return result;
}

void wait_for_end() {
    std::fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
}

void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// Half random, half an IPv4 packet with a random inside, so that more than the first check sees it.
std::size_t fill(std::uint8_t* frame, std::size_t most) {
    std::size_t const length = 14 + random_word() % (most - 14);
    for (std::size_t i = 0; i < length; i += 4) {
        auto const word = random_word();
        std::memcpy(frame + i, &word, std::min<std::size_t>(4, length - i));
    }
    if (random_word() % 2 == 0 && length >= 34) {
        std::memset(frame, 0xff, 6);
        frame[12] = 8;
        frame[13] = static_cast<std::uint8_t>(random_word() % 8 == 0 ? 6 : 0);
        frame[14] = 0x45;
        frame[16] = static_cast<std::uint8_t>((length - 14) >> 8);
        frame[17] = static_cast<std::uint8_t>(length - 14);
        constexpr std::uint8_t protocols[] = {1, 2, 6, 17, 50, 132};
        frame[23] = protocols[random_word() % sizeof protocols];
        frame[24] = frame[25] = 0;
        std::uint32_t sum = 0;
        for (int i = 14; i < 34; i += 2) sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
        while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
        frame[24] = static_cast<std::uint8_t>(~sum >> 8);
        frame[25] = static_cast<std::uint8_t>(~sum);
    }
    return length;
}

/// What a raw socket of one's own headers must take.
bool well_formed(std::uint8_t const* packet, std::size_t length) {
    return packet[0] == 0x45 && static_cast<std::size_t>(packet[2] << 8 | packet[3]) == length;
}

int garbage(int count) {
    int const frames = socket(AF_PACKET, SOCK_RAW, htons(3)), packets = socket(AF_INET, SOCK_RAW, IPPROTO_RAW),
              icmp = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (frames < 0 || packets < 0 || icmp < 0) return std::perror("network_storm: socket"), 1;
    int const yes = 1;
    for (int const socket : {packets, icmp}) setsockopt(socket, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    std::vector<int> devices;
    auto* const names = if_nameindex();
    for (auto const* device = names; names != nullptr && device->if_index != 0; ++device)
        devices.push_back(static_cast<int>(device->if_index));
    if (devices.empty()) return std::perror("network_storm: devices"), 1;
    if_freenameindex(names);
    int taken = 0, wrong = 0;
    std::uint8_t buffer[1514];
    for (int i = 0; i < count; ++i) {
        auto const length = fill(buffer, sizeof buffer);
        ssize_t sent = -1;
        bool must = true; // there is nothing to say against it
        if (i % 2 == 0 || length < 34) {
            sockaddr_ll to{};
            to.sll_family = AF_PACKET;
            to.sll_ifindex = devices[random_word() % devices.size()];
            to.sll_protocol = static_cast<std::uint16_t>(random_word());
            sent = sendto(frames, buffer, length, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
        } else {
            in_addr_t const targets[] = {inet_addr("127.0.0.1"), inet_addr("10.88.0.2"), inet_addr("10.88.0.255"),
                                         inet_addr("10.88.0.1"), random_word()};
            auto const target = random_word() % 5;
            auto const to = internet(targets[target], 0);
            bool const own_header = random_word() % 2 == 0;
            sent = sendto(own_header ? packets : icmp, buffer + 14, length - 14, 0,
                          reinterpret_cast<sockaddr const*>(&to), sizeof to);
            must = target != 4 && (!own_header || well_formed(buffer + 14, length - 14));
        }
        taken += sent >= 0 ? 1 : 0;
        if (sent < 0 && (must || (errno != EINVAL && errno != ENETUNREACH && errno != EACCES)) && wrong++ < 5)
            std::perror("network_storm: garbage");
    }
    std::fprintf(stderr, "network_storm: garbage: %d of %d taken\n", taken, count);
    std::printf("garbage: %d, refused without a reason: %d\n", count, wrong);
    return 0;
}

int sockets() {
    raise_descriptor_limit();
    int opened = 0;
    for (;; ++opened) {
        if (socket(AF_INET, opened % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM, 0) < 0) break;
    }
    bool const expected = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    std::fprintf(stderr, "network_storm: %d sockets: %s\n", opened, std::strerror(errno));
    std::printf("sockets: %s\n", expected && opened > 100 ? "no more" : std::strerror(errno));
    wait_for_end();
    return 0;
}

int ports() {
    raise_descriptor_limit();
    int const listener = socket(AF_INET, SOCK_STREAM, 0);
    auto const address = internet(htonl(INADDR_LOOPBACK), 5000);
    if (bind(listener, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 || listen(listener, 8) != 0)
        return std::perror("network_storm: listen"), 1;
    int connections = 0;
    for (;; ++connections) { // who closes first keeps the port for a while
        int const client = socket(AF_INET, SOCK_STREAM, 0);
        if (client < 0 || connect(client, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) break;
        int const server = accept(listener, nullptr, nullptr);
        close(client);
        close(server);
    }
    std::fprintf(stderr, "network_storm: %d connections: %s\n", connections, std::strerror(errno));
    std::printf("ports: %s\n", errno == EADDRNOTAVAIL && connections > 1000 ? "none left" : std::strerror(errno));
    wait_for_end();
    return 0;
}

int broadcast(long count) {
    int const datagrams = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    setsockopt(datagrams, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    auto const everybody = internet(inet_addr("10.88.0.255"), 9);
    static char message[1400];
    for (long i = 0; count < 0 || i < count; ++i)
        static_cast<void>(!sendto(datagrams, message, random_word() % sizeof message, 0,
                                  reinterpret_cast<sockaddr const*>(&everybody), sizeof everybody));
    return 0;
}

std::uint64_t microseconds() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

int ping(char const* name, int count) {
    int const socket = ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    auto const to = internet(inet_addr(name), 0);
    // What others send here is not to fill the queue.
    if (connect(socket, reinterpret_cast<sockaddr const*>(&to), sizeof to) != 0)
        return std::perror("network_storm: connect"), 1;
    int lost = 0;
    std::vector<std::uint64_t> times;
    for (int i = 0; i < count; ++i) {
        icmphdr request{};
        request.type = ICMP_ECHO;
        request.un.echo.id = 0x7777;
        request.un.echo.sequence = static_cast<std::uint16_t>(i);
        request.checksum = static_cast<std::uint16_t>(~(ICMP_ECHO + 0x7777 + i));
        std::uint64_t const begin = microseconds();
        if (write(socket, &request, sizeof request) < 0) return std::perror("network_storm: ping"), 1;
        for (;;) {
            std::uint8_t answer[256];
            pollfd readable{socket, POLLIN, 0};
            if (poll(&readable, 1, 500) != 1) {
                ++lost;
                break;
            }
            ssize_t const got = recv(socket, answer, sizeof answer, MSG_DONTWAIT);
            icmphdr header;
            if (got < 28) continue;
            std::memcpy(&header, answer + 20, sizeof header);
            if (header.type == ICMP_ECHOREPLY && header.un.echo.id == 0x7777 &&
                header.un.echo.sequence == static_cast<std::uint16_t>(i))
                break;
        }
        times.push_back(microseconds() - begin);
        usleep(20000);
    }
    std::sort(times.begin(), times.end());
    std::printf("%llu\n", static_cast<unsigned long long>(times[times.size() / 2]));
    if (lost != 0) std::fprintf(stderr, "network_storm: %d of %d lost\n", lost, count);
    std::fprintf(stderr, "network_storm: ping: %llu %llu %llu us\n", static_cast<unsigned long long>(times.front()),
                 static_cast<unsigned long long>(times[times.size() / 2]),
                 static_cast<unsigned long long>(times.back()));
    return lost != 0 ? 1 : 0;
}

} // namespace

int main(int count, char** words) {
    std::string_view const mode = count > 1 ? words[1] : "";
    if (mode == "garbage" && count == 3) return garbage(std::atoi(words[2]));
    if (mode == "sockets") return sockets();
    if (mode == "ports") return ports();
    if (mode == "broadcast") return broadcast(count == 3 ? std::atol(words[2]) : -1);
    if (mode == "ping" && count == 4) return ping(words[2], std::atoi(words[3]));
    std::fprintf(stderr,
                 "usage: network_storm garbage COUNT | sockets | ports | broadcast [COUNT] | ping ADDRESS COUNT\n");
    return 2;
}
